// The models that are known by name: torchvision's names and shapes of parameters, and its results.
import { createHash } from "node:crypto";
import { diff, shapes } from "@weft/autograd";
import { relu, sum, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import * as models from "../src/models/index.ts";
import { Chain, Conv, fromBytes, Linear, type Link, summary, toBytes } from "../src/index.ts";
import { boxes } from "../src/tree.ts";

const { tensor } = openSync();
const { imageNetInput, ...named } = models;

/** Of torchvision 0.14: entries of the state, numbers to learn, and a hash of the names and shapes in order. */
const known = [
  ["resnet18", 122, 11689512, "d50237547253251c"],
  ["resnet34", 218, 21797672, "d1b8c819ce5c294e"],
  ["resnet50", 320, 25557032, "d315d42faada74d4"],
  ["resnet101", 626, 44549160, "7ed4a498b9658fa6"],
  ["resnet152", 932, 60192808, "eca32f1fc2b852eb"],
  ["wide_resnet50_2", 320, 68883240, "a34fb9be0bbde56d"],
  ["wide_resnet101_2", 626, 126886696, "1809afed14869fa8"],
  ["resnext50_32x4d", 320, 25028904, "e42fe0214381e77c"],
  ["resnext101_32x8d", 626, 88791336, "5d8e135ab5717dd5"],
  ["vgg11", 22, 132863336, "6bea93bab7e6f453"],
  ["vgg13", 26, 133047848, "f594910b564c6093"],
  ["vgg16", 32, 138357544, "39eff0b6d5c9fdf2"],
  ["vgg19", 38, 143667240, "da1b75d8526f4714"],
  ["vgg11_bn", 62, 132868840, "e0cc1ed65c2a9e57"],
  ["vgg13_bn", 76, 133053736, "6ebc0678c426ed68"],
  ["vgg16_bn", 97, 138365992, "f04c840a06916acf"],
  ["vgg19_bn", 118, 143678248, "f3aafe9c1dff22e3"],
  ["mobilenet_v2", 314, 3504872, "396bf06f8a6c3e54"],
  ["mobilenet_v3_large", 312, 5483032, "39bbe5c851e62509"],
  ["mobilenet_v3_small", 244, 2542856, "edd65ac59fef1d86"],
  ["efficientnet_b0", 360, 5288548, "b1f4eef9dcd4c2da"],
] as const;
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

test("blocks have types", () => {
  const { layer1, layer2 } = models.resnet50();
  expect(layer1[0].conv3.weight.shape).toEqual([256, 64, 1, 1]);
  expect(layer1[0].downsample?.[1].weight?.shape).toEqual([256]);
  expect(layer2[3]?.bn2.weight?.shape).toEqual([128]);
  expect([...models.resnet18().layer4].map(({ conv1 }) => conv1.weight.shape[1])).toEqual([256, 512]);
  // @ts-expect-error A basic block has two convolutions.
  expect(models.resnet18().layer1[0].conv3).toBeUndefined();
});

test("heads have types, and are replaced by any layer or function", () => {
  const net = models.resnet18({ numClasses: 5 });
  expect(net.fc.weight.shape).toEqual([5, 512]);
  const last = [
    models.vgg11({ numClasses: 5 }).classifier[6],
    models.mobilenet_v2({ numClasses: 5 }).classifier[1],
    models.mobilenet_v3_small({ numClasses: 5 }).classifier[3],
    models.efficientnet_b0({ numClasses: 5 }).classifier[1],
  ];
  for (const head of last) expect([head.weight.shape[0], head.bias?.shape]).toEqual([5, [5]]);
  net.fc = (features) => features;
  expect(shapes(net, [1, 3, 64, 64]).shape).toEqual([1, 512]);
  net.fc = Chain(relu, Linear(512, 2));
  expect(shapes(net, [1, 3, 64, 64]).shape).toEqual([1, 2]);
  const mobile = models.mobilenet_v2();
  mobile.classifier = Linear(1280, 3);
  expect(shapes(mobile, [1, 3, 64, 64]).shape).toEqual([1, 3]);
  // @ts-expect-error it is no function of a tensor
  net.fc = 3;
});

test("all models are known", () => {
  expect(Object.keys(named).toSorted()).toEqual(known.map(([name]) => name).toSorted());
});

test.each(known)("%s has torchvision's names and shapes, and checks in no time", (name, entries, numbers, hash) => {
  const model = models[name]();
  const places = boxes(model);
  expect(places.length).toBe(entries);
  expect(places.reduce((n, { box }) => n + (box.kind === "param" ? size(box.shape) : 0), 0)).toBe(numbers);
  const text = places.map(({ path, box }) => `${path} ${box.shape.join(",")}`).join("\n");
  expect(createHash("sha256").update(text).digest("hex").slice(0, 16)).toBe(hash);
  expect(shapes(model, [2, 3, 224, 224])).toEqual({ shape: [2, 1000], dtype: "f32" });
  expect(() => shapes(model, [2, 1, 224, 224])).toThrow("Conv");
  expect(shapes(models[name]({ numClasses: 5 }), [1, 3, 160, 192]).shape).toEqual([1, 5]);
  expect(places.some(({ box }) => box.initialized)).toBe(false);
  // @ts-expect-error there is no such option
  expect(() => models[name]({ classes: 5 })).toThrow(`${name}: there is no option "classes"`);
});

/** Values by formulas, which the script that made the numbers below used in Python. */
function filled<M>(model: M): M {
  for (const [p, { path, box }] of boxes(model).entries()) {
    if (box.dtype !== "f32") continue;
    const { shape } = box;
    const n = size(shape);
    const scale = (s: number): number =>
      shape.length > 1
        ? s * Math.sqrt((3 * shape[0]!) / n)
        : path.endsWith("running_var")
          ? 1 + 0.5 * s
          : path.endsWith("weight")
            ? 1 + 0.1 * s
            : 0.1 * s;
    const values = Float32Array.from({ length: n }, (_, i) => scale(Math.sin(1.7 * p + 0.37 * i)));
    box.value = tensor(values, { shape });
  }
  return model;
}
const image = (shape: number[]) =>
  tensor(
    Float32Array.from({ length: size(shape) }, (_, i) => Math.sin(0.1 * i)),
    { shape },
  );

/** Numbers of a result, from `start` on every so many, are those of torchvision. */
function near(found: ArrayLike<number>, wanted: readonly number[], start = 0, step = 1): void {
  const most = Math.max(...wanted.map(Math.abs));
  wanted.forEach((v, i) => expect(Math.abs(found[start + i * step]! - v)).toBeLessThan(1e-5 * most));
}

test.each([
  ["resnet18", [-6.49726, -12.91495, -8.710349, 2.648562, 11.7802, 11.15108, 1.307315, -9.580749, -12.48361, -4.987959]],
  ["mobilenet_v2", [5.451343, -8.23966, 5.929909, -0.4973156, -5.472327, 8.119385, -6.106009, 0.6391411, 5.388418, -8.022253]],
  ["mobilenet_v3_small", [0.9322657, -3.40353, 0.9627626, 2.614208, -2.712981, -0.9446404, 3.367812, -1.015256, -2.523264, 2.837551]],
  ["efficientnet_b0", [6.301016, -8.588783, 6.211188, 0.09041386, -6.033362, 8.726414, -6.222025, 0.1456529, 5.924407, -8.763749]],
] as const)("%s computes what torchvision's does", async (name, wanted) => {
  const model = filled(models[name]({ numClasses: 10 }));
  near(await model(image([2, 3, 32, 32])).data(), wanted);
}, 30_000); // oxfmt-ignore

test.each([
  ["resnet50", [1.358912, 0, 6.732966, 0, 1.596851, 0.002171549, 0.01462887, 5.611247, 0.1736936, 4.040661]],
  ["resnext50_32x4d", [22.85666, 19.2517, 3.090115, 0, 0, 3.683609, 23.23032, 19.46137, 2.982835, 0]],
] as const)("the first half of %s computes what torchvision's does", async (name, wanted) => {
  const model = models[name]();
  const same = (x: Tensor): Tensor => x;
  Object.assign(model, { layer3: same, layer4: same, fc: same });
  near(await filled(model)(image([2, 3, 32, 32])).data(), wanted, 0, 51);
}); // oxfmt-ignore

test("the first features of vgg11_bn are torchvision's", async () => {
  const model = models.vgg11_bn();
  model.features = Chain(...[...(model.features as Chain)].slice(0, 15)) as Link;
  model.classifier = (x) => x;
  const y = await filled(model)(image([2, 3, 32, 32])).data();
  near(y, [0.07875494, 0.07800113, 0.07605054, 0.07585981, 0.07374122, 0.07253902, 0.07355201, 0.07064984, 0.07177827, 0.074342], 256 * 49 - 90, 9);
}); // oxfmt-ignore

test("VGG pools features of any size as PyTorch's adaptive pooling does", () => {
  const model = models.vgg11();
  model.features = (x) => x;
  model.classifier = (x) => x;
  const wanted = [[0, 0, 0.5, 1, 1.5, 2, 2], [1.5, 1.5, 2, 2.5, 3, 3.5, 3.5], [4.5, 4.5, 5, 5.5, 6, 6.5, 6.5], [6, 6, 6.5, 7, 7.5, 8, 8], [7.5, 7.5, 8, 8.5, 9, 9.5, 9.5], [10.5, 10.5, 11, 11.5, 12, 12.5, 12.5], [12, 12, 12.5, 13, 13.5, 14, 14]]; // oxfmt-ignore
  const x = tensor(
    Float32Array.from({ length: 15 }, (_, i) => i),
    { shape: [1, 1, 5, 3] },
  );
  expect(model(x).arraySync()).toEqual([wanted.flat()]);
});

test("a residual network for small images: parts without parameters are fields, too", async () => {
  const model = models.resnet18({ numClasses: 10 });
  const seen = (): string => summary(model, [1, 3, 32, 32]);
  expect(seen()).toMatch(/\n {2}maxpool: MaxPool +f32\[1, 64, 8, 8\]/);
  model.conv1 = Conv({ in: 3, out: 64, kernel: 3, padding: 1, bias: false });
  model.maxpool = (x) => x;
  expect(seen()).toMatch(/\n {2}layer1: Chain +f32\[1, 64, 32, 32\]/);
  model.fc = (x) => x;
  model.avgpool = (x) => x;
  expect(shapes(model, [1, 3, 32, 32]).shape).toEqual([1, 512 * 4 * 4]);
  model.relu = (x) => x.mul(0);
  for (const stage of [model.layer1, model.layer2, model.layer3, model.layer4])
    for (const block of stage) block.relu = (x) => x.mul(0).add(2);
  expect(new Set(await model(image([1, 3, 8, 8])).data())).toEqual(new Set([2]));
  const bottlenecks = models.resnet50();
  for (const stage of [bottlenecks.layer1, bottlenecks.layer2, bottlenecks.layer3, bottlenecks.layer4])
    for (const block of stage) block.relu = (x) => x.slice({ ends: [1] });
  expect(shapes(bottlenecks, [2, 3, 32, 32]).shape).toEqual([1, 1000]);
  for (const name of ["vgg11", "mobilenet_v3_small", "efficientnet_b0"] as const) {
    const other = models[name]();
    other.avgpool = (x) => x;
    other.classifier = (x) => x;
    expect(shapes(other, [1, 3, 64, 64]).shape).toEqual([1, { vgg11: 512, mobilenet_v3_small: 576, efficientnet_b0: 1280 }[name] * 4]); // oxfmt-ignore
  }
});

test("learn, with parts that are left out at random", () => {
  for (const name of ["efficientnet_b0", "mobilenet_v3_small", "vgg11_bn", "resnet50"] as const) {
    const model = models[name]();
    const { box } = boxes(model)[0]!;
    const gradient = shapes((x: Tensor) => diff(() => sum(model(x))).grad(box as never), [2, 3, 64, 64]);
    expect(gradient.shape).toEqual(box.shape);
  }
});

test("the multiply-adds are those that torchvision documents", () => {
  const text = summary(models.resnet50(), [1, 3, 224, 224]);
  expect(text).toContain("\n25,557,032 parameters, 4,089,184,256 multiply-adds\n");
  expect(text).toMatch(/\n {2}layer1: Chain +f32\[1, 256, 56, 56\]\n {4}0: Block +f32\[1, 256, 56, 56\]\n/);
});

test("files bring a model back", async () => {
  const model = models.mobilenet_v3_small({ numClasses: 2 });
  const x = image([1, 3, 32, 32]);
  const again = fromBytes(await toBytes(model), models.mobilenet_v3_small({ numClasses: 2 }));
  expect(again(x).arraySync()).toEqual(model(x).arraySync());
});

test("images become inputs as torchvision's do", () => {
  const pixels = tensor(
    Uint8Array.from({ length: 105 }, (_, i) => (i * 37) % 256),
    { shape: [1, 5, 7, 3] },
  );
  /** The resized pixels, from what the function returns. */
  const bytes = (x: Tensor): number[] => {
    const [mean, std] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]; // oxfmt-ignore
    return [...x.dataSync()].map((v, i) => Math.round((v * std[i >> 2]! + mean[i >> 2]!) * 255 * 1e3) / 1e3);
  };
  const small = { resize: 4, crop: 2 };
  expect(bytes(imageNetInput(pixels, small))).toEqual([136, 136, 147, 147, 127, 173, 137, 184, 117, 68, 128, 79]);
  const picked = [89, 142, 101, 154, 126, 179, 138, 191, 163, 63, 175, 74];
  expect(bytes(imageNetInput(pixels, { ...small, antialias: false }))).toEqual(picked);
  expect(bytes(imageNetInput(pixels.permute([0, 3, 1, 2]), { ...small, antialias: false }))).toEqual(picked);
  const floats = imageNetInput(pixels.cast("f32").div(255), small).dataSync();
  imageNetInput(pixels, small).dataSync().forEach((v, i) => expect(Math.abs(v - floats[i]!)).toBeLessThan(0.51 / 255 / 0.224)); // oxfmt-ignore
  expect(imageNetInput(pixels).shape).toEqual([1, 3, 224, 224]);
  const square = tensor(new Uint8Array(27), { shape: [1, 3, 3, 3] });
  expect(() => imageNetInput(square)).toThrow("may be NHWC or NCHW");
  expect(imageNetInput(square, { layout: "NCHW", ...small }).shape).toEqual([1, 3, 2, 2]);
  expect(() => imageNetInput(tensor([1]))).toThrow(
    "imageNetInput: wanted images [N, H, W, 3] or [N, 3, H, W], got [1]",
  );
  expect(() => imageNetInput(pixels, { crop: 9, resize: 8 })).toThrow("wanted a crop of at most the size 8, got 9");
  expect(() => imageNetInput(pixels.cast("i32"))).toThrow("wanted u8 in 0 … 255 or f32 in 0 … 1, got i32");
});
