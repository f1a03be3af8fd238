"""Reductions and statistics."""

import torch
from case import between, booleans, case, distinct, floats, given, integers

cases = [
    case("any", lambda x: x.any(0), given([[0, 2, 0], [0, 0, 0.5]]), axis=0, gradient=False),
    case("all", lambda x: x.all(1, keepdim=True), integers(0, 4, 3, 2), axis=1, keepDims=True),
    case("std", lambda x: x.std((0, 2), unbiased=False), floats(2, 3, 2), axis=[0, 2]),
    case("std", lambda x: x.std(1, unbiased=True, keepdim=True), floats(2, 3), axis=1, correction=1, keepDims=True),
]
