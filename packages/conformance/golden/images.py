"""Convolution, pooling, and images of other sizes and at other places."""

import torch
import torch.nn.functional as F
from case import between, case, distinct, floats, given


def same(x, w):
    """A convolution with stride 2 of 4 elements to 2; of one zero the last is after x."""
    return F.conv1d(F.pad(x, (0, 1)), w, stride=2)


# Places inside and outside, none of them on a kink.
GRID = given([[[[-0.3125, 0.1875], [0.5625, -1.3125]], [[1.6875, 0.4375], [-0.8125, -0.6875]]]])

cases = [
    case("conv", same, floats(1, 1, 4), floats(2, 1, 3), stride=2, padding="same"),
    case("maxPool", lambda x: F.max_pool1d(x, 2, 2, ceil_mode=True), distinct(1, 2, 5), window=2, ceilMode=True),
    case(
        "maxPool",
        lambda x: F.max_pool2d(x, (2, 1), 1, (1, 0), dilation=2),
        distinct(1, 1, 3, 3),
        window=[2, 1],
        stride=1,
        padding=[1, 0],
        dilation=2,
    ),
    case(
        "maxPoolWithIndices",
        lambda x: F.max_pool2d(x, 2, (1, 2), return_indices=True),
        distinct(1, 2, 3, 4),
        window=2,
        stride=[1, 2],
    ),
    case(
        "maxUnpool",
        lambda x, i: F.max_unpool1d(x, i, 2, 2, output_size=[5]),
        floats(1, 1, 2),
        given([[[1, 3]]], "i32"),
        window=2,
        size=5,
    ),
    case(
        "avgPool",
        lambda x: F.avg_pool1d(x, 3, 2, 1, ceil_mode=True),
        floats(1, 1, 6),
        window=3,
        stride=2,
        padding=1,
        ceilMode=True,
    ),
    case("avgPool", lambda x: F.avg_pool2d(x, 2, divisor_override=3), floats(1, 1, 2, 4), window=2, divisor=3),
    case("lpPool", lambda x: F.lp_pool1d(x, 3, 2, 1), between(0, 2, 1, 1, 4), p=3, window=2, stride=1),
    case("globalAvgPool", lambda x: x.mean((2, 3), keepdim=True), floats(2, 1, 2, 3)),
    case("globalMaxPool", lambda x: x.amax((2, 3), True), distinct(2, 1, 2, 3)),
    case("adaptiveAvgPool", lambda x: F.adaptive_avg_pool2d(x, (2, None)), floats(1, 1, 3, 2), size=[2, None]),
    case("adaptiveMaxPool", lambda x: F.adaptive_max_pool1d(x, 3), distinct(1, 2, 5), size=3),
    case(
        "adaptiveMaxPoolWithIndices",
        lambda x: F.adaptive_max_pool1d(x, 2, return_indices=True),
        distinct(1, 2, 5),
        size=2,
    ),
    case("interpolate", lambda x: F.interpolate(x, scale_factor=1.5), floats(1, 1, 2, 4), scaleFactor=1.5),
    case(
        "interpolate",
        lambda x: F.interpolate(x, 3, mode="nearest-exact"),
        floats(1, 1, 4),
        size=3,
        mode="nearest-exact",
    ),
    case("interpolate", lambda x: F.interpolate(x, 4, mode="linear"), floats(1, 2, 3), size=4, mode="linear"),
    case(
        "interpolate",
        lambda x: F.interpolate(x, (3, 5), mode="bicubic", align_corners=True),
        floats(1, 1, 3, 4),
        size=[3, 5],
        mode="bicubic",
        alignCorners=True,
    ),
    case("interpolate", lambda x: F.interpolate(x, 3, mode="area"), floats(1, 1, 5), size=3, mode="area"),
    case("gridSample", lambda x, g: F.grid_sample(x, g, align_corners=False), floats(1, 2, 3, 3), GRID),
    case(
        "gridSample",
        lambda x, g: F.grid_sample(x, g, "bicubic", "reflection", align_corners=True),
        floats(1, 1, 3, 3),
        GRID,
        mode="bicubic",
        paddingMode="reflection",
        alignCorners=True,
    ),
    case(
        "gridSample",
        lambda x, g: F.grid_sample(x, g, "nearest", "border", align_corners=False),
        floats(1, 1, 3, 3),
        GRID,
        mode="nearest",
        paddingMode="border",
    ),
    case("affineGrid", lambda m: F.affine_grid(m, (1, 1, 2, 3), False), floats(1, 2, 3), size=[1, 1, 2, 3]),
    case(
        "affineGrid",
        lambda m: F.affine_grid(m, (1, 1, 1, 2, 2), align_corners=True),
        floats(1, 3, 4),
        size=[1, 1, 1, 2, 2],
        alignCorners=True,
    ),
    case("pixelShuffle", lambda x: F.pixel_shuffle(x, 2), floats(1, 4, 1, 2), factor=2),
    case("pixelUnshuffle", lambda x: F.pixel_unshuffle(x, 2), floats(1, 1, 2, 4), factor=2),
    case("channelShuffle", lambda x: x.unflatten(1, (2, 3)).mT.flatten(1, 2), floats(1, 6), groups=2),
]
