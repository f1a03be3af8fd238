// MobileNet v3: inverted residuals with squeeze and excitation, found by search (Howard et al. 2019).
import { flatten, globalAvgPool, hardSigmoid, hardSwish, relu, type Operand, type Tensor } from "@weft/tensor";
import { Chain, type Link } from "../chain.ts";
import { layer } from "../layer.ts";
import type { Linear } from "../linear.ts";
import { inMode, type ModeOptions } from "../mode.ts";
import { Dropout } from "../dropout.ts";
import { classifier, convBlock, invertedResidual, normalized, squeezeExcitation } from "./convolution-block.ts";
import { classesOf, type ModelOptions } from "./model-options.ts";

/** See `mobilenet_v3_large`. */
export interface MobileNetV3 {
  /** With `training`, its layers are in that mode, whatever the default is here. */
  (x: Operand, options?: ModeOptions): Tensor;
  features: Link;
  avgpool: Link;
  /** Any other layer or function can be assigned. It has these links until then. */
  get classifier(): Chain<readonly [Linear, Link, Link, Linear]>;
  set classifier(head: Link);
}

/** Blocks: kernel, channels inside, channels that it ends in, squeeze and excitation, hardSwish or relu, stride. */
type Block = readonly [
  kernel: number,
  middle: number,
  outputs: number,
  squeezes: boolean,
  hard: boolean,
  stride: number,
];

const large: readonly Block[] = [
  [3, 16, 16, false, false, 1],
  [3, 64, 24, false, false, 2],
  [3, 72, 24, false, false, 1],
  [5, 72, 40, true, false, 2],
  [5, 120, 40, true, false, 1],
  [5, 120, 40, true, false, 1],
  [3, 240, 80, false, true, 2],
  [3, 200, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 480, 112, true, true, 1],
  [3, 672, 112, true, true, 1],
  [5, 672, 160, true, true, 2],
  [5, 960, 160, true, true, 1],
  [5, 960, 160, true, true, 1],
];
const small: readonly Block[] = [
  [3, 16, 16, true, false, 2],
  [3, 72, 24, false, false, 2],
  [3, 88, 24, false, false, 1],
  [5, 96, 40, true, true, 2],
  [5, 240, 40, true, true, 1],
  [5, 240, 40, true, true, 1],
  [5, 120, 48, true, true, 1],
  [5, 144, 48, true, true, 1],
  [5, 288, 96, true, true, 2],
  [5, 576, 96, true, true, 1],
  [5, 576, 96, true, true, 1],
];

const norm = { eps: 1e-3, momentum: 0.01 };

/** n as a multiple of 8, not below 90% of n. */
function multipleOf8(n: number): number {
  const near = Math.max(8, Math.floor((n + 4) / 8) * 8);
  return near < 0.9 * n ? near + 8 : near;
}

function block(inputs: number, [kernel, middle, outputs, squeezes, hard, stride]: Block): Link {
  const activation = hard ? hardSwish : relu;
  const links = [
    ...(middle === inputs ? [] : [convBlock(inputs, middle, activation, { kernel: 1, norm })]),
    convBlock(middle, middle, activation, { kernel, stride, groups: middle, norm }),
    ...(squeezes ? [squeezeExcitation(middle, multipleOf8(Math.floor(middle / 4)), relu, hardSigmoid)] : []),
    Chain(...normalized(middle, outputs, { kernel: 1, norm })) as Link,
  ];
  return invertedResidual("block", links, stride === 1 && inputs === outputs);
}

function mobilenet(name: string, list: readonly Block[], last: number, options?: ModelOptions): MobileNetV3 {
  const classes = classesOf(name, options);
  let features = 16;
  const blocks = list.map((each) => {
    const made = block(features, each);
    features = each[2];
    return made;
  });
  const call = (x: Operand, options?: ModeOptions): Tensor =>
    inMode("MobileNetV3", options, () => self.classifier(flatten(self.avgpool(self.features(x as Tensor)))));
  const self: MobileNetV3 = layer("MobileNetV3", call, {
    features: Chain(
      convBlock(3, 16, hardSwish, { stride: 2, norm }),
      ...blocks,
      convBlock(features, 6 * features, hardSwish, { kernel: 1, norm }),
    ) as Link,
    avgpool: globalAvgPool,
    classifier: Chain(classifier(6 * features, last), hardSwish, Dropout(0.2), classifier(last, classes)),
  });
  return self;
}

/**
 * MobileNet v3, the large one: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with
 * torchvision's names.
 *
 * @example
 * shapes(mobilenet_v3_large(), [1, 3, 224, 224]).shape; // [1, 1000]
 */
export const mobilenet_v3_large = (options?: ModelOptions): MobileNetV3 =>
  mobilenet("mobilenet_v3_large", large, 1280, options);

/** MobileNet v3, the small one: see `mobilenet_v3_large`. @example const model = mobilenet_v3_small(); */
export const mobilenet_v3_small = (options?: ModelOptions): MobileNetV3 =>
  mobilenet("mobilenet_v3_small", small, 1024, options);
