"""Reductions, scans, orders and statistics."""

import math

import torch
from case import between, case, distinct, floats, given, integers

NAN = math.nan
GAPS = given([[1, NAN, 3, -2], [NAN, NAN, NAN, NAN], [0.5, 4, NAN, 2]])


def without_nan(f, neutral):
    """A reduction of rows of the elements that are numbers; NaN if there are none. PyTorch has none of these."""

    def call(x):
        missing = x.isnan()
        y = f(torch.where(missing, neutral, x), -1)
        return torch.where(missing.all(-1), NAN, y)

    return call


cases = [
    case("any", lambda x: x.any(0), given([[0, 2, 0], [0, 0, 0.5]]), axis=0, gradient=False),
    case("all", lambda x: x.all(1, keepdim=True), integers(0, 4, 3, 2), axis=1, keepDims=True),
    case("countNonzero", lambda x: x.count_nonzero(1), integers(-1, 2, 2, 4), axis=1),
    case("variance", lambda x: x.var(1, unbiased=True), floats(2, 3), axis=1, correction=1),
    case("std", lambda x: x.std((0, 2), unbiased=False), floats(2, 3, 2), axis=[0, 2]),
    case("std", lambda x: x.std(1, unbiased=True, keepdim=True), floats(2, 3), axis=1, correction=1, keepDims=True),
    case("norm", lambda x: torch.linalg.vector_norm(x, 3, 1), floats(2, 3), p=3, axis=1),
    case("norm", lambda x: torch.linalg.vector_norm(x, 0.5), floats(3), p=0.5),
    case("norm", lambda x: torch.linalg.vector_norm(x, 0), given([0, 2, -1, 0]), p=0),
    case("aminmax", lambda x: (x.amin(1, True), x.amax(1, True)), distinct(2, 3), axis=1, keepDims=True),
    case("maxWithIndices", lambda x: x.max(1), distinct(2, 4), axis=1),
    case("minWithIndices", lambda x: x.min(0, keepdim=True), distinct(3, 2), axis=0, keepDims=True),
    case("median", torch.median, distinct(2, 3)),
    case("median", lambda x: x.median(0, keepdim=True)[0], distinct(4, 2), axis=0, keepDims=True),
    case("medianWithIndices", lambda x: x.median(1), distinct(2, 4), axis=1),
    case("nanMedian", lambda x: x.nanmedian(1)[0], given([[1, NAN, 3, -2], [NAN, 5, NAN, 4]]), axis=1),
    case("kthValue", lambda x: x.kthvalue(2, 0), distinct(3, 2), k=2, axis=0),
    case("mode", lambda x: x.mode(1), given([[1, 2, 1, 3], [2, 2, 3, 3], [4, 1, 2, 3]])),
    case("mode", lambda x: x.mode(0, keepdim=True), given([[1, 2], [1, 3], [4, 3]]), axis=0, keepDims=True),
    case("topK", lambda x: x.topk(2, 1, largest=False), distinct(2, 4), k=2, axis=1, largest=False),
    case("quantile", lambda x: x.quantile(torch.tensor([0.25, 0.6]), 1), distinct(2, 4), q=[0.25, 0.6], axis=1),
    case(
        "quantile",
        lambda x: x.quantile(0.4, 0, keepdim=True, interpolation="nearest"),
        distinct(5, 2),
        q=0.4,
        axis=0,
        keepDims=True,
        interpolation="nearest",
    ),
    case(
        "nanQuantile",
        lambda x: x.nanquantile(0.75, 1, interpolation="lower"),
        given([[1, NAN, 3, -2], [NAN, 5, NAN, 4]]),
        q=0.75,
        axis=1,
        interpolation="lower",
    ),
    case("nanSum", lambda x: x.nansum(1), GAPS, axis=1),
    case("nanMean", lambda x: x.nanmean(1), given([[1, NAN, 3, -2], [0.5, 4, NAN, 2]]), axis=1),
    case("nanMax", without_nan(torch.amax, -math.inf), GAPS, axis=1),
    case("nanMin", without_nan(torch.amin, math.inf), GAPS, axis=1),
    case("cumprod", lambda x: x.cumprod(1), given([[2, -1, 0, 3], [0.5, 0, 0, 4]]), axis=1),
    case("cummax", lambda x: x.cummax(1), given([[1, 3, 2, 3], [-1, -2, 0, -3]]), axis=1),
    case("cummin", lambda x: x.cummin(0), given([[1, 3], [2, 1], [1, 0]]), axis=0),
    case("cumsum", lambda x: x.flip(1).cumsum(1).flip(1), floats(2, 3), axis=1, reverse=True),
    case("logCumSumExp", lambda x: x.logcumsumexp(1), floats(2, 4), axis=1),
    case("cov", torch.cov, floats(2, 4)),
    case(
        "cov",
        lambda x, fweights, aweights: torch.cov(x, correction=0, fweights=fweights, aweights=aweights),
        floats(2, 4),
        correction=0,
        fweights=given([1, 2, 0, 1], "i32"),
        aweights=between(0, 2, 4),
    ),
    case("corrcoef", torch.corrcoef, floats(2, 4)),
    case("difference", lambda x: x.diff(n=2, dim=1), floats(2, 4), n=2, axis=1),
    case("difference", lambda x, prepend: x.diff(dim=0, prepend=prepend), floats(3, 2), axis=0, prepend=floats(1, 2)),
    case("difference", lambda x, append: x.diff(append=append), floats(2, 3), append=floats(2, 2)),
    case("trapezoid", lambda y: torch.trapezoid(y, dx=0.5, dim=0), floats(4, 2), dx=0.5, axis=0),
    case("trapezoid", lambda y, x: torch.trapezoid(y, x), floats(2, 4), x=given([0, 0.5, 2, 3])),
    case("cumulativeTrapezoid", lambda y: torch.cumulative_trapezoid(y, dx=0.5), floats(2, 4), dx=0.5),
    case(
        "cumulativeTrapezoid",
        lambda y, x: torch.cumulative_trapezoid(y, x, dim=0),
        floats(3, 2),
        x=given([[0, 1], [0.5, 3], [2, 2]]),
        axis=0,
    ),
]
