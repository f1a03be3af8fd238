// Models that are known by name, with torchvision's names, structure and names of parameters: their state files move
// both ways.
export { efficientnet_b0, type EfficientNet } from "./efficientnet.ts";
export { imageNetInput, type ImageNetInputOptions } from "./imagenet-input.ts";
export { mobilenet_v2, type MobileNetV2 } from "./mobilenet-v2.ts";
export { mobilenet_v3_large, mobilenet_v3_small, type MobileNetV3 } from "./mobilenet-v3.ts";
export { resnet101, resnet152, resnet18, resnet34, resnet50 } from "./resnet.ts";
export type { BasicBlock, Bottleneck, ResNet, Stage } from "./resnet.ts";
export { resnext101_32x8d, resnext50_32x4d, wide_resnet101_2, wide_resnet50_2 } from "./resnet.ts";
export { vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn, type VGG } from "./vgg.ts";
export type { ModelOptions } from "./model-options.ts";
