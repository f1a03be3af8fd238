// Which parameters an optimizer updates: `params`, and a warning where two optimizers alternate on one parameter.
import { diff, param, scope } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { BatchNorm, Chain, freeze, Linear, params } from "@weft/nn";
import { mean, mul, square, sum, tanh } from "@weft/tensor";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { accumulate, adam, chain, clipGlobalNorm, minimize, muon, optimizer, sgd, weightDecay } from "../src/index.ts";

const { tensor, randn } = openSync({});
const numbers = (model: unknown) => params(model).map((p) => p.value.arraySync());
const warn = vi.spyOn(console, "warn");
beforeEach(() => void warn.mockReset().mockImplementation(() => undefined));
afterEach(() => expect(warn).not.toHaveBeenCalled());

function gan() {
  const generator = Chain(Linear(2, 3), tanh, Linear(3, 2));
  const critic = Linear(2, 1);
  const z = randn([4, 2], { seed: 1 });
  return { generator, critic, z, loss: () => mean(critic(generator(z))) };
}

test("a generator's step leaves its discriminator alone: update, apply and minimize", async () => {
  const { generator, critic, z, loss } = gan();
  loss();
  const [g, c] = [numbers(generator), numbers(critic)];
  const rule = adam({ params: generator });
  rule.update(diff(loss));
  expect(numbers(critic)).toEqual(c);
  expect(numbers(generator)).not.toEqual(g);
  expect(params(critic).map((p) => rule.stateOf(p))).toEqual([undefined, undefined]);
  const tape = diff(loss);
  sgd({ params: params(critic) }).apply(tape.params.map((param) => ({ param, g: tape.grad(param) })));
  expect(numbers(critic)).not.toEqual(c);
  const after = numbers(critic);
  await minimize((x) => mean(critic(generator(x))), [z, z], sgd({ params: new Set(params(generator)) }));
  expect(numbers(critic)).toEqual(after);
});

test("clipping and weight decay see what the optimizer updates, and nothing else", () => {
  const [p, q] = [param(tensor([3])), param(tensor([400]))];
  const tape = diff(() => sum(mul(add(p), add(q)))); // gradients 400 and 3
  chain(clipGlobalNorm(4), weightDecay(1), sgd({ lr: 1, params: q })).update(tape);
  // The norm is 3, below 4: the 400 of p does not count.
  expect([p.value.arraySync(), q.value.arraySync()]).toEqual([[3], [400 - (3 + 400)]]);
});
const add = (x: ReturnType<typeof param>) => mul(x, 1);

test("params is a parameter, a list with missing biases, a set, a map, or a model", () => {
  const layer = Linear(2, 1, { bias: false });
  const p = param(tensor([1]));
  const sizes = [
    p,
    [p],
    [layer.weight, layer.bias],
    new Set([p, layer]),
    [layer, [p]],
    { a: p, b: [layer] },
    new Map([["a", p]]),
  ];
  expect(sizes.map((given) => sgd({ params: given }).params!.size)).toEqual([1, 1, 1, 2, 2, 2, 1]);
});

test("state boxes are not parameters", () => {
  const model = Chain(Linear(2, 3), BatchNorm(3));
  expect(sgd({ params: model }).params).toEqual(new Set(params(model)));
});

test("`params` without a parameter is rejected", () => {
  const says = (given: unknown, message: string) =>
    expect(() => adam({ params: given })).toThrow(
      expect.objectContaining({ name: "ArgumentError", message: expect.stringContaining(message) }),
    );
  says([], "adam: params wants a model, a parameter, or a list of them, got [], which has no parameters");
  says({}, "which has no parameters");
  says(Math.sin, "got the function sin, which has no parameters");
  says(3, "got number 3");
  says(null, "got null");
  says(tensor([1]), "got a tensor f32[1]");
  says([param(tensor([1])), undefined], "got undefined");
  says([param(tensor([1])), tensor([1])], "got a tensor f32[1]");
  says("weight", 'got "weight"');
  const [p, q] = [param(tensor([1])), param(tensor([1]))];
  expect(() => adam({ params: p }).update(diff(() => sum(q)))).toThrow(
    "adam: none of the 1 parameters with gradients is among the 1 in params",
  );
});

const matrix = () => param(tensor([[1, 2]]));
test.each([
  ["alone", "adam", () => adam()],
  ["in a chain", "sgd", () => chain(clipGlobalNorm(1), sgd())],
  ["that accumulates", "adam", () => chain(accumulate(2), adam())],
  ["that is divided", "muon", () => muon({ fallback: adam() })],
  ["with groups", "adam", () => adam({ groups: [{ params: matrix() }] })],
  ["with params", "adam", () => adam({ params: matrix() })],
  [
    "in an asynchronous chain",
    "adam",
    () =>
      chain(
        // oxlint-disable-next-line require-await -- the type is what counts
        async (gradients) => gradients,
        adam(),
      ),
  ],
  ["of a rule", "mine", () => optimizer({ name: "mine", init: () => ({}), update: (_, p) => [p, {}] })],
])("a tape without a parameter is refused by an optimizer %s, which makes no step", (_, name, make) => {
  const rule = make();
  const w = tensor([1]); // it should have been param(…)
  const tape = diff(() => sum(mul(w, 2)));
  expect(() => rule.update(tape)).toThrow(
    expect.objectContaining({
      name: "ArgumentError",
      message: `${name}: the loss depends on no parameter. Are the weights made with param(), used inside the loss, and not all frozen?`,
    }),
  );
  expect(rule.steps).toBe(0);
});

test("what is all frozen before its update is refused like what was frozen before its tape", () => {
  const model = Linear(2, 1);
  const loss = () => mean(model(randn([3, 2])));
  const tape = diff(loss);
  freeze(model);
  const rule = sgd();
  expect(() => rule.update(tape)).toThrow("sgd: none of the 2 parameters with gradients is unfrozen");
  expect(() => rule.update(diff(loss))).toThrow("sgd: the loss depends on no parameter");
  rule.apply([]); // what a program chose itself may be nothing
});

test("two optimizers that alternate on one parameter cause a warning, once", () => {
  const { generator, critic, loss } = gan();
  const [forG, forC] = [adam(), sgd()];
  for (let k = 0; k < 4; k++)
    scope(() => {
      forC.update(diff(loss));
      forG.update(diff(loss));
    });
  const warning =
    "Weft: a parameter … is updated by two optimizers in turn, adam and sgd. If each has a model of its own, say so:";
  expect(warn.mock.calls.map(([text]) => String(text).replace(/f32\[.*?\]/, "…"))).toEqual([
    `${warning} sgd({ params: model }).`,
    `${warning} adam({ params: model }).`,
  ]);
  warn.mockClear();
  const own = [adam({ params: generator }), sgd({ params: critic })];
  for (let k = 0; k < 3; k++) for (const rule of own) rule.update(diff(loss));
  const p = param(tensor([1]));
  const step = () => diff(() => sum(square(p)));
  for (let epoch = 0; epoch < 3; epoch++) {
    const rule = adam(); // a new optimizer that replaces the old one is fine
    rule.update(step());
    rule.update(step());
  }
  const shared = [sgd({ params: p }), adam({ params: p })]; // sharing is explicit here
  for (let k = 0; k < 3; k++) for (const rule of shared) rule.update(step());
});
