// Samples of the activations that are composed of other functions: over both sides of their thresholds, on the
// thresholds, and at special values.
import * as weft from "@weft/tensor";
import { distinct, extremes, floats, integers, sample, values, type Collection, type Sample } from "../sample.ts";

type Names =
  | ("hardTanh" | "relu6" | "prelu" | "threshold" | "softShrink" | "hardShrink")
  | ("celu" | "logSigmoid" | "mish" | "softsign" | "tanhShrink" | "glu" | "softmin");
type Unary = (x: weft.Tensor) => weft.Tensor;

const noGradient = { differentiable: [] };
const kink = { order: 0 } as const;

const smooth = (f: Unary): Sample[] => [
  sample("f32[3, 7]", [floats(3, 7)], (x) => f(x)),
  sample("special values", [extremes], (x) => f(x), noGradient),
];
/** On the thresholds the derivatives are those of the side that PyTorch chooses. */
const piecewise = (f: Unary, thresholds: readonly number[]): Sample[] => [
  sample("f32[5, 9]", [distinct(5, 9)], (x) => f(x)),
  sample("on the thresholds", [values(thresholds)], (x) => f(x), kink),
  sample("special values", [extremes], (x) => f(x), noGradient),
];
const ofIntegers = (f: Unary): Sample => sample("i32[9]", [integers(-4, 9, 9)], (x) => f(x));

export const activations: Collection<Names> = {
  family: "elementwise",
  samples: {
    hardTanh: [
      ...piecewise(weft.hardTanh, [-1, 1]),
      ofIntegers(weft.hardTanh),
      sample("limits", [distinct(9)], (x) => weft.hardTanh(x, { min: -0.25, max: Infinity })),
    ],
    relu6: [...piecewise(weft.relu6, [0, -0, 6]), ofIntegers(weft.relu6)],
    prelu: [
      sample("one weight", [floats(3, 5), values([0.25])], weft.prelu),
      sample("a weight per channel", [floats(2, 3, 4), floats(3)], weft.prelu),
      sample("a number", [floats(5)], (x) => weft.prelu(x, 0.1)),
      sample("a scalar", [floats(), floats()], weft.prelu),
      sample("nothing", [floats(0, 3), floats(3)], weft.prelu),
      sample("at 0", [values([0, -0, 2]), values([0.5])], weft.prelu, kink),
    ],
    threshold: [
      ...piecewise((x) => weft.threshold(x, { threshold: 0.5, value: -3 }), [0.5, 0.75]),
      ofIntegers((x) => weft.threshold(x, { threshold: 1.5 })),
    ],
    softShrink: piecewise(weft.softShrink, [0.5, -0.5, 0]),
    hardShrink: piecewise((x) => weft.hardShrink(x, { lambda: 0.75 }), [0.75, -0.75, 0]),
    celu: [
      ...smooth((x) => weft.celu(x, { alpha: 0.5 })),
      // Its second derivative jumps at 0.
      sample("at 0", [values([0, -0])], (x) => weft.celu(x), kink),
    ],
    logSigmoid: smooth(weft.logSigmoid),
    mish: smooth(weft.mish),
    softsign: smooth(weft.softsign),
    tanhShrink: smooth(weft.tanhShrink),
    glu: [
      sample("the last axis", [floats(3, 4)], (x) => weft.glu(x)),
      sample("another axis", [floats(2, 4, 3)], (x) => weft.glu(x, { axis: -2 })),
      sample("nothing", [floats(3, 0)], (x) => weft.glu(x)),
    ],
    softmin: [
      sample("the last axis", [floats(3, 4)], (x) => weft.softmin(x)),
      sample("another axis", [floats(3, 4)], (x) => weft.softmin(x, { axis: 0 })),
    ],
  },
};
