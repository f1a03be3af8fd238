"""The optimizers of all tables, fused where this PyTorch has that."""
import inspect

import torch


def fused(kind, parameters, capturable, options):
    """Fused if this PyTorch has that for these parameters: 2.11 has it for all of these, on the CPU, too, 1.13 only for
    Adam on CUDA. A step in a graph must be `capturable`, which gradient descent always is."""
    parameters = list(parameters)
    if capturable and "capturable" in inspect.signature(kind).parameters:
        options = {**options, "capturable": True}
    if "fused" in inspect.signature(kind).parameters:
        try:
            return kind(parameters, fused=True, **options)
        except RuntimeError:  # not for this device
            pass
    return kind(parameters, **options)


def adam(parameters, capturable=False, **options):
    return fused(torch.optim.Adam, parameters, capturable, options)


def adamw(parameters, capturable=False, **options):
    return fused(torch.optim.AdamW, parameters, capturable, options)


def descent(parameters, capturable=False, **options):
    return fused(torch.optim.SGD, parameters, capturable, options)


def rules(capturable=False):
    """Those of the rows, by the ends of their names."""
    return {
        "sgd": lambda parameters: descent(parameters, capturable, lr=0.01),
        "momentum": lambda parameters: descent(parameters, capturable, lr=0.01, momentum=0.9),
        "adam": lambda parameters: adam(parameters, capturable, lr=0.001),
        "adamw": lambda parameters: adamw(parameters, capturable, lr=0.001),
    }
