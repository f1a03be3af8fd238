"""Reading, writing, searching, counting and repeating elements by their places."""

import torch
from case import between, booleans, case, distinct, floats, given, integers

BINS = dict(x=given([0.5, 1, 1.5, 4, 2.5, 5]), edges=[0.5, 1, 2.5, 4])


def histogram(x, **options):
    return tuple(torch.histogram(x, **options))


def largest(x):
    """What a draw is when nothing else can be drawn."""
    return torch.argmax(x, -1)


def put(x, value, places):
    y = x.clone()
    y[places] = value
    return y


def scatter_reduce(axis, reduce, include_self=True):
    return lambda x, i, u: torch.scatter_reduce(x, axis, i, u, reduce, include_self=include_self)


ONTO = (floats(2, 4), integers(0, 4, 2, 3), distinct(2, 3))

cases = [
    # As in NumPy, a number counts as a list here, so that its axis comes first.
    case("at", lambda x: x[-1, :, [2, 0]].mT, floats(2, 2, 3), places=[-1, ":", [2, 0]]),
    case("at", lambda x: x[1:, None, ..., ::2], floats(3, 2, 4), places=[{"start": 1}, None, "...", {"step": 2}]),
    case("at", lambda x: x[[0, 2], :, [1, 0]], floats(3, 2, 2), places=[[0, 2], ":", [1, 0]]),
    case("setAt", lambda x, v: put(x, v, (slice(None), [2, 0])), floats(2, 3), floats(2, 2), places=[":", [2, 0]]),
    case("setAt", lambda x, v: put(x, v, (slice(1, None), 0)), floats(3, 2), floats(), places=[{"start": 1}, 0]),
    case("argsort", lambda x: torch.argsort(x, dim=0, stable=True), distinct(4, 2), axis=0, gradient=False),
    case("argmin", lambda x: torch.argmin(x, 1), distinct(2, 4), axis=1, gradient=False),
    case("sort", lambda x: torch.sort(x, dim=0, descending=True), distinct(4, 2), axis=0, descending=True),
    case("oneHot", lambda i: torch.nn.functional.one_hot(i, 4), integers(0, 4, 2, 2), depth=4, dtype="i32"),
    case("topK", lambda x: torch.topk(x, 2, dim=0), distinct(4, 2), k=2, axis=0),
    case("indexAdd", lambda x, i, u: x.index_add(1, i, u), floats(2, 3), integers(0, 3, 4), floats(2, 4), axis=1),
    case("indexCopy", lambda x, i, u: x.index_copy(1, i, u), floats(2, 4), given([3, 0], "i32"), floats(2, 2), axis=1),
    case("indexFill", lambda x, i, v: x.index_fill(1, i, v), floats(2, 4), integers(0, 4, 2), floats(), axis=1),
    case(
        "scatter",
        lambda x, i, u: x.scatter(1, i, u),
        floats(2, 4),
        given([[2, 0, 3], [1, 3, 0]], "i32"),
        floats(2, 3),
        axis=1,
    ),
    case("scatter", scatter_reduce(1, "sum", False), *ONTO, axis=1, reduce="sum", includeSelf=False),
    case("scatter", scatter_reduce(1, "prod"), *ONTO, axis=1, reduce="prod"),
    case("scatter", scatter_reduce(1, "mean"), *ONTO, axis=1, reduce="mean"),
    case("scatter", scatter_reduce(1, "mean", False), *ONTO, axis=1, reduce="mean", includeSelf=False),
    case("scatter", scatter_reduce(1, "amax"), *ONTO, axis=1, reduce="max"),
    case("scatter", scatter_reduce(1, "amin", False), *ONTO, axis=1, reduce="min", includeSelf=False),
    case("maskedScatter", lambda x, m, e: x.masked_scatter(m, e), floats(2, 3), booleans(2, 3), floats(6)),
    case("repeatInterleave", lambda x: x.repeat_interleave(2), floats(2, 2), repeats=2),
    case(
        "repeatInterleave",
        lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), 1),
        floats(2, 3),
        repeats=[2, 0, 1],
        axis=1,
    ),
    case("searchsorted", torch.searchsorted, given([1, 3, 3, 5]), given([[3, 0], [4, 9]]), gradient=False),
    case(
        "searchsorted",
        lambda s, v: torch.searchsorted(s, v, right=True),
        given([[1, 3, 3], [0, 2, 4]]),
        given([[3, 0], [2, 9]]),
        gradient=False,
        side="right",
    ),
    case("bucketize", torch.bucketize, given([[3, 6], [9, 0]]), given([1, 3, 5, 7]), gradient=False),
    case(
        "bucketize",
        lambda x, b: torch.bucketize(x, b, right=True),
        given([3, 6, 9, 0]),
        given([1, 3, 5]),
        gradient=False,
        side="right",
    ),
    case("isin", torch.isin, integers(0, 6, 2, 3), integers(0, 6, 3)),
    case("bincount", lambda x: torch.bincount(x, minlength=6), integers(0, 5, 7), length=6),
    case(
        "bincount",
        lambda x, weights: torch.bincount(x, weights, minlength=4),
        integers(0, 4, 5),
        length=4,
        weights=floats(5),
    ),
    case("histogram", lambda x: histogram(x, bins=3), BINS["x"], gradient=False, bins=3),
    case(
        "histogram",
        lambda x: histogram(x, bins=4, range=(1, 3)),
        BINS["x"],
        gradient=False,
        bins=4,
        range=[1, 3],
    ),
    case(
        "histogram",
        lambda x, bins, weights: histogram(x, bins=bins, weight=weights, density=True),
        BINS["x"],
        gradient=False,
        bins=given(BINS["edges"]),
        weights=between(0, 2, 6),
        density=True,
    ),
    case("categorical", largest, distinct(3, 5), gradient=False, temperature=0),
    case("categorical", largest, distinct(3, 5), gradient=False, topK=1, seed=3),
    case("categorical", largest, distinct(3, 5), gradient=False, topP=1e-6, seed=4),
]
