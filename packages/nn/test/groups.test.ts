// Normalization of channels and rows: running moments, layers as PyTorch's, forms of dropout, and messages. Values and
// gradients are tested by the golden vectors.
import { diff, grad, gradCheck, state } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { mean, relu, square, sum, variance, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import * as N from "../src/index.ts";
import { boxes } from "../src/tree.ts";

const { arange, ones, randn, tensor, zeros } = openSync();
const list = async (x: Tensor): Promise<number[]> => [...(await x.data())];
const near = async (x: Tensor, wanted: Tensor, digits = 9) =>
  expect(await list(x)).toEqual((await list(wanted)).map((v) => expect.closeTo(v, digits)));
const x = randn([2, 4, 3], { seed: 1 });
const [weight, bias] = [tensor([1, 2, -1, 0.5]), tensor([0, 1, 2, 3])];

test("one group per channel is instanceNorm, one group is layerNorm of a sample", async () => {
  await near(N.groupNorm(x, 4, weight, bias), N.instanceNorm(x, weight, bias));
  await near(N.groupNorm(x, 1), N.layerNorm(x, null, null, { axes: 2 }));
  expect(N.groupNorm(zeros([0, 4, 3]), 2).shape).toEqual([0, 4, 3]);
});

test("batchNorm of nothing, and with any numbers", async () => {
  const given = state(tensor([1]));
  for (const shape of [[0], [0, 1], [2, 1, 0]])
    expect(N.batchNorm(zeros(shape), null, null, { training: true, runningMean: given }).shape).toEqual(shape);
  expect(await list(given.value)).toEqual([1]);
  const pair = tensor([[1], [3]]);
  const y = N.batchNorm(pair, null, null, { training: true, eps: -0.75, momentum: -1.5, runningMean: given });
  expect(await list(y)).toEqual([-2, 2]);
  expect(await list(given.value)).toEqual([-0.5]);
});

test.each<[string, (a: Tensor) => Tensor]>([
  ["groupNorm", (a) => N.groupNorm(a, 2, weight, bias)],
  ["instanceNorm", (a) => N.instanceNorm(a, weight)],
  ["localResponseNorm", (a) => N.localResponseNorm(a, 3, { alpha: 0.5 })],
  ["rmsNorm without weight", (a) => N.rmsNorm(a)],
  ["rmsNorm of two axes", (a) => N.rmsNorm(a, ones([4, 3]))],
  ["normalize", (a) => N.normalize(a, { p: 3 })],
  ["cosineSimilarity", (a) => N.cosineSimilarity(a, x.mul(0.5).add(0.3))],
])("%s has gradients of both orders", async (_, f) => {
  await gradCheck(f, x);
  await gradCheck((a: Tensor) => sum(square(grad((z: Tensor) => sum(square(f(z)).mul(0.3)))(a))), x);
});

test("a single vector needs axis 0, and the error says so", async () => {
  const v = tensor([3, 4]);
  const advice = "axis 1, the default, is out of range for shape [2]; for a vector, write { axis: 0 }";
  expect(() => N.normalize(v)).toThrow(`normalize: ${advice}`);
  expect(() => N.cosineSimilarity(v, v)).toThrow(`cosineSimilarity: ${advice}`);
  expect(await N.normalize(v, { axis: 0 }).array()).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.8, 6)]);
  expect(await N.cosineSimilarity(v, v, { axis: 0 }).item()).toBeCloseTo(1, 6);
});

test("instanceNorm moves running moments toward those of the samples, and uses them otherwise", async () => {
  const moments = { runningMean: state(zeros([4])), runningVar: state(ones([4])) };
  N.instanceNorm(x, null, null, { ...moments, training: true, momentum: 0.5 });
  await near(moments.runningMean.value, mean(mean(x, { axis: 2 }), { axis: 0 }).mul(0.5));
  await near(
    moments.runningVar.value,
    mean(variance(x, { axis: 2, correction: 1 }), { axis: 0 })
      .mul(0.5)
      .add(0.5),
  );
  await near(N.instanceNorm(x, weight, bias, moments), N.batchNorm(x, weight, bias, { ...moments, training: false }));
});

test("rmsNorm over the axes of its weight", async () => {
  await near(N.rmsNorm(x, ones([4, 3])).reshape([2, 12]), N.rmsNorm(x.reshape([2, 12]), ones([12])));
  await near(N.rmsNorm(x, null, { axes: 2 }), N.rmsNorm(x, ones([4, 3])));
});

test("layers have PyTorch's names, and survive files", async () => {
  const build = () => ({
    group: N.GroupNorm(2, 4),
    instance: N.InstanceNorm(4),
    tracked: N.InstanceNorm(4, { affine: true, track: true }),
    rms: N.RMSNorm([4, 3], { eps: 0.1 }),
  });
  const model = build();
  expect(boxes(model).map(({ path, box }) => `${path} [${box.shape}]`)).toEqual([
    "group.weight [4]",
    "group.bias [4]",
    "tracked.weight [4]",
    "tracked.bias [4]",
    "tracked.running_mean [4]",
    "tracked.running_var [4]",
    "tracked.num_batches_tracked []",
    "rms.weight [4,3]",
  ]);
  diff(() => sum(model.tracked(x)));
  const same = N.fromBytes(await N.toBytes(model), build());
  await near(same.tracked(x), model.tracked(x), 6);
  await near(model.group(x), N.groupNorm(x, 2));
  await near(model.instance(x), N.instanceNorm(x));
  await near(model.rms(x), N.rmsNorm(x, ones([4, 3]), { eps: 0.1 }));
  expect((await list(model.tracked.running_mean!.value)).some((v) => v !== 0)).toBe(true);
});

test("dropout of channels keeps or drops each as a whole", async () => {
  const y = (await N.dropout(ones([5, 20, 3]), 0.5, {
    channels: true,
    training: true,
    seed: 1,
  }).array()) as number[][][];
  const channels = y.flat().map((channel) => channel.join());
  expect(new Set(channels)).toEqual(new Set(["0,0,0", "2,2,2"]));
  const model = N.Chain(N.Dropout(0.5, { channels: true }), relu);
  expect(new Set(await list(model(ones([5, 20, 3]), { training: true }).max({ axis: 2 })))).toEqual(new Set([0, 2]));
  await near(model(x), relu(x));
});

test("alphaDropout keeps mean and variance", async () => {
  const big = randn([200, 500], { seed: 3 });
  for (const channels of [false, true]) {
    const y = N.alphaDropout(big, 0.3, { training: true, seed: 2, channels });
    expect(await mean(y).item()).toBeCloseTo(0, 1);
    expect(await variance(y).item()).toBeCloseTo(1, 1);
  }
  await near(N.AlphaDropout(0.3)(x), x);
  expect(await list(N.alphaDropout(ones([2]), 1, { training: true }))).toEqual([0, 0]);
});

test("Chain passes its mode on to all of its layers", async () => {
  const model = N.Chain(N.Chain(N.BatchNorm(4)), N.Dropout(0.5));
  const before = await list(model(x));
  expect(await list(model(x, { training: false }))).toEqual(before);
  expect(await list(model(x, { training: true }))).not.toEqual(before);
  const inside = diff(() => sum(model(x, { training: false })));
  expect(await inside.value.item()).toBeTypeOf("number");
  expect(await list((model[0][0] as N.BatchNorm).num_batches_tracked.value)).toEqual([1]);
});

const wrong: [string, () => unknown, string][] = [
  ["groups that do not divide", () => N.groupNorm(x, 3), "groupNorm: wanted x [N, C, …] with channels in 3 equal groups, got [2, 4, 3]"],
  ["a weight of another length", () => N.groupNorm(x, 2, ones([3])), "groupNorm: x [2, 4, 3] has 4 channels, weight has the shape [3]"],
  ["one value per channel", () => N.instanceNorm(ones([2, 3, 1])), "instanceNorm: wanted more than one value per channel, got x [2, 3, 1]"],
  ["no positions", () => N.instanceNorm(ones([2, 3])), "instanceNorm: wanted x of shape [N, C, …], got [2, 3]"],
  ["a layer of other channels", () => N.InstanceNorm(3)(x), "InstanceNorm: wanted x [N, 3, …], got [2, 4, 3]"],
  ["a layer's groups", () => N.GroupNorm(3, 4), "GroupNorm: 4 features cannot be split into 3 equal groups"],
  ["a weight of other axes", () => N.rmsNorm(x, ones([2, 3])), "rmsNorm: x [2, 4, 3] ends in [4, 3], weight is [2, 3]"],
  ["channels of a vector", () => N.dropout(arange(3), 0.5, { channels: true, training: true }), "dropout: wanted x of shape [N, C, …], got [3]"],
]; // oxfmt-ignore
test.each(wrong)("refuses %s", (_, f, message) => {
  expect(f).toThrow(message);
});
