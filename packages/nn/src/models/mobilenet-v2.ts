// MobileNet v2: inverted residuals with linear bottlenecks (Sandler et al. 2018).
import { flatten, globalAvgPool, relu6, type Operand, type Tensor } from "@weft/tensor";
import { Chain, type Link } from "../chain.ts";
import { layer } from "../layer.ts";
import type { Linear } from "../linear.ts";
import { inMode, type ModeOptions } from "../mode.ts";
import { Dropout } from "../dropout.ts";
import { classifier, convBlock, invertedResidual, normalized } from "./convolution-block.ts";
import { classesOf, type ModelOptions } from "./model-options.ts";

/** See the function `mobilenet_v2`. */
export interface MobileNetV2 {
  /** With `training`, its layers are in that mode, whatever the default is here. */
  (x: Operand, options?: ModeOptions): Tensor;
  features: Link;
  /** Any other layer or function can be assigned. It has these links until then. */
  get classifier(): Chain<readonly [Link, Linear]>;
  set classifier(head: Link);
}

/** Stages: by how much blocks widen their input, channels that they end in, blocks, the stride of the first one. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

function block(inputs: number, outputs: number, widening: number, stride: number): Link {
  const middle = inputs * widening;
  const links = [
    ...(widening === 1 ? [] : [convBlock(inputs, middle, relu6, { kernel: 1 })]),
    convBlock(middle, middle, relu6, { stride, groups: middle }),
    ...normalized(middle, outputs, { kernel: 1 }),
  ];
  return invertedResidual("conv", links, stride === 1 && inputs === outputs);
}

/**
 * MobileNet v2: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with torchvision's names.
 *
 * @example
 * shapes(mobilenet_v2(), [1, 3, 224, 224]).shape; // [1, 1000]
 */
export function mobilenet_v2(options?: ModelOptions): MobileNetV2 {
  const classes = classesOf("mobilenet_v2", options);
  let features = 32;
  const blocks = stages.flatMap(([widening, outputs, count, stride]) =>
    Array.from({ length: count }, (_, k) => {
      const made = block(features, outputs, widening, k === 0 ? stride : 1);
      features = outputs;
      return made;
    }),
  );
  const call = (x: Operand, options?: ModeOptions): Tensor =>
    inMode("MobileNetV2", options, () => self.classifier(flatten(globalAvgPool(self.features(x as Tensor)))));
  const self: MobileNetV2 = layer("MobileNetV2", call, {
    features: Chain(
      convBlock(3, 32, relu6, { stride: 2 }),
      ...blocks,
      convBlock(features, 1280, relu6, { kernel: 1 }),
    ) as Link,
    classifier: Chain(Dropout(0.2), classifier(1280, classes)),
  });
  return self;
}
