// Training as iteration: inputs, outputs, lifetimes, and yielding to the event loop.
import { diff, grad, keep, param, scope, state, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { minibatch } from "@weft/data";
import { fromBytes, toBytes } from "@weft/nn";
import * as cpu from "@weft/tensor-cpu";
import { ArgumentError, mul, square, sub, sum, type Tensor } from "@weft/tensor";
import { expect, test, vi } from "vitest";
import { adam, converge, DivergenceError, minimize, sgd } from "../src/index.ts";

const { tensor } = openSync({});
const distance = (p: Param) => (target: Tensor) => sum(square(sub(p, target)));
const drain = async <T>(items: AsyncIterable<T>, f: (item: T) => unknown = () => undefined) => {
  const results: unknown[] = [];
  for await (const item of items) results.push(await f(item));
  return results;
};

test("yields the loss before each update", async () => {
  const p = param(tensor([4]));
  const targets = [tensor([0]), tensor([0]), tensor([0])];
  expect(await drain(minimize(distance(p), targets, sgd({ lr: 0.25 })), (loss) => loss.item())).toEqual([16, 4, 1]);
});

test("tuples are spread, anything else is one argument", async () => {
  const p = param(tensor([1]));
  const seen: unknown[][] = [];
  const note = (...args: unknown[]) => (seen.push(args), sum(p.read()));
  const [x, y] = [tensor([1]), tensor([2])];
  await drain(minimize(note, [[x, y] as const]));
  await drain(minimize(note, [x, y]));
  await drain(minimize(note, [{ x, y }]));
  expect(seen).toEqual([[x, y], [x], [y], [{ x, y }]]);
});

test("has the length of its data, and runs as often as it is asked to", async () => {
  const p = param(tensor([4]));
  const data = [tensor([0]), tensor([0])];
  const run = minimize(distance(p), data, sgd({ lr: 0.25 }));
  expect(run.length).toBe(2);
  expect(await drain(run, (loss) => loss.item())).toEqual([16, 4]);
  expect(await drain(run, (loss) => loss.item())).toEqual([1, 0.25]);
  expect(minimize(distance(p), new Set(data)).length).toBeUndefined();
});

test("data may be asynchronous, and is closed when the loop is left", async () => {
  let closed = false;
  async function* stream() {
    try {
      for (;;) yield [tensor([0])] as const;
    } finally {
      closed = true;
    }
  }
  const p = param(tensor([4]));
  let count = 0;
  for await (const _ of minimize(distance(p), stream(), adam())) if (++count === 30) break;
  expect(count).toBe(30);
  expect(closed).toBe(true);
});

test("a loss is valid until the next step; keep holds it", async () => {
  const p = param(tensor([4]));
  const losses: Tensor[] = [];
  for await (const loss of minimize(distance(p), [tensor([0]), tensor([1])], sgd({ lr: 0.25 }))) {
    losses.push(loss);
    if (losses.length === 1) keep(loss);
    await loss.item();
  }
  expect(await losses[0]!.item()).toBe(16);
  await expect(async () => losses[1]!.item()).rejects.toThrow(
    /this f32\[\] tensor was released when minimize took its next step/,
  );
});

test("inside an outer scope nothing is released early", async () => {
  const p = param(tensor([4]));
  const result = await scope(() =>
    drain(
      minimize(
        distance(p),
        Array.from({ length: 20 }, () => tensor([0])),
        sgd(),
      ),
      (loss) => loss.item(),
    ),
  );
  expect(result.length).toBe(20);
});

test("timers run after every 20 ms of training", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const p = param(tensor([4]));
    const turns = async (pace: number) => {
      let count = 0;
      const others = (): void => void (count++, (next = setImmediate(others)));
      let next = setImmediate(others);
      const data = function* () {
        for (let k = 0; k < 12; k++) {
          vi.advanceTimersByTime(pace);
          yield tensor([0]);
        }
      };
      await drain(minimize(distance(p), data(), sgd()));
      clearImmediate(next);
      return count;
    };
    expect([await turns(1), await turns(7), await turns(25)]).toEqual([0, 4, 12]);
  } finally {
    vi.useRealTimers();
  }
});

test("an error in the loss reaches the loop, and the parameters stay as they were", async () => {
  const p = param(tensor([4]));
  const run = minimize((x: Tensor) => sum(mul(p, x)), [tensor([1, 2, 3]), tensor([[1], [2]]).reshape([2])], sgd());
  await expect(
    drain(
      minimize(() => {
        throw new Error("no");
      }, [[]]),
    ),
  ).rejects.toThrow("no");
  const before = await p.value.item();
  await expect(drain(minimize((x: Tensor) => mul(p, x), [tensor([1, 2])]))).rejects.toThrow(
    "the function must return a scalar",
  );
  expect(await p.value.item()).toBe(before);
  expect((await drain(run)).length).toBe(2);
});

test("a loss that depends on no parameter is refused", async () => {
  await expect(drain(minimize((x: Tensor) => sum(x), [tensor([1])]))).rejects.toThrow(
    expect.objectContaining({
      name: "ArgumentError",
      message:
        "minimize: the loss depends on no parameter. Are the weights made with param(), used inside the loss, and not all frozen?",
    }),
  );
});

test("a step whose loss depends on no parameter is rolled back, with its random numbers", async () => {
  const backend = cpu.openSync({});
  const seen = state(backend.tensor([0]));
  const { counter } = backend.stream;
  const loss = (x: Tensor) => {
    seen.value = backend.rand([1]);
    return sum(x);
  };
  const run = drain(minimize(loss, [backend.tensor([1])]));
  await expect(run).rejects.toThrow("minimize: the loss depends on no parameter.");
  expect(seen.value.dataSync()[0]).toBe(0);
  expect(backend.stream.counter).toBe(counter);
});

test("an asynchronous loss is refused", async () => {
  const p = param(tensor([1]));
  await expect(drain(minimize((async () => sum(p)) as never, [[]]))).rejects.toThrow(
    /^minimize: the loss is asynchronous; write the loop by hand/,
  );
});

test("converge passes items on until they rise on average", async () => {
  const values = [10, 8, 6, 5, 4, 6, 9, 12, 15];
  // p: 0 -2 -3 -2.5 -2.25 .875 3.4375 4.71875 …; avgp at alpha .5: 0 -1 -2 -2.25 -2.25 -.6875 1.375
  expect(await drain(converge(values, { alpha: 0.5 }), (x) => x)).toEqual([10, 8, 6, 5, 4, 6, 9]);
  const p = param(tensor([4]));
  const forever = function* () {
    for (let k = 0; ; k++) yield tensor([k < 20 ? 0 : 3 * k]);
  };
  const losses = await drain(converge(minimize(distance(p), forever(), sgd({ lr: 0.1 })), { alpha: 0.1 }));
  expect(losses.length).toBeGreaterThan(19);
  expect(losses.length).toBeLessThan(30);
});

test("awaited, it runs to the end, once, and gives the last loss", async () => {
  const p = param(tensor([4]));
  const data = [tensor([0]), tensor([0]), tensor([0])];
  const run = minimize(distance(p), data, sgd({ lr: 0.25 }));
  expect(await p.value.item()).toBe(4); // nothing runs before it is awaited
  const last = await run;
  expect([await last.item(), await p.value.item()]).toEqual([1, 0.5]);
  expect(await run).toBe(last); // like a promise: awaiting again does not train again
  expect(await (async () => run)()).toBe(last);
  expect(await p.value.item()).toBe(0.5);
  expect(await drain(run, (loss) => loss.item())).toEqual([0.25, 0.0625, 0.015625]); // iterating trains again
  await drain(minimize(distance(p), data, sgd()));
  expect(await last.item()).toBe(1); // still not released
  last.release();
});

test("awaited, it leaves nothing but the last loss", async () => {
  const backend = openSync({});
  const p = param(backend.tensor([4]));
  const data = [0, 1, 2, 3].map((x) => backend.tensor([x]));
  const before = backend.live();
  const last = await minimize(distance(p), data, sgd());
  expect(backend.live()).toBe(before + 1);
  last.release();
});

test("awaited, it throws errors, also where there were no items", async () => {
  await expect(minimize(() => sum(tensor([1])), [[]])).rejects.toThrow("depends on no parameter");
  await expect(minimize(distance(param(tensor([1]))), [])).rejects.toThrow(
    "minimize: there were no items, so there is no last loss",
  );
  await expect(converge([])).rejects.toThrow("converge: there were no items");
});

test("converge ends where a loss without noise no longer falls", async () => {
  const count = async (f: (i: number) => number, alpha = 0.1, most = 5000): Promise<number> => {
    const values = function* (): Generator<number> {
      for (let i = 0; i < most; i++) yield f(i);
    };
    return (await drain(converge(values(), { alpha }), (x) => x)).length;
  };
  expect(await count(() => 3)).toBeLessThan(30);
  expect(await count(() => 0)).toBeLessThan(30);
  expect(await count((i) => 3 + 0.64 ** i)).toBeLessThan(300);
  expect(await count((i) => (i < 100 ? 1 - i / 100 : 0))).toBeLessThan(300);
  // A loss that still falls goes on, however small it is, and so does one that is constant for a while.
  expect(await count((i) => 0.99 ** i, 0.1, 1000)).toBe(1000);
  expect(await count((i) => 1000 - Math.floor(i / 10), 0.1, 1000)).toBe(1000);
  const p = param(tensor([1, 2]));
  const forever = function* (): Generator<number> {
    for (;;) yield 0;
  };
  await converge(minimize(() => sum(square(p)), forever(), sgd({ lr: 0.25 })));
  expect(await p.value.array()).toEqual([0, 0].map(() => expect.closeTo(0, 3) as number));
});

test("a loss of NaN is a value for minimize, and ends converge", async () => {
  const p = param(tensor([1]));
  const forever = function* () {
    for (let k = 0; k < 1000; k++) yield tensor([1e30]);
  };
  const wild = () => minimize((x: Tensor) => sum(square(square(mul(p, x)))), forever(), sgd({ lr: 1e9 }));
  expect(await (await minimize((x: Tensor) => sum(mul(p, x)), [tensor([NaN])], sgd())).item()).toBeNaN();
  await expect(converge(wild())).rejects.toThrow(DivergenceError);
  let n = 0;
  for (const bad of [NaN, Infinity, -Infinity]) {
    const endless = function* () {
      for (;;) yield n++ % 3 === 2 ? bad : 1 / n;
    };
    await expect(drain(converge(endless()))).rejects.toThrow(`is ${bad}. Try a smaller learning rate`);
  }
  expect(n).toBeLessThan(12);
  await expect(drain(converge([NaN]))).rejects.toThrow("converge: item 1 is NaN");
});

test("converge goes on where it was saved or assigned, and says whether it has stopped", async () => {
  const values = [10, 8, 6, 5, 4, 6, 9, 12, 15];
  for (let at = 0; at < 7; at++) {
    const first = converge(values.slice(0, at), { alpha: 0.5 });
    expect(await drain(first, (x) => x)).toEqual(values.slice(0, at));
    expect(first.stopped).toBe(false);
    const second = converge(values.slice(at), { alpha: 0.5 });
    fromBytes(await toBytes({ w: param(tensor([1])), loop: first }), { w: param(tensor([1])), loop: second });
    expect(await drain(second, (x) => x)).toEqual(values.slice(at, 7));
    expect(second).toMatchObject({ step: 7, last: 9, stopped: true });
    expect(await drain(second, (x) => x)).toEqual([]);
  }
  // Equal items, too: after 10 / alpha of them.
  const same = (n: number) => converge(Array.from({ length: n }, () => 3), { alpha: 1 }); // oxfmt-ignore
  const [some, rest] = [same(2), same(9)];
  await some;
  Object.assign(rest, {
    step: some.step,
    average: some.average,
    trend: some.trend,
    last: some.last,
    equal: some.equal,
  });
  expect(await drain(rest, (x) => x)).toHaveLength(1);
  await expect(drain(Object.assign(converge([NaN]), { step: 7 }))).rejects.toThrow("converge: item 8 is NaN");
});

test("the number of steps is what the data say when it is asked for", () => {
  let left = 5;
  const data = { get length() { return left; }, *[Symbol.iterator]() {} }; // oxfmt-ignore
  const run = minimize(() => sum(tensor([1])), data as Iterable<[]>);
  left = 3;
  expect(run.length).toBe(3);
});

test("the number of steps is what is left of batches that go on from a position", async () => {
  const p = param(tensor([0]));
  const batches = minibatch(tensor([1, 2, 3, 4, 5]), 1);
  const run = minimize(distance(p), batches);
  const lengths = async () => [run.length, ...(await drain(run, () => run.length)), run.length];
  expect(await lengths()).toEqual([5, 5, 5, 5, 5, 5, 5]);
  batches.position = { pass: 0, batch: 3 };
  expect(await lengths()).toEqual([2, 2, 2, 5]);
  for await (const _ of run) break;
  expect(await lengths()).toEqual([5, 5, 5, 5, 5, 5, 5]);
});

test("converge can be awaited, and does not release the items", async () => {
  expect(await converge([10, 8, 6, 5, 4, 6, 9, 12, 15], { alpha: 0.5 })).toBe(9);
  const items = [3, 2, 1].map((x) => tensor([x]));
  const last = await converge(items);
  expect(await last.item()).toBe(1);
  expect(await Promise.all(items.map((x) => x.item()))).toEqual([3, 2, 1]);
});

test.each([["a"], [null], [undefined], [{}], [true], [[1]]])("converge refuses the item %o", async (item) => {
  const run = () => converge([1, item as never], { alpha: 0.5 });
  await expect(run()).rejects.toThrow(/^converge: wanted losses, .* as item 2/);
  await expect(drain(run())).rejects.toThrow(ArgumentError);
});

test("inside a diff it is refused: no gradient would go through its steps", async () => {
  const w = param(tensor([3]));
  const inner = () => minimize(() => sum(mul(w, w)), [[]], sgd());
  await expect(diff(async (t) => (await t.wait(inner()), sum(w)))).rejects.toThrow("minimize: inside a diff or grad");
  expect(() => grad((x: Tensor) => (inner(), sum(x)))(tensor([1]))).toThrow("write the inner loop by hand");
});
