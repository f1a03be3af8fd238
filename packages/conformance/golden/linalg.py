"""Products."""

import torch
from case import case, floats

cases = [
    case("dot", torch.dot, floats(4), floats(4)),
    case("outer", torch.outer, floats(2), floats(3)),
    case(
        "einsum",
        lambda a, b: torch.einsum("bij,bkj->bik", a, b),
        floats(2, 1, 3),
        floats(2, 2, 3),
        equation="bij,bkj->bik",
    ),
]
