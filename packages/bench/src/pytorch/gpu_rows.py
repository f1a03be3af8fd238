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
import optimizers
from tasks import TASKS

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


def trained(build, inputs, loss_of, rule, compiles):
    def make():
        if COMPILE and not compiles:
            raise Not("a loop this long takes minutes to compile")
        model, (x, y) = build().to(dev), inputs(dev)
        optimizer = OPTIMIZERS[rule](model.parameters())
        loss = compiled(lambda: loss_of(model, x, y))

        def step():
            optimizer.zero_grad(set_to_none=True)
            loss().backward()
            optimizer.step()
        return in_mode(step)
    return make


for name, task in TASKS.items():
    ROWS[name] = trained(*task, compiles=name != "charlm-adam-cell")


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
