// Each rule step by step against its formula in plain numbers, against PyTorch's steps, and on Rosenbrock's function.
import { param, scope, type Param } from "@weft/autograd";
import { goldenSteps, made, openSync } from "@weft/conformance";
import { add, mul, slice, square, sub, sum, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import {
  adafactor,
  adadelta,
  adagrad,
  adam,
  adamw,
  chain,
  lion,
  minimize,
  momentum,
  muon,
  nesterov,
  optimizer,
  rmsprop,
  sgd,
  weightDecay,
  type Optimizer,
} from "../src/index.ts";
import * as rules from "../src/rules/index.ts";

const backend = openSync({});
const { tensor, full } = backend;
const list = async (x: Tensor) => [...(await x.data())];

/** Steps with given gradients, as training sees them. */
async function steps(p: Param, gradients: readonly Tensor[], rule: Optimizer): Promise<number[][]> {
  const values: number[][] = [];
  for await (const _ of minimize((g: Tensor) => sum(mul(p, g)), gradients, rule)) values.push(await list(p.value));
  return values;
}

type Plain = (w: number, g: number, s: Record<string, number>, t: number) => number;
/** Knet's formulas, one number at a time; `s` holds the state, which begins as zeros. */
const formulas: Record<string, [Optimizer, Plain]> = {
  sgd: [sgd(), (w, g) => w - 0.1 * g],
  momentum: [momentum(), (w, g, s) => w + (s["v"] = 0.95 * s["v"]! - 0.05 * g)],
  nesterov: [
    nesterov({ lr: 0.02, gamma: 0.8 }),
    (w, g, s) => {
      const u = 0.8 * s["v"]!;
      s["v"] = u - 0.02 * g;
      return w - u + 1.8 * s["v"];
    },
  ],
  adagrad: [adagrad(), (w, g, s) => w - (0.05 * g) / Math.sqrt((s["G"] = s["G"]! + g * g) + 1e-6)],
  rmsprop: [rmsprop(), (w, g, s) => w - (0.01 * g) / Math.sqrt((s["G"] = 0.9 * s["G"]! + 0.1 * g * g) + 1e-6)],
  adadelta: [
    adadelta(),
    (w, g, s) => {
      s["G"] = 0.9 * s["G"]! + 0.1 * g * g;
      const d = (g * Math.sqrt(s["D"]! + 1e-6)) / Math.sqrt(s["G"] + 1e-6);
      s["D"] = 0.9 * s["D"]! + 0.1 * d * d;
      return w - d;
    },
  ],
  adam: [
    adam(),
    (w, g, s, t) => {
      s["m"] = 0.9 * s["m"]! + 0.1 * g;
      s["v"] = 0.999 * s["v"]! + 0.001 * g * g;
      return w - (0.001 * (s["m"] / (1 - 0.9 ** t))) / (Math.sqrt(s["v"] / (1 - 0.999 ** t)) + 1e-8);
    },
  ],
  adamw: [
    adamw({ lr: 0.01, weightDecay: 0.1 }),
    (w, g, s, t) => {
      s["m"] = 0.9 * s["m"]! + 0.1 * g;
      s["v"] = 0.999 * s["v"]! + 0.001 * g * g;
      const decayed = w * (1 - 0.01 * 0.1);
      return decayed - (0.01 * (s["m"] / (1 - 0.9 ** t))) / (Math.sqrt(s["v"] / (1 - 0.999 ** t)) + 1e-8);
    },
  ],
  lion: [
    lion({ lr: 0.01, weightDecay: 0.1 }),
    (w, g, s) => {
      const step = Math.sign(0.9 * s["m"]! + 0.1 * g) + 0.1 * w;
      s["m"] = 0.99 * s["m"]! + 0.01 * g;
      return w - 0.01 * step;
    },
  ],
  "adam, AMSGrad": [
    adam({ amsgrad: true, beta2: 0.5 }),
    (w, g, s, t) => {
      s["m"] = 0.9 * s["m"]! + 0.1 * g;
      s["v"] = 0.5 * s["v"]! + 0.5 * g * g;
      s["G"] = Math.max(s["G"]!, s["v"]);
      return w - (0.001 * (s["m"] / (1 - 0.9 ** t))) / (Math.sqrt(s["G"] / (1 - 0.5 ** t)) + 1e-8);
    },
  ],
  "a schedule": [sgd({ lr: (step) => 1 / (1 + step) }), (w, g, _, t) => w - g / t],
};
/** These look at whole matrices: see matrices.test.ts. */
const whole: Record<string, () => Optimizer> = { adafactor, muon };
test("the table has every optimizer", () => {
  expect(Object.keys(rules).filter((name) => !(name in formulas) && !(name in whole))).toEqual([]);
});

test.each(Object.entries(formulas))("%s is its formula", async (_, [rule, formula]) => {
  const gradients = [
    [0.5, -2, 0],
    [1, 1, -1],
    [-0.25, 0.125, 3],
    [2, -1, 0.5],
  ];
  const got = await steps(
    param(tensor([1, -1, 0.5])),
    gradients.map((g) => tensor(g)),
    rule,
  );
  const w = [1, -1, 0.5];
  const states = w.map((): Record<string, number> => ({ v: 0, m: 0, G: 0, D: 0 }));
  gradients.forEach((g, t) => {
    g.forEach((value, k) => (w[k] = formula(w[k]!, value, states[k]!, t + 1)));
    expect(got[t]).toEqual(w.map((value) => expect.closeTo(value, 12)));
  });
  expect(rule.steps).toBe(4);
});

/** PyTorch's optimizers with this package's functions. */
const golden: Record<string, (attrs: any) => Optimizer> = {
  sgd: ({ lr }) => sgd({ lr }),
  sgdMomentum: ({ lr, momentum: gamma }) => momentum({ lr, gamma }),
  sgdNesterov: ({ lr, momentum: gamma }) => nesterov({ lr, gamma }),
  sgdWeightDecay: ({ lr, momentum: gamma, weightDecay: decay }) => chain(weightDecay(decay), momentum({ lr, gamma })),
  adam: ({ lr }) => adam({ lr }),
  adamw: ({ lr, weightDecay: decay }) => adamw({ lr, weightDecay: decay }),
};
test.each(goldenSteps.map((steps) => [steps.name, steps] as const))(
  "golden %s",
  async (name, { attrs, param: p, grads, params }) => {
    const gradients = grads.map((g) => made(backend, g, true));
    const got = await steps(param(made(backend, p, true)), gradients, golden[name]!(attrs));
    expect(got.length).toBe(params.length);
    got.forEach((values, t) => expect(values).toEqual(params[t]!.data.map((v) => expect.closeTo(Number(v), 7))));
  },
);

test("AMSGrad is PyTorch's, with Adam and with AdamW", async () => {
  const gradients = [
    [0.5, -2, 0],
    [1, 1, -1],
    [-0.25, 0.125, 3],
    [2, -1, 0.5],
  ].map((g) => tensor(g));
  const options = { lr: 0.1, beta2: 0.6, amsgrad: true };
  const last = async (rule: Optimizer) => (await steps(param(tensor([1, -1, 0.5])), gradients, rule)).at(-1);
  const near = (values: number[]) => values.map((value) => expect.closeTo(value, 12));
  expect(await last(adam(options))).toEqual(near([0.6991953169387779, -0.825069367450448, 0.49847304515617064]));
  expect(await last(adamw({ ...options, weightDecay: 0.2 }))).toEqual(
    near([0.6320254223102466, -0.7546802438678565, 0.45772106535341023]),
  );
});

/** Knet's test: six dimensions, each optimizer tuned, down to 0.001 within 12,000 steps. */
const rosenbrock = (x: Param): Tensor => {
  const [a, b] = [slice(x, { ends: [5] }), slice(x, { starts: [1] })];
  return sum(add(square(sub(1, a)), mul(square(sub(b, square(a))), 100)));
};
const tuned: Record<string, Optimizer> = {
  sgd: sgd({ lr: 0.001 }),
  momentum: momentum({ lr: 0.00025, gamma: 0.95 }),
  nesterov: nesterov({ lr: 0.00025, gamma: 0.95 }),
  adam: adam({ lr: 0.005, beta1: 0.9, beta2: 0.95, eps: 1e-8 }),
  adagrad: adagrad({ lr: 0.4, eps: 1e-6 }),
  adadelta: adadelta({ lr: 0.01, rho: 0.5, eps: 1e-6 }),
  rmsprop: rmsprop({ lr: 0.0005, rho: 0.9, eps: 1e-6 }),
  adamw: adamw({ lr: 0.005, beta2: 0.95, weightDecay: 0 }),
  AMSGrad: adam({ lr: 0.1, beta2: 0.95, amsgrad: true }),
};
test.each(Object.entries(tuned))("%s minimizes Rosenbrock's function", async (_, rule) => {
  const x = param(tensor([0.9, 0.1, -0.5, 0.4, 0.7, -0.2]));
  const data = Array.from({ length: 12_000 }, () => []);
  let last = Infinity;
  for await (const loss of minimize(() => rosenbrock(x), data, rule)) {
    last = (await loss.item()) as number;
    if (last < 1e-3) break;
  }
  expect(last).toBeLessThan(1e-3);
});

test("a custom rule, and its state", async () => {
  const rule = optimizer(
    {
      name: "steps",
      init: (p) => ({ count: full(p.shape, 0) }),
      update: (g, p, { count }, { lr }) => [sub(p, mul(g, lr)), { count: add(count!, 1) }],
    },
    { lr: 1 },
  );
  const p = param(tensor([3]));
  expect(rule.stateOf(p)).toBeUndefined();
  expect(await steps(p, [tensor([1]), tensor([1])], rule)).toEqual([[2], [1]]);
  expect(await list(rule.stateOf(p)!["count"]!.value)).toEqual([2]);
});

test("a misspelled name of the state does not compile", () => {
  // @ts-expect-error: the state is v, not vv
  optimizer({ name: "a", init: (p) => ({ v: p }), update: (_, p, { vv }) => [p, { v: vv }] });
  // @ts-expect-error: the new state lacks v
  optimizer({ name: "b", init: (p) => ({ v: p }), update: (_, p, { v }) => [p, { w: v }] });
});

test("two optimizers on one parameter do not see each other's state", async () => {
  const p = param(tensor([1]));
  const [a, b] = [adam(), momentum()];
  const one = tensor([1]);
  await steps(p, [one, one], a);
  const before = await list(a.stateOf(p)!["m"]!.value);
  await steps(p, [one], b);
  expect(await list(a.stateOf(p)!["m"]!.value)).toEqual(before);
  const fresh = param(tensor([1]));
  const [[w]] = (await steps(fresh, [one], momentum())) as [[number]];
  expect((await list(b.stateOf(p)!["v"]!.value))[0]).toBeCloseTo(w - 1, 12);
});

test("training leaves nothing on the backend but parameters, state and its data", async () => {
  const own = openSync({});
  const p = scope(() => param(own.randn([4], { seed: 1 })));
  const data = Array.from({ length: 50 }, () => []);
  const rule = adam();
  const run = async () => {
    for await (const _ of minimize(() => sum(square(p)), data, rule));
  };
  await run();
  expect(own.live()).toBe(3);
  await run();
  expect(own.live()).toBe(3);
});
