"""Elementwise functions and comparisons, rounding, bits, angles, special functions."""

import math

import torch
from case import between, booleans, case, floats, given, integers

NAN, INF = math.nan, math.inf
STRANGE = given([NAN, INF, -INF, -0.0, 0.5, -3])


def cosc(x):
    return torch.cos(math.pi * x) / x - torch.sin(math.pi * x) / (math.pi * x**2)


def tand(x):
    return torch.sin(torch.deg2rad(x)) / torch.cos(torch.deg2rad(x))


cases = [
    case("notEqual", torch.ne, integers(0, 3, 2, 3), integers(0, 3, 3)),
    case("greater", torch.gt, integers(0, 3, 2, 3), integers(0, 3, 3)),
    case("lessEqual", torch.le, floats(2, 3), given([NAN, 0.5, INF])),
    case("not", torch.logical_not, given([0, 2, NAN, -0.0])),
    case("and", torch.logical_and, booleans(2, 3), booleans(3)),
    case("or", torch.logical_or, booleans(2, 3), booleans(3)),
    case("xor", torch.logical_xor, given([0, 2, 0, NAN]), given([0, 1, -1, 1])),
    case("isNaN", torch.isnan, STRANGE, gradient=False),
    case("isFinite", torch.isfinite, STRANGE, gradient=False),
    case("isInf", torch.isinf, STRANGE, gradient=False),
    case("signbit", torch.signbit, STRANGE, gradient=False),
    case(
        "isClose",
        lambda a, b: torch.isclose(a, b, rtol=0.25, atol=0.5, equal_nan=True),
        given([1, 2, NAN, INF, -4]),
        given([1.625, 3.5, NAN, INF, -6]),
        gradient=False,
        rtol=0.25,
        atol=0.5,
        equalNaN=True,
    ),
    case(
        "isClose",
        torch.isclose,
        given([1, 1, NAN, INF, 1]),
        given([1.000001, 1.001, NAN, -INF, INF]),
        gradient=False,
    ),
    case("nanToNum", lambda x: torch.nan_to_num(x, 0.0, 9, -9), STRANGE, posInf=9, negInf=-9),
    case("nanToNum", lambda x: torch.nan_to_num(x, 7, 8, 9), STRANGE, nan=7, posInf=8, negInf=9),
    case("cast", lambda x: x.to(torch.int32), given([-1.5, 2.75, 0]), dtype="i32", gradient=False),
    case("cast", lambda x: x.to(torch.bool), STRANGE, dtype="bool", gradient=False),
    case("mod", torch.remainder, floats(2, 3), given([[0.75], [-0.75]])),
    case("mod", torch.remainder, given([-7, 7, -6], "i32"), given([3, -3, 3], "i32")),
    case("fmod", torch.fmod, floats(2, 3), given([[0.75], [-0.75]])),
    case("fmod", torch.fmod, given([-7, 7, -6], "i32"), given([3, -3, 4], "i32")),
    case(
        "floorDivide",
        lambda a, b: torch.div(a, b, rounding_mode="floor"),
        floats(2, 3),
        given([[0.75], [-0.75]]),
        gradient=False,
    ),
    case(
        "floorDivide",
        lambda a, b: torch.div(a, b, rounding_mode="floor"),
        given([-7, 7, -6], "i32"),
        given([3, -3, 4], "i32"),
    ),
    case("fmax", torch.fmax, given([1, NAN, 3, NAN, 2]), given([2, 5, NAN, NAN, 2])),
    case("fmin", torch.fmin, given([1, NAN, 3, NAN, 2]), given([2, 5, NAN, NAN, 2])),
    case("trunc", torch.trunc, floats(2, 4)),
    case("frac", torch.frac, floats(2, 4)),
    case("round", lambda x: torch.round(x, decimals=1), between(-4, 4, 2, 4), decimals=1),
    case("round", lambda x: torch.round(x, decimals=-1), given([14, 15.5, -26, 25]), decimals=-1),
    case("round", torch.round, given([0.5, 1.5, 2.5, -0.5, -1.5, 0.75])),
    case("heaviside", torch.heaviside, given([-1, 0, 2, NAN]), given([5, 6, 7, 8]), gradient=False),
    case("copySign", torch.copysign, floats(2, 3), given([1, -0.0, -2])),
    case("lerp", torch.lerp, floats(2, 3), floats(3), between(-1, 2, 2, 1)),
    case("bitAnd", torch.bitwise_and, integers(-99, 99, 2, 3), integers(-99, 99, 3)),
    case("bitOr", torch.bitwise_or, integers(-99, 99, 2, 3), integers(-99, 99, 3)),
    case("bitXor", torch.bitwise_xor, integers(-99, 99, 2, 3), integers(-99, 99, 3)),
    case("bitNot", torch.bitwise_not, integers(-99, 99, 4)),
    case("bitNot", torch.bitwise_not, booleans(4)),
    case("shiftLeft", torch.bitwise_left_shift, integers(-99, 99, 2, 3), integers(0, 8, 3)),
    case("shiftRight", torch.bitwise_right_shift, integers(-999, 999, 2, 3), integers(0, 8, 3)),
    case("deg2rad", torch.deg2rad, between(-360, 360, 4)),
    case("rad2deg", torch.rad2deg, floats(4)),
    case("sind", lambda x: torch.sin(torch.deg2rad(x)), between(-512, 512, 6)),
    case("cosd", lambda x: torch.cos(torch.deg2rad(x)), between(-512, 512, 6)),
    case("tand", tand, between(-80, 80, 6)),
    case("asind", lambda x: torch.rad2deg(torch.asin(x)), between(-1, 1, 4)),
    case("acosd", lambda x: torch.rad2deg(torch.acos(x)), between(-1, 1, 4)),
    case("atand", lambda x: torch.rad2deg(torch.atan(x)), floats(4)),
    case("sinpi", lambda x: torch.sin(math.pi * x), between(-4, 4, 6)),
    case("cospi", lambda x: torch.cos(math.pi * x), between(-4, 4, 6)),
    case("sinc", torch.sinc, given([0, 0.25, -0.75, 1, 2.5])),
    case("cosc", cosc, given([0.125, 0.25, -0.75, 1, 2.5])),
    case("log2", torch.log2, between(0, 8, 6)),
    case("log10", torch.log10, between(0, 8, 6)),
    case("exp2", torch.exp2, floats(6)),
    case("exp10", lambda x: 10**x, floats(6)),
    case("cbrt", lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3), between(-8, 8, 6)),
    case("ldexp", torch.ldexp, floats(2, 3), integers(-3, 4, 3)),
    case("frexp", torch.frexp, given([0.375, -6, 1, 0]), gradient=False),
    case("xlogy", torch.xlogy, given([0, 0, 1.5, -2]), given([2, NAN, 0.25, 3])),
    case("logAddExp", torch.logaddexp, given([1, -INF, 100, 2]), given([2, 0.5, 1, 2])),
    case("logit", torch.logit, between(0, 1, 6)),
    case("logit", lambda x: torch.logit(x, 0.25), given([0.125, 0.5, 0.625, 0.9375]), eps=0.25),
    case("acosh", torch.acosh, between(1, 9, 6)),
    case("hypot", torch.hypot, floats(2, 3), floats(3)),
    case("erfc", torch.erfc, between(-4, 4, 6)),
    case("erfcx", torch.special.erfcx, between(-2, 4, 6)),
    case("erfinv", torch.erfinv, between(-1, 1, 6)),
    case("lgamma", torch.lgamma, given([0.25, 1.5, 3, 7.25, -0.75, -2.5])),
    case("digamma", torch.digamma, given([0.25, 1.5, 3, 7.25, -0.75, -2.5])),
    case("polygamma", lambda x: torch.polygamma(1, x), between(0, 8, 6), n=1),
    case("polygamma", lambda x: torch.polygamma(3, x), between(0, 8, 6), n=3),
    case("square", torch.square, floats(4)),
    case("clamp", lambda x, min, max: torch.clamp(x, min, max), floats(2, 3), min=floats(3), max=floats(2, 1)),
]
