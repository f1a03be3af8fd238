"""Functions of @weft/nn: losses, normalization, positions, Knet's set."""

import torch
import torch.nn.functional as F
from case import between, case, distinct, floats, given, integers


def flipped(w):
    return w.flip(tuple(range(2, w.dim())))


def rms_norm(x, weight, eps=1e-5):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def logistic(scores, labels):
    return F.softplus(-scores * labels).mean()


def focal(x, target, alpha=None, gamma=2.0):
    p = torch.sigmoid(x)
    wrong = p * (1 - target) + (1 - p) * target
    losses = wrong**gamma * F.binary_cross_entropy_with_logits(x, target, reduction="none")
    return losses if alpha is None else losses * (alpha * target + (1 - alpha) * (1 - target))


def turns(positions, features, base):
    """The angle of each position, a power of i per pair of features, as a complex number."""
    waves = base ** (-torch.arange(0, features, 2) / features)
    return torch.polar(torch.ones(()), positions[..., None] * waves)


def rotary(x, positions=None, base=10000.0, interleaved=False):
    positions = torch.arange(x.shape[-2]) if positions is None else positions
    turn = turns(positions, x.shape[-1], base)
    if interleaved:
        return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turn).flatten(-2)
    y = torch.complex(*x.chunk(2, -1)) * turn
    return torch.cat((y.real, y.imag), -1)


def sinusoidal(positions, features, base=10000.0):
    turn = turns(positions, features, base)
    return torch.stack((turn.imag, turn.real), -1).flatten(-2)


def bag(mode, **options):
    return lambda i, w, offsets=None, weights=None: F.embedding_bag(
        i, w, offsets, mode=mode, per_sample_weights=weights, **options
    )


def weighted(loss, **options):
    """The mean over all elements, as binary_cross_entropy has it."""
    return lambda x, y, weight: (loss(x, y, reduction="none", **options) * weight).mean()


cases = [
    case("mae", F.l1_loss, floats(2, 3), floats(2, 3)),
    case("mae", lambda x, y: F.l1_loss(x, y, reduction="sum"), floats(2, 3), floats(2, 3), reduction="sum"),
    case("mse", weighted(F.mse_loss), floats(2, 3), floats(2, 3), weight=floats(3)),
    case("mae", weighted(F.l1_loss), floats(2, 3), floats(2, 3), weight=floats(2, 1)),
    case("huber", weighted(F.huber_loss, delta=0.5), floats(2, 3), floats(2, 3), weight=floats(2, 3), delta=0.5),
    case("smoothL1", weighted(F.smooth_l1_loss, beta=0.5), floats(2, 3), floats(2, 3), weight=floats(), beta=0.5),
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
    case("focal", lambda x, y: focal(x, y).mean(), floats(2, 3), between(0, 1, 2, 3)),
    case(
        "focal",
        lambda x, y: focal(x, y, 0.25, 1.5),
        floats(2, 3),
        given([[1, 0, 0], [1, 1, 0]]),
        alpha=0.25,
        gamma=1.5,
        reduction="none",
    ),
    case("rotary", rotary, floats(3, 2)),
    case("rotary", lambda x: rotary(x, torch.arange(1) + 1000), floats(1, 4), offset=1000),
    case("rotary", lambda x: rotary(x, torch.arange(2) + 5, 16.0), floats(2, 2, 4), base=16, offset=5),
    case(
        "rotary",
        lambda x, positions: rotary(x, positions, 16.0, True),
        floats(2, 4),
        positions=given([3, 1], "i32"),
        base=16,
        interleaved=True,
    ),
    case("sinusoidal", lambda x: sinusoidal(x, 4, 16.0), integers(0, 9, 3), features=4, base=16),
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
    case(
        "deconv4",
        lambda w, x: 0.5 * F.conv_transpose1d(x, w, groups=2, dilation=2),
        floats(2, 2, 2),
        floats(1, 2, 3),
        mode=1,
        alpha=0.5,
        group=2,
        dilation=2,
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
    case(
        "unpool",
        lambda x: 0.5 * F.conv_transpose1d(x, torch.ones(1, 1, 3), stride=2, padding=1),
        floats(1, 1, 3),
        window=3,
        stride=2,
        padding=1,
        mode=2,
        alpha=2,
    ),
    case("mat", lambda x: x.reshape(2, 6), floats(2, 3, 2)),
    case("mat", lambda x: x.reshape(6, 2), floats(2, 3, 2), dims=1),
    case("bmm", lambda a, b: a.mT @ b.mT, floats(2, 3, 1), floats(2, 2, 3), transA=True, transB=True),
    case("logp", lambda x: F.log_softmax(x.reshape(-1), 0).reshape(x.shape), floats(2, 3)),
    case("logp", lambda x: F.log_softmax(x, 0), floats(2, 3), axis=0),
    case("sigm", torch.sigmoid, floats(4)),
    case("layerNorm", lambda x, *wb: F.layer_norm(x, (3, 2), *wb), floats(2, 3, 2), floats(3, 2), floats(3, 2), axes=2),
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
