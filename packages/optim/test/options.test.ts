// Options and arguments: a wrong one is an error that names the optimizer and the option; undefined means the default, except as params.
import { diff, param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { sum, square, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import * as O from "../src/index.ts";

const { tensor } = openSync({});
const makers = {
  sgd: O.sgd,
  momentum: O.momentum,
  nesterov: O.nesterov,
  adagrad: O.adagrad,
  rmsprop: O.rmsprop,
  adadelta: O.adadelta,
  adam: O.adam,
  adamw: O.adamw,
  lion: O.lion,
} as Record<string, (options?: unknown) => O.Optimizer>;

/** The parameter after three steps. */
function trained(rule: O.Optimizer): number[] {
  const p = param(tensor([1, -2]));
  for (let k = 0; k < 3; k++) rule.update(diff(() => sum(square(p))));
  return p.value.arraySync() as number[];
}

test.each(Object.entries(makers))("%s: undefined is the default, whatever the option but params", (_, make) => {
  const nothing = { lr: undefined, gclip: undefined, lazy: undefined, groups: undefined };
  const more = { gamma: undefined, rho: undefined, eps: undefined, beta1: undefined, weightDecay: undefined };
  const known = Object.fromEntries(
    Object.entries({ ...nothing, ...more }).filter(([name]) => {
      try {
        return make({ [name]: undefined, lr: 1 }) !== undefined && make({ [name]: 0.5 }) !== undefined;
      } catch {
        return name in nothing;
      }
    }),
  );
  expect(Object.keys(known).length).toBeGreaterThanOrEqual(4);
  expect(trained(make(known))).toEqual(trained(make()));
});

test.each(Object.entries(makers))("%s rejects unknown and invalid options", (name, make) => {
  const says = (options: unknown, message: string) =>
    expect(() => make(options)).toThrow(expect.objectContaining({ name: "ArgumentError", message }));
  says({ lr: NaN }, `${name}: wanted a finite non-negative number, or a function of the step as lr, got number NaN`);
  says({ lr: -0.1 }, `${name}: wanted a finite non-negative number, or a function of the step as lr, got number -0.1`);
  says({ lr: "0.1" }, `${name}: wanted a finite non-negative number, or a function of the step as lr, got "0.1"`);
  says({ gclip: -1 }, `${name}: wanted a non-negative number as gclip, got number -1`);
  says({ lazy: 1 }, `${name}: wanted true or false as lazy, got number 1`);
  expect(() => make(0.01)).toThrow(new RegExp(`^${name}: wanted options \\{ lr, .* \\}, got number 0.01$`));
  expect(() => make({ learningRate: 1 })).toThrow(
    new RegExp(`^${name}: there is no option "learningRate"; known options: lr, gclip, lazy, params`),
  );
  expect(() => make(null)).toThrow("got null");
});

test("rejects decay rates and the like outside their range", () => {
  expect(() => O.momentum({ gamma: 1 })).toThrow(
    "momentum: wanted a number of at least 0 and below 1 as gamma, got number 1",
  );
  expect(() => O.adam({ beta2: 1 })).toThrow("adam: wanted a number of at least 0 and below 1 as beta2");
  expect(() => O.rmsprop({ rho: NaN })).toThrow("rmsprop: wanted a number of at least 0 and below 1 as rho");
  expect(() => O.adagrad({ eps: -1 })).toThrow("adagrad: wanted a non-negative finite number as eps");
  expect(() => O.adamw({ weightDecay: -0.01 })).toThrow("adamw: wanted a non-negative finite number as weightDecay");
  expect(() => O.optimizer({ name: "mine", init: () => ({}), update: (_, p) => [p, {}] }, { lr: NaN })).toThrow(
    "mine: ",
  );
  expect(() => O.optimizer((() => 0) as never)).toThrow("optimizer: wanted a rule { name, init, update }, got");
});

test("options that PyTorch's SGD has: the error says what they are here", () => {
  const known = "known options: lr, gclip, lazy, params, groups";
  expect(() => O.sgd({ lr: 0.1, momentum: 0.9 } as never)).toThrow(
    `sgd: there is no option "momentum", write momentum({ lr: 0.1, gamma: 0.9 }); ${known}`,
  );
  expect(() => O.sgd({ nesterov: true } as never)).toThrow("write nesterov({ lr: 0.1, gamma: 0.9 }); known");
  expect(() => O.sgd({ weightDecay: 1 } as never)).toThrow("write chain(weightDecay(1e-4), sgd({ lr: 0.1 })); known");
  expect(() => O.sgd({ moment: 1 } as never)).toThrow(`sgd: there is no option "moment"; ${known}`);
  expect(() => O.sgd(Object.create({ constructor: 1 }) as never)).toThrow('sgd: there is no option "constructor"');
});

test("a schedule that returns an invalid rate is an error, and the step is not made", () => {
  const p = param(tensor([1, -2]));
  const rule = O.adam({ lr: (step) => (step < 1 ? 0.1 : NaN) });
  const step = () => rule.update(diff(() => sum(square(p))));
  step();
  const before = p.value.arraySync();
  expect(step).toThrow("adam: wanted a finite non-negative number as lr, its function returned number NaN at step 1");
  expect([rule.steps, p.value.arraySync()]).toEqual([1, before]);
  for (const bad of [-1, Infinity, undefined, "1"])
    expect(() => O.sgd({ lr: () => bad as number }).update(diff(() => sum(p)))).toThrow(
      /^sgd: wanted a finite non-negative number as lr/,
    );
});

test("transforms, chains and loops check what they are given", async () => {
  for (const bad of [NaN, 0, -1, undefined, "5"] as number[]) {
    expect(() => O.clipNorm(bad)).toThrow("clipNorm: wanted a positive number as max, got");
    expect(() => O.clipGlobalNorm(bad)).toThrow("clipGlobalNorm: wanted a positive number as max, got");
  }
  expect(() => O.weightDecay(-1)).toThrow("weightDecay: wanted a non-negative finite number as decay, got number -1");
  expect(() => O.chain(O.clipNorm(1) as never)).toThrow("chain: wanted an optimizer such as adam(), got a function");
  expect(() => O.chain(3 as never, O.adam())).toThrow("chain: wanted transforms before the optimizer, got number 3");
  const loss = (x: Tensor) => sum(x);
  expect(() => O.minimize(loss, [], O.adam as never)).toThrow(
    "minimize: wanted an optimizer such as adam(), got the function adam",
  );
  expect(() => O.minimize(loss, [], { lr: 1 } as never)).toThrow(
    "minimize: wanted an optimizer such as adam(), got { lr }",
  );
  expect(() => O.minimize(loss, 5 as never)).toThrow("minimize: wanted data to iterate over, got number 5");
  expect(() => O.minimize(sum(tensor([1])) as never, [])).toThrow("minimize: wanted a function as the loss");
  for (const alpha of [0, NaN, -1, 2])
    expect(() => O.converge([1], { alpha })).toThrow("converge: wanted a positive number, at most 1 as alpha");
  expect(() => O.converge([1], { beta: 1 } as never)).toThrow(
    'converge: there is no option "beta"; known options: alpha',
  );
});

test("rules, losses and data of the wrong kind are refused", () => {
  const init = () => ({});
  const update = (_: Tensor, p: Tensor) => [p, {}] as const;
  for (const rule of [
    undefined,
    null,
    3,
    {},
    { init },
    { update },
    { name: "x", init },
    { name: "x", update },
    { init, update },
  ])
    expect(() => O.optimizer(rule as never)).toThrow("optimizer: wanted a rule { name, init, update }, got");
  for (const items of [undefined, null, 3, "loss", {}, () => []])
    expect(() => O.converge(items as never)).toThrow(
      "converge: wanted losses to iterate over, such as minimize(…), got ",
    );
  for (const data of [undefined, null, {}, () => []])
    expect(() => O.minimize((x: Tensor) => sum(x), data as never)).toThrow(
      "minimize: wanted data to iterate over, got",
    );
  for (const given of [undefined, null, {}, { apply: 1 }])
    expect(() => O.chain(given as never)).toThrow("chain: wanted an optimizer such as adam(), got");
});

test("ranges include their ends where that makes sense", async () => {
  const p = param(tensor([1, -2]));
  O.sgd({ lr: 0 }).update(diff(() => sum(square(p))));
  expect(p.value.arraySync()).toEqual([1, -2]);
  const items = [3, 2, 2.5, 1];
  // With alpha 1 the trend is the last difference.
  expect(await O.converge(items, { alpha: 1 })).toBe(2.5);
  // avgp after each item: 0, -0.1, -0.13, …: by default a small rise does not stop it.
  expect(await O.converge(items)).toBe(1);
});

test("a length that is not a number is ignored", () => {
  const data = Object.assign(new Set([tensor([1])]), { length: "1" });
  expect(O.minimize((x: Tensor) => sum(x), data).length).toBeUndefined();
});

test.each([...Object.keys(makers), "muon", "adafactor", "lbfgs"])("%s refuses params that are undefined", (name) => {
  const make = (O as unknown as typeof makers)[name]!;
  const model: Record<string, unknown> = { body: param(tensor([1])) };
  for (const params of [model["bdoy"], null, Promise.resolve(model)])
    expect(() => make({ params })).toThrow(`${name}: params wants a model, a parameter, or a list of them, got`);
});
