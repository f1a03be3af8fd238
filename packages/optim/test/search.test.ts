// Searches over hyper-parameters: known minima, Hyperband's brackets, and functions that return promises.
import { expect, test, vi } from "vitest";
import { goldenSection, hyperband, type History } from "../src/index.ts";

const bowl = ([x, y]: number[]) => (x! - 3.2) ** 2 + 2 * (y! + 1.7) ** 2 + 5;

test("golden section search finds the minimum of a bowl, to within a few times dxmin", () => {
  for (const dxmin of [0.1, 0.01, 1e-4]) {
    const [fmin, [x, y]] = goldenSection(bowl, 2, { dxmin });
    expect(Math.abs(x! - 3.2)).toBeLessThan(3 * dxmin);
    expect(Math.abs(y! + 1.7)).toBeLessThan(3 * dxmin);
    expect(fmin).toBe(bowl([x!, y!]));
  }
});

test("it follows a bent valley, in which each dimension must be tried again", () => {
  const [fmin, x] = goldenSection(([a, b]) => (1 - a!) ** 2 + 5 * (b! - a! ** 2) ** 2, 2, { dxmin: 1e-4 });
  expect(fmin).toBeLessThan(1e-4);
  expect(x).toEqual([expect.closeTo(1, 1), expect.closeTo(1, 1)]);
});

test("the first steps: 1 in each dimension, then the one with the largest gain", () => {
  const tried: number[][] = [];
  goldenSection((x) => (tried.push(x), bowl(x)), 2);
  const φ = (1 + Math.sqrt(5)) / 2;
  // x gains 5.4, which promises 8.7. y loses 8.8 and turns round, which promises 5.4; after another success of x it is
  // third, and has its turn when x goes too far.
  const far = 1 + φ + φ * φ;
  expect(tried.slice(0, 6)).toEqual([[0, 0], [1, 0], [1, 1], [1 + φ, 0], [far, 0], [1 + φ, -1 / φ]]); // prettier-ignore
});

test("NaN is no gain, at the beginning and later, and one dimension is enough", () => {
  const [fmin, [x]] = goldenSection(([a]) => (a! > 2 ? NaN : -a!), 1, { dxmin: 0.01 });
  expect([fmin, x]).toEqual([expect.closeTo(-2, 1), expect.closeTo(2, 1)]);
  expect(goldenSection(([a]) => (a! < 0.5 ? NaN : (a! - 2) ** 2), 1, { dxmin: 1e-3 })[0]).toBeLessThan(1e-4);
  expect(goldenSection(() => NaN, 2)).toEqual([NaN, [0, 0]]);
});

test("history has each value once, and what is in it is not computed again", () => {
  const history: History = [];
  const f = vi.fn(bowl);
  const first = goldenSection(f, 2, { history });
  expect(history.length).toBe(f.mock.calls.length);
  expect(new Set(history.map(([x]) => String(x))).size).toBe(history.length);
  expect(history[0]).toEqual([[0, 0], bowl([0, 0])]);
  f.mockClear();
  expect(goldenSection(f, 2, { history })).toEqual(first);
  expect(f).not.toHaveBeenCalled();
  // A finer search goes on from there.
  const finer = goldenSection(f, 2, { history, dxmin: 0.01 });
  expect(finer[0]).toBeLessThanOrEqual(first[0]);
});

test("what f does to its argument changes nothing", () => {
  expect(goldenSection((x) => bowl(x.splice(0)), 2)).toEqual(goldenSection(bowl, 2));
});

test("verbose prints each value", () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  goldenSection(([x]) => x! * x!, 1, { verbose: true, dxmin: 0.7 });
  expect(log.mock.calls.flat()).toContain("f(0) = 0");
  log.mockRestore();
});

test("searches return promises if functions do, with the same results", async () => {
  const later = <T>(x: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, 0, x));
  expect(await goldenSection((x) => later(bowl(x)), 2)).toEqual(goldenSection(bowl, 2));
  const count = () => {
    let k = 0;
    return () => k++;
  };
  const loss = (config: number, resource: number) => Math.cos(config) - resource / 100;
  const wanted = hyperband(count(), loss);
  expect(await hyperband(count(), (config, resource) => later(loss(config, resource)))).toEqual(wanted);
  const draw = count();
  expect(await hyperband(() => later(draw()), loss)).toEqual(wanted);
  await expect(goldenSection(() => Promise.reject(new Error("lost")), 1)).rejects.toThrow("lost");
});

/** The rungs of each bracket, as [configurations, resource]. */
function rungs(options: { maxResource: number; reduction?: number }): (readonly [number, number])[][] {
  const brackets: (readonly [number, number])[][] = [];
  let drawn = 0;
  let calls: number[] = [];
  const close = () => {
    const resources = [...new Set(calls)];
    if (calls.length > 0)
      brackets.push(resources.map((resource) => [calls.filter((r) => r === resource).length, resource] as const));
    calls = [];
  };
  hyperband(
    () => {
      close();
      return drawn++;
    },
    (config, resource) => (calls.push(resource), config),
    options,
  );
  close();
  return brackets;
}

test("hyperband has the brackets of the paper for R = 81 and η = 3, and for 27", () => {
  expect(rungs({ maxResource: 81 })).toEqual([
    [[81, 1], [27, 3], [9, 9], [3, 27], [1, 81]],
    [[34, 3], [11, 9], [3, 27], [1, 81]],
    [[15, 9], [5, 27], [1, 81]],
    [[8, 27], [2, 81]],
    [[5, 81]],
  ]); // prettier-ignore
  expect(rungs({ maxResource: 27 })).toEqual([
    [[27, 1], [9, 3], [3, 9], [1, 27]],
    [[12, 3], [4, 9], [1, 27]],
    [[6, 9], [2, 27]],
    [[4, 27]],
  ]); // prettier-ignore
  // log 243 / log 3 is 4.999…: there are still six brackets.
  expect(rungs({ maxResource: 243 }).length).toBe(6);
  expect(rungs({ maxResource: 1 })).toEqual([[[1, 1]]]);
  expect(rungs({ maxResource: 16, reduction: 4 })).toEqual([[[16, 1], [4, 4], [1, 16]], [[6, 4], [1, 16]], [[3, 16]]]); // prettier-ignore
});

test("the best go on, and the best of all is returned with its resource; NaN is the worst", () => {
  let k = 0;
  const seen = new Map<number, number[]>();
  const [loss, resource, config] = hyperband(
    () => k++,
    (c, r) => {
      seen.set(r, [...(seen.get(r) ?? []), c]);
      return c % 2 === 0 ? NaN : Math.abs(c - 13) + 1 / r;
    },
  );
  expect([loss, resource, config]).toEqual([1 / 27, 27, 13]);
  expect(seen.get(3)!.slice(0, 9)).toEqual([13, 11, 15, 9, 17, 7, 19, 5, 21]);
  expect(hyperband(() => "a", () => NaN)).toEqual([NaN, 1, "a"]); // prettier-ignore
});

test.each<[() => unknown, string]>([
  [() => goldenSection(1 as never, 1), "goldenSection: wanted a function as f, got number 1"],
  [() => goldenSection(bowl, 0), "goldenSection: wanted a positive integer as n"],
  [() => goldenSection(bowl, 2, { accel: 1 }), "goldenSection: wanted a number above 1 as accel, got 1"],
  [() => goldenSection(() => "1" as never, 2), 'goldenSection: wanted a number as f(x), got "1"'],
  ...[[[[0], "abc"]], [[[0], null]], [[["0"], 1]], [[[0]]]].map((history): [() => unknown, string] => [
    () => goldenSection(bowl, 1, { history: history as never }),
    "goldenSection: wanted a list of points and values, [[x, f(x)], …], all of them numbers as history, got",
  ]),
  [() => goldenSection(bowl, 2, { history: [1] as never }), "goldenSection: wanted a list of points and values"],
  [() => goldenSection(bowl, 2, { dx: 1 } as never), 'goldenSection: there is no option "dx"'],
  [() => hyperband(() => 1, 2 as never), "hyperband: wanted a function as getLoss, got number 2"],
  [() => hyperband(() => 1, () => "2" as never), 'hyperband: wanted a number as the loss, got "2"'], // prettier-ignore
  [() => hyperband(() => 1, () => 2, { reduction: 1 }), "hyperband: wanted a finite maxResource of at least 1"], // prettier-ignore
  [() => hyperband(() => 1, () => 2, { maxResource: 0.5 }), "hyperband: wanted a finite maxResource"], // prettier-ignore
])("wrong arguments are refused (%#)", (call, message) => {
  expect(call).toThrow(message);
});
