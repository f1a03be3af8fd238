// Training as iteration: what goes in, what comes out, how long it lives, and who else gets a turn.
import { keep, param, scope, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { mul, square, sub, sum, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { adam, converge, minimize, sgd } from "../src/index.ts";

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

test("inside a scope of one's own nothing ends early", async () => {
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

test("others get a turn while a long run trains", async () => {
  const p = param(tensor([4]));
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const until = performance.now() + 300;
  const data = function* () {
    while (performance.now() < until) yield tensor([0]);
  };
  await drain(minimize(distance(p), data(), sgd()));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
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
        "minimize: the loss depends on no parameter. Are the weights made with param(), and used inside the loss?",
    }),
  );
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
  expect(await drain(converge(values, { alpha: 0.5 }), (x) => x)).toEqual([10, 8, 6, 5, 4, 6]);
  const p = param(tensor([4]));
  const forever = function* () {
    for (let k = 0; ; k++) yield tensor([k < 20 ? 0 : 3 * k]);
  };
  const losses = await drain(converge(minimize(distance(p), forever(), sgd({ lr: 0.1 })), { alpha: 0.1 }));
  expect(losses.length).toBeGreaterThan(19);
  expect(losses.length).toBeLessThan(30);
});
