"""PyTorch's side of the programs of the published tables (src/rows/programs.ts), as a user of PyTorch writes them.
WEFT_INPUTS is a folder with the data, as both sides read them: the same arrays, sentences and trees in the same order.
Each step gathers its batch from tensors of the host and uploads it. With WEFT_MODE=graph a step of a fixed shape is
captured in one CUDA graph, which is replayed."""
import gc
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
import networks
import optimizers
from contender import Not, absent

DEVICE, GRAPH = os.environ.get("WEFT_DEVICE", "cpu"), os.environ.get("WEFT_MODE") == "graph"
if DEVICE == "cuda" and not torch.cuda.is_available():
    absent("this PyTorch has no CUDA device")
if GRAPH and DEVICE != "cuda":
    absent(f"a step is captured in a CUDA graph, which PyTorch {torch.__version__} on the CPU does not have")
TITLE, DETAIL = "PyTorch", None
if DEVICE == "cuda":
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32, as on the other side
    torch.backends.cudnn.benchmark = True
    DETAIL = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}; " \
             "float32 without TF32, cuDNN's benchmark, fused optimizers"
if GRAPH:
    TITLE, DETAIL = "PyTorch, graph", DETAIL + "; a step is one CUDA graph"


def given(name):
    """A value of inputs.json, read once."""
    if not hasattr(given, "found"):
        with open(os.path.join(os.environ["WEFT_INPUTS"], "inputs.json")) as file:
            given.found = json.load(file)
    return given.found[name]


def array(name):
    """An array of the inputs, as a tensor of the host."""
    form = given(name)
    dtype = {"u8": torch.uint8, "i32": torch.int32, "f32": torch.float32}[form["dtype"]]
    with open(os.path.join(os.environ["WEFT_INPUTS"], form["file"]), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype).view(form["shape"])


def adam(parameters, **options):
    return optimizers.adam(parameters, GRAPH, **options)


def descent(lr, momentum=0.0):
    return lambda parameters: optimizers.descent(parameters, GRAPH, lr=lr, momentum=momentum)


class Program:
    """What is learned from: `cases` in their order, again and again. `read` makes a case's tensors on the host, and
    `loss_of` gets them on the device. Where cases differ in size, measuring begins with case `begin`."""

    def __init__(self, model, cases, read, loss_of, optimizer=None, clip=None, size=lambda case: 1, begin=None,
                 before=lambda case: None):
        self.model = model.to(DEVICE)
        self.optimizer = optimizer and optimizer(self.model.parameters())
        self.cases, self.read, self.loss_of, self.clip = cases, read, loss_of, clip
        self.size, self.begin, self.before = size, begin, before

    def learn(self, *tensors):
        """An update; its loss stays on the device."""
        if self.optimizer is None:
            with torch.no_grad():
                return self.loss_of(*tensors)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(*tensors)
        loss.backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        return loss.detach()

    def update(self, case):
        self.before(case)
        return self.learn(*(x.to(DEVICE) if torch.is_tensor(x) else x for x in self.read(case)))

    def captured(self):
        """The same, as one graph: it reads from tensors that stay where they are, and so does its loss."""
        if self.begin is not None:
            raise Not("its shapes change from step to step")
        held = [x.to(DEVICE) for x in self.read(self.cases[0])]
        self.before(self.cases[0])
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                self.learn(*held)
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self.learn(*held)

        def update(case):
            self.before(case)
            for there, x in zip(held, self.read(case)):
                there.copy_(x)
            graph.replay()
            return loss
        return update


class Steps:
    """A measured step: updates until `per` more have been counted, at least one; then the loss is read."""

    def __init__(self, program, per):
        self.program, self.per = program, per
        self.update = program.captured() if GRAPH else program.update
        self.at, self.counted, self.wanted = 0, 0, 0

    def begin(self):
        """After the warm-up: both sides measure the same cases."""
        if self.program.begin is not None:
            self.at, self.counted, self.wanted = self.program.begin, 0, 0

    def __call__(self):
        self.wanted += self.per
        while True:
            case = self.program.cases[self.at % len(self.program.cases)]
            self.at += 1
            loss = self.update(case)
            self.counted += self.program.size(case)
            if self.counted >= self.wanted:
                return loss.cpu()


PROGRAMS, ROWS = {}, {}


def program(name, per):
    """A row: a function that makes its Program."""
    def add(make):
        def started():
            if name in given("missing"):
                raise Not(given("missing")[name])
            return make()
        PROGRAMS[name] = started
        ROWS[f"program-{name}"] = lambda: Steps(started(), per)
        return make
    return add


def batches(order, size):
    """The places of the cases of each batch; without an order, stretches of the data."""
    if isinstance(order, int):
        return [slice(at, at + size) for at in range(0, order - size + 1, size)]
    return [order[at:at + size] for at in range(0, len(order) - size + 1, size)]


def pictures(build, optimizer, data, size, shuffled, shape):
    """A classifier of pictures of bytes, which become numbers from 0 to 1 on the device."""
    def make():
        images, labels = array(f"{data}-images"), array(f"{data}-labels").long()
        order = array(f"{data}-order").long() if shuffled else len(labels)
        model = build()

        def loss_of(x, y):
            return F.cross_entropy(model(x.view(-1, *shape).float() / 255), y)
        return Program(model, batches(order, size), lambda at: (images[at], labels[at]), loss_of, optimizer)
    return make


@program("linreg", 200)
def program_linreg():
    """All of the data in each step: they stay on the device."""
    model = networks.linreg()
    x, y = array("housing-inputs").to(DEVICE), array("housing-targets").to(DEVICE)
    return Program(model, [0], lambda _: (), lambda: F.mse_loss(model(x), y), descent(0.1))


program("softmax", 100)(pictures(networks.softmax, descent(0.5), "mnist", 100, False, [784]))
program("mlp", 100)(pictures(networks.mlp, descent(0.5), "mnist", 100, False, [784]))
program("lenet", 10)(pictures(networks.lenet, descent(0.1), "mnist", 100, True, [1, 28, 28]))
program("vgg", 4)(pictures(networks.vgg, descent(0.01, 0.9), "cifar10", 64, True, [3, 32, 32]))


@program("charlm", 2)
def program_charlm():
    """Rows of the text go on from window to window, and so does the state."""
    rows, steps = 128, 100
    text, model = array("characters").long(), networks.CharLM(given("alphabet"))
    stretch = len(text) // rows
    ids = text[:rows * stretch].view(rows, stretch).t().contiguous()
    state = [torch.zeros(1, rows, 256, device=DEVICE) for _ in range(2)]

    def before(start):
        if start == 0:
            for x in state:
                x.zero_()

    def loss_of(x, y):
        logits, after = model(x, tuple(x.clone() for x in state))
        for held, x in zip(state, after):
            held.copy_(x.detach())
        return F.cross_entropy(logits, y.flatten())
    starts = range(0, (stretch - 1) // steps * steps, steps)
    read = lambda start: (ids[start:start + steps], ids[start + 1:start + steps + 1])
    return Program(model, starts, read, loss_of, descent(4.0), clip=3.0, before=before)


@program("gru", 4)
def program_gru():
    model, words, labels = networks.Reviews(), array("reviews").long(), array("verdicts").long()
    cases = batches(array("reviews-order").long(), 64)
    return Program(model, cases, lambda at: (words[at], labels[at]),
                   lambda x, y: F.cross_entropy(model(x.t()), y), lambda all: adam(all, lr=0.001))


@program("rnnlm", 1500)
def program_rnnlm():
    """Batches of sentences, which are padded in the step; what is missing at their ends counts nothing."""
    end, over, model = given("end"), -100, networks.WordLM(given("vocabulary"))
    cases = [[torch.tensor(words) for words in some] for some in given("sentences")]

    def read(sentences):
        y = nn.utils.rnn.pad_sequence(sentences, padding_value=over)
        x = torch.cat([torch.full((1, len(sentences)), end), y[:-1].masked_fill(y[:-1] == over, end)])
        return x, y

    def loss_of(x, y):
        return F.cross_entropy(model(x), y.flatten(), ignore_index=over, reduction="sum")
    return Program(model, cases, read, loss_of, adam, size=lambda some: max(map(len, some)) * len(some),
                   begin=len(cases) // 2)


def tagging(name):
    def make():
        cases = given("tagged")
        model = networks.with_one_bias(networks.Tagger(given(f"{name}-words"), given(f"{name}-letters")))

        def loss_of(words, labels):
            return F.cross_entropy(model(words), labels, reduction="sum")
        return Program(model, cases, lambda case: (case[0], torch.tensor(case[1])), loss_of, adam,
                       size=lambda case: len(case[0]), begin=len(cases) // 2)
    return make


program("tagger", 1000)(tagging("tagger"))
program("tagger-chars", 500)(tagging("tagger-chars"))


@program("treenn", 20)
def program_treenn():
    trees, model = given("trees"), networks.TreeLSTM(given("tree-words"))

    def loss_of(tree):
        logits, labels = model(tree)
        return F.cross_entropy(logits, torch.tensor(labels).to(DEVICE), reduction="sum")
    return Program(model, trees, lambda tree: (tree,), loss_of, adam, begin=len(trees) // 2)


@program("resnet50", 32)
def program_resnet50():
    """Random pixels, uploaded for each batch; all features are read."""
    model, some = networks.features(), torch.rand(32, 3, 224, 224)
    return Program(model, [0], lambda _: (some,), model, size=lambda _: 32)


def forget():
    gc.collect()
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
