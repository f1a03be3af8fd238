// The state of an optimizer as a tree of boxes: a copy, which an optimizer of the same kind can load.
import { diff, scope, state } from "@weft/autograd";
import { openSync as openReference } from "@weft/conformance";
import { Chain, fromBytes, Linear, params, place, seed, toBytes } from "@weft/nn";
import { cast, mean, relu, square } from "@weft/tensor";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { adam, chain, clipGlobalNorm, momentum, sgd, type Optimizer } from "../src/index.ts";

const build = () => (seed(1), Chain(Linear(3, 4), relu, Linear(4, 2)));
type Model = ReturnType<typeof build>;
const backend = openCpu({});
const x = backend.randn([5, 3], { seed: 1 });
const step = (model: Model, rule: Optimizer) => scope(() => rule.update(diff(() => mean(square(model(x))))));
const numbers = (model: Model) => params(model).map((p) => p.value.arraySync());
const array = (boxes: ReturnType<Optimizer["state"]>, path: string) => boxes[path]!.value.arraySync();

/** A copy of a model's values, to be restored later. */
function noted(model: Model): () => void {
  const before = params(model).map((p) => p.value);
  return () => params(model).forEach((p, k) => (p.value = before[k]!));
}

test.each([
  ["adam", () => adam()],
  ["a chain", () => chain(clipGlobalNorm(0.1), momentum({ lr: (k) => 0.1 / (1 + k) }))],
  ["sgd", () => sgd({ lr: (k) => 0.1 / (1 + k) })],
] as const)("%s goes back to what it was, however far it has gone", (_, make) => {
  const model = build();
  const rule: Optimizer = make();
  step(model, rule);
  step(model, rule);
  const [before, numbered, back] = [rule.state(model), rule.state(), noted(model)];
  expect(Object.keys(before)).toContain("0.weight.t");
  expect(Object.keys(numbered)).toContain("0.t");
  step(model, rule);
  const next = numbers(model);
  step(model, rule);
  for (const again of [() => rule.load(before, model), () => rule.load(numbered)]) {
    back();
    again();
    expect(rule.steps).toBe(2);
    step(model, rule);
    expect(numbers(model)).toEqual(next);
  }
  back();
  const other: Optimizer = make();
  other.load(before, model);
  step(model, other);
  expect(numbers(model)).toEqual(next);
});

test("it is boxes by path, and later steps do not change them", async () => {
  const model = build();
  const rule = adam({ params: model });
  expect(Object.keys(rule.state()).length).toBe(5);
  step(model, rule);
  const now = rule.state();
  expect(Object.keys(now).filter((path) => path.startsWith("2.bias"))).toEqual(["2.bias.m", "2.bias.v", "2.bias.t"]);
  expect([now["steps"]!.kind, now["steps"]!.dtype, now["steps"]!.shape]).toEqual(["state", "i32", []]);
  const before = array(now, "2.bias.m");
  expect(before).toEqual(rule.stateOf(params(model)[3]!)!["m"]!.value.arraySync());
  step(model, rule);
  expect(array(now, "2.bias.m")).toEqual(before);
  expect(await toBytes(now)).toBeInstanceOf(Uint8Array);
  rule.load(now);
  expect(rule.stateOf(params(model)[3]!)!["m"]!.value.arraySync()).toEqual(before);
});

test("state that does not fit is an error, and changes nothing", () => {
  const model = build();
  const rule = adam();
  step(model, rule);
  const good = rule.state(model);
  step(model, rule);
  const without = (path: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== path));
  const m = good["0.weight.m"]!;
  const says = (given: unknown, message: string, whose: unknown = model) => {
    const before = array(rule.state(model), "0.weight.m");
    expect(() => rule.load(given, whose)).toThrow(expect.objectContaining({ name: "StateError", message }));
    expect([rule.steps, array(rule.state(model), "0.weight.m")]).toEqual([2, before]);
  };
  says(without("steps"), "adam: steps is missing");
  says(without("0.weight.t"), "adam: 0.weight.t is missing");
  says(without("0.weight.v"), "adam: 0.weight.v is missing");
  says({ ...good, "0.weight.v": good["0.bias.v"] }, "adam: 0.weight.v is [4], wanted [4,3]");
  says({ ...good, more: m }, "adam: more is not expected");
  says({ ...good, steps: m }, "adam: steps must be a non-negative number");
  says({ ...good, "0.weight.m": state(cast(m.value, "f64")) }, "adam: 0.weight.m is f64, wanted f32");
  says({ ...good, steps: state(backend.tensor(2, { dtype: "i32" })) }, "adam: steps must be a number on the host");
  says(3, "adam: steps is missing");
  says(good, "adam: weight.t is missing", Linear(1, 1));
  expect(() => adam().load(good)).toThrow(
    "adam: load needs the model that the state belongs to, load(state, model), got undefined",
  );
  expect(() => momentum().load(good, model)).toThrow("momentum: 0.weight.m is not expected");
});

test("state on another backend than its parameters is refused, and counts are", async () => {
  const model = build();
  const rule = adam();
  step(model, rule);
  const elsewhere = await place(rule.state(model), openReference({}));
  expect(() => rule.load(elsewhere, model)).toThrow(
    "adam: 0.weight.m is on @weft/conformance, but its parameter on @weft/tensor-cpu; move the state with place()",
  );
  const most = { ...rule.state(model), steps: state(backend.tensor(0, { dtype: "i32" })) };
  fromBytes(await toBytes({ steps: state(backend.tensor(2 ** 31 - 1, { dtype: "i32" })) }), { steps: most.steps });
  rule.load(most, model);
  step(model, rule);
  expect(() => rule.state(model)).toThrow("adam: a count of 2147483648 updates does not fit into an i32");
});

test("state that was placed, moved or loaded from a file is loaded", async () => {
  const model = build();
  const rule = adam();
  step(model, rule);
  const kept = await place(rule.state(model), openReference({}));
  expect(kept["steps"]!.value.itemSync()).toBe(1);
  step(model, rule);
  const bytes = await toBytes(rule.state(model));
  rule.load(await place(kept, backend), model);
  expect(rule.steps).toBe(1);
  fromBytes(bytes, kept);
  rule.load(kept, model);
  expect(rule.steps).toBe(2);
});
