// Positions in data: a loop that is resumed anywhere yields what the interrupted one had left, in the same order.
import { inspect } from "node:util";
import {
  cycle,
  minibatch,
  ncycle,
  progress,
  shuffle,
  takeFirst,
  takeNth,
  weightedSampler,
  type Batches,
  type HostArray,
  type Position,
  type ProgressState,
  type Sequence,
} from "@weft/data";
import { fromBytes, Linear, readSafetensors, toBytes } from "@weft/nn";
import { scope } from "@weft/autograd";
import { ArgumentError } from "@weft/tensor";
import { open as openCpu, openSync } from "@weft/tensor-cpu";
import { open as openGpu } from "@weft/tensor-webgpu";
import { describe, expect, test } from "vitest";
import { beside } from "../src/position.ts";

const data = Float32Array.from({ length: 23 }, (_, i) => i);
const items = [...data].slice(0, 7);
const batches = (partial = false, mixed = true) => minibatch(data, 4, { shuffle: mixed, seed: 3, partial });

/** What can be passed through again and again, and how many items a pass has. */
const sources: readonly (readonly [string, () => Passed, number])[] = [
  ["minibatch", () => batches(), 5],
  ["minibatch in the stored order", () => batches(true, false), 6],
  ["a sampler", () => minibatch(data, 4, { sampler: weightedSampler(data, { count: 12 }) }), 3],
  ["shuffled minibatches", () => shuffle(batches(true), { seed: 5 }), 6],
  ["a shuffled list", () => shuffle(items, { seed: 2 }), 7],
  ["every second one", () => takeNth(batches(true), 2), 3],
];

const shown = () => progress(batches(), { stream: { write: () => undefined } });

interface Passed extends Iterable<unknown>, AsyncIterable<unknown> {
  readonly position: Position | undefined;
}
interface Saved {
  readonly pass: number;
  readonly batch: number;
  readonly source?: Saved;
}

const saved = ({ pass, batch, source }: Position): Saved => ({ pass, batch, ...(source && { source: saved(source) }) });
function resume(position: Position, { source, ...own }: Saved): void {
  Object.assign(position, own);
  if (source !== undefined) resume(position.source!, source);
}
const numbers = (item: unknown): unknown =>
  typeof item === "number" ? item : [...(item as { data: Float32Array }).data];

describe.each(sources)("%s", (_, make, length) => {
  test.each(["for", "for await"])("is resumed after each item and each pass, in %s", async (how) => {
    const passes = 3;
    /** Passes that are left, and the position before each item and at the end of each pass. */
    const run = async (source: Passed, left: number) => {
      const seen: unknown[] = [];
      const places: Saved[] = [];
      for (let pass = 0; pass < left; pass++) {
        const note = (item: unknown) => [places.push(saved(source.position!)), seen.push(numbers(item))];
        if (how === "for") for (const item of source) note(item);
        else for await (const item of source) note(item);
        places.push(saved(source.position!));
      }
      return { seen, places };
    };
    const { seen, places } = await run(make(), passes);
    expect(seen).toHaveLength(passes * length);
    let given = 0;
    for (const [k, place] of places.entries()) {
      const atEnd = k % (length + 1) === length;
      if (!atEnd) given++;
      const begun = Math.floor(k / (length + 1)) + (atEnd ? 1 : 0);
      const source = make();
      resume(source.position!, place);
      expect((await run(source, passes - begun)).seen).toEqual(seen.slice(given));
    }
  });
});

test("cycle and ncycle go on in the middle of a pass, and after its last batch", () => {
  const steps = cycle(batches());
  const seen = [...takeFirst(steps, 17)].map(numbers);
  for (const [at, rest] of [
    [{ pass: 1, batch: 3 }, seen.slice(8)],
    [{ pass: 0, batch: 5 }, seen.slice(5)],
    [{ pass: 2, batch: 0 }, seen.slice(10)],
  ] as const) {
    const source = batches();
    source.position = at;
    expect([...takeFirst(cycle(source), rest.length)].map(numbers)).toEqual(rest);
    source.position = at;
    expect([...ncycle(source, 3 - at.pass)].map(numbers)).toEqual(rest.slice(0, rest.length - 2));
  }
});

/** Sequences around minibatches of 6 a pass. */
const around: readonly (readonly [string, (source: Batches<HostArray>) => Sequence<unknown>])[] = [
  ["shuffle", (source) => shuffle(source)],
  ["takeNth", (source) => takeNth(source, 2)],
  ["takeNth that leaves a rest", (source) => takeNth(source, 4)],
  ["takeFirst of a part", (source) => takeFirst(source, 4)],
  ["takeFirst of several passes", (source) => takeFirst(cycle(source), 9)],
  ["ncycle", (source) => ncycle(source, 2)],
  ["ncycle of what is left of three", (source) => ncycle(source, () => 3 - source.position.pass)],
  ["what is left of nine batches", (source) => takeFirst(cycle(source), () => 9 - source.position.batch)],
  ["every third of two passes", (source) => ncycle(takeNth(source, 3), 2)],
  ["every second of every second", (source) => takeNth(takeNth(source, 2), 2)],
  ["two passes in another order", (source) => ncycle(shuffle(source), 2)],
  ["progress of two passes", (source) => progress(ncycle(source, 2), quiet)],
];
const quiet = { display: { update() {}, close() {} } };

test.each(around)("%s: the length is how many items come, before and in a pass that goes on", async (_, wrap) => {
  for (const how of ["for", "for await"])
    for (let batch = 0; batch <= 6; batch++) {
      const source = batches(true);
      const sequence = wrap(source);
      const go = async (leaveAt = Infinity): Promise<[before: unknown, during: unknown[], came: number]> => {
        const before = sequence.length;
        const during = new Set<unknown>();
        let came = 0;
        if (how === "for") {
          for (const _ of sequence) {
            during.add(sequence.length);
            if (++came === leaveAt) break;
          }
        } else
          for await (const _ of sequence) {
            during.add(sequence.length);
            if (++came === leaveAt) break;
          }
        return [before, [...during], came];
      };
      sequence.position!.batch = batch;
      const [before, during, came] = await go();
      expect([batch, before, during]).toEqual([batch, came, came === 0 ? [] : [came]]);
      // A pass that is left is followed by one from its beginning.
      sequence.position!.batch = batch;
      await go(1);
      const after = await go();
      expect([batch, after[0], after[1]]).toEqual([batch, after[2], after[2] === 0 ? [] : [after[2]]]);
    }
});

test("progress counts what is left, also where the position is known only when the loop begins", async () => {
  const seen: (readonly [count: number, total: number | undefined])[] = [];
  const display = { update: ({ count, total }: ProgressState) => void seen.push([count, total]), close() {} };
  const source = batches(true);
  /** As a loop that resumes itself: it assigns the position when it begins. */
  const resuming = (inner: Sequence<unknown>) => ({
    async *[Symbol.asyncIterator]() {
      source.position = { pass: 1, batch: 4 };
      yield* inner;
    },
    get length() {
      return inner.length;
    },
    position: source.position,
  });
  const rest = ncycle(source, () => 2 - source.position.pass);
  const going = takeFirst(source, 6);
  const plain = progress(source, { display });
  for (const loop of [progress(resuming(rest), { display }), progress(resuming(going), { display }), plain]) {
    seen.length = 0;
    if (loop === plain) source.position = { pass: 1, batch: 4 };
    for await (const _ of loop);
    expect(seen).toEqual([
      [1, 2],
      [2, 2],
    ]);
  }
});

test("concurrent passes do not disturb each other, and the position is that of the one that moved last", () => {
  const source = batches();
  const alone = batches();
  const wanted = [[...alone], [...alone], [...alone]].map((pass) => pass.map(numbers));
  const [a, b] = [source[Symbol.iterator](), source[Symbol.iterator]()];
  const got: unknown[][] = [[], []];
  got[0]!.push(a.next().value, a.next().value);
  expect(saved(source.position)).toEqual({ pass: 0, batch: 2 });
  got[1]!.push(b.next().value);
  expect(saved(source.position)).toEqual({ pass: 1, batch: 1 });
  got[0]!.push(a.next().value);
  expect(saved(source.position)).toEqual({ pass: 0, batch: 3 });
  got[0]!.push(...{ [Symbol.iterator]: () => a });
  expect(saved(source.position)).toEqual({ pass: 2, batch: 0 }); // both have begun
  got[1]!.push(...{ [Symbol.iterator]: () => b });
  expect(got.map((pass) => pass.map(numbers))).toEqual(wanted.slice(0, 2));
  expect(saved(source.position)).toEqual({ pass: 2, batch: 0 });
  // What is assigned is for the next loop, not for those that run.
  const c = source[Symbol.iterator]();
  source.position = { pass: 1, batch: 4 };
  expect([...{ [Symbol.iterator]: () => c }].map(numbers)).toEqual(wanted[2]);
  expect(saved(source.position)).toEqual({ pass: 1, batch: 4 });
  expect([...source].map(numbers)).toEqual(wanted[1]!.slice(4));
});

test.each([
  ["minibatch", () => batches()],
  ["shuffled minibatches", () => shuffle(batches())],
])("a loop inside of a loop takes the position away only until that goes on: %s", (_, make) => {
  const source = make();
  const places: Saved[] = [];
  let k = 0;
  for (const _ of source) {
    places.push(saved(source.position!));
    k++;
    if (k === 2) for (const _ of source) continue;
    if (k === 4) for (const _ of source) break;
  }
  const at = (pass: number, batch: number): Saved => ({
    pass,
    batch,
    ...(source.position!.source && { source: { pass, batch } }),
  });
  expect(places).toEqual([at(0, 1), at(0, 2), at(0, 3), at(0, 4), at(0, 5)]);
  expect(saved(source.position!)).toEqual(at(3, 0)); // no pass comes twice
});

test.each([...sources, ["cycles", () => ncycle(batches(), 2), 10] as const, ["progress", shown, 5] as const])(
  "a loop beside another one leaves the position where it is: %s",
  async (_, make, length) => {
    const [alone, source] = [make(), make()];
    const wanted = [...alone, ...alone].map(numbers);
    const got: unknown[] = [];
    for (const _ of [1, 2])
      for (const item of source) {
        got.push(numbers(item));
        const before = saved(source.position!);
        const whole = [...beside(source)].map(numbers);
        const later: unknown[] = [];
        for await (const item of beside(source)) later.push(numbers(item));
        expect([whole.length, later]).toEqual([length, whole]);
        expect(saved(source.position!)).toEqual(before);
      }
    expect(got).toEqual(wanted);
    expect(saved(source.position!)).toEqual(saved(alone.position!));
  },
);

test("batches that are made ahead do not count before they are yielded", async () => {
  const backend = openSync({});
  const source = minibatch(data, 4, { backend, shuffle: true });
  for await (const batch of source) {
    expect(saved(source.position)).toEqual({ pass: 0, batch: 1 });
    batch.release();
    break;
  }
  expect(saved(source.position)).toEqual({ pass: 0, batch: 1 }); // where it was left
  for await (const _ of source) break;
  expect(saved(source.position)).toEqual({ pass: 1, batch: 1 });
});

const backends = process.env["WEFT_NO_DRIVER"] === undefined ? ["cpu", "webgpu"] : ["cpu"];

test.each(backends)(
  "a transform that draws from the backend's stream goes on with the same numbers, uploaded ahead or not, on %s",
  async (name) => {
    const backend = await (name === "cpu" ? openCpu({}) : openGpu({}));
    const { stream } = backend;
    const make = (prefetch: number | undefined) =>
      minibatch(data, 4, {
        backend,
        shuffle: true,
        ...(prefetch !== undefined && { prefetch }),
        transform: (x) => x.add(backend.rand(x.shape)),
      });
    for (const prefetch of [undefined, 0, 9]) {
      backend.seed(5);
      const whole = make(prefetch);
      const seen: number[][] = [];
      const places: { stream: typeof stream; position: Saved }[] = [];
      for (let pass = 0; pass < 2; pass++)
        for await (const x of whole) {
          seen.push([...(await x.data())] as number[]);
          places.push({ stream: { ...stream }, position: saved(whole.position) });
        }
      expect(new Set(seen.map(String)).size).toBe(10);
      for (const [k, { stream: drawn, position }] of places.entries()) {
        Object.assign(stream, drawn);
        const rest = make(prefetch);
        rest.position = position;
        const next: number[][] = [];
        while (rest.position.pass < 2) for await (const x of rest) next.push([...(await x.data())] as number[]);
        expect([prefetch, k, next]).toEqual([prefetch, k, seen.slice(k + 1)]);
      }
    }
  },
);

test("a transform that throws releases its batch and those uploaded ahead, and its batch comes again", async () => {
  const here = await openCpu({});
  let fails = true;
  const batches = minibatch(Float32Array.of(1, 2, 3, 4), 1, {
    backend: here,
    transform: (x) => {
      const y = x.add(1);
      if (fails) throw new Error("not now");
      return y;
    },
  });
  const live = () => scope(() => here.tensor([1]).dataSync()) && here.stats().live;
  const before = live();
  await expect(async () => {
    for await (const x of batches) x.release();
  }).rejects.toThrow("not now");
  expect([live() - before, batches.position.batch]).toEqual([0, 0]);
  fails = false;
  const seen: number[] = [];
  for await (const x of batches) seen.push(await x.item());
  expect(seen).toEqual([2, 3, 4, 5]);
});

test("a loop that is left is followed by a new pass, and so is one that takeFirst ends", () => {
  const source = batches();
  const [first, second, third] = [batches(), batches(), batches()].map((one, pass) => {
    one.position = { pass, batch: 0 };
    return [...one].map(numbers);
  });
  for (const _ of source) break;
  expect(numbers([...takeFirst(source, 1)][0])).toEqual(second![0]);
  expect(saved(source.position)).toEqual({ pass: 2, batch: 0 });
  expect([...source].map(numbers)).toEqual(third);
  expect(first).not.toEqual(second);
});

test.each([
  ["minibatch: position.pass is -1, wanted a non-negative integer.", { pass: -1, batch: 0 }],
  ["minibatch: position.batch is 1.5, wanted a non-negative integer.", { pass: 0, batch: 1.5 }],
  ["minibatch: position.batch is NaN, wanted a non-negative integer.", { pass: 0, batch: NaN }],
])("%s", (message, position) => {
  const source = batches();
  expect(() => (source.position = position)).toThrow(new ArgumentError(message));
});

test("a position of other data is refused by the loop", () => {
  const source = batches();
  source.position = { pass: 0, batch: 6 };
  expect(() => [...source]).toThrow(
    "minibatch: position.batch is 6, but a pass has 5: it is that of other data or of another size.",
  );
});

test("in a saved tree there are positions, and nothing else of batches and what wraps them", async () => {
  const make = () => {
    const source = batches(true);
    const mixed = shuffle(source);
    return { model: Linear(1, 1), mixed, steps: takeFirst(cycle(batches()), 20) };
  };
  const run = make();
  for (const [k] of [...run.mixed].entries()) if (k === 3) break;
  const iterator = run.mixed[Symbol.iterator]();
  const seen = [iterator.next().value, iterator.next().value];
  const bytes = await toBytes(run);
  expect(JSON.parse(String(readSafetensors(bytes).metadata["weft.values"]))).toEqual({
    "mixed.position.pass": 1,
    "mixed.position.batch": 2,
    "mixed.position.source.pass": 1,
    "mixed.position.source.batch": 2,
    "steps.position.pass": 0,
    "steps.position.batch": 0,
  });
  const other = fromBytes(bytes, make());
  expect([...seen, ...other.mixed].map(numbers)).toEqual(
    [...seen, ...{ [Symbol.iterator]: () => iterator }].map(numbers),
  );
});

/** The first number of each batch. */
const firsts = (items: Iterable<HostArray>, n: number): number[] =>
  [...takeFirst(items, () => n)].map(({ data }) => Number(data[0]));
/** What a file has of a position. */
const placeOf = ({ position }: { readonly position: Position | undefined }): object => {
  const { pass, batch } = position!;
  return { pass, batch };
};
const five = Float32Array.of(0, 1, 2, 3, 4);
const one = () => minibatch(five, 1);

test("every n-th of batches in a cycle goes on from a position, whatever n", () => {
  for (const n of [1, 2, 3, 7]) {
    const whole = firsts(takeNth(cycle(one()), n), 9);
    for (let k = 1; k < 9; k++) {
      const [first, second] = [one(), one()];
      const begun: number[] = [];
      for (const { data } of takeNth(cycle(first), n)) if (begun.push(Number(data[0])) === k) break;
      Object.assign(second.position, placeOf(first));
      expect([...begun, ...firsts(takeNth(cycle(second), n), 9 - k)]).toEqual(whole);
    }
    // In the same program a loop begins anew.
    const batches = one();
    const loop = () => firsts(takeNth(cycle(batches), n), 3);
    expect(loop()).toEqual(loop());
  }
});

test("the first n of a pass that goes on are what is left of them, also in a cycle", async () => {
  const mixed = () => minibatch(five, 1, { shuffle: true, seed: 1 });
  const wrapped = {
    cycled: (from: Batches<HostArray>) => cycle(takeFirst(from, 3)),
    counted: (from: Batches<HostArray>) => ncycle(takeFirst(from, 3), () => 4 - from.position.pass),
    second: (from: Batches<HostArray>) => cycle(takeFirst(takeNth(from, 2), 2)),
  };
  for (const wrap of Object.values(wrapped)) {
    const whole = firsts(wrap(mixed()), 9);
    for (let k = 1; k < 9; k++) {
      const [first, second] = [mixed(), mixed()];
      const begun: number[] = [];
      for (const { data } of wrap(first)) if (begun.push(Number(data[0])) === k) break;
      Object.assign(second.position, placeOf(first));
      expect([...begun, ...firsts(wrap(second), 9 - k)]).toEqual(whole);
    }
  }
  const some = mixed();
  const epoch = takeFirst(some, 3);
  Object.assign(some.position, { pass: 1, batch: 2 });
  expect(epoch.length).toBe(1);
  expect([...epoch]).toHaveLength(1);
  expect([some.position.pass, some.position.batch, epoch.length]).toEqual([2, 0, 3]);
  // All were given, and the pass was not ended.
  Object.assign(some.position, { pass: 2, batch: 3 });
  for await (const _ of epoch) expect.unreachable();
  expect([some.position.pass, some.position.batch]).toEqual([3, 0]);
  expect([...epoch]).toHaveLength(3);
  Object.assign(some.position, { pass: 3, batch: 4 });
  expect(epoch.length).toBe(1); // another loop gave four, and one is left
  // A function says how many come.
  expect([...takeFirst(some, () => 1)]).toHaveLength(1);
});

test("shuffled batches go on where only the batches were assigned", () => {
  const make = () => {
    const batches = one();
    return { batches, it: cycle(shuffle(batches, { seed: 2 })), shown: shuffle(batches) };
  };
  const whole = firsts(make().it, 12);
  for (let k = 1; k < 12; k++) {
    const [first, second] = [make(), make()];
    const begun: number[] = [];
    for (const { data } of first.it) if (begun.push(Number(data[0])) === k) break;
    const at = placeOf(first.batches);
    Object.assign(second.batches.position, at);
    expect(placeOf(second.shown)).toMatchObject(at);
    expect([...begun, ...firsts(second.it, 12 - k)]).toEqual(whole);
  }
});

test("a position is printed as its numbers", () => {
  const batches = one();
  for (const _ of batches) break;
  expect(inspect(batches.position)).toBe("{ pass: 0, batch: 1 }");
  expect(inspect(shuffle(batches).position)).toBe("{ pass: 0, batch: 0, source: { pass: 0, batch: 1 } }");
});

test("progress with a total of its own goes on where the position is", () => {
  const display = { update() {}, close() {} };
  for (const options of [{ display }, { display, total: 6 }]) {
    const all = batches(true);
    all.position = { pass: 0, batch: 3 };
    expect([...takeFirst(progress(all, options), 5)]).toHaveLength(2);
    all.position = { pass: 0, batch: 3 };
    expect([...takeNth(progress(all, options), 2)]).toHaveLength(2); // the 4th and the 6th
  }
});

test("a pass that is assigned to shuffled batches is that of the batches, too", () => {
  const make = () => {
    const batches = minibatch(data, 4, { shuffle: true, seed: 3 });
    return shuffle(batches, { seed: 2 });
  };
  const values = (it: Iterable<HostArray>) => Array.from(it, (batch) => [...batch.data]);
  const whole = make();
  values(whole);
  const [second, resumed] = [values(whole), make()];
  Object.assign(resumed.position!, { pass: 1, batch: 0 });
  expect(values(resumed)).toEqual(second);
});

test("the length of a loop stays while another one over the same runs inside", () => {
  const all = batches(true, false);
  all.position = { pass: 0, batch: 2 };
  const some = takeFirst(all, 5);
  for (const _ of some) {
    expect(some.length).toBe(3);
    for (const _ of some) break;
    expect(some.length).toBe(3);
    break;
  }
});
