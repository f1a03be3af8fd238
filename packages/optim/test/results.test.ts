// Custom rules: their results are checked before anything is assigned, and changing the objects that went in or came
// out does not change the optimizer.
import { diff, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, ArgumentError, cast, DTypeError, mul, ShapeError, square, sub, sum, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { adam, chain, clipGlobalNorm, clipNorm, optimizer, sgd, type Rule } from "../src/index.ts";

const b = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
type Result = readonly [p: unknown, state: unknown];

test.each<[string, (p: Param) => unknown, RegExp]>([
  ["no list", () => undefined, /^sgd: apply wants a list of \{ param, g \}, got undefined/],
  ["null in it", () => [null], /^sgd: apply wants \{ param, g \}.* got null/],
  ["no gradient", (p) => [{ param: p }], /^sgd: apply wants \{ param, g \}/],
  ["a tensor for a parameter", (p) => [{ param: p.value, g: p.value }], /^sgd: apply wants \{ param, g \}/],
  ["a number for a gradient", (p) => [{ param: p, g: 1 }], /^sgd: wanted a tensor, got the number 1/],
  ["a gradient that would broadcast", (p) => [{ param: p, g: b.ones([1]) }], /^sgd: .*shape \[2\].*shape \[1\]/],
  ["a gradient of more axes", (p) => [{ param: p, g: b.ones([2, 2]) }], /^sgd: .*shape \[2\].*shape \[2,2\]/],
])("apply refuses %s, and nothing is lost", async (_, given, words) => {
  const p = param(b.tensor([1, 2]));
  for (const optimizer of [sgd(), chain(clipNorm(1), sgd())]) {
    const good = { param: p, g: b.ones([2]) };
    const wrong = given(p);
    expect(() => optimizer.apply((Array.isArray(wrong) ? [good, ...(wrong as unknown[])] : wrong) as never)).toThrow(
      words,
    );
    expect(await list(p.value)).toEqual([1, 2]);
    expect(optimizer.steps).toBe(0);
  }
});

test.each<[string, (p: Tensor, v: Tensor) => Result | undefined, typeof ArgumentError, RegExp]>([
  ["a value of another shape", (_, v) => [b.ones([7]), { v }], ShapeError, /^mine: .*f32\[3\].*a value f32\[7\]/],
  ["a scalar", (p, v) => [sum(p), { v }], ShapeError, /^mine: .*f32\[3\].*a value f32\[\]/],
  ["integers", (p, v) => [cast(p, "i32"), { v }], DTypeError, /^mine: .*f32\[3\].*a value i32\[3\]/],
  ["a number", (_, v) => [1, { v }], ArgumentError, /^mine: wanted a tensor/],
  ["a state of another shape", (p) => [p, { v: b.ones([2, 2]) }], ShapeError, /^mine: .*f32\[3\].*as v f32\[2,2\]/],
  ["a state of integers", (p, v) => [p, { v: cast(v, "i32") }], DTypeError, /^mine: .*f32\[3\].*as v i32\[3\]/],
  ["a state that init did not make", (p, v) => [p, { v, w: v }], ArgumentError, /^mine: .*f32\[3\].*"w".*init made v/],
  ["a state that every object has", (p, v) => [p, { v, constructor: p }], ArgumentError, /^mine: .*"constructor"/],
  ["no state", (p) => [p, undefined], ArgumentError, /^mine: update must return/],
  ["no value", (_, v) => [undefined, { v }], ArgumentError, /^mine: update must return/],
  ["null for a state", (p) => [p, null], ArgumentError, /^mine: update must return/],
  ["nothing", () => undefined, ArgumentError, /^mine: update must return/],
])("a rule whose result for the second parameter is %s leaves all as it was", async (_, wrong, kind, words) => {
  const [p, q] = [param(b.tensor([1, 2])), param(b.tensor([1, 2, 3]))];
  let bad = false;
  const rule = optimizer({
    name: "mine",
    init: (x) => ({ v: mul(x, 0) }),
    update: (g, x, { v }) => {
      const next = add(v!, g);
      return bad && x.shape[0] === 3 ? (wrong(x, next) as never) : [sub(x, g), { v: next }];
    },
  });
  const step = () => rule.update(diff(() => add(sum(square(p)), sum(square(q)))));
  step();
  const all = () => Promise.all([p, q].flatMap((x) => [list(x.value), list(rule.stateOf(x)!["v"]!.value)]));
  const before = await all();
  bad = true;
  let thrown: unknown;
  try {
    step();
  } catch (e) {
    thrown = e;
  }
  expect(thrown).toBeInstanceOf(kind);
  expect((thrown as Error).message).toMatch(words);
  expect(await all()).toEqual(before);
  expect(rule.steps).toBe(1);
  bad = false;
  step();
  expect(await list(q.value)).toEqual([1, 2, 3]);
});

test("changing the objects that an optimizer was given or returned does not change it", async () => {
  const [p, q] = [param(b.tensor([1])), param(b.tensor([1]))];
  const rule: Rule = { name: "mine", init: () => ({}), update: (g, x) => [sub(x, g), {}] };
  const given = [p];
  const o = optimizer(rule, { params: given });
  const chained = chain(clipNorm(100), sgd({ lr: 1, params: new Set([p]) }));
  given.push(q);
  (o.params as Set<unknown>).add(q);
  (chained.params as Set<unknown>).add(q).delete(p);
  (rule as { update: unknown }).update = () => {
    throw new Error("changed");
  };
  for (const each of [o, chained]) each.update(diff(() => add(sum(square(p)), sum(square(q)))));
  expect([await list(p.value), await list(q.value)]).toEqual([[1], [1]]);
  expect([o.params, chained.params]).toEqual([new Set([p]), new Set([p])]);
  const a = adam();
  a.update(diff(() => sum(square(p))));
  expect(() => delete (a.stateOf(p) as { m?: unknown }).m).toThrow(TypeError);
});

test("a rule that computes in another float dtype changes no dtype", async () => {
  const p = param(b.tensor([1, 2]));
  const rule = optimizer({
    name: "mine",
    init: (x) => ({ v: mul(x, 0) }),
    update: (g, x, { v }) => [cast(sub(x, g), "f64"), { v: cast(add(v!, g), "f64") }],
  });
  for (let k = 0; k < 2; k++) rule.update(diff(() => sum(p)));
  expect([p.dtype, rule.stateOf(p)!["v"]!.dtype]).toEqual(["f32", "f32"]);
  expect([await list(p.value), await list(rule.stateOf(p)!["v"]!.value)]).toEqual([
    [-1, 0],
    [2, 2],
  ]);
});

test.each([undefined, null, 3, {}, Promise.resolve()])("update rejects %o, which is not a tape", (given) => {
  for (const each of [sgd(), chain(clipNorm(1), sgd())])
    expect(() => each.update(given as never)).toThrow(/^sgd: update wants the tape that diff returns/);
});

test("several gradients of one parameter in one update are separate steps", async () => {
  const [p, q] = [param(b.tensor([1, 2])), param(b.tensor([1, 2]))];
  const [once, twice] = [adam(), adam()];
  const [g, h] = [b.tensor([1, -1]), b.tensor([3, 2])];
  once.apply([{ param: p, g }]);
  once.apply([{ param: p, g: h }]);
  twice.apply([
    { param: q, g },
    { param: q, g: h },
  ]);
  expect(await list(q.value)).toEqual(await list(p.value));
  for (const key of ["m", "v"])
    expect(await list(twice.stateOf(q)![key]!.value)).toEqual(await list(once.stateOf(p)![key]!.value));
  // Each of them counted as an update.
  once.apply([{ param: p, g }]);
  twice.apply([{ param: q, g }]);
  expect(await list(q.value)).toEqual(await list(p.value));
  expect([once.steps, twice.steps]).toEqual([3, 2]);
});

test("a chain has the state of its optimizer, and takes no gradients, too", async () => {
  const p = param(b.tensor([1]));
  const inner = adam();
  const o = chain(clipGlobalNorm(1), inner);
  expect(o.stateOf(p)).toBeUndefined();
  o.update(diff(() => sum(p)));
  expect(o.stateOf(p)).toBe(inner.stateOf(p));
  const [before, state] = [await list(p.value), o.stateOf(p)];
  o.apply([]);
  expect([await list(p.value), o.stateOf(p), o.steps]).toEqual([before, state, 2]);
});

test("a rule may be an instance of a class", async () => {
  class Signs {
    readonly name = "signs";
    readonly size = 0.5;
    init() {
      return {};
    }
    update(_: Tensor, p: Tensor): [Tensor, object] {
      return [sub(p, this.size), {}];
    }
  }
  const p = param(b.tensor([1]));
  optimizer(new Signs() as Rule).update(diff(() => sum(p)));
  expect(await list(p.value)).toEqual([0.5]);
});
