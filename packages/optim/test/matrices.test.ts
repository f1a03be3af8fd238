// Rules that look at whole matrices, step by step against the formulas of their papers in plain numbers.
import { diff, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { Embedding, Linear, params, seed, toBytes, fromBytes } from "@weft/nn";
import { add, ArgumentError, mul, square, sum, type Tensor } from "@weft/tensor";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { adafactor, adamw, chain, clipGlobalNorm, muon, sgd, type Optimizer } from "../src/index.ts";

const creation = openSync({ rounding: true });
const inF32 = creation.tensor;
const tensor = ((data, options) => inF32(data, { dtype: "f64", ...options })) as typeof inF32;
type Matrix = number[][];

const zip = (x: Matrix, y: Matrix, f: (a: number, b: number) => number): Matrix =>
  x.map((row, i) => row.map((a, j) => f(a, y[i]![j]!)));
const map = (x: Matrix, f: (a: number, i: number, j: number) => number): Matrix =>
  x.map((row, i) => row.map((a, j) => f(a, i, j)));
const flipped = (x: Matrix): Matrix => x[0]!.map((_, j) => x.map((row) => row[j]!));
const product = (x: Matrix, y: Matrix): Matrix =>
  x.map((row) => flipped(y).map((column) => row.reduce((total, a, k) => total + a * column[k]!, 0)));
const total = (x: Matrix): number => x.flat().reduce((a, b) => a + b, 0);
const rms = (x: Matrix): number => Math.sqrt(total(map(x, (a) => a * a)) / x.flat().length);
const near = (x: Matrix) => x.map((row) => row.map((a) => expect.closeTo(a, 11)));

/** Numbers that look arbitrary. */
const wave = (rows: number, columns: number, seed: number): Matrix =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => Math.sin(seed + 3 * i + 1.7 * j + i * j) * 2 ** (i - j)),
  );

/** The values after each of several steps with given gradients. */
function steps(p: Param, gradients: readonly Matrix[], rule: Optimizer): Matrix[] {
  return gradients.map((g) => {
    rule.apply([{ param: p, g: tensor(g) }]);
    return p.value.arraySync() as Matrix;
  });
}

/** Algorithms 4 and 5 of Shazeer and Stern, with sums as they have them. */
function plainAdafactor(w: Matrix, gradients: readonly Matrix[], relative: boolean, lr: number): Matrix[] {
  let [x, rows, columns] = [w, w.map(() => 0), w[0]!.map(() => 0)];
  return gradients.map((g, k) => {
    const t = k + 1;
    const beta = 1 - t ** -0.8;
    const alpha = relative ? Math.max(1e-3, rms(x)) * Math.min(lr, 1 / Math.sqrt(t)) : lr;
    const s = map(g, (a) => a * a + 1e-30);
    rows = rows.map((r, i) => beta * r + (1 - beta) * total([s[i]!]));
    columns = columns.map((c, j) => beta * c + (1 - beta) * total([flipped(s)[j]!]));
    const u = map(g, (a, i, j) => a / Math.sqrt((rows[i]! * columns[j]!) / total([rows])));
    return (x = zip(x, u, (a, b) => a - (alpha * b) / Math.max(1, rms(u))));
  });
}

test.each([true, false])("adafactor is the paper's, relative: %s", (relative) => {
  const [w, gradients] = [wave(3, 4, 0), [1, 2, 3, 4].map((seed) => wave(3, 4, seed))];
  const got = steps(param(tensor(w)), gradients, adafactor({ lr: 0.2, relativeStep: relative }));
  plainAdafactor(w, gradients, relative, 0.2).forEach((x, k) => expect(got[k]).toEqual(near(x)));
});

test("adafactor in f32 stays finite where rows and columns have no gradient", () => {
  const cpu = openCpu({});
  const p = param(cpu.tensor([[1, 2], [3, 4]])); // prettier-ignore
  const rule = adafactor({ lr: 0.1, relativeStep: false });
  for (let k = 0; k < 3; k++) rule.apply([{ param: p, g: cpu.tensor([[1000, 0], [0, 0]]) }]); // prettier-ignore
  expect(p.value.arraySync()).toEqual([[expect.closeTo(0.7, 5), 2], [3, 4]]); // prettier-ignore
});

test("adafactor of a vector keeps every second moment, of a stack those of each matrix", () => {
  const rule = adafactor({ lr: 0.1, relativeStep: false, weightDecay: 0.5 });
  const [v, stack] = [param(tensor([1, 2])), param(tensor([wave(2, 3, 0), wave(2, 3, 1)]))];
  const before = stack.value.arraySync() as Matrix[];
  const g = [wave(2, 3, 2), wave(2, 3, 3)];
  const apply = (a: number[]) =>
    rule.apply([
      { param: v, g: tensor(a) },
      { param: stack, g: tensor(g) },
    ]);
  apply([3, -1]);
  // β is 0 in the first step, so a step is the sign of the gradient, after the decay.
  expect(v.value.arraySync()).toEqual([expect.closeTo(0.95 - 0.1, 11), expect.closeTo(1.9 + 0.1, 11)]);
  apply([1, 2]);
  const beta = 1 - 2 ** -0.8;
  const u = [1, 2].map((a, i) => a / Math.sqrt(beta * [9, 1][i]! + (1 - beta) * a * a));
  const scale = Math.max(1, rms([u]));
  const next = [0.85, 2].map((w, i) => w * 0.95 - (0.1 * u[i]!) / scale);
  expect(v.value.arraySync()).toEqual(next.map((a) => expect.closeTo(a, 11)));
  expect([rule.stateOf(stack)!["R"]!.shape, rule.stateOf(stack)!["C"]!.shape]).toEqual([
    [2, 2, 1],
    [2, 1, 3],
  ]);
  // The matrices of a stack have moments of their own, and one root mean square.
  const first = g.map((m) => {
    const s = map(m, (a) => a * a);
    return map(m, (a, i, j) => a / Math.sqrt((total([s[i]!]) * total([flipped(s)[j]!])) / total(s)));
  });
  const one = adafactor({ lr: 0.1, relativeStep: false });
  const fresh = param(tensor(before));
  one.apply([{ param: fresh, g: tensor(g) }]);
  const most = Math.max(1, rms(first.flat()));
  expect(fresh.value.arraySync()).toEqual(
    before.map((m, k) => near(zip(m, first[k]!, (a, b) => a - (0.1 * b) / most))),
  );
});

/** Jordan's formula: momentum, five Newton–Schulz iterations, and the factor √max(1, n / m). */
function plainMuon(w: Matrix, gradients: readonly Matrix[], nesterov: boolean): Matrix[] {
  let [x, b] = [w, map(w, () => 0)];
  return gradients.map((g) => {
    b = zip(b, g, (old, now) => 0.95 * old + now);
    const u = nesterov ? zip(g, b, (now, momentum) => now + 0.95 * momentum) : b;
    const tall = u.length > u[0]!.length;
    let y = tall ? flipped(u) : u;
    const norm = Math.sqrt(total(map(y, (a) => a * a))) + 1e-7;
    y = map(y, (a) => a / norm);
    for (let k = 0; k < 5; k++) {
      const a = product(y, flipped(y));
      const polynomial = zip(a, product(a, a), (one, two) => -4.775 * one + 2.0315 * two);
      y = zip(y, product(polynomial, y), (old, change) => 3.4445 * old + change);
    }
    const o = tall ? flipped(y) : y;
    const factor = Math.sqrt(Math.max(1, u.length / u[0]!.length));
    return (x = zip(x, o, (a, d) => a - 0.02 * factor * d));
  });
}

test.each([
  [3, 4, true],
  [4, 3, true],
  [5, 2, false],
] as const)("muon of a matrix [%i, %i] is Jordan's, nesterov: %s", (n, m, nesterov) => {
  const [w, gradients] = [wave(n, m, 0), [1, 2, 3, 4].map((seed) => wave(n, m, seed))];
  const got = steps(param(tensor(w)), gradients, muon({ nesterov }));
  plainMuon(w, gradients, nesterov).forEach((x, k) => expect(got[k]).toEqual(near(x)));
});

test("a step of muon is nearly orthogonal, whatever the size of the gradient, and 0 where it is 0", () => {
  for (const size of [1, 1e-4, 1e6]) {
    const p = param(tensor(map(wave(3, 5, 0), () => 0)));
    const [o] = steps(p, [map(wave(3, 5, 1), (a) => a * size)], muon({ lr: 1 })) as [Matrix];
    product(o, flipped(o)).forEach((row, i) =>
      row.forEach((a, j) => expect(Math.abs(a - (i === j ? 1 : 0))).toBeLessThan(0.6)),
    );
  }
  const [still] = steps(param(tensor([[1, 2]])), [[[0, 0]]], muon({ lr: 1 }));
  expect(still).toEqual([[1, 2]]);
});

test("muon: decay, Adam's scale, and a parameter with more axes as a matrix", () => {
  const g = wave(2, 6, 1);
  const rule = (options: object) => muon({ lr: 0.1, ...options });
  const [plain] = steps(param(tensor(map(g, () => 0))), [g], rule({})) as [Matrix];
  const [scaled] = steps(param(tensor(map(g, () => 0))), [g], rule({ scale: "adam" })) as [Matrix];
  expect(scaled).toEqual(near(map(plain, (a) => a * 0.2 * Math.sqrt(6))));
  const [decayed] = steps(param(tensor(map(g, () => 1))), [g], rule({ weightDecay: 0.5 })) as [Matrix];
  expect(decayed).toEqual(near(map(plain, (a) => 0.95 + a)));
  const p = param(tensor(new Float64Array(12), { shape: [2, 3, 2] }));
  rule({}).apply([{ param: p, g: tensor(g.flat(), { shape: [2, 3, 2] }) }]);
  expect((p.value.arraySync() as number[][][]).map((m) => m.flat())).toEqual(near(plain));
});

const loss = (...all: Param[]) => diff(() => all.map((p) => sum(square(p))).reduce((a, b) => a.add(b)));

test("muon leaves vectors, and what it was given, to its fallback", () => {
  const [matrix, head, bias] = [tensor([[1, 2]]), tensor([[3]]), tensor([4])].map((x) => param(x)) as [
    Param,
    Param,
    Param,
  ];
  const rule = muon({ fallback: sgd({ lr: 0.25, params: [head, bias] }) });
  rule.update(loss(matrix, head, bias));
  expect([head.value.arraySync(), bias.value.arraySync()]).toEqual([[[1.5]], [2]]);
  expect([rule.stateOf(matrix), rule.stateOf(bias)].map((state) => Object.keys(state!))).toEqual([["B"], []]);
  const other = param(tensor([1]));
  expect(() => rule.update(loss(matrix, other))).toThrow(
    "muon: a parameter f64[1] does not fit, and is not in the params",
  );
  expect([rule.steps, other.value.arraySync()]).toEqual([1, [1]]);
  // With params of its own, both parts are limited to them.
  const limited = muon({ params: [matrix, bias] });
  expect(limited.params).toEqual(new Set([matrix, bias]));
  limited.update(loss(matrix, head, bias));
  expect([head.value.arraySync(), Object.keys(limited.stateOf(bias)!)]).toEqual([[[1.5]], ["m", "v"]]);
  expect(limited.stateOf(head)).toBeUndefined();
});

test("gclip of muon clips what its fallback updates, too", () => {
  const [matrix, bias] = [param(tensor([[1, 2]])), param(tensor([1, 2]))];
  const rule = muon({ gclip: 1, fallback: sgd({ lr: 1 }) });
  rule.apply([{ param: matrix, g: tensor([[1, 1]]) }, { param: bias, g: tensor([30, 40]) }]); // oxfmt-ignore
  expect(bias.value.arraySync()).toEqual([1 - 0.6, 2 - 0.8].map((x) => expect.closeTo(x, 11)));
  rule.apply([{ param: bias, g: tensor([0.3, 0.4]) }]);
  expect(bias.value.arraySync()).toEqual([0.4 - 0.3, 1.2 - 0.4].map((x) => expect.closeTo(x, 11)));
});

test("the default fallback has the rate of muon in proportion; one that is given has its own", () => {
  // A step of Adam is lr times the sign of the gradient, at first; decayed by lr / 100.
  const move = (rule: Optimizer, bias: Param) => {
    const before = bias.value.itemSync() as number;
    rule.apply([{ param: bias, g: tensor(1) }]);
    return before - (bias.value.itemSync() as number);
  };
  const bias = () => param(tensor(0));
  for (const [options, lr] of [
    [undefined, 0.001],
    [{ lr: 0.2 }, 0.01],
    [{ lr: (step: number) => 0.2 / (1 + step) }, 0.01],
    [{ lr: 0.2, scale: "adam" as const }, 0.2],
    [{ lr: 0.2, fallback: sgd({ lr: 0.5 }) }, 0.5],
  ] as const)
    expect(move(muon(options), bias())).toBeCloseTo(lr, 7);
  const [p, rule] = [bias(), muon({ lr: (step) => 0.2 / (1 + step) })];
  expect([move(rule, p), move(rule, p)]).toEqual([0.01, 0.005].map((x) => expect.closeTo(x, 3)));
  rule.lr = 0;
  expect(move(rule, p)).toBe(0);
  const fallback = sgd({ lr: 0.5 });
  const other = muon({ fallback });
  other.lr = 0;
  expect(move(other, bias())).toBe(0.5);
  fallback.lr = 0.25;
  expect(move(other, bias())).toBe(0.25);
});

test("groups of muon are of what it updates itself", () => {
  const [first, second, bias] = [param(tensor([[1]])), param(tensor([[1]])), param(tensor([1]))];
  const once = "wanted each in exactly one group";
  expect(() => muon({ groups: [{ params: first }, { params: [second, bias] }] })).toThrow(
    new ArgumentError(
      "muon: a parameter f64[1] is in group 1, but fallback updates it, because it is no matrix; " +
        "leave it out there, and give fallback groups of its own: { fallback: adamw({ groups: […] }) }",
    ),
  );
  expect(() => muon({ groups: [{ params: [first, second] }], fallback: sgd({ params: [second, bias] }) })).toThrow(
    "is in group 0, but fallback updates it, because it is among its params",
  );
  const partial = muon({ groups: [{ params: first }] });
  expect(() => partial.update(loss(first, second, bias))).toThrow(once);
  const rule = muon({
    groups: [{ params: first, lr: 1 }, { params: second, lr: 0 }],
    fallback: sgd({ groups: [{ params: bias, lr: 0.25 }] }),
  }); // oxfmt-ignore
  rule.update(loss(first, second, bias));
  expect(first.value.itemSync()).toBeLessThan(0.5);
  expect([second.value.itemSync(), bias.value.itemSync()]).toEqual([1, 0.5]);
  const unknown = param(tensor([1]));
  expect(() => rule.update(loss(first, second, unknown))).toThrow(once);
});

test("muon and its fallback step together, or not at all", () => {
  const cpu = openCpu({});
  const model = Linear(2, 2);
  const rule = muon({ fallback: chain(clipGlobalNorm(1), adamw({ lr: (step) => (step < 1 ? 0.1 : NaN) })) });
  const step = () => rule.update(diff(() => sum(square(model(cpu.tensor([[1, 2]]))))));
  step();
  const before = params(model).map((p) => p.value.arraySync());
  expect(step).toThrow("adamw: wanted a finite non-negative number as lr");
  expect(params(model).map((p) => p.value.arraySync())).toEqual(before);
  expect(rule.steps).toBe(1);
  rule.lr = 0.5;
  expect(rule.lr).toBe(0.5);
});

test("muon saves both states under the names of the parameters", async () => {
  const [model, other] = [Linear(2, 3), Linear(2, 3)];
  const [rule, resumed] = [muon(), muon()];
  const step = (model: ReturnType<typeof Linear>, rule: Optimizer) =>
    rule.update(diff(() => sum(square(model(inF32([[1, 2]]))))));
  step(model, rule);
  fromBytes(await toBytes({ model, rule }), { model: other, rule: resumed });
  expect(Object.keys(rule.state(model)).toSorted()).toEqual(
    ["steps", "weight.t", "weight.B", "bias.t", "bias.m", "bias.v"].toSorted(),
  );
  step(model, rule);
  step(other, resumed);
  expect(params(other).map((p) => p.value.arraySync())).toEqual(params(model).map((p) => p.value.arraySync()));
  const before = resumed.state(other);
  step(other, resumed);
  resumed.load(before, other);
  expect(resumed.steps).toBe(2);
});

test("row-sparse gradients become dense, and lazy is refused", () => {
  const words = tensor([1, 1, 3], { dtype: "i32" });
  type Layer = ReturnType<typeof Embedding>;
  for (const make of [adafactor, muon]) {
    const [a, b] = [1, 1].map((n) => (seed(n), Embedding(4, 2))) as [Layer, Layer];
    const f = (layer: Layer) => () =>
      sum(
        mul(
          layer(words),
          tensor([
            [1, 2],
            [3, 4],
            [5, 6],
          ]),
        ),
      ) as Tensor;
    const tape = diff(f(a));
    expect(tape.sparseGrad(a.weight)).toBeDefined();
    make().update(tape);
    const other = diff(f(b));
    make().apply([{ param: b.weight, g: other.grad(b.weight) }]);
    expect(a.weight.value.arraySync()).toEqual(b.weight.value.arraySync());
    const message = `${make === muon ? "muon" : "adafactor"}: wanted false, since it needs whole gradients, as lazy, got boolean true`;
    expect(() => make({ lazy: true as never })).toThrow(new ArgumentError(message));
  }
});

test("muon refuses other fallbacks, and fallbacks of groups", () => {
  expect(() => muon(0.01 as never)).toThrow("muon: wanted options { lr, ");
  expect(() => adafactor({ learningRate: 1 } as never)).toThrow('adafactor: there is no option "learningRate"');
  expect(() => muon({ fallback: 1 as never })).toThrow(
    "muon: wanted an optimizer such as adamw() as fallback, got number 1",
  );
  const group = { params: param(tensor([[1]])), fallback: sgd() };
  expect(() => muon({ groups: [group] })).toThrow("muon: a group cannot have a fallback");
});

test.each([
  [0, 3],
  [3, 0],
  [2, 0, 3],
])("a matrix without elements is left alone (%#)", (...shape) => {
  for (const make of [muon, adafactor]) {
    const [empty, full] = [param(creation.zeros(shape)), param(creation.tensor([[1, 2], [3, 4]]))]; // oxfmt-ignore
    const rule = make();
    for (let k = 0; k < 2; k++) rule.update(diff(() => add(sum(square(empty)), sum(square(full)))));
    expect([empty.shape, (full.value.arraySync() as Matrix).flat().every(Number.isFinite)]).toEqual([shape, true]);
  }
});
