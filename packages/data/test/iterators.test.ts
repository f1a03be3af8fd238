// The iterators, on synchronous and asynchronous sources.
import { describe, expect, test } from "vitest";
import { ArgumentError } from "@weft/tensor";
import { shown } from "@weft/tensor/internals";
import { cycle, minibatch, ncycle, shuffle, takeFirst, takeNth } from "@weft/data";

async function* later<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}
const again = <T>(items: readonly T[]): AsyncIterable<T> => ({ [Symbol.asyncIterator]: () => later(items) });
async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const five = [1, 2, 3, 4, 5];

describe.each([
  ["takeFirst", (s: any) => takeFirst(s, 3), [1, 2, 3]],
  ["takeFirst of more than there are", (s: any) => takeFirst(s, 9), five],
  ["takeFirst of nothing", (s: any) => takeFirst(s, 0), []],
  ["takeNth", (s: any) => takeNth(s, 2), [2, 4]],
  ["takeNth of every one", (s: any) => takeNth(s, 1), five],
  ["ncycle", (s: any) => ncycle(s, 2), [...five, ...five]],
  ["ncycle of none", (s: any) => ncycle(s, 0), []],
  ["cycle", (s: any) => takeFirst(cycle(s), 12), [...five, ...five, 1, 2]],
  ["all together", (s: any) => takeFirst(takeNth(cycle(s), 2), 4), [2, 4, 1, 3]],
])("%s", (_, make, wanted) => {
  test("of a list", () => expect([...make(five)]).toEqual(wanted));
  test("of a list, asynchronously", async () => expect(await collect(make(five))).toEqual(wanted));
  test("of an asynchronous source", async () => expect(await collect(make(again(five)))).toEqual(wanted));
  test("the same twice", () => {
    const walk = make(five);
    expect([[...walk], [...walk]]).toEqual([wanted, wanted]);
  });
  test("says how many there are", () => expect(make(five).length).toBe(wanted.length));
});

test("how many there are may be asked for when a loop begins", async () => {
  let left = 3;
  const first = takeFirst(cycle(five), () => left);
  expect([first.length, [...first]]).toEqual([3, [1, 2, 3]]);
  left = 1;
  expect([first.length, [...first], await collect(takeFirst(again(five), () => left))]).toEqual([1, [1], [1]]);
  left = -2; // more than that was done before
  expect([first.length, [...first]]).toEqual([0, []]);
  left = 2;
  expect([...ncycle([1, 2], () => left)]).toEqual([1, 2, 1, 2]);
  const batches = minibatch([1, 2, 3, 4], 2);
  const rest = ncycle(batches, () => 3 - batches.position.pass);
  batches.position = { pass: 1, batch: 1 };
  expect([...rest]).toHaveLength(3);
});

test.each([1.5, Number.NaN, -Infinity, "2", 2n, undefined])("a function that returns %s as n is refused", (n) => {
  const message = (op: string) =>
    new ArgumentError(`${op}: n is a function that returned ${shown(n)}, wanted a whole number.`);
  expect(() => [...takeFirst(five, () => n as number)]).toThrow(message("takeFirst"));
  expect(() => [...ncycle(five, () => n as number)]).toThrow(message("ncycle"));
});

test("lengths are not invented", () => {
  expect(takeFirst(later(five), 2).length).toBeUndefined();
  expect(cycle(five).length).toBe(Infinity);
  expect(cycle([]).length).toBe(0);
  expect(takeNth(new Set(five), 2).length).toBe(2);
});

test("takeFirst never asks for the next item", () => {
  let asked = 0;
  const source = {
    *[Symbol.iterator]() {
      for (;;) yield ++asked;
    },
  };
  expect([...takeFirst(source, 3)]).toEqual([1, 2, 3]);
  expect(asked).toBe(3);
  expect([...takeFirst(source, 0)]).toEqual([]);
  expect(asked).toBe(3);
});

test("leaving a loop closes the source", () => {
  let closed = 0;
  const source = {
    *[Symbol.iterator]() {
      try {
        yield* five;
      } finally {
        closed++;
      }
    },
  };
  for (const x of ncycle(source, 3)) if (x === 2) break;
  expect(closed).toBe(1);
  expect([...takeFirst(source, 1)]).toEqual([1]);
  expect(closed).toBe(2);
});

test("cycle ends if there is nothing to repeat", () => {
  expect([...cycle([])]).toEqual([]);
  expect([...cycle(five.values())]).toEqual(five);
});

describe("shuffle", () => {
  const many = Array.from({ length: 100 }, (_, i) => i);

  test("gives each item once, in an order that the seed decides", () => {
    const first = [...shuffle(many, { seed: 3 })];
    expect(first).not.toEqual(many);
    expect(first.toSorted((a, b) => a - b)).toEqual(many);
    expect([...shuffle(many, { seed: 3 })]).toEqual(first);
    expect([...shuffle(many, { seed: 4 })]).not.toEqual(first);
    expect(many[0]).toBe(0);
  });

  test("draws a new order in each pass, and concurrent passes do not disturb each other", () => {
    const one = shuffle(many, { seed: 3 });
    const passes = [[...one], [...one]];
    expect(passes[0]).not.toEqual(passes[1]);
    const two = shuffle(many, { seed: 3 });
    const [a, b] = [two[Symbol.iterator](), two[Symbol.iterator]()];
    const woven = many.map(() => [a.next().value, b.next().value]);
    expect(woven.map(([x]) => x)).toEqual(passes[0]);
    expect(woven.map(([, y]) => y)).toEqual(passes[1]);
  });

  test("is fair: each of the 6 orders of 3 items comes up about as often", () => {
    const seen = new Map<string, number>();
    const three = shuffle([1, 2, 3], { seed: 5 });
    for (let i = 0; i < 6000; i++) {
      const order = [...three].join("");
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(150); // 5 standard deviations
  });

  test("takes asynchronous sources, and minibatches without making them first", async () => {
    expect((await collect(shuffle(again(five), { seed: 1 }))).toSorted()).toEqual(five);
    const batches = shuffle(minibatch(Float32Array.from(many), 10), { seed: 1 });
    expect(batches.length).toBe(10);
    const starts = [...batches].map(({ data }) => data[0]!);
    expect(starts).not.toEqual(starts.toSorted((a, b) => a - b));
    expect(starts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => 10 * i));
  });
});

test.each([
  ["takeFirst: wanted something to iterate over, got number 5", () => takeFirst(5 as never, 1)],
  ["cycle: wanted something to iterate over, got null", () => cycle(null as never)],
  ['takeNth: n is "2", wanted a whole number from 1.', () => takeNth(five, "2" as never)],
  ["shuffle: wanted something to iterate over, got undefined", () => shuffle(undefined as never)],
  ['shuffle: there is no option "sed"; known options: seed', () => shuffle(five, { sed: 1 } as never)],
  ["shuffle: wanted options { seed }, got number 1", () => shuffle(five, 1 as never)],
  ["takeFirst: n is -1, wanted a whole number from 0.", () => takeFirst(five, -1)],
  ["takeFirst: n is 1.5, wanted a whole number from 0.", () => takeFirst(five, 1.5)],
  ["takeNth: n is 0, wanted a whole number from 1.", () => takeNth(five, 0)],
  ["ncycle: n is NaN, wanted a whole number from 0.", () => ncycle(five, Number.NaN)],
  ["cycle: wanted something to iterate over, got {  }", () => cycle({} as never)],
  ["shuffle: wanted something to iterate over, got {  }", () => shuffle({} as never)],
])("%s", (message, make) => {
  expect(make).toThrow(new ArgumentError(message));
});
