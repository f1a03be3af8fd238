"""Functions of @weft/nn: losses, normalization, Knet's set."""

import torch
import torch.nn.functional as F
from case import case, distinct, floats, given, integers


def flipped(w):
    return w.flip(tuple(range(2, w.dim())))


def rms_norm(x, weight, eps=1e-5):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def logistic(scores, labels):
    return F.softplus(-scores * labels).mean()


def bag(mode, **options):
    return lambda i, w, offsets=None, weights=None: F.embedding_bag(
        i, w, offsets, mode=mode, per_sample_weights=weights, **options
    )


cases = [
    case("mae", F.l1_loss, floats(2, 3), floats(2, 3)),
    case("mae", lambda x, y: F.l1_loss(x, y, reduction="sum"), floats(2, 3), floats(2, 3), reduction="sum"),
    case("nll", F.nll_loss, floats(3, 4), integers(0, 4, 3)),
    case(
        "nll",
        lambda x, l: F.nll_loss(x, l, ignore_index=1, reduction="none"),
        floats(2, 3, 2),
        integers(0, 3, 2, 2),
        ignoreIndex=1,
        reduction="none",
    ),
    case(
        "accuracy",
        lambda x, l: (x.argmax(1) == l).to(x.dtype).mean(),
        floats(6, 3),
        integers(0, 3, 6),
        gradient=False,
    ),
    case("rmsNorm", rms_norm, floats(2, 4), floats(4)),
    case("rmsNorm", lambda x, w: rms_norm(x, w, 0.5), floats(2, 4), floats(4), eps=0.5),
    case("conv4", lambda w, x: F.conv2d(x, flipped(w)), floats(2, 1, 2, 2), floats(1, 1, 3, 3)),
    case(
        "conv4",
        lambda w, x: 2 * F.conv1d(x, w, stride=2, padding=1, dilation=2, groups=2),
        floats(2, 1, 2),
        floats(1, 2, 5),
        mode=1,
        alpha=2,
        stride=2,
        padding=1,
        dilation=2,
        group=2,
    ),
    case(
        "deconv4",
        lambda w, x: F.conv_transpose2d(x, flipped(w), stride=2, padding=1),
        floats(2, 1, 3, 3),
        floats(1, 2, 2, 2),
        stride=2,
        padding=1,
    ),
    case("pool", lambda x: F.max_pool2d(x, 2), floats(1, 1, 4, 4)),
    case(
        "pool",
        lambda x: 3 * F.avg_pool1d(x, 3, 2, 1, count_include_pad=False),
        floats(1, 2, 5),
        window=3,
        stride=2,
        padding=1,
        mode=2,
        alpha=3,
    ),
    case("unpool", lambda x: F.interpolate(x, scale_factor=2), floats(1, 1, 2, 2)),
    case("mat", lambda x: x.reshape(2, 6), floats(2, 3, 2)),
    case("mat", lambda x: x.reshape(6, 2), floats(2, 3, 2), dims=1),
    case("bmm", lambda a, b: a.mT @ b.mT, floats(2, 3, 1), floats(2, 2, 3), transA=True, transB=True),
    case("logp", lambda x: F.log_softmax(x.reshape(-1), 0).reshape(x.shape), floats(2, 3)),
    case("logp", lambda x: F.log_softmax(x, 0), floats(2, 3), axis=0),
    case("sigm", torch.sigmoid, floats(4)),
    case("logistic", logistic, floats(2, 3), given([[1, -1, 1], [-1, -1, 1]])),
    case("embeddingBag", bag("mean"), integers(0, 4, 2, 3), floats(4, 2)),
    case(
        "embeddingBag",
        bag("sum", include_last_offset=True, padding_idx=1),
        integers(0, 4, 6),
        floats(4, 2),
        offsets=given([0, 2, 2, 6], "i32"),
        weights=floats(6),
        mode="sum",
        includeLastOffset=True,
        paddingIndex=1,
    ),
    case("embeddingBag", bag("max"), integers(0, 4, 5), distinct(4, 2), offsets=given([0, 3], "i32"), mode="max"),
]
