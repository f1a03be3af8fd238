# PyTorch's side of the programs of the published tables (src/rows/programs.ts), as a user of PyTorch writes them. It is
# run inside torch-rows.py. WEFT_PROGRAMS is a JSON file with the texts and trees; all else is random, of the same size.
import random

DEVICE = os.environ.get("WEFT_DEVICE", "cpu")
if DEVICE == "cuda" and not torch.cuda.is_available():
    say({"missing": "this PyTorch has no CUDA device"})
    sys.exit(0)
torch.backends.cudnn.allow_tf32 = False  # float32, as on the other side


def given():
    """The texts and trees, read once."""
    if not hasattr(given, "found"):
        with open(os.environ["WEFT_PROGRAMS"]) as file:
            given.found = json.load(file)
    return given.found


def endless(items, seed=1):
    """All items again and again, in a new order each time."""
    order = random.Random(seed)
    while True:
        items = order.sample(items, len(items))
        yield from items


def advancing(update, items, per, size=lambda item: 1):
    """A measured step: updates until `per` more have been counted, at least one; then the loss is read."""
    done = {"counted": 0, "wanted": 0}

    def step():
        done["wanted"] += per
        while True:
            item = next(items)
            loss = update(item)
            done["counted"] += size(item)
            if done["counted"] >= done["wanted"]:
                return loss.item()
    return step


def learning(model, optimizer, loss_of, clip=None):
    def update(item):
        optimizer.zero_grad()
        loss = loss_of(item)
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss.detach()
    return update


def program(name, per, size=lambda item: 1):
    """A row: a function that returns an update and endless items for it."""
    def add(make):
        ROWS[f"program-{name}"] = lambda: advancing(*make(), per, size)
        return make
    return add


def batches(count, size, shape, classes=10):
    """Batches that are on the device already."""
    made = [(torch.rand(size, *shape, device=DEVICE), torch.randint(0, classes, (size,), device=DEVICE))
            for _ in range(count)]
    return endless(made)


def classifier(build, optimizer, items):
    def make():
        model = build().to(DEVICE)
        model.train()
        update = learning(model, optimizer(model.parameters()), lambda item: F.cross_entropy(model(item[0]), item[1]))
        return update, items()
    return make


@program("linreg", 200)
def program_linreg():
    model = nn.Linear(13, 1).to(DEVICE)
    x, y = torch.randn(506, 13, device=DEVICE), torch.randn(506, 1, device=DEVICE)
    return learning(model, torch.optim.SGD(model.parameters(), lr=0.1), lambda _: F.mse_loss(model(x), y)), endless([0])


def small_vgg():
    return nn.Sequential(nn.Conv2d(3, 50, 3, padding=1), nn.ReLU(), nn.Conv2d(50, 50, 3, padding=1), nn.MaxPool2d(2),
                         nn.ReLU(), nn.Dropout(0.25), nn.Conv2d(50, 100, 3, padding=1), nn.ReLU(),
                         nn.Conv2d(100, 100, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(0.25), nn.Flatten(),
                         nn.Linear(6400, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10))


def descent(lr, momentum=0.0):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, momentum=momentum)


program("softmax", 100)(classifier(lambda: nn.Linear(784, 10), descent(0.5), lambda: batches(60, 100, [784])))
program("mlp", 100)(classifier(mlp, descent(0.5), lambda: batches(60, 100, [784])))
program("lenet", 10)(classifier(lenet, descent(0.1), lambda: batches(60, 100, [1, 28, 28])))
program("vgg", 4)(classifier(small_vgg, descent(0.01, 0.9), lambda: batches(20, 64, [3, 32, 32])))


@program("charlm", 2)
def program_charlm():
    vocabulary, (rows, steps, units) = 84, (128, 100, 256)
    model = nn.ModuleList([nn.Embedding(vocabulary, units), nn.LSTM(units, units), nn.Linear(units, vocabulary)]).to(DEVICE)
    embed, rnn, output = model
    ids = torch.tensor(given()["characters"][:rows * 1674], device=DEVICE).view(rows, 1674).t().contiguous()
    state = [None]

    def loss_of(start):
        if start == 0:
            state[0] = None
        y, after = rnn(embed(ids[start:start + steps]), state[0])
        state[0] = tuple(x.detach() for x in after)
        return F.cross_entropy(output(y).flatten(0, 1), ids[start + 1:start + steps + 1].flatten())

    def windows():
        while True:
            yield from range(0, 1600, steps)
    return learning(model, torch.optim.SGD(model.parameters(), lr=4.0), loss_of, clip=3.0), windows()


@program("gru", 4)
def program_gru():
    model = Reviews().to(DEVICE)
    data = [(torch.randint(0, 30000, (150, 64), device=DEVICE), torch.randint(0, 2, (64,), device=DEVICE))
            for _ in range(40)]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    return learning(model, optimizer, lambda item: F.cross_entropy(model(item[0]), item[1])), endless(data)


@program("rnnlm", 5000, lambda item: item[0].numel())
def program_rnnlm():
    vocabulary, end, over = 10_000, given()["end"], -100
    model = nn.ModuleList([nn.Embedding(vocabulary, 128), nn.LSTM(128, 256), nn.Linear(256, vocabulary)]).to(DEVICE)
    embed, rnn, output = model
    sentences = sorted(given()["sentences"], key=len, reverse=True)
    data = []
    for at in range(0, len(sentences), 64):
        part = [torch.tensor(words) for words in sentences[at:at + 64]]
        y = nn.utils.rnn.pad_sequence(part, padding_value=over)
        x = torch.cat([torch.full((1, len(part)), end), y[:-1].masked_fill(y[:-1] == over, end)])
        data.append((x.to(DEVICE), y.to(DEVICE)))

    def loss_of(item):
        scores = output(rnn(embed(item[0]))[0])
        return F.cross_entropy(scores.flatten(0, 1), item[1].flatten(), ignore_index=over, reduction="sum")
    return learning(model, torch.optim.Adam(model.parameters()), loss_of), endless(data)


class Tagger(nn.Module):
    """Words that come more than 5 times have a vector each; with `chars` all others are read letter by letter."""

    def __init__(self, sentences, chars):
        super().__init__()
        count = {}
        for words, _ in sentences:
            for word in words:
                count[word] = count.get(word, 0) + 1
        self.ids = {word: k + 1 for k, word in enumerate(w for w in count if count[w] > 5)}
        self.chars = chars
        self.embed = nn.Embedding(len(self.ids) + 1, 128)
        self.rnn = nn.LSTM(128, 50, bidirectional=True)
        self.hidden, self.output = nn.Linear(100, 32, bias=False), nn.Linear(32, 9, bias=False)
        if chars:
            self.letters = {c: k + 1 for k, c in enumerate(sorted({c for word in count for c in word}))}
            self.spell = nn.Embedding(len(self.letters) + 1, 20)
            self.spelling = nn.LSTM(20, 64, bidirectional=True)

    def spelled(self, words):
        ids = [torch.tensor([0, *(self.letters[c] for c in word), 0]) for word in words]
        lengths = torch.tensor([len(x) for x in ids])
        x = self.spell(nn.utils.rnn.pad_sequence(ids).to(DEVICE))
        _, (h, _) = self.spelling(nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False))
        return torch.cat([h[0], h[1]], 1)

    def vectors(self, words):
        x = self.embed(torch.tensor([self.ids.get(word, 0) for word in words]).to(DEVICE))
        rare = [k for k, word in enumerate(words) if word not in self.ids] if self.chars else []
        if rare:
            x = x.index_copy(0, torch.tensor(rare).to(DEVICE), self.spelled([words[k] for k in rare]))
        return x

    def forward(self, words):
        y, _ = self.rnn(self.vectors(words).unsqueeze(1))
        return self.output(torch.tanh(self.hidden(y.squeeze(1))))


def tagging(chars):
    def make():
        sentences = given()["tagged"]
        model = Tagger(sentences, chars).to(DEVICE)

        def loss_of(item):
            return F.cross_entropy(model(item[0]), torch.tensor(item[1]).to(DEVICE), reduction="sum")
        return learning(model, torch.optim.Adam(model.parameters()), loss_of), endless(sentences)
    return make


program("tagger", 1000, lambda item: len(item[0]))(tagging(False))
program("tagger-chars", 500, lambda item: len(item[0]))(tagging(True))


class TreeLSTM(nn.Module):
    """A tree is [label, word] or [label, left, right]. All words at once, then phrase by phrase."""

    def __init__(self, vocabulary, units=128):
        super().__init__()
        self.ids = {word: k + 1 for k, word in enumerate(vocabulary)}
        self.embed = nn.Embedding(len(vocabulary) + 1, units)
        self.leaf, self.inner = nn.Linear(units, 3 * units, bias=False), nn.Linear(2 * units, 3 * units, bias=False)
        self.left, self.right = nn.Linear(units, units, bias=False), nn.Linear(units, units, bias=False)
        self.bias, self.forget = nn.Parameter(torch.zeros(3 * units)), nn.Parameter(torch.zeros(units))
        self.output = nn.Linear(units, 5, bias=False)

    def gates(self, x):
        i, o, u = (x + self.bias).chunk(3, 1)
        return torch.sigmoid(o), torch.sigmoid(i) * torch.tanh(u)

    def forward(self, tree):
        words = []

        def collect(t):
            if len(t) == 2:
                words.append(t[1])
            else:
                collect(t[1])
                collect(t[2])
        collect(tree)
        o, c = self.gates(self.leaf(self.embed(torch.tensor([self.ids.get(w, 0) for w in words]).to(DEVICE))))
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


@program("treenn", 20)
def program_treenn():
    model = TreeLSTM(given()["vocabulary"]).to(DEVICE)

    def loss_of(tree):
        scores, labels = model(tree)
        return F.cross_entropy(scores, torch.tensor(labels).to(DEVICE), reduction="sum")
    return learning(model, torch.optim.Adam(model.parameters()), loss_of), endless(given()["trees"])


@program("resnet50", 32, len)
def program_resnet50():
    from torchvision.models import resnet50
    model = resnet50()
    model.fc = nn.Identity()
    model = model.eval().to(DEVICE)
    pictures = [torch.rand(32, 3, 224, 224) for _ in range(2)]

    def features(picture):
        with torch.no_grad():
            return model(picture.to(DEVICE)).cpu()[0, 0]
    return features, endless(pictures)
