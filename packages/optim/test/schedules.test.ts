// Schedules against PyTorch 1.13 (numbers), and against formulas.
import { diff, param } from "@weft/autograd";
import { walk } from "@weft/autograd/internals";
import { openSync } from "@weft/conformance";
import { sum } from "@weft/tensor";
import { expect, test } from "vitest";
import {
  chain,
  clipNorm,
  cosineDecay,
  joinSchedules,
  lbfgs,
  linearDecay,
  muon,
  oneCycle,
  reduceOnPlateau,
  sgd,
  stepDecay,
  warmup,
  type PlateauOptions,
  type Schedule,
} from "../src/index.ts";

const near = (values: number[]) => values.map((value) => expect.closeTo(value, 12));
const rates = (schedule: Schedule, n: number) => Array.from({ length: n }, (_, step) => schedule(step));

test.each<[string, Schedule, number[]]>([
  ["StepLR", stepDecay(0.5, { every: 3, factor: 0.5 }), [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125]],
  ["MultiStepLR", stepDecay(0.5, { at: [2, 5] }), [0.5, 0.5, 0.05, 0.05, 0.05, 0.005, 0.005, 0.005]],
  [
    "CosineAnnealingLR, which stays at its end",
    cosineDecay(0.5, { steps: 6, end: 0.1 }),
    [0.5, 0.47320508075688783, 0.4, 0.3, 0.2, 0.1267949192431123, 0.1, 0.1, 0.1],
  ],
  ["LinearLR", linearDecay(0.5, { steps: 5, end: 0.1 }), [0.5, 0.42, 0.34, 0.26, 0.18, 0.1, 0.1, 0.1]],
  [
    "OneCycleLR",
    oneCycle(0.5, { steps: 10 }),
    [
      0.02, 0.26, 0.5, 0.47524231600673683, 0.40587282697488153, 0.30563101096814466, 0.19437098903185537,
      0.09412917302511849, 0.024759683993263143, 2e-6, 2e-6,
    ],
  ],
  [
    "OneCycleLR along lines",
    oneCycle(0.5, { steps: 9, warmup: 0.4, divisor: 10, finalDivisor: 100, curve: "linear" }),
    [0.05, 0.22307692307692306, 0.39615384615384613, 0.463, 0.3705, 0.278, 0.1855, 0.093, 0.0005, 0.0005],
  ],
  [
    "SequentialLR of a number and another",
    joinSchedules([0.05, stepDecay(0.5, { every: 2, factor: 0.5 })], [3]),
    [0.05, 0.05, 0.05, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
  ],
  [
    "SequentialLR with a warm-up",
    warmup(cosineDecay(0.5, { steps: 4 }), { steps: 4, start: 0.1 }),
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.42677669529663687, 0.25, 0.07322330470336313, 0],
  ],
])("%s of PyTorch", (_, schedule, wanted) => {
  expect(rates(schedule, wanted.length)).toEqual(near(wanted));
});

test("schedules are composed: a warm-up to a constant, joined with a decay", () => {
  const schedule = joinSchedules([warmup(1, { steps: 2 }), linearDecay(1, { steps: 2 }), 0.25], [4, 6]);
  expect(rates(schedule, 8)).toEqual([0, 0.5, 1, 1, 1, 0.5, 0.25, 0.25]);
  expect(rates(oneCycle(1, { steps: 1 }), 2).every(Number.isFinite)).toBe(true);
  expect(rates(oneCycle(1, { steps: 4, warmup: 1 }), 5)[3]).toBe(1);
  expect(rates(oneCycle(1, { steps: 4, warmup: 0 }), 5)[0]).toBe(1);
});

test.each<[string, PlateauOptions, number[], number[]]>([
  [
    "with a cooldown, and NaN",
    { factor: 0.5, patience: 1, cooldown: 2 },
    [3, 2, 2, 1.9999, 2, 2.5, NaN, 2, 1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125].map((x) => x / 2),
  ],
  [
    "of an accuracy, with an absolute threshold and a smallest rate",
    { mode: "max", factor: 0.2, patience: 2, threshold: 0.1, thresholdMode: "absolute", min: 0.03 },
    [0.1, 0.2, 0.25, 0.29, 0.31, 0.35, 0.4, 0.4, 0.4, 0.4, 0.4, 0.9, 0.8, 0.8, 0.8, 0.8],
    [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03],
  ],
  [
    "of negative losses",
    { factor: 0.5, patience: 0, threshold: 0.1 },
    [-1, -1.05, -1.2, -1.2, -2],
    [0.5, 0.5, 0.5, 0.5, 0.5],
  ],
  [
    "of more, relative",
    { mode: "max", factor: 0.5, patience: 0, threshold: 0.1 },
    [1, 1.05, 1.2, 1.2, 2, 2.1],
    [0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
  ],
])("reduceOnPlateau is ReduceLROnPlateau of PyTorch %s", (_, options, losses, wanted) => {
  const rate = reduceOnPlateau(0.5, options);
  const got = losses.map((loss, step) => {
    const now = rate(step);
    rate.observe(loss);
    return now;
  });
  expect(got).toEqual(near(wanted));
});

test("reduceOnPlateau scales a schedule, and its state is plain numbers that may be assigned", () => {
  const make = () => reduceOnPlateau(linearDecay(1, { steps: 10 }), { patience: 0, factor: 0.5 });
  const [rate, other] = [make(), make()];
  for (const loss of [1, 2]) rate.observe(loss);
  expect([rate(0), rate(5)]).toEqual([0.5, 0.25]);
  expect(rate.state).toEqual({ scale: 0.5, best: 1, waited: 0, cooling: 0 });
  Object.assign(other.state, rate.state);
  for (const schedule of [rate, other]) schedule.observe(3);
  expect(other(0)).toBe(0.25);
});

test("an optimizer follows a schedule by its steps, each group its own", () => {
  const { tensor } = openSync({});
  const [p, q] = [param(tensor([0])), param(tensor([0]))];
  const rate = reduceOnPlateau(1, { patience: 0, factor: 0.5 });
  const rule = sgd({ lr: rate, groups: [{ params: p }, { params: q, lr: stepDecay(1, { every: 2 }) }] });
  const moves: unknown[] = [];
  for (const loss of [1, 1, 1]) {
    rule.update(diff(() => sum(p).add(sum(q))));
    moves.push([rule.lr, ...[p, q].map((x) => x.value.itemSync())]);
    rate.observe(loss);
  }
  expect(moves).toEqual([
    [1, -1, -1],
    [1, -2, -2],
    [0.5, -2.5, expect.closeTo(-2.1, 6)],
  ]);
});

test("a schedule with a state is a part of its optimizer, where trees are saved from", () => {
  const paths = (tree: unknown) => {
    const met: string[] = [];
    walk(tree, (_, path) => met.push(path));
    return met.filter((path) => path.endsWith("state"));
  };
  const rate = () => reduceOnPlateau(0.5);
  const { tensor } = openSync({});
  const group = { params: param(tensor([1])), lr: rate() };
  expect(paths({ optimizer: sgd({ lr: rate(), groups: [group] }) })).toEqual([
    "optimizer.schedules.0.state",
    "optimizer.schedules.1.state",
  ]);
  expect(paths(chain(clipNorm(1), sgd({ lr: rate() })))).toEqual(["optimizer.schedules.0.state"]);
  expect(paths(muon({ lr: rate(), fallback: sgd({ lr: rate() }) }))).toEqual([
    "schedules.0.state",
    "fallback.schedules.0.state",
  ]);
  expect(paths(lbfgs({ lr: rate() }))).toEqual(["schedules.0.state"]);
  expect(paths(sgd({ lr: 0.5 }))).toEqual([]);
});

test.each<[() => unknown, string]>([
  [
    () => stepDecay(1, {}),
    "stepDecay: wanted either every, a number of steps, or at, a list of steps, got none of them",
  ],
  [
    () => stepDecay(1, { every: 1, at: [1] }),
    "stepDecay: wanted either every, a number of steps, or at, a list of steps, got every 1 and at [1]",
  ],
  [() => stepDecay(-1, { every: 1 }), "stepDecay: wanted a non-negative finite number as lr, got number -1"],
  [() => stepDecay(1, { at: [0.5] }), "stepDecay: wanted a list of steps as at"],
  [() => cosineDecay(1, {} as never), "cosineDecay: wanted a positive integer as steps, got undefined"],
  [() => linearDecay(1, { step: 1 } as never), 'linearDecay: there is no option "step"'],
  [() => linearDecay(1, undefined as never), "linearDecay: wanted a positive integer as steps"],
  [() => oneCycle(1, { steps: 0 }), "oneCycle: wanted a positive integer as steps, got number 0"],
  [() => oneCycle(1, { steps: 10, curve: "sine" as never }), 'oneCycle: wanted "cosine" or "linear" as curve'],
  [() => warmup("1" as never, { steps: 1 }), "warmup: wanted a finite non-negative number, or a function of the step"],
  [() => joinSchedules([1, 2], []), "joinSchedules: wanted a list of schedules, and between each two a boundary"],
  [() => joinSchedules([1, 2, 3], [5, 5]), "joinSchedules: wanted boundaries that increase, got 5, 5"],
  [() => joinSchedules([1, NaN], [5]), "joinSchedules: wanted a finite non-negative number"],
  [() => reduceOnPlateau(1).observe("2" as never), 'reduceOnPlateau: wanted a number as a loss, got "2"'],
  [() => reduceOnPlateau(1, { factor: 2 }), "reduceOnPlateau: wanted a number of at least 0 and below 1 as factor"],
  [() => reduceOnPlateau(1, { factor: 1 }), "reduceOnPlateau: wanted a number of at least 0 and below 1 as factor"],
  [() => reduceOnPlateau(0.1, { min: 1 }), "reduceOnPlateau: min is the smallest rate, got min 1 above lr 0.1"],
  [() => reduceOnPlateau(1, { min: Infinity }), "reduceOnPlateau: wanted a non-negative finite number as min"],
])("wrong arguments are refused (%#)", (call, message) => {
  expect(call).toThrow(message);
});
