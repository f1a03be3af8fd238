"""The accuracies of PyTorch that docs/results.md has beside Weft's: the same networks, initial values, optimizers and
data, read from the folder WEFT_DATA.

    WEFT_DATA=data python3 accuracy.py vgg --epochs 10 --seed 1 --device cuda
"""
import argparse
import gzip
import math
import os
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import networks

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("name", choices=["lenet", "vgg", "cifar-batchnorm", "gru", "vae", "tagger"])
parser.add_argument("--chars", action="store_true", help="the tagger reads rare words letter by letter")
parser.add_argument("--epochs", type=int, help="default: those of the program of weft train")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--device", default="cpu")
parser.add_argument("--limit", type=int, help="no more cases than this, to learn from and to test")
options = parser.parse_args()
if options.chars and options.name != "tagger":
    parser.error("--chars is for the tagger")
DEVICE = options.device
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True
torch.manual_seed(options.seed)


def path(*names):
    return os.path.join(os.environ["WEFT_DATA"], *names)


def mnist():
    def read(name, head, shape):
        with gzip.open(path("mnist", f"{name}-ubyte.gz")) as file:
            return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=head).copy()).view(shape)
    return [(read(f"{part}-images-idx3", 16, (-1, 1, 28, 28)), read(f"{part}-labels-idx1", 8, (-1,)).long())
            for part in ("train", "t10k")]


def cifar10():
    def read(*names):
        raw = np.concatenate([np.fromfile(path("cifar10", f"{name}.bin"), np.uint8) for name in names]).reshape(-1, 3073)
        return torch.from_numpy(raw[:, 1:].copy()).view(-1, 3, 32, 32), torch.from_numpy(raw[:, 0].copy()).long()
    return read(*(f"data_batch_{k}" for k in range(1, 6))), read("test_batch")


def imdb(words=30_000, length=150):
    """With Keras's numbers of the words (0 pads, 1 begins, 2 stands for rare words), and in its order."""
    random = np.random.RandomState(113)

    def read(reviews, positive):
        order = np.arange(len(reviews))
        random.shuffle(order)
        reviews, positive = reviews[order], positive[order]
        x = torch.zeros(len(reviews), length, dtype=torch.long)
        for k, ranks in enumerate(reviews):
            ids = [1, *(rank + 3 if rank + 3 < words else 2 for rank in ranks)][-length:]
            x[k, length - len(ids):] = torch.tensor(ids)
        return x, torch.from_numpy(positive.astype(np.int64))
    with np.load(path("imdb", "imdb.npz"), allow_pickle=True) as file:
        return [read(file[f"x_{part}"], file[f"y_{part}"]) for part in ("train", "test")]


TAGS = ["O", "I-PER", "I-LOC", "I-MISC", "I-ORG", "B-MISC", "B-LOC", "B-PER", "B-ORG"]


def wikiner():
    def read(name):
        with open(path("wikiner", f"{name}.txt"), encoding="utf-8") as file:
            lines = [[token.rsplit("|", 1) for token in line.split()] for line in file]
        return [([word for word, _ in line], torch.tensor([TAGS.index(tag) for _, tag in line])) for line in lines if line]
    return read("train"), read("dev")


def glorot(model):
    for name, x in model.named_parameters():
        nn.init.zeros_(x) if x.dim() == 1 else nn.init.xavier_uniform_(x)
    return model


def glorot_by_gate(rnn, gates):
    for name, x in rnn.named_parameters():
        for part in x.data.chunk(gates):
            nn.init.zeros_(part) if x.dim() == 1 else nn.init.xavier_uniform_(part)


def momentum(lr):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, momentum=0.9)


def batches(data, size, shuffled):
    """Batches on the device, as many as are full where they are shuffled."""
    x, y = data
    order = torch.randperm(len(x)) if shuffled else torch.arange(len(x))
    for at in range(0, len(x) - size + 1 if shuffled else len(x), size):
        places = order[at:at + size]
        yield x[places].to(DEVICE), y[places].to(DEVICE)


class Training:
    """What is trained: `losses` computes those of an epoch one by one, `measure` says what the model reaches."""

    def __init__(self, model, optimizer, losses, measure, epochs):
        self.model, self.losses, self.measure, self.epochs = model.to(DEVICE), losses, measure, epochs
        self.optimizer = optimizer(model.parameters())

    def epoch(self):
        self.model.train()
        for loss in self.losses():
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def measured(self):
        self.model.eval()
        with torch.no_grad():
            return self.measure()


def classifier(model, optimizer, data, size, epochs, prepared):
    """Its result is the part of the test set that it has right."""
    train, test = ((x[:options.limit], y[:options.limit]) for x, y in data)

    def losses():
        return (F.cross_entropy(model(prepared(x)), y) for x, y in batches(train, min(size, len(train[0])), True))

    def measure():
        right = sum((model(prepared(x)).argmax(1) == y).sum().item() for x, y in batches(test, 100, False))
        return "test accuracy", right / len(test[1])
    return Training(model, optimizer, losses, measure, epochs)


def gray(x):
    return x.float() / 255


def lenet():
    return classifier(glorot(networks.lenet()), lambda all: torch.optim.SGD(all, lr=0.1), mnist(), 100, 5, gray)


def vgg():
    return classifier(glorot(networks.vgg()), momentum(0.01), cifar10(), 64, 10, gray)


def cifar_batchnorm():
    model = networks.cifar_batchnorm()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / (9 * layer.out_channels)))
        elif isinstance(layer, nn.Linear):
            glorot(layer)
    return classifier(model, momentum(0.1), cifar10(), 64, 10, gray)


def gru():
    model = glorot(networks.Reviews())
    glorot_by_gate(model.memory, 3)
    return classifier(model, lambda all: torch.optim.Adam(all, lr=0.001), imdb(), 64, 3, lambda x: x.t())


def vae():
    (x, _), (new, _) = ((x[:options.limit], y) for x, y in mnist())
    model = networks.Autoencoder()

    def bounds(x, shuffled):
        return (model(gray(part)) for part, _ in batches((x, x), min(100, len(x)), shuffled))

    def measure():
        found = [loss.item() for loss in bounds(new, False)]
        return "evidence lower bound", -sum(found) / len(found)
    return Training(model, torch.optim.Adam, lambda: bounds(x, True), measure, 10)


def tagger():
    """One sentence an update; words that come up to 5 times share a vector, or are read letter by letter."""
    train, new = (part[:options.limit] for part in wikiner())
    count = {}
    for words, _ in train:
        for word in words:
            count[word] = count.get(word, 0) + 1
    known = [word for word in count if count[word] > 5] + ["<unk>"]
    letters = sorted({c for word in count for c in word}) + ["<*>", "<unk>"] if options.chars else None
    model = glorot(networks.Tagger(known, letters))
    for layer in model.children():
        if isinstance(layer, nn.Embedding):
            nn.init.uniform_(layer.weight, -math.sqrt(3 / layer.embedding_dim), math.sqrt(3 / layer.embedding_dim))
    networks.with_one_bias(model)

    def losses():
        return (F.cross_entropy(model(words), tags.to(DEVICE), reduction="sum")
                for words, tags in (train[k] for k in torch.randperm(len(train))))

    def measure():
        right = sum((model(words).argmax(1).cpu() == tags).sum().item() for words, tags in new)
        return "word accuracy", right / sum(len(tags) for _, tags in new)
    return Training(model, torch.optim.Adam, losses, measure, 2)


training = globals()[options.name.replace("-", "_")]()
if __name__ == "__main__":
    print(f"{options.name} on {DEVICE}, PyTorch {torch.__version__}, seed {options.seed}, "
          f"{sum(x.numel() for x in training.model.parameters())} parameters", flush=True)
    for k in range(1, (options.epochs or training.epochs) + 1):
        start = time.perf_counter()
        training.epoch()
        name, result = training.measured()
        print(f"epoch {k}: {name} {result:.4f} ({time.perf_counter() - start:.1f} s)", flush=True)
