"""What is trained in the rows of both tables (src/rows/tasks.ts): by the names of rows a network, what makes its inputs on
a device, its loss, and the rule of its updates."""
import torch
import torch.nn.functional as F
import networks


def regression(device):
    return torch.randn(506, 13, device=device), torch.randn(506, 1, device=device)


def pictures(batch, *shape):
    return lambda device: (torch.randn(batch, *shape, device=device), torch.randint(0, 10, (batch,), device=device))


def tokens(high, shape, classes, cases):
    return lambda device: (torch.randint(0, high, shape, device=device), torch.randint(0, classes, cases, device=device))


def logits(model, x, y):
    return F.cross_entropy(model(x), y)


def errors(model, x, y):
    return F.mse_loss(model(x), y)


def after_each(model, x, y):
    """Of a language model, which returns its state, too."""
    return F.cross_entropy(model(x)[0], y)


def at_all_places(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def after_the_last(model, x, y):
    return F.cross_entropy(model(x.t()), y)


characters = tokens(80, (100, 128), 80, (12800,))
TASKS = {
    "linreg-sgd": (networks.linreg, regression, errors, "sgd"),
    "softmax-sgd": (networks.softmax, pictures(100, 1, 28, 28), logits, "sgd"),
    "mlp-sgd": (networks.mlp, pictures(100, 1, 28, 28), logits, "sgd"),
    "mlp-adam": (networks.mlp, pictures(100, 1, 28, 28), logits, "adam"),
    "lenet-sgd": (networks.lenet, pictures(100, 1, 28, 28), logits, "sgd"),
    "lenet-adam": (networks.lenet, pictures(100, 1, 28, 28), logits, "adam"),
    "charlm-adam": (networks.CharLM, characters, after_each, "adam"),
    "charlm-adam-cell": (networks.CharLMOfCells, characters, logits, "adam"),
    "gru-adam": (networks.Reviews, tokens(30000, (64, 150), 2, (64,)), after_the_last, "adam"),
    "gpt-adamw": (networks.GPT, tokens(65, (2, 256), 65, (2, 256)), at_all_places, "adamw"),
    "vgg-momentum": (networks.vgg, pictures(64, 3, 32, 32), logits, "momentum"),
}
