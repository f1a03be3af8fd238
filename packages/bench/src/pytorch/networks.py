"""The networks of the programs, as a user of PyTorch writes them: for the bench, and for accuracies (accuracy.py).
The parameters of those that tests load Weft's weights into (all but GPT and CharLMOfCells) have the names of Weft's."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def linreg():
    return nn.Linear(13, 1)


def softmax():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


def lenet():
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def vgg():
    return nn.Sequential(nn.Conv2d(3, 50, 3, padding=1), nn.ReLU(), nn.Conv2d(50, 50, 3, padding=1), nn.MaxPool2d(2),
                         nn.ReLU(), nn.Dropout(0.25), nn.Conv2d(50, 100, 3, padding=1), nn.ReLU(),
                         nn.Conv2d(100, 100, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(0.25), nn.Flatten(),
                         nn.Linear(6400, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10))


def with_one_bias(model):
    """LSTMs as DyNet has them: the second bias stays 0, and the forget gate begins with 1."""
    for lstm in (layer for layer in model.modules() if isinstance(layer, nn.LSTM)):
        for name, x in lstm.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(x).requires_grad_(False)
            elif name.startswith("bias_ih"):
                x.data.chunk(4)[1].fill_(1)
    return model


class CharLM(nn.Module):
    def __init__(self, vocabulary=80):
        super().__init__()
        self.embed, self.lstm = nn.Embedding(vocabulary, 256), nn.LSTM(256, 256)
        self.output = nn.Linear(256, vocabulary)

    def forward(self, x, state=None):
        """Logits of what comes after each character of x [T, B], and the state after the last."""
        y, after = self.lstm(self.embed(x), state)
        return self.output(y).flatten(0, 1), after


class CharLMOfCells(nn.Module):
    """The same as a loop over the steps, which begins with zeros."""

    def __init__(self, vocabulary=80):
        super().__init__()
        self.embed, self.cell = nn.Embedding(vocabulary, 256), nn.LSTMCell(256, 256)
        self.output = nn.Linear(256, vocabulary)

    def forward(self, x):
        h = c = torch.zeros(x.shape[1], 256, device=x.device)
        all_h = []
        for e in self.embed(x):
            h, c = self.cell(e, (h, c))
            all_h.append(h)
        return self.output(torch.stack(all_h)).flatten(0, 1)


class WordLM(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embed, self.lstm = nn.Embedding(vocabulary, 128), nn.LSTM(128, 256)
        self.output = nn.Linear(256, vocabulary)

    def forward(self, x):
        return self.output(self.lstm(self.embed(x))[0]).flatten(0, 1)


class Reviews(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.memory, self.output = nn.Embedding(30000, 125), nn.GRU(125, 100), nn.Linear(100, 2)

    def forward(self, x):
        """From words [T, B] to the logits of negative and positive after the last one."""
        y, _ = self.memory(self.embed(x))
        return self.output(y[-1])


class LayerNorm(nn.Module):
    """Without bias, which nn.LayerNorm always has before PyTorch 2.1."""

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight)


class Block(nn.Module):
    def __init__(self, heads, features):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = LayerNorm(features), LayerNorm(features)
        self.given, self.out = nn.Linear(features, 3 * features, bias=False), nn.Linear(features, features, bias=False)
        self.mlp = nn.Sequential(nn.Linear(features, 4 * features, bias=False), nn.GELU(),
                                 nn.Linear(4 * features, features, bias=False))

    def attend(self, x):
        n, t, c = x.shape
        q, k, v = (y.view(n, t, self.heads, c // self.heads).transpose(1, 2) for y in self.given(x).split(c, 2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) / (c // self.heads) ** 0.5
            later = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1)
            y = F.softmax(scores.masked_fill(later, -torch.inf), dim=-1) @ v
        return self.out(y.transpose(1, 2).reshape(n, t, c))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, tokens=65, layers=6, heads=6, features=384, length=256):
        super().__init__()
        self.embed, self.place = nn.Embedding(tokens, features), nn.Parameter(0.02 * torch.randn(length, features))
        self.blocks = nn.Sequential(*(Block(heads, features) for _ in range(layers)))
        self.norm, self.output = LayerNorm(features), nn.Linear(features, tokens, bias=False)
        self.output.weight = self.embed.weight

    def forward(self, x):
        return self.output(self.norm(self.blocks(self.embed(x) + self.place)))


class Tagger(nn.Module):
    """Known words have a vector each; with `letters` all others are read letter by letter. Both are lists of tokens."""

    def __init__(self, words, letters=None, classes=9):
        super().__init__()
        self.ids = {word: k for k, word in enumerate(words)}
        self.embed = nn.Embedding(len(words), 128)
        self.lstm = nn.LSTM(128, 50, bidirectional=True)
        self.hidden, self.output = nn.Linear(100, 32, bias=False), nn.Linear(32, classes, bias=False)
        self.spellings = letters and {letter: k for k, letter in enumerate(letters)}
        if letters:
            self.letters = nn.Embedding(len(letters), 20)
            self.spelling = nn.LSTM(20, 64, bidirectional=True)

    def spelled(self, words, device):
        known, other = self.spellings, self.spellings["<unk>"]
        ids = [torch.tensor([known["<*>"], *(known.get(c, other) for c in word), known["<*>"]]) for word in words]
        lengths = torch.tensor([len(x) for x in ids])
        x = self.letters(nn.utils.rnn.pad_sequence(ids).to(device))
        _, (h, _) = self.spelling(nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False))
        return torch.cat([h[0], h[1]], 1)

    def vectors(self, words):
        other, device = self.ids["<unk>"], self.embed.weight.device
        x = self.embed(torch.tensor([self.ids.get(word, other) for word in words]).to(device))
        rare = [k for k, word in enumerate(words) if word not in self.ids] if self.spellings else []
        if rare:
            spelled = self.spelled([words[k] for k in rare], device)
            x = x.index_copy(0, torch.tensor(rare).to(device), spelled)
        return x

    def forward(self, words):
        """The logits of the tags of a sentence's words."""
        y, _ = self.lstm(self.vectors(words).unsqueeze(1))
        return self.output(torch.tanh(self.hidden(y.squeeze(1))))


class TreeLSTM(nn.Module):
    """A tree is [label, word] or [label, left, right]. All words at once, then phrase by phrase."""

    def __init__(self, words, units=128):
        super().__init__()
        self.ids = {word: k for k, word in enumerate(words)}
        self.embed = nn.Embedding(len(words), units)
        self.leaf, self.inner = nn.Linear(units, 3 * units, bias=False), nn.Linear(2 * units, 3 * units, bias=False)
        self.left, self.right = nn.Linear(units, units, bias=False), nn.Linear(units, units, bias=False)
        self.bias, self.forget = nn.Parameter(torch.zeros(3 * units)), nn.Parameter(torch.zeros(units))
        self.output = nn.Linear(units, 5, bias=False)

    def gates(self, x):
        i, o, u = (x + self.bias).chunk(3, 1)
        return torch.sigmoid(o), torch.sigmoid(i) * torch.tanh(u)

    def forward(self, tree):
        """The logits and the labels of all phrases, the whole sentence last."""
        words = []

        def collect(t):
            if len(t) == 2:
                words.append(t[1])
            else:
                collect(t[1])
                collect(t[2])
        collect(tree)
        other, device = self.ids["<unk>"], self.embed.weight.device
        o, c = self.gates(self.leaf(self.embed(torch.tensor([self.ids.get(w, other) for w in words]).to(device))))
        leaves = iter(zip((o * torch.tanh(c)).split(1), c.split(1)))
        found, labels = [], []

        def read(t):
            if len(t) == 2:
                h, c = next(leaves)
            else:
                (h1, c1), (h2, c2) = read(t[1]), read(t[2])
                o, added = self.gates(self.inner(torch.cat([h1, h2], 1)))
                c = added + torch.sigmoid(self.left(h1) + self.forget) * c1 \
                    + torch.sigmoid(self.right(h2) + self.forget) * c2
                h = o * torch.tanh(c)
            found.append(h)
            labels.append(t[0])
            return h, c
        read(tree)
        return self.output(torch.cat(found)), labels


def features():
    """ResNet-50 without its last layer."""
    from torchvision.models import resnet50
    network = resnet50()
    network.fc = nn.Identity()
    return network.eval()


class Centered(nn.Module):
    """Pictures without the mean of each color over the training set of CIFAR-10."""

    def forward(self, x):
        return x - torch.tensor([0.4914, 0.4822, 0.4465], device=x.device).view(3, 1, 1)


def normalized(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def cifar_batchnorm():
    return nn.Sequential(Centered(), normalized(3, 16), nn.MaxPool2d(2), normalized(16, 32), nn.MaxPool2d(2),
                         normalized(32, 64), nn.Flatten(), nn.Linear(4096, 100, bias=False), nn.BatchNorm1d(100),
                         nn.ReLU(), nn.Linear(100, 10))


class Autoencoder(nn.Module):
    """Its loss is the negative evidence lower bound, in nats a picture."""

    def __init__(self, size=20):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 2 * size))
        self.decoder = nn.Sequential(nn.Linear(size, 400), nn.ReLU(), nn.Linear(400, 784))

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        error = F.binary_cross_entropy_with_logits(self.decoder(z), x.flatten(1), reduction="sum")
        divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum()
        return (error + divergence) / len(x)
