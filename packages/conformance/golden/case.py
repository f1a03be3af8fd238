"""A golden case: a function of Weft, what PyTorch computes for it, its inputs and attributes in Weft's names."""

import zlib
from typing import NamedTuple

import torch

torch.set_default_dtype(torch.float64)
DTYPES = {"f32": torch.float64, "i32": torch.int64, "bool": torch.bool}


class Input(NamedTuple):
    """A tensor with given numbers, or with `draw`, which gets a generator."""

    shape: tuple
    dtype: str
    draw: object

    def tensor(self, name):
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        return self.draw(generator).reshape(self.shape).to(DTYPES[self.dtype]).clone()


# All numbers that are drawn have few binary digits, so that they are the same in f32.


def integers(low, high, *shape):
    return Input(shape, "i32", lambda g: torch.randint(low, high, shape, generator=g))


def booleans(*shape):
    return Input(shape, "bool", lambda g: torch.randint(0, 2, shape, generator=g))


def between(low, high, *shape):
    """Numbers between two bounds, never equal to one: multiples of 1/64 of the distance."""
    return Input(shape, "f32", lambda g: low + (high - low) / 64 * torch.randint(1, 64, shape, generator=g))


def floats(*shape):
    """Multiples of 1/16 between -2 and 2, but not 0."""

    def draw(g):
        size = torch.randint(1, 33, shape, generator=g) / 16
        return torch.where(torch.randint(0, 2, shape, generator=g) == 0, -size, size)

    return Input(shape, "f32", draw)


def distinct(*shape):
    """Odd multiples of 1/16 around 0 in random order, all different."""
    size = torch.Size(shape).numel()
    return Input(shape, "f32", lambda g: (torch.randperm(size, generator=g) - size // 2) / 8 + 1 / 16)


def given(numbers, dtype="f32"):
    tensor = torch.tensor(numbers, dtype=DTYPES[dtype])
    return Input(tuple(tensor.shape), dtype, lambda _: tensor)


class Case(NamedTuple):
    op: str
    call: object
    inputs: tuple
    attrs: dict
    gradient: bool


def case(op, call, *inputs, gradient=True, **attrs):
    """`call` gets the tensors, and those among the attributes by name. No gradient where PyTorch has none."""
    return Case(op, call, inputs, attrs, gradient)
