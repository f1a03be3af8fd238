// EfficientNet: inverted residuals with squeeze and excitation and stochastic depth (Tan and Le 2019).
import { flatten, globalAvgPool, sigmoid, silu, type Operand, type Tensor } from "@weft/tensor";
import { Chain, type Link } from "../chain.ts";
import { constant, uniform } from "../initializers.ts";
import { layer } from "../layer.ts";
import { inMode, type ModeOptions } from "../mode.ts";
import { Linear } from "../linear.ts";
import { Dropout } from "../dropout.ts";
import { convBlock, invertedResidual, normalized, squeezeExcitation } from "./convolution-block.ts";
import { classesOf, type ModelOptions } from "./model-options.ts";

/** See the function `efficientnet_b0`. */
export interface EfficientNet {
  /** With `training`, its layers are in that mode, whatever the default is here. */
  (x: Operand, options?: ModeOptions): Tensor;
  features: Link;
  avgpool: Link;
  /** Any other layer or function can be assigned. It has these links until then. */
  get classifier(): Chain<readonly [Link, Linear]>;
  set classifier(head: Link);
}

/** Stages: by how much blocks widen their input, kernel, stride of the first, channels that they end in, blocks. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;
const blocks = 16;

/** How often the last block is left out of training; those before it less often, in proportion. */
const DEPTH_DROP = 0.2;

function block(inputs: number, outputs: number, widening: number, kernel: number, stride: number, drop: number): Link {
  const middle = inputs * widening;
  const links = [
    ...(widening === 1 ? [] : [convBlock(inputs, middle, silu, { kernel: 1 })]),
    convBlock(middle, middle, silu, { kernel, stride, groups: middle }),
    squeezeExcitation(middle, Math.max(1, Math.floor(inputs / 4)), silu, sigmoid),
    Chain(...normalized(middle, outputs, { kernel: 1 })) as Link,
  ];
  return invertedResidual("block", links, stride === 1 && inputs === outputs, drop);
}

/**
 * EfficientNet B0: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with torchvision's names.
 *
 * @example
 * shapes(efficientnet_b0(), [1, 3, 224, 224]).shape; // [1, 1000]
 */
export function efficientnet_b0(options?: ModelOptions): EfficientNet {
  const classes = classesOf("efficientnet_b0", options);
  let features = 32;
  let done = 0;
  const chains = stages.map(([widening, kernel, stride, outputs, count]) => {
    const links = Array.from({ length: count }, (_, k) => {
      const made = block(features, outputs, widening, kernel, k === 0 ? stride : 1, (DEPTH_DROP * done++) / blocks);
      features = outputs;
      return made;
    });
    return Chain(...links) as Link;
  });
  const call = (x: Operand, options?: ModeOptions): Tensor =>
    inMode("EfficientNet", options, () => self.classifier(flatten(self.avgpool(self.features(x as Tensor)))));
  const self: EfficientNet = layer("EfficientNet", call, {
    features: Chain(
      convBlock(3, 32, silu, { stride: 2 }),
      ...chains,
      convBlock(features, 1280, silu, { kernel: 1 }),
    ) as Link,
    avgpool: globalAvgPool,
    classifier: Chain(
      Dropout(0.2),
      Linear(1280, classes, { init: uniform(1 / Math.sqrt(classes)), biasInit: constant(0) }),
    ),
  });
  return self;
}
