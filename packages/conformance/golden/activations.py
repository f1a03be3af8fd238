"""Activation functions: those that PyTorch has, with their options."""

import torch
import torch.nn.functional as F
from case import between, case, floats, given

EDGES = given([-3.5, -3, -1, -0.5, 0, 0.5, 1, 3, 6, 7])

cases = [
    # The gradient of hardsigmoid has 1/6 in float32.
    case("hardSigmoid", lambda x: F.relu6(x + 3) / 6, EDGES),
    case("hardSwish", F.hardswish, between(-4, 4, 6)),
    case("hardTanh", F.hardtanh, EDGES),
    case("hardTanh", lambda x: F.hardtanh(x, -0.25, 2), EDGES, min=-0.25, max=2),
    case("relu6", F.relu6, EDGES),
    case("prelu", F.prelu, floats(2, 3, 2), floats(3)),
    case("prelu", F.prelu, floats(2, 3), floats(1)),
    case("threshold", lambda x: F.threshold(x, 0.5, 9), EDGES, threshold=0.5, value=9),
    case("softShrink", F.softshrink, EDGES),
    case("softShrink", lambda x: F.softshrink(x, 1), EDGES, **{"lambda": 1}),
    case("hardShrink", F.hardshrink, EDGES),
    case("hardShrink", lambda x: F.hardshrink(x, 1), EDGES, **{"lambda": 1}),
    case("leakyRelu", lambda x: F.leaky_relu(x, 0.25), EDGES, negativeSlope=0.25),
    case("elu", lambda x: F.elu(x, 1.5), EDGES, alpha=1.5),
    case("celu", F.celu, EDGES),
    case("celu", lambda x: F.celu(x, 2), EDGES, alpha=2),
    case("gelu", lambda x: F.gelu(x, approximate="tanh"), EDGES, approximate="tanh"),
    case("softplus", lambda x: F.softplus(x, 2, 5), EDGES, beta=2, threshold=5),
    case("logSigmoid", F.logsigmoid, EDGES),
    case("mish", F.mish, EDGES),
    case("softsign", F.softsign, EDGES),
    case("tanhShrink", F.tanhshrink, EDGES),
    case("glu", F.glu, floats(3, 4)),
    case("glu", lambda x: F.glu(x, 0), floats(4, 2), axis=0),
    case("softmin", lambda x: F.softmin(x, -1), floats(2, 4)),
    case("softmin", lambda x: F.softmin(x, 0), floats(3, 2), axis=0),
]
