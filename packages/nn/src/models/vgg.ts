// Networks of 3 × 3 convolutions (Simonyan and Zisserman 2015), with and without batch normalization.
import { flatten, relu, type Operand, type Tensor } from "@weft/tensor";
import { Chain, type Link } from "../chain.ts";
import { Conv } from "../conv/conv.ts";
import { AdaptiveAvgPool, MaxPool } from "../conv/pool.ts";
import { constant } from "../initializers.ts";
import { layer } from "../layer.ts";
import type { Linear } from "../linear.ts";
import { inMode, type ModeOptions } from "../mode.ts";
import { Dropout } from "../dropout.ts";
import { BatchNorm } from "../norm/layers.ts";
import { classifier, fanOutNormal } from "./convolution-block.ts";
import { classesOf, type ModelOptions } from "./model-options.ts";

/** See `vgg16`. */
export interface VGG {
  /** With `training`, its layers are in that mode, whatever the default is here. */
  (x: Operand, options?: ModeOptions): Tensor;
  features: Link;
  avgpool: Link;
  /** Any other layer or function can be assigned. It has these links until then. */
  get classifier(): Chain<readonly [Linear, Link, Link, Linear, Link, Link, Linear]>;
  set classifier(head: Link);
}

/** Convolutions per stage; a stage has the channels below, and ends in a pooling layer. */
const stages = {
  vgg11: [1, 1, 2, 2, 2],
  vgg13: [2, 2, 2, 2, 2],
  vgg16: [2, 2, 3, 3, 3],
  vgg19: [2, 2, 4, 4, 4],
} as const;
const channels = [64, 128, 256, 512, 512] as const;

/** The size that features are pooled to: a mean for each of 7 × 7 windows at other sizes than 224 × 224. */
const SIZE = 7;

function vgg(name: keyof typeof stages, norm: boolean, options: ModelOptions | undefined): VGG {
  const classes = classesOf(norm ? `${name}_bn` : name, options);
  let inputs = 3;
  const links = stages[name].flatMap((count, stage): Link[] => {
    const outputs = channels[stage]!;
    const convolutions = Array.from({ length: count }, (_, k): Link[] => {
      const conv = Conv({ in: k === 0 ? inputs : outputs, out: outputs, kernel: 3, padding: 1, init: fanOutNormal, biasInit: constant(0) }); // oxfmt-ignore
      return norm ? [conv, BatchNorm(outputs), relu] : [conv, relu];
    });
    inputs = outputs;
    return [...convolutions.flat(), MaxPool(2)];
  });
  const call = (x: Operand, options?: ModeOptions): Tensor =>
    inMode("VGG", options, () => self.classifier(flatten(self.avgpool(self.features(x as Tensor)))));
  const self: VGG = layer("VGG", call, {
    features: Chain(...links) as Link,
    avgpool: AdaptiveAvgPool(SIZE),
    classifier: Chain(
      classifier(inputs * SIZE ** 2, 4096),
      relu,
      Dropout(0.5),
      classifier(4096, 4096),
      relu,
      Dropout(0.5),
      classifier(4096, classes),
    ),
  });
  return self;
}

/** VGG-11: see `vgg16`. @example const model = vgg11({ numClasses: 10 }); */
export const vgg11 = (options?: ModelOptions): VGG => vgg("vgg11", false, options);
/** VGG-13: see `vgg16`. @example const model = vgg13({ numClasses: 10 }); */
export const vgg13 = (options?: ModelOptions): VGG => vgg("vgg13", false, options);
/**
 * VGG-16: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with torchvision's names.
 *
 * @example
 * shapes(vgg16(), [1, 3, 224, 224]).shape; // [1, 1000]
 */
export const vgg16 = (options?: ModelOptions): VGG => vgg("vgg16", false, options);
/** VGG-19: see `vgg16`. @example const model = vgg19({ numClasses: 10 }); */
export const vgg19 = (options?: ModelOptions): VGG => vgg("vgg19", false, options);
/** VGG-11 with batch normalization: see `vgg16`. @example const model = vgg11_bn({ numClasses: 10 }); */
export const vgg11_bn = (options?: ModelOptions): VGG => vgg("vgg11", true, options);
/** VGG-13 with batch normalization: see `vgg16`. @example const model = vgg13_bn({ numClasses: 10 }); */
export const vgg13_bn = (options?: ModelOptions): VGG => vgg("vgg13", true, options);
/** VGG-16 with batch normalization: see `vgg16`. @example const model = vgg16_bn({ numClasses: 10 }); */
export const vgg16_bn = (options?: ModelOptions): VGG => vgg("vgg16", true, options);
/** VGG-19 with batch normalization: see `vgg16`. @example const model = vgg19_bn({ numClasses: 10 }); */
export const vgg19_bn = (options?: ModelOptions): VGG => vgg("vgg19", true, options);
