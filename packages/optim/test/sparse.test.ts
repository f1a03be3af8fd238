// Row-sparse gradients: exact where a rule allows it, the dense result by default, and only the rows touched when lazy.
import { diff, param, scope, type Param, type RowSparse, type Tape } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { abs, div, indexAdd, mul, sub, sum, take, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import {
  adadelta,
  adagrad,
  adam,
  adamw,
  chain,
  clipGlobalNorm,
  clipNorm,
  lion,
  momentum,
  optimizer,
  rmsprop,
  sgd,
  weightDecay,
  type Optimizer,
} from "../src/index.ts";

const { tensor } = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
const table = () =>
  param(
    tensor([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]),
  );
const words = tensor([3, 1, 3], { dtype: "i32" });
/** What each word's row gets; rows of word 3 add up to [4, 6]. */
const weights = tensor([
  [1, 2],
  [10, 20],
  [3, 4],
]);
const look = (p: Param): Tape => diff(() => sum(mul(take(p, words), weights)));
const all = (p: Param): Tape =>
  diff(() =>
    sum(
      mul(
        p,
        tensor([
          [0, 0],
          [10, 20],
          [0, 0],
          [4, 6],
        ]),
      ),
    ),
  );
const after = async (rule: Optimizer, tape: (p: Param) => Tape, times = 1) => {
  const p = table();
  for (let k = 0; k < times; k++) scope(() => rule.update(tape(p)));
  return list(p.value);
};
const near = (a: number[], b: number[]) => expect(a).toEqual(b.map((value) => expect.closeTo(value, 10)));

test("a custom rule gets rows if it has the method for them", async () => {
  const seen: string[] = [];
  const rule = {
    name: "mine",
    factor: 2,
    init: () => ({}),
    update: (g: Tensor, p: Tensor) => (seen.push("update"), [sub(p, g), {}] as const),
    rows(g: RowSparse, p: Tensor) {
      seen.push(`rows ${g.indices.shape}`);
      return indexAdd(p, g.indices, mul(g.values, -this.factor));
    },
  };
  expect(await after(optimizer(rule), look)).toEqual([1, 2, -17, -36, 5, 6, -1, -4]);
  expect(await after(optimizer(rule), all)).toEqual([1, 2, -7, -16, 5, 6, 3, 2]);
  expect(seen).toEqual(["rows 3", "update"]);
});

test("lazy or not, a dense gradient updates everything; a sparse one may have a single row", async () => {
  near(await after(adam({ lazy: true }), all, 2), await after(adam(), all, 2));
  const one = (p: Param): Tape => diff(() => sum(mul(take(p, tensor([2], { dtype: "i32" })), 3)));
  near(await after(adam({ lazy: true }), one, 2), await after(adam(), one, 2));
});

test("the gradient arrives in rows", () => {
  const p = table();
  expect(look(p).sparseGrad(p)).toBeDefined();
  expect(all(p).sparseGrad(p)).toBeUndefined();
});

test("sgd is exact with repeated words", async () => {
  near(await after(sgd({ lr: 0.5 }), look), [1, 2, 3 - 5, 4 - 10, 5, 6, 7 - 2, 8 - 3]);
});

test("with state the result is the dense one by default", async () => {
  for (const make of [() => adam(), () => momentum(), () => adagrad(), () => lion(), () => adam({ amsgrad: true })])
    near(await after(make(), look, 3), await after(make(), all, 3));
});

test("lazy: touched rows are updated as if alone, other rows and their state stay", async () => {
  const lazy = momentum({ lazy: true });
  const p = table();
  scope(() => lazy.update(look(p)));
  const other = tensor([2], { dtype: "i32" });
  const before = await list(p.value);
  scope(() => lazy.update(diff(() => sum(take(p, other)))));
  const now = await list(p.value);
  near([...now.slice(0, 4), ...now.slice(6)], [...before.slice(0, 4), ...before.slice(6)]);
  near(now.slice(4, 6), [5 - 0.05, 6 - 0.05]);
  near(await list(lazy.stateOf(p)!["v"]!.value), [0, 0, -0.5, -1, -0.05, -0.05, -0.2, -0.3]);
});

test.each([
  ["adagrad", adagrad],
  ["adam", adam],
  ["rmsprop", rmsprop],
  ["adadelta", adadelta],
  ["adamw", adamw],
])("lazy %s without eps: repeated rows cause no division by 0", async (_, make) => {
  const twice = tensor([1, 2, 2, 1], { dtype: "i32" });
  const [lazy, eager] = await Promise.all(
    [true, false].map(async (lazy) => {
      const p = table();
      const rule = make({ eps: 0, lazy });
      for (let i = 0; i < 2; i++) rule.update(diff(() => sum(mul(take(p, twice), 3))));
      return list(p.value);
    }),
  );
  near(lazy!.slice(2, 6), eager!.slice(2, 6));
  expect([...lazy!.slice(0, 2), ...lazy!.slice(6)]).toEqual([1, 2, 7, 8]);
  // A custom rule that divides by the gradient.
  const signs = optimizer(
    { name: "signs", init: () => ({}), update: (g, p, _, { lr }) => [sub(p, mul(div(g, abs(g)), lr)), {}] },
    { lazy: true, lr: 1 },
  );
  const p = table();
  signs.update(diff(() => sum(mul(take(p, twice), 3))));
  near(await list(p.value), [1, 2, 2, 3, 4, 5, 7, 8]);
});

test("lazy Adam, AMSGrad and Lion are what they are for the rows that are always touched", async () => {
  for (const make of [(lazy: boolean) => adam({ lazy, amsgrad: true }), (lazy: boolean) => lion({ lazy, lr: 0.1 })])
    near(await after(make(true), look, 4), await after(make(false), all, 4));
  near(await after(adam({ lazy: true }), look, 4), await after(adam(), all, 4));
});

test("clipping sums the rows of one word first", async () => {
  const norm = Math.sqrt(10 ** 2 + 20 ** 2 + 4 ** 2 + 6 ** 2);
  const clipped = [1, 2, 3 - 10 / norm, 4 - 20 / norm, 5, 6, 7 - 4 / norm, 8 - 6 / norm];
  near(await after(sgd({ lr: 1, gclip: 1 }), look), clipped);
  near(await after(chain(clipNorm(1), sgd({ lr: 1 })), all), clipped);
  near(await after(sgd({ lr: 1, gclip: norm + 1 }), look), [1, 2, -7, -16, 5, 6, 3, 2]);
});

test("clipGlobalNorm scales all gradients together; one word alone is clipped, too", async () => {
  const [p, q] = [table(), param(tensor([3]))];
  const first = tensor([0], { dtype: "i32" });
  scope(() =>
    chain(clipGlobalNorm(1), sgd({ lr: 1 })).update(
      diff(() => sum(mul(take(p, first), tensor([[4, 0]]))).add(sum(mul(q, 3)))),
    ),
  );
  near((await list(p.value)).slice(0, 4), [1 - 4 / 5, 2, 3, 4]);
  near(await list(q.value), [3 - 3 / 5]);
});

test("a gradient of zero is not clipped to NaN, and weight decay reaches every row", async () => {
  const p = param(tensor([0, 0]));
  scope(() => sgd({ lr: 1, gclip: 1 }).update(diff(() => sum(mul(p, p)))));
  near(await list(p.value), [0, 0]);
  near(await after(chain(weightDecay(0.5), sgd({ lr: 1 })), look), [0.5, 1, 1.5 - 10, 2 - 20, 2.5, 3, 3.5 - 4, 4 - 6]);
});
