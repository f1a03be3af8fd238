"""PyTorch's side of the table (see contender.ts): models, optimizers and sizes are those of src/rows, on WEFT_THREADS
threads. With WEFT_INPUTS it has the programs of the published tables, too."""
import ctypes
import os
import re
import sys
import time

from contender import Not, absent, repeat, serve, warm
import torch
import torch.nn.functional as F
import networks
import optimizers
from tasks import TASKS

torch.set_num_threads(1)
torch.manual_seed(0)
SLOW = 60.0


def libraries():
    """The loaded BLAS libraries, as they describe themselves; the build only says what it was compiled against."""
    found = []
    try:
        with open("/proc/self/maps") as maps:
            paths = sorted({line.split()[-1] for line in maps if re.search(r"/[^/]*(blas|mkl)[^/]*\.so", line)})
    except OSError:
        paths = []
    for path in paths:
        name = os.path.realpath(path)
        try:
            library = ctypes.CDLL(path)
            library.openblas_get_config.restype = library.openblas_get_corename.restype = ctypes.c_char_p
            config = library.openblas_get_config().decode().split()
            found.append(f"{' '.join(config[:2])}, {library.openblas_get_corename().decode()} kernels")
        except (OSError, AttributeError):
            if "blas" in name:
                found.append(name)
    return found


def blas():
    show = torch.__config__.show()
    found = libraries()
    built = re.search(r"BLAS_INFO=(\w+)", show)
    inside = re.search(r"Math Kernel Library Version ([\d.]+)", show)
    if inside:
        found.append(f"MKL {inside.group(1)}")
    onednn = re.search(r"MKL-DNN v([\d.]+)", show)
    capability = re.search(r"CPU capability usage: (\S+)", show)
    parts = [", ".join(dict.fromkeys(found)) or f"BLAS {built.group(1) if built else 'unknown'}"]
    parts += [f"oneDNN {onednn.group(1)}"] if onednn else []
    parts += [f"own kernels {capability.group(1)}"] if capability else []
    return "; ".join(parts)


def gigaflops(n=512):
    """The speed of one thread in a matrix product, by processor time, which a busy machine does not reduce."""
    a, b = torch.ones(n, n), torch.ones(n, n)
    times = []
    for _ in range(4):
        since = time.process_time()
        torch.mm(a, b)
        times.append(time.process_time() - since)
    return 2 * n ** 3 / max(min(times), 1e-9) / 1e9


# Being faster than a reference BLAS means nothing: it reaches 1 to 6 GFLOP/s, a tuned one ten times as much on the same
# processor. Debian's reference BLAS (libblas3) is also recognized by name, since on a fast processor it may reach more.
speed = gigaflops()
reference = any(re.search(r"/libblas\.so\.3\.\d", name) for name in libraries())
if speed < (20 if reference else 5):
    absent(f"left out: its products reach only {speed:.1f} GFLOP/s on one thread, as with a reference BLAS ({blas()}). "
           "Install a tuned one (Debian: libopenblas0) or a PyTorch that brings one, or name another Python with --python")

threads = int(os.environ.get("WEFT_THREADS", "1"))
torch.set_num_threads(threads)

ROWS = {}
THREADS = "1 thread" if threads == 1 else f"{threads} threads"
DETAIL = f"{blas()}; {speed:.0f} GFLOP/s in a product of 512; {THREADS}; Python {sys.version.split()[0]}"


def row(name):
    def add(make):
        ROWS[name] = make
        return make
    return add


def product(n):
    def make():
        a, b = torch.randn(n, n), torch.randn(n, n)
        return lambda: a @ b
    return make


def convolution(x, w):
    def make():
        image, kernel = torch.randn(x), torch.randn(w)
        return lambda: F.conv2d(image, kernel)
    return make


def convolution_grad(x, w, y):
    def make():
        image, kernel, g = torch.randn(x).requires_grad_(), torch.randn(w).requires_grad_(), torch.randn(y)
        return lambda: torch.autograd.grad(F.conv2d(image, kernel), (image, kernel), g)
    return make


def norm_grad(shape, features, form):
    def make():
        x, g = torch.randn(shape).requires_grad_(), torch.randn(shape)
        w, b = torch.randn(features).requires_grad_(), torch.randn(features).requires_grad_()
        return lambda: torch.autograd.grad(form(x, w, b), (x, w, b), g)
    return make


for size in (256, 512, 1024):
    ROWS[f"matmul-{size}"] = product(size)
for name, x, w, y in (("conv1", (100, 1, 28, 28), (20, 1, 5, 5), (100, 20, 24, 24)),
                      ("conv2", (100, 20, 12, 12), (50, 20, 5, 5), (100, 50, 8, 8))):
    ROWS[name] = convolution(x, w)
    ROWS[f"{name}-grad"] = convolution_grad(x, w, y)
ROWS["batch-norm-grad"] = norm_grad((32, 64, 16, 16), 64, lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True))
ROWS["layer-norm-grad"] = norm_grad((512, 512), 512, lambda x, w, b: F.layer_norm(x, (512,), w, b))


@row("add10")
def add10():
    a, b = torch.randn(10), torch.randn(10)

    def step():
        for _ in range(1000):
            a + b
    return step


@row("add10-read")
def add10_read():
    a, b = torch.randn(10), torch.randn(10)
    return lambda: (a + b).numpy()


@row("add10-grad")
def add10_grad():
    a, b = torch.randn(10).requires_grad_(), torch.randn(10).requires_grad_()

    def step():
        y = a + b
        for _ in range(199):
            y = y + b
        torch.autograd.grad(y.sum(), (a, b))
    return step


@row("add10-grad-one")
def add10_grad_one():
    a, b = torch.randn(10).requires_grad_(), torch.randn(10).requires_grad_()
    return lambda: torch.autograd.grad((a + b).sum(), (a, b))


OPTIMIZERS = optimizers.rules()


def trained(build, inputs, loss_of, rule):
    def make():
        model, (x, y) = build(), inputs("cpu")
        optimizer = OPTIMIZERS[rule](model.parameters())

        def step():
            optimizer.zero_grad()
            loss = loss_of(model, x, y)
            loss.backward()
            optimizer.step()
        return step
    return make


for name, task in TASKS.items():
    ROWS[name] = trained(*task)


def forward(build, *shape):
    def make():
        model, x = build().eval(), torch.randn(1, *shape)

        def step():
            with torch.inference_mode():
                model(x).numpy()
        return step
    return make


def resnet():
    try:
        from torchvision.models import resnet50
    except Exception as error:
        raise Not(f"no torchvision: {error}")
    return resnet50()


ROWS["forward-mlp"], ROWS["forward-lenet"] = forward(networks.mlp, 1, 28, 28), forward(networks.lenet, 1, 28, 28)
ROWS["resnet50-1"] = forward(resnet, 3, 224, 224)

# --- the cost of recording: prefixes of a perceptron with squared loss, then the tape, then the backward pass
STAGES = [lambda h, w, y: h @ w[0], lambda h, w, y: h + w[1], lambda h, w, y: torch.relu(h), lambda h, w, y: h @ w[2],
          lambda h, w, y: h + w[3], lambda h, w, y: h - y, lambda h, w, y: h.square().sum()]
shared = []


def recording(count, taped, backward):
    def make():
        if not shared:
            shared.append([(torch.randn(100, 784), torch.randn(100, 10)) for _ in range(600)])
        batches, at = shared[0], [0]
        w = [torch.randn(784, 64) * 0.1, torch.zeros(64), torch.randn(64, 10) * 0.1, torch.zeros(10)]
        for p in w:
            p.requires_grad_(taped)
        stages = STAGES[:count]

        def step():
            h, y = batches[at[0]]
            at[0] = (at[0] + 1) % 600
            for stage in stages:
                h = stage(h, w, y)
            if backward:
                torch.autograd.grad(h, w)
        return step
    return make


for count in range(1, 8):
    ROWS[f"recording-{count}"] = recording(count, False, False)
ROWS["recording-tape"] = recording(7, True, False)
ROWS["recording-backward"] = recording(7, True, True)


def prepare(make, limit):
    step = make()
    each = repeat(step, 1)
    first = each["wall"]
    if first <= SLOW * 1e3 and limit > 0:
        each = warm(step, limit)
    if hasattr(step, "begin"):
        step.begin()
    return step, {"first": first, "each": each}


if "WEFT_INPUTS" in os.environ:
    import programs
    serve(programs.TITLE, programs.DETAIL or DETAIL, {**ROWS, **programs.ROWS}, prepare, forget=programs.forget)
else:
    serve("PyTorch", DETAIL, ROWS, prepare)
