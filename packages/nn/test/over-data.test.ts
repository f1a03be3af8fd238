// Losses and counts of a model over batches of data, as Knet has them.
import { openSync } from "@weft/conformance";
import { add, logSoftmax, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { accuracy, crossEntropy, Linear, nll } from "../src/index.ts";

const { tensor, randn } = openSync();
const labels = (...values: number[]) => tensor(values, { dtype: "i32" });
const model = Linear(4, 3);
const batches = [
  [randn([3, 4], { seed: 1 }), labels(0, 2, 1)],
  [randn([2, 4], { seed: 2 }), labels(-1, 0)],
] as const;
const some = { ignoreIndex: -1 };

/** What the batches give by themselves. */
const wanted = async () => {
  const losses = batches.map(([x, y]) => crossEntropy(model(x), y, { ...some, reduction: "sum" }));
  const right = batches.map(([x, y]) => accuracy(model(x), y, some));
  const numbers = (xs: Tensor[]) => Promise.all(xs.map(async (x) => Number(await x.item())));
  const [[a, b], [p, q]] = await Promise.all([numbers(losses), numbers(right)]);
  return { loss: a! + b!, right: 3 * p! + q! };
};

test("sums over all rows that are not ignored, and their averages", async () => {
  const { loss, right } = await wanted();
  const { total, count } = await nll(model, batches, { ...some, average: false });
  expect(total).toBeCloseTo(loss, 9);
  expect(count).toBe(4);
  expect(await nll(model, batches, some)).toBeCloseTo(loss / 4, 9);
  expect(await accuracy(model, batches, { ...some, average: false })).toEqual({ total: right, count: 4 });
  expect(await accuracy(model, batches, some)).toBeCloseTo(right / 4, 9);
});

test("log-probabilities give what scores give", async () => {
  const logs = (x: Tensor) => logSoftmax(model(x));
  expect(await nll(logs, batches, some)).toBeCloseTo(await nll(model, batches, some), 9);
});

test("batches may come asynchronously, and inputs may be anything that the model takes", async () => {
  async function* late() {
    for (const [x, y] of batches) yield [[x, x] as const, y] as const;
  }
  const twice = ([a, b]: readonly [Tensor, Tensor]) => model(add(a, b).mul(0.5));
  expect(await nll(twice, late(), some)).toBeCloseTo(await nll(model, batches, some), 9);
});

test("no data gives NaN, and a wrong label or batch rejects", async () => {
  expect(await accuracy(model, [])).toBeNaN();
  await expect(nll(model, batches)).rejects.toThrow(/out of range/);
  await expect(accuracy(model, [[batches[0][0], labels(0, 1, 9)], ...batches] as const)).rejects.toThrow(
    /out of range/,
  );
  await expect(nll(model, labels(1) as never)).rejects.toThrow("nll: wanted batches [x, labels] to go with a model");
  await expect(nll(model, [labels(1)] as never)).rejects.toThrow("nll: wanted batches [x, labels], got");
  const misspelt = { avrage: false } as object;
  await expect(accuracy(model, batches, misspelt)).rejects.toThrow('accuracy: there is no option "avrage"');
});
