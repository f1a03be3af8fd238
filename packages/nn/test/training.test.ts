// Training mode: on inside `diff`, or as `training` says. Observed through dropout and batch normalization.
import { checkpoint, customGradient, diff, grad, gradCheck, param, valueAndGrad, vjp, type Tape } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { minimize, sgd } from "@weft/optim";
import { mean, mul, square, sum, type Tensor } from "@weft/tensor";
import { context } from "@weft/tensor/internals";
import { expect, test } from "vitest";
import { BatchNorm, Chain, Dropout, dropout, Linear, LSTM, seed, training } from "../src/index.ts";

const { ones, randn, tensor } = openSync({ seed: 3 });
const x = ones([2, 64]);
/** Does dropout drop here? */
const drops = (): boolean => (dropout(x, 0.5).arraySync() as number[][]).flat().includes(0);
const p = param(tensor(1));
/** How many batches a layer has learned from. */
const count = ({ num_batches_tracked: n }: BatchNorm) => (n.initialized ? n.value.itemSync() : 0);

test("a saliency map drops nothing and leaves running moments alone; `training(true, …)` asks for it", () => {
  seed(1);
  const model = Chain(Linear(3, 8), BatchNorm(8), Dropout(0.5), Linear(8, 1));
  const z = randn([5, 3], { seed: 1 });
  const norm = model[1] as BatchNorm;
  const map = () => grad((v: Tensor) => sum(square(model(v))))(z).arraySync();
  const [one, two] = [map(), map()];
  expect(one).toEqual(two);
  const moments = () => [norm.running_mean, norm.running_var].map((s) => s.value.arraySync());
  expect([...moments(), count(norm)]).toEqual([Array(8).fill(0), Array(8).fill(1), 0]);
  expect(training(true, map)).not.toEqual(one);
  expect(count(norm)).toBe(1);
  // The options of a call take precedence.
  training(true, () => norm(ones([2, 8]), { training: false }));
  expect(count(norm)).toBe(1);
  training(false, () => norm(randn([2, 8]), { training: true }));
  expect(count(norm)).toBe(2);
});

test("on inside diff, also in a grad there; off in grad, valueAndGrad, vjp and outside", () => {
  const seen: [string, boolean][] = [];
  const look = (name: string) => (v: Tensor) => (seen.push([name, drops()]), sum(v));
  grad(look("grad"))(x);
  valueAndGrad(look("valueAndGrad"))(x);
  vjp(look("vjp"), x);
  grad((v: Tensor) => sum(grad(look("grad in grad"))(v)))(x);
  grad((v: Tensor) => mul(sum(v), diff(() => (look("diff in grad")(v), mul(p, 1))).value))(x);
  diff(() => sum(mul(grad(look("grad in diff"))(x), p)));
  diff(() => mul(vjp(look("vjp in diff"), x)[0], p));
  seen.push(["outside", drops()]);
  expect(Object.fromEntries(seen)).toEqual({
    grad: false,
    valueAndGrad: false,
    vjp: false,
    "grad in grad": false,
    "diff in grad": true,
    "grad in diff": true,
    "vjp in diff": true,
    outside: false,
  });
});

test("holds in everything that f calls, restores the mode before, and returns what f returns", () => {
  expect(training(true, drops)).toBe(true);
  const seen = training(false, () => {
    const found: boolean[] = [];
    diff(() => (found.push(drops(), training(true, drops), drops()), mul(p, 1)));
    return [...found, training(true, () => training(false, drops))];
  });
  expect(seen).toEqual([false, true, false, false]);
  expect(() => training(true, () => { throw new Error("no"); })).toThrow("no"); // oxfmt-ignore
  expect([drops(), context.training]).toEqual([false, undefined]);
  expect(() => training("eval" as never, drops)).toThrow('training: wanted true or false as the mode, got "eval"');
  expect(() => training(true, x as never)).toThrow(
    "training: wanted a function as what is called, got a tensor f32[2,64]",
  );
});

test("recurrent layers, custom gradients and checkpoints follow it, also in the backward pass", async () => {
  const rnn = LSTM({ in: 2, hidden: 64, layers: 2, dropout: 0.9 });
  const v = randn([3, 1, 2], { seed: 1 });
  expect(training(true, () => rnn(v)).arraySync()).not.toEqual(rnn(v).arraySync());
  expect(diff(() => sum(training(false, () => rnn(v)))).value.itemSync()).toBeCloseTo(sum(rnn(v)).itemSync(), 5);

  const seen: boolean[] = [];
  const byHand = customGradient((a: Tensor) => (seen.push(drops()), { value: a, pullback: (g) => g }));
  diff(() => sum(mul(byHand(x), p)));
  diff(() => training(false, () => sum(mul(byHand(mul(x, p)), p))));
  grad((a: Tensor) => sum(byHand(a)))(x);
  expect(seen).toEqual([true, false, false]);

  seen.length = 0;
  const again = checkpoint((a: Tensor) => (seen.push(drops()), mul(square(a), p)));
  diff(() => sum(training(false, () => again(mul(x, p)))));
  grad((a: Tensor) => sum(training(true, () => again(a))))(x);
  diff(() => sum(again(mul(x, p))));
  expect(seen).toEqual([false, false, true, true, true, true]);
  await gradCheck((a: Tensor) => sum(square(dropout(a, 0.5))), tensor([1, 2])); // a gradient alone does not train
});

test("in asynchronous functions it holds until the first await, and after t.wait", async () => {
  const seen: boolean[] = [];
  const f = (mode: boolean) => async (t: Tape) => {
    await training(mode, async () => {
      for (let k = 0; k < 3; k++) {
        seen.push(drops() === mode);
        await t.wait(new Promise((go) => setTimeout(go, 1)));
      }
      seen.push(drops() === mode);
    });
    await t.wait(0);
    seen.push(drops()); // as in any diff
    return mul(p, 1);
  };
  const outside = (async () => {
    for (let k = 0; k < 50; k++) {
      await Promise.resolve();
      seen.push(context.training === undefined && context.tape === undefined);
    }
  })();
  await Promise.all([diff(f(true)), diff(f(false)), diff(f(true)), outside]);
  expect(seen.length).toBe(3 * 5 + 50);
  expect(seen).not.toContain(false);
  expect(context.training).toBeUndefined();
  // around an asynchronous diff
  const whole = training(false, () => diff(async (t) => (await t.wait(0), seen.push(drops()), mul(p, 1))));
  await whole;
  expect(seen.at(-1)).toBe(false);
});

test("training(false, () => minimize(…)) trains with dropout and running moments off", async () => {
  const norm = BatchNorm(3);
  const run = (mode?: boolean) => {
    const begin = () => minimize((v: Tensor) => mean(square(norm(v))), [randn([4, 3]), randn([4, 3])], sgd());
    return mode === undefined ? begin() : training(mode, begin);
  };
  await run(false);
  expect(count(norm)).toBe(0);
  await run();
  expect(count(norm)).toBe(2);
});

test("a copy without training modes trains in diff as before: the field is left out", () => {
  expect("training" in context && context.training !== undefined).toBe(false);
  delete context.training;
  expect([drops(), training(true, drops)]).toEqual([false, true]);
});

test("the probability of a Dropout layer can be changed", () => {
  const layer = Dropout(0.5);
  const zeros = () => (layer(x, { training: true }).arraySync() as number[][]).flat().filter((v) => v === 0).length;
  expect(zeros()).toBeGreaterThan(0);
  layer.p = 0;
  expect(zeros()).toBe(0);
  layer.p = 1;
  expect(zeros()).toBe(128);
  layer.p = 2;
  expect(zeros).toThrow("dropout: ");
});
