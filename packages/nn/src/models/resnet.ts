// Residual networks (He et al. 2016), wide ones (Zagoruyko and Komodakis 2016) and ResNeXt (Xie et al. 2017). The
// stride of a bottleneck is in its 3 × 3 convolution, as torchvision has it.
import { add, relu, type Operand, type Tensor } from "@weft/tensor";
import { Chain, type Link } from "../chain.ts";
import type { Conv } from "../conv/conv.ts";
import { MaxPool } from "../conv/pool.ts";
import { layer } from "../layer.ts";
import { Linear } from "../linear.ts";
import type { BatchNorm } from "../norm/layers.ts";
import { channelMeans, normalized } from "./convolution-block.ts";
import { classesOf, type ModelOptions } from "./model-options.ts";

/** A residual network. Replace `fc` to get the features of images instead of scores, or for other classes. */
export interface ResNet {
  (x: Operand): Tensor;
  conv1: Conv;
  bn1: BatchNorm;
  layer1: Link;
  layer2: Link;
  layer3: Link;
  layer4: Link;
  fc: Link;
}

/** The structure of a network. */
interface Structure {
  /** Blocks per stage. */
  readonly blocks: readonly [number, number, number, number];
  /** Whether blocks are bottlenecks of three convolutions, which end in four times their channels; or two of 3 × 3. */
  readonly bottleneck: boolean;
  /** Groups of the convolutions in the middle, and their channels in the first stage. */
  readonly groups?: number;
  readonly width?: number;
}

type Convolutions = readonly (readonly [Conv, BatchNorm])[];

/** The convolutions of a block, and how many channels it ends in. */
function convolutions(inputs: number, channels: number, stride: number, s: Structure): [Convolutions, number] {
  const { bottleneck, groups = 1, width = 64 } = s;
  if (!bottleneck) return [[normalized(inputs, channels, { stride }), normalized(channels, channels)], channels];
  const middle = ((channels * width) / 64) * groups;
  const outputs = 4 * channels;
  return [
    [
      normalized(inputs, middle, { kernel: 1 }),
      normalized(middle, middle, { stride, groups }),
      normalized(middle, outputs, { kernel: 1 }),
    ],
    outputs,
  ];
}

/** relu(x + convolutions of x); where sizes change, x goes through a convolution, too. */
function block(inputs: number, channels: number, stride: number, structure: Structure): [Link, number] {
  const [parts, outputs] = convolutions(inputs, channels, stride, structure);
  const same = stride === 1 && inputs === outputs;
  const fields: { [name: string]: Link | null } = {};
  for (const [k, [conv, bn]] of parts.entries()) Object.assign(fields, { [`conv${k + 1}`]: conv, [`bn${k + 1}`]: bn });
  fields.downsample = same ? null : Chain(...normalized(inputs, outputs, { kernel: 1, stride }));
  const call = (x: Tensor): Tensor => {
    let y = x;
    for (let k = 1; k <= parts.length; k++) y = self[`bn${k}`]!(self[`conv${k}`]!(k === 1 ? y : relu(y)));
    const { downsample } = self;
    return relu(add(y, downsample == null ? x : downsample(x)));
  };
  const self = layer("Block", call, fields);
  return [self, outputs];
}

function stages(structure: Structure): [Link[], number] {
  let features = 64;
  const made = structure.blocks.map((count, stage) => {
    const links = Array.from({ length: count }, (_, k) => {
      const [link, outputs] = block(features, 64 * 2 ** stage, stage > 0 && k === 0 ? 2 : 1, structure);
      features = outputs;
      return link;
    });
    return Chain(...links);
  });
  return [made, features];
}

function resnet(name: string, structure: Structure, options: ModelOptions | undefined): ResNet {
  const classes = classesOf(name, options);
  const [conv1, bn1] = normalized(3, 64, { kernel: 7, stride: 2 });
  const [[layer1, layer2, layer3, layer4], features] = stages(structure) as [[Link, Link, Link, Link], number]; // prettier-ignore
  const pool = MaxPool({ window: 3, stride: 2, padding: 1 });
  const call = (x: Operand): Tensor => {
    const { conv1, bn1, layer1, layer2, layer3, layer4, fc } = self;
    return fc(channelMeans(layer4(layer3(layer2(layer1(pool(relu(bn1(conv1(x))))))))));
  };
  const fc: Link = Linear(features, classes);
  const self: ResNet = layer("ResNet", call, { conv1, bn1, layer1, layer2, layer3, layer4, fc });
  return self;
}

/**
 * ResNet-18: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with torchvision's names. A
 * ShapeError says what does not fit.
 *
 * @example
 * const model = resnet18();
 * shapes(model, [1, 3, 224, 224]).shape; // [1, 1000]
 */
export const resnet18 = (options?: ModelOptions): ResNet =>
  resnet("resnet18", { blocks: [2, 2, 2, 2], bottleneck: false }, options);

/** ResNet-34: see `resnet18`. @example const model = resnet34({ numClasses: 10 }); */
export const resnet34 = (options?: ModelOptions): ResNet =>
  resnet("resnet34", { blocks: [3, 4, 6, 3], bottleneck: false }, options);

/**
 * ResNet-50: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with torchvision's names.
 *
 * @example
 * const model = resnet50();
 * model.fc = (features) => features; // [N, 2048] instead of scores
 * shapes(model, [1, 3, 224, 224]).shape; // [1, 2048]
 */
export const resnet50 = (options?: ModelOptions): ResNet =>
  resnet("resnet50", { blocks: [3, 4, 6, 3], bottleneck: true }, options);

/** ResNet-101: see `resnet50`. @example const model = resnet101(); */
export const resnet101 = (options?: ModelOptions): ResNet =>
  resnet("resnet101", { blocks: [3, 4, 23, 3], bottleneck: true }, options);

/** ResNet-152: see `resnet50`. @example const model = resnet152(); */
export const resnet152 = (options?: ModelOptions): ResNet =>
  resnet("resnet152", { blocks: [3, 8, 36, 3], bottleneck: true }, options);

/** ResNet-50 with twice the channels inside its blocks: see `resnet50`. @example const model = wide_resnet50_2(); */
export const wide_resnet50_2 = (options?: ModelOptions): ResNet =>
  resnet("wide_resnet50_2", { blocks: [3, 4, 6, 3], bottleneck: true, width: 128 }, options);

/** ResNet-101 with twice the channels inside its blocks: see `resnet50`. @example const model = wide_resnet101_2(); */
export const wide_resnet101_2 = (options?: ModelOptions): ResNet =>
  resnet("wide_resnet101_2", { blocks: [3, 4, 23, 3], bottleneck: true, width: 128 }, options);

/** ResNeXt-50 with 32 groups of 4 channels: see `resnet50`. @example const model = resnext50_32x4d(); */
export const resnext50_32x4d = (options?: ModelOptions): ResNet =>
  resnet("resnext50_32x4d", { blocks: [3, 4, 6, 3], bottleneck: true, groups: 32, width: 4 }, options);

/** ResNeXt-101 with 32 groups of 8 channels: see `resnet50`. @example const model = resnext101_32x8d(); */
export const resnext101_32x8d = (options?: ModelOptions): ResNet =>
  resnet("resnext101_32x8d", { blocks: [3, 4, 23, 3], bottleneck: true, groups: 32, width: 8 }, options);
