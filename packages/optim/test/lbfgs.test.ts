// L-BFGS: PyTorch's steps, known minima, line searches, failures, and state that resumes.
import { diff, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { fromBytes, Linear, mse, params, seed, toBytes } from "@weft/nn";
import { add, log, matmul, mul, slice, square, sub, sum, take, type Creation, type Tensor } from "@weft/tensor";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { chain, lbfgs, minimize } from "../src/index.ts";
import { strongWolfe, type Trial } from "../src/lbfgs/line-search.ts";

const backend = openSync({ rounding: true });
const tensor = ((data, options) => backend.tensor(data, { dtype: "f64", ...options })) as typeof backend.tensor;
const list = (p: Param) => p.value.arraySync() as number[];
const near = (values: number[], digits = 10) => values.map((value) => expect.closeTo(value, digits));

const rosenbrock = (x: Param | Tensor): Tensor => {
  const [a, b] = [slice(x, { ends: [5] }), slice(x, { starts: [1] })];
  return sum(add(square(sub(1, a)), mul(square(sub(b, square(a))), 100)));
};
const start = [0.9, 0.1, -0.5, 0.4, 0.7, -0.2];

test("it minimizes Rosenbrock's function in six dimensions, by PyTorch's iterations", async () => {
  const x = param(tensor(start));
  const optimizer = lbfgs({ iterations: 1 });
  const losses: number[] = [];
  while (!optimizer.converged) losses.push(await optimizer.update(() => rosenbrock(x)));
  const wanted = [158.96, 43.75733180979353, 30.971842553761228, 10.459659288472247, 4.5768408726528715];
  expect(losses.slice(0, 5)).toEqual(near(wanted));
  expect([10, 20, 30].map((k) => losses[k])).toEqual(
    near([3.700512062016514, 1.0116549156518069, 0.01786839649138363], 6),
  );
  expect(losses.length).toBeLessThan(45);
  expect(rosenbrock(x).itemSync()).toBeLessThan(1e-11);
  expect(list(x)).toEqual(near([1, 1, 1, 1, 1, 1], 5));
  const again = param(tensor(start));
  const one = lbfgs({ iterations: 60 });
  await one.update(() => rosenbrock(again));
  expect([one.converged, list(again)]).toEqual([true, near(list(x), 8)]);
});

/** x A x / 2 − b x, for which every line search takes its first step. */
const quadratic = (x: Param | Tensor) => {
  const a = tensor([[2, 0.3, 0], [0.3, 1.5, 0.2], [0, 0.2, 1]]); // prettier-ignore
  return sub(mul(sum(mul(x, matmul(a, x))), 0.5), sum(mul(x, tensor([1, -2, 0.5]))));
};

test("its iterations are PyTorch's", async () => {
  const x = param(tensor([0.5, 0.5, 0.5]));
  const optimizer = lbfgs({ history: 3, iterations: 1 });
  const seen: [number, number[]][] = [];
  for (let k = 0; k < 5; k++) seen.push([await optimizer.update(() => quadratic(x)), list(x)]);
  expect(seen).toEqual(
    (
      [
        [0.9375, [0.45384615384615384, -0.42307692307692313, 0.46923076923076923]],
        [-1.181612426035503, [0.781720323296031, -1.5754140264325451, 0.6481437752990443]],
        [-2.1477203147874375, [0.7196937720434474, -1.5922974011496784, 0.7725958826089663]],
        [-2.1624473709939402, [0.7408535983819815, -1.5898138472134284, 0.8205601356169331]],
        [-2.1638601527609596, [0.7384885319091187, -1.5901114093464663, 0.8180477152632332]],
      ] as const
    ).map(([loss, values]) => [expect.closeTo(loss, 12), near([...values])]),
  );
  expect([optimizer.steps, optimizer.stateOf(x)!["s"]!.shape]).toEqual([5, [3, 3]]);
});

test("several parameters are one vector; a history that is full drops the oldest", async () => {
  const [whole, a, b] = [param(tensor(start)), param(tensor(start.slice(0, 2))), param(tensor([start.slice(2)]))];
  const [one, other] = [lbfgs({ history: 2, iterations: 7 }), lbfgs({ history: 2, iterations: 7 })];
  await one.update(() => rosenbrock(whole));
  await other.update(() => rosenbrock(joined(a, b)));
  expect([...list(a), ...(b.value.arraySync() as number[][])[0]!]).toEqual(near(list(whole), 8));
});
const joined = (a: Param, b: Param): Tensor => {
  const left = tensor([[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]); // prettier-ignore
  const right = tensor([[0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]]); // prettier-ignore
  return add(matmul(a, left), sum(matmul(b, right), { axis: 0 }));
};

const regression = ({ randn }: Creation) => {
  seed(1);
  const model = Linear(3, 2);
  const [x, y] = [randn([20, 3], { seed: 1 }), randn([20, 2], { seed: 2 })];
  return { model, x, y, loss: () => mse(model(x), y) };
};

test("minimize takes it like any optimizer: one update for each item", async () => {
  const { model, x, y, loss } = regression(backend);
  const optimizer = lbfgs({ iterations: 2 });
  const losses: number[] = [];
  const items = Array.from({ length: 6 }, () => [x, y] as const);
  for await (const each of minimize((a: Tensor, b: Tensor) => mse(model(a), b), items, optimizer))
    losses.push(await each.item());
  expect(losses).toEqual(losses.toSorted((a, b) => b - a));
  // Least squares, by the gradient.
  const tape = diff(loss);
  for (const p of params(model)) expect(Math.max(...[...(await tape.grad(p).data())].map(Math.abs))).toBeLessThan(1e-4);
});

test("a model is saved with its history, and goes on with the same bits", async () => {
  const [one, other] = [regression(backend), regression(backend)];
  const [a, b] = [lbfgs({ iterations: 2 }), lbfgs({ iterations: 2 })];
  await a.update(one.loss);
  const bytes = await toBytes({ model: one.model, optimizer: a });
  fromBytes(bytes, { model: other.model, optimizer: b });
  expect([b.steps, b.converged]).toEqual([1, false]);
  await a.update(one.loss);
  await b.update(other.loss);
  expect(await toBytes({ model: other.model, optimizer: b })).toEqual(
    await toBytes({ model: one.model, optimizer: a }),
  );
  const state = a.state(one.model);
  await a.update(one.loss);
  a.load(state, one.model);
  expect(a.steps).toBe(2);
  expect(() => fromBytes(bytes, { model: other.model, optimizer: lbfgs({ history: 3 }) })).toThrow(
    "optimizer.model.weight.s is [10,2,3], wanted [3,2,3]",
  );
});

test("merged, unmerged and exact steps agree", async () => {
  const values = async (on: Creation) => {
    const { model, loss } = regression(on);
    await lbfgs({ iterations: 4 }).update(loss);
    return params(model).flatMap((p) => (p.value.arraySync() as number[]).flat());
  };
  const wanted = near(await values(openSync({})), 4);
  expect(await values(openCpu({}))).toEqual(wanted);
  expect(await values(openCpu({ fuse: false }))).toEqual(wanted);
});

test("an iteration takes as many launches for a long history as for a short one, and plans nothing new", async () => {
  const count = async (history: number) => {
    const cpu = openCpu({});
    const { loss } = regression(cpu);
    const optimizer = lbfgs({ iterations: 1, history });
    for (let k = 0; k < 3; k++) await optimizer.update(loss);
    const before = cpu.stats();
    await optimizer.update(loss);
    const { launches, plans } = cpu.stats();
    expect(plans).toBe(before.plans);
    return launches - before.launches;
  };
  expect(await count(3)).toBeLessThanOrEqual(60); // with two evaluations
  expect(await count(30)).toBe(await count(3));
});

test("steps into NaN are taken back, and a steep wall is found", async () => {
  const x = param(tensor([0.01]));
  const optimizer = lbfgs({ lr: 100 });
  const loss = () => sum(sub(mul(x, 2), log(x)));
  for (let k = 0; k < 3; k++) await optimizer.update(loss);
  expect(list(x)).toEqual(near([0.5], 6));
});

test("it ends at a minimum, and where nothing is better", async () => {
  const still = param(tensor([0]));
  const optimizer = lbfgs();
  expect([await optimizer.update(() => sum(square(still))), optimizer.converged]).toEqual([0, true]);
  const x = param(tensor([-1]));
  await expect(optimizer.update(() => sum(log(x)))).rejects.toThrow("lbfgs: the loss is NaN");
  expect([optimizer.converged, list(x)]).toEqual([true, [-1]]);
  // A loss whose gradient lies.
  const lie = () => sub(sum(x), mul(sum(x.value), 2));
  await lbfgs().update(lie);
  expect(list(x)).toEqual([-1]);
});

test("a loss that throws in the middle leaves the parameters as the iteration found them", async () => {
  const cpu = openCpu({});
  const w = param(cpu.tensor([3, 4]));
  let calls = 0;
  const words = (n: number) => cpu.tensor([n], { dtype: "i32" });
  const optimizer = lbfgs();
  const broken = () => {
    if (++calls === 2) throw new Error("broken");
    return sum(square(w));
  };
  await expect(optimizer.update(broken)).rejects.toThrow("broken");
  expect([list(w), optimizer.steps]).toEqual([[3, 4], 0]);
  calls = 0;
  const wrong = () => add(sum(square(w)), sum(take(w, add(words(++calls), calls === 2 ? 5 : -1))));
  await expect(optimizer.update(wrong)).rejects.toThrow(/take/);
  expect(list(w)).toEqual([3, 4]);
  await optimizer.update(() => sum(square(w)));
  expect(list(w)).toEqual(near([0, 0], 5));
});

test("it updates only its params, and leaves nothing behind", async () => {
  const own = openSync({});
  const [p, q] = [param(own.tensor([1, 2])), param(own.tensor([3]))];
  const optimizer = lbfgs({ params: p });
  const step = () => optimizer.update(() => add(sum(square(square(p))), sum(square(q))));
  await step();
  const living = own.live();
  await step();
  await step();
  expect(own.live()).toBe(living);
  expect([list(q), optimizer.params]).toEqual([[3], new Set([p])]);
  await expect(optimizer.update(() => sum(square(q)))).rejects.toThrow(
    "lbfgs: none of the 1 parameters with gradients",
  );
});

test("rates, and misuse", async () => {
  const p = param(tensor([1]));
  const optimizer = lbfgs({ lr: (step) => 1 / (1 + step), iterations: 1 });
  const loss = () => sum(square(p));
  await optimizer.update(loss);
  expect(optimizer.lr).toBe(0.5);
  optimizer.lr = 0.25;
  expect(optimizer.lr).toBe(0.25);
  const first = optimizer.update(loss);
  await expect(optimizer.update(loss)).rejects.toThrow("lbfgs: update was called before the last one had ended");
  await first;
  await expect(optimizer.update(1 as never)).rejects.toThrow("lbfgs: wanted a function as the loss, got number 1");
  await expect(optimizer.update(() => tensor([1]).sum())).rejects.toThrow(
    "lbfgs: the loss depends on no parameter. Are the weights made with param(), used inside the loss, and not all frozen?",
  );
  expect(() => lbfgs({ historySize: 3 } as never)).toThrow('lbfgs: there is no option "historySize"');
  expect(() => lbfgs({ history: 0 })).toThrow("lbfgs: wanted a positive integer as history");
  expect(() => chain(lbfgs() as never)).toThrow("chain: wanted an optimizer");
});

test.each<[string, (t: number) => [number, number], number]>([
  ["a parabola, first step too short", (t) => [(t - 9) ** 2, 2 * (t - 9)], 0.01],
  ["a parabola, first step too long", (t) => [(t - 9) ** 2, 2 * (t - 9)], 1000],
  ["waves", (t) => [0.1 * t - Math.sin(t), 0.1 - Math.cos(t)], 30],
  ["a pole", (t) => [t >= 1 ? NaN : -t - 0.1 * Math.log(1 - t), t >= 1 ? NaN : -1 + 0.1 / (1 - t)], 5],
  ["a quartic", (t) => [t ** 4 - 3 * t ** 3 - t, 4 * t ** 3 - 9 * t ** 2 - 1], 1],
])("the line search meets the strong Wolfe conditions: %s", async (_, f, first) => {
  const trial = (t: number): Trial => ({ t, loss: f(t)[0], slope: f(t)[1] });
  let count = 1;
  const evaluate = async (t: number) => (count++, trial(t));
  const zero = trial(0);
  const { t, loss, slope } = await strongWolfe(evaluate, zero, trial(first), 25, 1e-12);
  expect(loss).toBeLessThanOrEqual(zero.loss + 1e-4 * t * zero.slope);
  expect(Math.abs(slope)).toBeLessThanOrEqual(0.9 * Math.abs(zero.slope));
  expect(count).toBeLessThan(15);
});
