// Residual networks (He et al. 2016), wide ones (Zagoruyko and Komodakis 2016) and ResNeXt (Xie et al. 2017). The
// stride of a bottleneck is in its 3 × 3 convolution, as torchvision has it.
import { add, flatten, globalAvgPool, relu, type Operand, type Tensor } from "@weft/tensor";
import { Chain, type Link } from "../chain.ts";
import type { Conv } from "../conv/conv.ts";
import { MaxPool } from "../conv/pool.ts";
import { layer } from "../layer.ts";
import { Linear } from "../linear.ts";
import { inMode, type ModeOptions } from "../mode.ts";
import type { BatchNorm } from "../norm/layers.ts";
import { normalized } from "./convolution-block.ts";
import { classesOf, type ModelOptions } from "./model-options.ts";

/** A block of two convolutions of 3 × 3. Where sizes change, its input goes through a convolution, too. */
export interface BasicBlock {
  (x: Operand): Tensor;
  readonly conv1: Conv;
  readonly bn1: BatchNorm;
  readonly conv2: Conv;
  readonly bn2: BatchNorm;
  /** After each normalization and after the sum. */
  relu: Link;
  readonly downsample: Chain<readonly [Conv, BatchNorm]> | null;
}

/** A block of three convolutions, which ends in four times the channels. */
export interface Bottleneck extends BasicBlock {
  readonly conv3: Conv;
  readonly bn3: BatchNorm;
}

/** Blocks one after another. */
export type Stage<Block extends BasicBlock> = Chain<readonly [Block, ...Block[]]>;

/**
 * A residual network. Replace `fc` to get the features of images instead of scores, or for other classes; and for small
 * images `conv1` and `maxpool`, which make them a quarter as wide.
 */
export interface ResNet<Block extends BasicBlock = BasicBlock> {
  /** With `training`, its layers are in that mode, whatever the default is here. */
  (x: Operand, options?: ModeOptions): Tensor;
  conv1: Conv;
  bn1: BatchNorm;
  relu: Link;
  maxpool: Link;
  layer1: Stage<Block>;
  layer2: Stage<Block>;
  layer3: Stage<Block>;
  layer4: Stage<Block>;
  avgpool: Link;
  /** Any other layer or function can be assigned. It has a weight until then. */
  get fc(): Linear;
  set fc(head: Link);
}

/** The structure of a network. */
interface Structure<Block> {
  /** Blocks per stage. */
  readonly blocks: readonly [number, number, number, number];
  /** Makes a block; `channels` are those in its middle. */
  readonly block: (inputs: number, channels: number, stride: number) => Block;
  /** So many times these channels it ends in. */
  readonly growth: number;
}

/** What a block's input goes through where sizes change. */
const shortcut = (inputs: number, outputs: number, stride: number): BasicBlock["downsample"] =>
  stride === 1 && inputs === outputs ? null : Chain(...normalized(inputs, outputs, { kernel: 1, stride }));

/** relu(y + x), x having gone through the block's shortcut. */
const joined = (y: Tensor, x: Operand, { downsample, relu }: BasicBlock): Tensor =>
  relu(add(y, downsample == null ? x : downsample(x)));

function basicBlock(inputs: number, channels: number, stride: number): BasicBlock {
  const [conv1, bn1] = normalized(inputs, channels, { stride });
  const [conv2, bn2] = normalized(channels, channels);
  const call = (x: Operand): Tensor => {
    const { conv1, bn1, conv2, bn2, relu } = self;
    return joined(bn2(conv2(relu(bn1(conv1(x))))), x, self);
  };
  const downsample = shortcut(inputs, channels, stride);
  const self: BasicBlock = layer("Block", call, { conv1, bn1, conv2, bn2, relu, downsample });
  return self;
}

/** Makes bottlenecks, whose convolutions of 3 × 3 have groups, and so many channels each in the first stage. */
const bottleneck =
  (groups = 1, width = 64) =>
  (inputs: number, channels: number, stride: number): Bottleneck => {
    const middle = ((channels * width) / 64) * groups;
    const outputs = 4 * channels;
    const [conv1, bn1] = normalized(inputs, middle, { kernel: 1 });
    const [conv2, bn2] = normalized(middle, middle, { stride, groups });
    const [conv3, bn3] = normalized(middle, outputs, { kernel: 1 });
    const call = (x: Operand): Tensor => {
      const { conv1, bn1, conv2, bn2, conv3, bn3, relu } = self;
      return joined(bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))), x, self);
    };
    const downsample = shortcut(inputs, outputs, stride);
    const self: Bottleneck = layer("Block", call, { conv1, bn1, conv2, bn2, conv3, bn3, relu, downsample });
    return self;
  };

function resnet<Block extends BasicBlock>(
  name: string,
  { blocks, block, growth }: Structure<Block>,
  options: ModelOptions | undefined,
): ResNet<Block> {
  const classes = classesOf(name, options);
  const [conv1, bn1] = normalized(3, 64, { kernel: 7, stride: 2 });
  const stage = (k: 0 | 1 | 2 | 3): Stage<Block> => {
    const channels = 64 * 2 ** k;
    const first = block(k === 0 ? 64 : (channels / 2) * growth, channels, k === 0 ? 1 : 2);
    const others = Array.from({ length: blocks[k] - 1 }, () => block(channels * growth, channels, 1));
    return Chain(first, ...others);
  };
  const run = (x: Operand): Tensor => {
    const { conv1, bn1, relu, maxpool, layer1, layer2, layer3, layer4, avgpool, fc } = self;
    const y = layer4(layer3(layer2(layer1(maxpool(relu(bn1(conv1(x))))))));
    return fc(flatten(avgpool(y)));
  };
  const call = (x: Operand, options?: ModeOptions): Tensor => inMode("ResNet", options, () => run(x));
  const [layer1, layer2, layer3, layer4] = [stage(0), stage(1), stage(2), stage(3)];
  const self: ResNet<Block> = layer("ResNet", call, {
    conv1,
    bn1,
    relu,
    maxpool: MaxPool({ window: 3, stride: 2, padding: 1 }),
    layer1,
    layer2,
    layer3,
    layer4,
    avgpool: globalAvgPool,
    fc: Linear(512 * growth, classes),
  });
  return self;
}

/**
 * ResNet-18: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with torchvision's names. A
 * ShapeError says what does not fit.
 *
 * @example
 * const model = resnet18({ numClasses: 10 }); // for images of 32 × 32:
 * model.conv1 = Conv({ in: 3, out: 64, kernel: 3, padding: 1, bias: false });
 * model.maxpool = (x) => x;
 * shapes(model, [1, 3, 32, 32]).shape; // [1, 10]
 */
export const resnet18 = (options?: ModelOptions): ResNet<BasicBlock> =>
  resnet("resnet18", { blocks: [2, 2, 2, 2], block: basicBlock, growth: 1 }, options);

/** ResNet-34: see `resnet18`. @example const model = resnet34({ numClasses: 10 }); */
export const resnet34 = (options?: ModelOptions): ResNet<BasicBlock> =>
  resnet("resnet34", { blocks: [3, 4, 6, 3], block: basicBlock, growth: 1 }, options);

/**
 * ResNet-50: images `[N, 3, H, W]` (see `imageNetInput`) → scores `[N, numClasses]`, with torchvision's names.
 *
 * @example
 * const model = resnet50();
 * model.fc = (features) => features; // [N, 2048] instead of scores
 * shapes(model, [1, 3, 224, 224]).shape; // [1, 2048]
 */
export const resnet50 = (options?: ModelOptions): ResNet<Bottleneck> =>
  resnet("resnet50", { blocks: [3, 4, 6, 3], block: bottleneck(), growth: 4 }, options);

/** ResNet-101: see `resnet50`. @example const model = resnet101(); */
export const resnet101 = (options?: ModelOptions): ResNet<Bottleneck> =>
  resnet("resnet101", { blocks: [3, 4, 23, 3], block: bottleneck(), growth: 4 }, options);

/** ResNet-152: see `resnet50`. @example const model = resnet152(); */
export const resnet152 = (options?: ModelOptions): ResNet<Bottleneck> =>
  resnet("resnet152", { blocks: [3, 8, 36, 3], block: bottleneck(), growth: 4 }, options);

/** ResNet-50 with twice the channels inside its blocks: see `resnet50`. @example const model = wide_resnet50_2(); */
export const wide_resnet50_2 = (options?: ModelOptions): ResNet<Bottleneck> =>
  resnet("wide_resnet50_2", { blocks: [3, 4, 6, 3], block: bottleneck(1, 128), growth: 4 }, options);

/** ResNet-101 with twice the channels inside its blocks: see `resnet50`. @example const model = wide_resnet101_2(); */
export const wide_resnet101_2 = (options?: ModelOptions): ResNet<Bottleneck> =>
  resnet("wide_resnet101_2", { blocks: [3, 4, 23, 3], block: bottleneck(1, 128), growth: 4 }, options);

/** ResNeXt-50 with 32 groups of 4 channels: see `resnet50`. @example const model = resnext50_32x4d(); */
export const resnext50_32x4d = (options?: ModelOptions): ResNet<Bottleneck> =>
  resnet("resnext50_32x4d", { blocks: [3, 4, 6, 3], block: bottleneck(32, 4), growth: 4 }, options);

/** ResNeXt-101 with 32 groups of 8 channels: see `resnet50`. @example const model = resnext101_32x8d(); */
export const resnext101_32x8d = (options?: ModelOptions): ResNet<Bottleneck> =>
  resnet("resnext101_32x8d", { blocks: [3, 4, 23, 3], block: bottleneck(32, 8), growth: 4 }, options);
