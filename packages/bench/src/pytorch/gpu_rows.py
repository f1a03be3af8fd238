"""PyTorch's side of the GPU table (see contender.ts). Its models, optimizers and sizes are those of src/rows, in float32
without TF32. The argument is the mode: `eager`; `graph`, where a whole step is captured in one CUDA graph and replayed,
so that the host costs nothing; `compile`, where the loss is compiled by torch.compile too. Nothing is read between the
steps of a block; the clock stops when the device has done the last."""
import gc
import sys
import time

import contender
from contender import Not, absent, serve
import torch
import torch.nn as nn
import torch.nn.functional as F
import optimizers

MODE = sys.argv[1] if len(sys.argv) > 1 else "eager"
GRAPH = MODE in ("graph", "compile")
COMPILE = MODE == "compile"
if not torch.cuda.is_available():
    absent(f"PyTorch {torch.__version__} finds no CUDA device")

torch.manual_seed(0)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True
dev = torch.device("cuda")
ROWS = {}
MANY, CHAIN = 1000, 200


def captured(step):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def in_mode(step):
    return captured(step) if GRAPH else step


def compiled(f):
    return torch.compile(f, dynamic=False) if COMPILE else f


def product(n):
    def make():
        if COMPILE:
            raise Not("nothing to compile")
        a, b = torch.randn(n, n, device=dev), torch.randn(n, n, device=dev)
        return in_mode(lambda: a @ b)
    return make


for size in (1024, 2048, 4096):
    ROWS[f"matmul-{size}"] = product(size)


def add10():
    if COMPILE:
        raise Not("nothing to compile")
    a, b = torch.randn(10, device=dev), torch.randn(10, device=dev)

    def step():
        for _ in range(MANY):
            a + b
    return in_mode(step)


def chain(backward):
    def make():
        a = torch.randn(10, device=dev, requires_grad=True)
        b = torch.randn(10, device=dev, requires_grad=backward)

        def forward():
            y = a + b
            for _ in range(CHAIN - 1):
                y = y + b
            return y.sum()
        forward = compiled(forward)

        def step():
            y = forward()
            if backward:
                torch.autograd.grad(y, (a, b))
        return in_mode(step)
    return make


ROWS["add10"] = add10
ROWS["add10-tape"] = chain(False)
ROWS["add10-grad"] = chain(True)

OPTIMIZERS = optimizers.rules(capturable=GRAPH)


def trained(build, inputs, loss_of, rule, compiles=True):
    def make():
        if COMPILE and not compiles:
            raise Not("a loop this long takes minutes to compile")
        model, (x, y) = build().to(dev), inputs()
        optimizer = OPTIMIZERS[rule](model.parameters())
        loss = compiled(lambda: loss_of(model(x), y))

        def step():
            optimizer.zero_grad(set_to_none=True)
            loss().backward()
            optimizer.step()
        return in_mode(step)
    return make


def labeled(batch, *shape):
    return lambda: (torch.randn(batch, *shape, device=dev), torch.randint(0, 10, (batch,), device=dev))


def mlp():
    return nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


def lenet():
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def vgg():
    return nn.Sequential(nn.Conv2d(3, 50, 3, padding=1), nn.ReLU(), nn.Conv2d(50, 50, 3, padding=1), nn.MaxPool2d(2),
                         nn.ReLU(), nn.Dropout(0.25), nn.Conv2d(50, 100, 3, padding=1), nn.ReLU(),
                         nn.Conv2d(100, 100, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(0.25), nn.Flatten(),
                         nn.Linear(6400, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10))


class CharLM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.output = nn.Embedding(80, 256), nn.LSTM(256, 256), nn.Linear(256, 80)

    def forward(self, x):
        y, _ = self.rnn(self.embed(x))
        return self.output(y).flatten(0, 1)


class Reviews(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.output = nn.Embedding(30000, 125), nn.GRU(125, 100), nn.Linear(100, 2)

    def forward(self, x):
        y, _ = self.rnn(self.embed(x))
        return self.output(y[-1])


class CharLMOfCells(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.cell, self.output = nn.Embedding(80, 256), nn.LSTMCell(256, 256), nn.Linear(256, 80)

    def forward(self, x):
        e = self.embed(x)
        h = c = torch.zeros(x.shape[1], 256, device=dev)
        all_h = []
        for t in range(x.shape[0]):
            h, c = self.cell(e[t], (h, c))
            all_h.append(h)
        return self.output(torch.stack(all_h)).flatten(0, 1)


def regression():
    return torch.randn(506, 13, device=dev), torch.randn(506, 1, device=dev)


def reviews():
    return torch.randint(0, 30000, (150, 64), device=dev), torch.randint(0, 2, (64,), device=dev)


def characters():
    return torch.randint(0, 80, (100, 128), device=dev), torch.randint(0, 80, (12800,), device=dev)


ROWS["linreg-sgd"] = trained(lambda: nn.Linear(13, 1), regression, F.mse_loss, "sgd")
ROWS["softmax-sgd"] = trained(lambda: nn.Linear(784, 10), labeled(100, 784), F.cross_entropy, "sgd")
for rule in ("sgd", "adam"):
    ROWS[f"mlp-{rule}"] = trained(mlp, labeled(100, 784), F.cross_entropy, rule)
    ROWS[f"lenet-{rule}"] = trained(lenet, labeled(100, 1, 28, 28), F.cross_entropy, rule)
ROWS["vgg-momentum"] = trained(vgg, labeled(64, 3, 32, 32), F.cross_entropy, "momentum")
ROWS["charlm-adam"] = trained(CharLM, characters, F.cross_entropy, "adam")
ROWS["gru-adam"] = trained(Reviews, reviews, F.cross_entropy, "adam")
ROWS["charlm-adam-cell"] = trained(CharLMOfCells, characters, F.cross_entropy, "adam", compiles=False)


def repeat(step, steps):
    return contender.repeat(step, steps, torch.cuda.synchronize)


def prepare(make, limit):
    """The first step is timed with what it takes to make it; then at least ten: the device's clock rate rises slowly."""
    start = time.perf_counter()
    step = make()
    repeat(step, 1)
    first = (time.perf_counter() - start) * 1e3
    return step, {"first": first, "each": contender.warm(step, limit, repeat, 10)}


def forget():
    if COMPILE:
        torch._dynamo.reset()
    gc.collect()
    torch.cuda.empty_cache()


TITLES = {"eager": "PyTorch", "graph": "PyTorch, graph", "compile": "PyTorch, compile+graph"}
serve(TITLES[MODE], f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}; "
      f"float32 without TF32; Python {sys.version.split()[0]}", ROWS, prepare, repeat, forget)
