// Minibatches: their content, order, backend and lifetime.
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  ArgumentError,
  BackendMismatchError,
  DTypeError,
  ShapeError,
  keep,
  scope,
  type DType,
  type Tensor,
} from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { cycle, digits, minibatch, takeFirst, type Batches, type HostArray } from "@weft/data";

const backend = await open({});
const { tensor } = backend;

const ten = Float32Array.from({ length: 10 }, (_, i) => i);
const x: HostArray = { data: Float32Array.from({ length: 20 }, (_, i) => i), shape: [10, 2], dtype: "f32" };
const y: HostArray = { data: Int32Array.from({ length: 10 }, (_, i) => i), shape: [10], dtype: "i32" };
const host = (batch: HostArray) => [...batch.data];
const held = (batch: Tensor) => batch.arraySync();

describe("of host data, without a backend", () => {
  test("sources may be instances of a class with getters", () => {
    class Images {
      get data() {
        return Uint8Array.of(0, 51, 255, 102);
      }
      get shape() {
        return [2, 2];
      }
      get dtype() {
        return "u8" as const;
      }
      get scale() {
        return 1 / 255;
      }
    }
    const [[image, again]] = [...minibatch([new Images(), new Images()], 1)] as [[HostArray, HostArray]];
    expect(image).toEqual({ data: Uint8Array.of(0, 51), shape: [1, 2], dtype: "u8", scale: 1 / 255 });
    expect(again).toEqual(image);
  });

  test("a single source gives host arrays", () => {
    const batches = minibatch(ten, 3);
    expectTypeOf(batches).toExtend<Iterable<HostArray>>();
    expect(batches.length).toBe(3);
    expect([...batches]).toEqual([
      { data: Float32Array.of(0, 1, 2), shape: [3], dtype: "f32" },
      { data: Float32Array.of(3, 4, 5), shape: [3], dtype: "f32" },
      { data: Float32Array.of(6, 7, 8), shape: [3], dtype: "f32" },
    ]);
  });

  test("partial yields the rest, too", () => {
    const batches = minibatch(ten, 4, { partial: true });
    expect(batches.length).toBe(3);
    expect([...batches].map(host)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect([...batches].at(-1)!.shape).toEqual([2]);
  });

  test("a list gives tuples as long, an object in the order of its fields", () => {
    const pairs = minibatch([x, y], 5);
    expectTypeOf(pairs).toExtend<Iterable<[HostArray, HostArray]>>();
    for (const [a, b] of pairs) expect([a.shape, b.shape]).toEqual([[5, 2], [5]]);
    expect([...minibatch([y], 5)].map((batch) => batch.length)).toEqual([1, 1]);
    const named = minibatch({ images: x, labels: y }, 5);
    expectTypeOf(named).toExtend<Iterable<[HostArray, HostArray]>>();
    expect([...named].map(([a, b]) => [host(a)[0], host(b)[0]])).toEqual([
      [0, 0],
      [10, 5],
    ]);
    expect([...minibatch({ b: y, a: x, c: ten }, 10)][0]!.map((part) => part.shape)).toEqual([[10], [10, 2], [10]]);
  });

  test("a batch has a part for each field, also for the compiler", () => {
    const [tokens, tags, lengths] = [x, y, ten];
    expectTypeOf(minibatch({ tokens, tags }, 5)).toEqualTypeOf<Batches<[HostArray, HostArray]>>();
    expectTypeOf(minibatch({ tokens, tags }, 5, { backend })).toEqualTypeOf<Batches<[Tensor, Tensor]>>();
    const unknownToTheCompiler: any = tokens;
    expectTypeOf(minibatch(unknownToTheCompiler, 5)).toEqualTypeOf<Batches<any>>();
    expectTypeOf(minibatch({ tokens }, 5)).toEqualTypeOf<Batches<[HostArray]>>();
    expectTypeOf(minibatch({ tokens, tags, lengths }, 5, { backend })).toEqualTypeOf<
      Batches<[Tensor, Tensor, Tensor]>
    >();
    expectTypeOf(minibatch([tokens, tags, lengths], 5)).toEqualTypeOf<Batches<[HostArray, HostArray, HostArray]>>();
    // A tensor among the sources moves all of them to its backend.
    expectTypeOf(minibatch({ tokens: backend.ones([10]), tags }, 5)).toEqualTypeOf<Batches<[Tensor, Tensor]>>();
    const any: Record<string, HostArray> = { tokens, tags };
    expectTypeOf(minibatch(any, 5)).toEqualTypeOf<Batches<HostArray[]>>();
    interface Corpus {
      readonly tokens: HostArray;
      readonly tags: HostArray;
    }
    const corpus: Corpus = { tokens, tags };
    const sums = minibatch(corpus, 5, { backend, transform: ([words, labels]) => words.sum().add(labels.sum()) });
    expectTypeOf(sums).toEqualTypeOf<Batches<Tensor>>();
    expect([...sums].map((sum) => sum.itemSync())).toEqual([55, 180]);
  });

  test("lists of numbers are f32, and a list of lists is several sources", () => {
    expect([...minibatch([1, 2, 3, 4], 2)].map(host)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(
      [
        ...minibatch(
          [
            [1, 2],
            [3, 4],
          ],
          1,
        ),
      ].map(([a, b]) => [...host(a), ...host(b)]),
    ).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  test("the scale stays beside the data, and batches are copies", () => {
    const bytes: HostArray = { data: Uint8Array.of(0, 255), shape: [2], dtype: "u8", scale: 1 / 255 };
    const [first] = minibatch(bytes, 2);
    expect(first).toEqual({ ...bytes, shape: [2] });
    first!.data[0] = 9;
    expect(bytes.data[0]).toBe(0);
  });

  test("transform changes what the loop gets", () => {
    const sums = minibatch([x, y], 5, { transform: ([a, b]) => a.data[0]! + b.data[0]! });
    expectTypeOf(sums).toExtend<Iterable<number>>();
    expect([...sums]).toEqual([0, 15]);
  });

  test("a transform that is asynchronous or returns nothing is refused at the first batch", async () => {
    const refused = [
      [async ([a]: (typeof x)[]) => a, "minibatch: transform returned a promise, wanted a batch"],
      [() => Promise.reject(new Error("its own")), "minibatch: transform returned a promise, wanted a batch"],
      [() => undefined, "minibatch: transform returned undefined, wanted a batch"],
    ] as const;
    for (const [transform, message] of refused) {
      const batches = minibatch([x], 5, { transform: transform as () => unknown });
      const next = (): unknown => batches[Symbol.iterator]().next();
      expect(next).toThrow(ArgumentError);
      expect(next).toThrow(message);
      await expect(batches[Symbol.asyncIterator]().next()).rejects.toThrow(message);
    }
  });

  test("asynchronously the same", async () => {
    const seen: number[][] = [];
    for await (const batch of minibatch(ten, 3, { shuffle: true, seed: 2 })) seen.push(host(batch));
    expect(seen).toEqual([...minibatch(ten, 3, { shuffle: true, seed: 2 })].map(host));
  });
});

describe("in random order", () => {
  const many = Int32Array.from({ length: 1000 }, (_, i) => i);
  const passOf = (batches: Iterable<HostArray>) => [...batches].flatMap(host);

  test("each item once, sources side by side", () => {
    for (const [a, b] of minibatch([x, y], 5, { shuffle: true }))
      expect(host(a)).toEqual(host(b).flatMap((i) => [2 * i, 2 * i + 1]));
    expect(passOf(minibatch(many, 7, { shuffle: true, partial: true })).toSorted((a, b) => a - b)).toEqual([...many]);
  });

  test("a new order in each pass, the same for the same seed", () => {
    const batches = minibatch(many, 100, { shuffle: true, seed: 1 });
    const [one, two] = [passOf(batches), passOf(batches)];
    expect(one).not.toEqual(two);
    const repeated = minibatch(many, 100, { shuffle: true, seed: 1 });
    expect([passOf(repeated), passOf(repeated)]).toEqual([one, two]);
    expect(passOf(minibatch(many, 100, { shuffle: true, seed: 2 }))).not.toEqual(one);
    expect(passOf(minibatch(many, 100, { shuffle: true }))).toEqual(
      passOf(minibatch(many, 100, { shuffle: true, seed: 0 })),
    );
    expect(passOf(takeFirst(cycle(minibatch(many, 100, { shuffle: true, seed: 1 })), 20))).toEqual([...one, ...two]);
  });

  test("the order of a seed never changes between versions", () => {
    expect(passOf(minibatch(many.subarray(0, 10), 10, { shuffle: true, seed: 1 }))).toMatchInlineSnapshot(`
      [
        7,
        8,
        6,
        4,
        3,
        9,
        1,
        0,
        5,
        2,
      ]
    `);
  });

  test("concurrent passes do not disturb each other", () => {
    const apart = minibatch(many, 100, { shuffle: true, seed: 1 });
    const wanted = [passOf(apart), passOf(apart)];
    const batches = minibatch(many, 100, { shuffle: true, seed: 1 });
    const seen: number[][] = [[], []];
    const walks = [batches[Symbol.iterator](), batches[Symbol.iterator]()];
    for (let i = 0; i < 10; i++) walks.forEach((walk, k) => seen[k]!.push(...host(walk.next().value!)));
    expect(seen).toEqual(wanted);
  });
});

describe("on a backend", () => {
  test("host data arrives in its own type", () => {
    const batches = minibatch([x, y], 5, { backend });
    expectTypeOf(batches).toExtend<Iterable<[Tensor, Tensor]>>();
    scope(() => {
      const [first] = batches;
      const [a, b] = first!;
      expect([a.dtype, b.dtype, a.backend === backend]).toEqual(["f32", "i32", true]);
      expect([held(a), held(b)]).toEqual([
        [
          [0, 1],
          [2, 3],
          [4, 5],
          [6, 7],
          [8, 9],
        ],
        [0, 1, 2, 3, 4],
      ]);
    });
  });

  test("a scale is applied there", () => {
    const bytes: HostArray = { data: Uint8Array.of(0, 51, 255, 102), shape: [4], dtype: "u8", scale: 1 / 255 };
    for (const batch of minibatch(bytes, 4, { backend })) {
      expect(batch.dtype).toBe("f32");
      expect(Array.from(batch.dataSync(), (v) => Number(v.toFixed(6)))).toEqual([0, 0.2, 1, 0.4]);
    }
    for (const batch of minibatch({ ...bytes, scale: undefined } as unknown as HostArray, 4, { backend }))
      expect(batch.dtype).toBe("u8");
  });

  test("tensors are sliced on their backend, in order and shuffled", () => {
    const [a, b] = [tensor(x.data, { shape: [10, 2] }), tensor(y.data)];
    expect([...minibatch(b, 4, { partial: true })].map(held)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const wanted = [...minibatch([x, y], 5, { shuffle: true, seed: 6 })].map(([p, q]) => [host(p), host(q)]);
    const got = [...minibatch([a, b], 5, { shuffle: true, seed: 6 })].map(([p, q]) => [[...p.dataSync()], held(q)]);
    expect(got).toEqual(wanted);
    const mixed = [...minibatch([a, y], 5, { shuffle: true, seed: 6 })].map(([p, q]) => [
      [...p.dataSync()],
      held(q as Tensor),
    ]);
    expect(mixed).toEqual(wanted);
  });

  test("the digits come as models expect them", () => {
    const { train } = digits({ train: 20, test: 0 });
    const batches = minibatch(train, 10, { backend, shuffle: true, seed: 1 });
    expectTypeOf(batches).toExtend<Iterable<[Tensor, Tensor]>>();
    for (const [images, labels] of batches) {
      expect([images.shape, images.dtype, labels.shape, labels.dtype]).toEqual([[10, 1, 28, 28], "f32", [10], "i32"]);
      expect(Math.max(...images.dataSync())).toBeLessThanOrEqual(1);
      expect(Math.max(...images.dataSync())).toBeGreaterThan(0.7);
    }
  });
});

describe("lifetimes", () => {
  const bytes: HostArray = { data: new Uint8Array(800), shape: [100, 8], dtype: "u8", scale: 0.5 };

  test("in a loop whose body closes scopes, a batch is released when the next is requested", () => {
    const seen: Tensor[] = [];
    for (const batch of minibatch(bytes, 10, { backend })) {
      scope(() => batch.add(1).dataSync());
      expect(batch.ended).toBeUndefined();
      seen.push(batch);
    }
    expect(seen.every((batch) => batch.ended !== undefined)).toBe(true);
    expect(() => seen[0]!.dataSync()).toThrow(
      "dataSync: this f32[10,8] tensor was released when minibatch went on to the next batch. Return it from the scope, or keep() it, to use it longer.",
    );
  });

  test("leaving the loop releases the batch, and a kept one lives on", () => {
    let last: Tensor | undefined;
    let kept: Tensor | undefined;
    for (const batch of minibatch(bytes, 10, { backend })) {
      scope(() => batch.add(1).dataSync());
      kept ??= keep(batch);
      if (last !== undefined) break;
      last = batch;
    }
    expect(last).toBe(kept);
    expect(kept!.ended).toBeUndefined();
    kept!.release();
  });

  test("where nothing closes, batches live on", () => {
    const all = [...minibatch(bytes, 10, { backend })];
    expect(all.map((batch) => batch.dataSync().length)).toEqual(Array.from({ length: 10 }, () => 80));
    for (const batch of all) batch.release();
    const [first] = minibatch(bytes, 10, { backend });
    expect(first!.dataSync().length).toBe(80);
    first!.release();
  });

  test("concurrent passes do not release each other's batches", () => {
    const [a, b] = [minibatch(bytes, 10, { backend }), minibatch(bytes, 10, { backend, transform: (x) => x.add(1) })];
    const walk = b[Symbol.iterator]();
    const pairs = [...a].map((batch) => [batch, walk.next().value!]);
    for (const pair of pairs) for (const batch of pair) expect(batch.dataSync().length).toBe(80);
    for (const pair of pairs) for (const batch of pair) batch.release();
  });

  test("batches that another pass makes in between do not release a loop's batch", () => {
    const other = minibatch(bytes, 10, { backend, transform: (x) => x.add(1) })[Symbol.iterator]();
    const seen: Tensor[] = [];
    for (const batch of minibatch(bytes, 10, { backend })) {
      seen.push(other.next().value!);
      seen.push(batch);
    }
    expect(seen.filter((batch) => batch.ended !== undefined)).toEqual([]);
    for (const batch of seen) batch.release();
  });

  test("in a scope they are released with it", () => {
    const all = scope(() => {
      const list = [...minibatch(bytes, 10, { backend })];
      return { first: list[0]!, others: () => list.slice(1) };
    });
    expect(all.first.ended).toBeUndefined();
    expect(all.others().every((batch) => batch.ended !== undefined)).toBe(true);
    all.first.release();
  });

  test("asynchronously, batches uploaded ahead are released with the loop", async () => {
    scope(() => tensor([1]).dataSync());
    const before = backend.stats().live;
    let n = 0;
    for await (const batch of minibatch([bytes, bytes], 10, { backend, shuffle: true })) {
      await scope(() => batch[0].sum()).item();
      if (++n === 4) break;
    }
    // The four sums have no scope: the caller owns them.
    expect(backend.stats().live - before).toBeLessThanOrEqual(4);
  });

  test("a thousand steps leak nothing", () => {
    const { train } = digits({ train: 200, test: 0 });
    const step = ([images, labels]: [Tensor, Tensor]) =>
      scope(() => images.mean().add(labels.cast("f32").mean()).itemSync());
    const round = () => {
      for (const batch of takeFirst(cycle(minibatch(train, 10, { backend, shuffle: true })), 500)) step(batch);
    };
    round();
    const before = backend.stats();
    round();
    const after = backend.stats();
    expect([after.live, after.heap]).toEqual([before.live, before.heap]);
  });

  test("transform leaves only its result", () => {
    let inner: Tensor | undefined;
    const batches = minibatch(bytes, 10, {
      backend,
      transform: (batch) => {
        inner = batch.add(1);
        return inner.mul(2);
      },
    });
    for (const batch of batches) {
      expect(inner!.ended).toBeDefined();
      expect(batch.dataSync()[0]).toBe(2);
    }
  });
});

describe("refuses", () => {
  const other = open({});
  test.each([
    [ArgumentError, "minibatch: size is 0, wanted a whole number from 1.", () => minibatch(ten, 0)],
    [
      ArgumentError,
      "minibatch: size is { size }, wanted a whole number from 1.",
      () => minibatch(ten, { size: 2 } as never),
    ],
    [
      ArgumentError,
      'minibatch: there is no option "suffle"; known options: backend, shuffle, seed, partial, sampler, prefetch, transform',
      () => minibatch(ten, 2, { suffle: true } as never),
    ],
    [
      ArgumentError,
      "minibatch: wanted a backend, such as the result of await open() as backend, got the function open",
      () => minibatch(ten, 2, { backend: open as never }),
    ],
    [
      ArgumentError,
      "minibatch: wanted true or false as shuffle, got number 1",
      () => minibatch(ten, 2, { shuffle: 1 as never }),
    ],
    [
      ArgumentError,
      "minibatch: wanted an integer from 0 to 2^53 - 1 as seed, got number 1.5",
      () => minibatch(ten, 2, { seed: 1.5 }),
    ],
    [ArgumentError, "minibatch: size is 2.5, wanted a whole number from 1.", () => minibatch(ten, 2.5)],
    [
      ArgumentError,
      "minibatch: size 11 is larger than the data (10), so no batch is full. Pass a smaller size or { partial: true }.",
      () => minibatch(ten, 11),
    ],
    [
      ShapeError,
      "minibatch: the first axes differ: source 0 f32[10,2], source 1 f32[9]. All sources need the same number of items.",
      () => minibatch([x, ten.subarray(1)], 2),
    ],
    [
      ShapeError,
      "minibatch: labels has shape [11], which is 11 numbers, but 10 of data.",
      () => minibatch({ images: x, labels: { ...y, shape: [11] } }, 2),
    ],
    [
      ShapeError,
      "minibatch: source 0 is a scalar, without an axis to slice along.",
      () => minibatch([{ data: Float32Array.of(1), shape: [], dtype: "f32" } as HostArray], 1),
    ],
    [
      DTypeError,
      "minibatch: labels has dtype f32 but its data is a Int32Array.",
      () => minibatch({ images: x, labels: { ...y, dtype: "f32" } as HostArray }, 2),
    ],
    [
      DTypeError,
      "minibatch: the source is a BigInt64Array. Pass a Float32Array, Float64Array, Int32Array or Uint8Array, or { data, shape, dtype }.",
      () => minibatch(new BigInt64Array(4) as never, 2),
    ],
    [
      ArgumentError,
      'minibatch: source 1 is "words". Wanted a tensor, { data, shape, dtype }, a typed array or a list of numbers.',
      () => minibatch([x, "words"] as never, 2),
    ],
    ...[NaN, Infinity].map(
      (scale) =>
        [
          ArgumentError,
          `minibatch: wanted a finite number as the scale of images, got number ${scale}`,
          () => minibatch({ images: { ...x, scale }, labels: y }, 2),
        ] as [new (m: string) => Error, string, () => unknown],
    ),
    [
      ArgumentError,
      'minibatch: wanted a finite number as the scale of the source, got "x"',
      () => minibatch({ ...x, scale: "x" } as never, 2),
    ],
    [ArgumentError, "minibatch: wanted at least one source, got none.", () => minibatch([], 2)],
    [
      ArgumentError,
      "minibatch: wanted a source, a list or an object of sources, got number 7.",
      () => minibatch(7 as never, 2),
    ],
  ])("%o: %s", (kind, message, make) => {
    expect(make).toThrow(new kind(message));
  });

  test("tensors of another backend", async () => {
    const foreign = (await other).tensor([1, 2, 3]);
    expect(() => minibatch([tensor([1, 2, 3]), foreign], 1)).toThrow(BackendMismatchError);
    expect(() => minibatch(foreign, 1, { backend })).toThrow(
      /^minibatch: the source is on .*, but batches go to .*\. Move it with place\(\), or make it there\.$/,
    );
  });
});

test("a source that is changed afterwards yields the batches from before", () => {
  const source = { data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [3, 2], dtype: "f32" as DType, scale: 2 };
  const sources: HostArray[] = [source];
  const [one, list, here] = [minibatch(source, 1), minibatch(sources, 1), minibatch(source, 1, { backend })];
  const seen = () => [[...one], [...list], [...here].map(held)];
  const before = seen();
  expect(before[2]).toEqual([[[0, 2]], [[4, 6]], [[8, 10]]]);
  source.shape.reverse();
  source.shape.push(1);
  Object.assign(source, { scale: 3, dtype: "i32", data: new Int32Array(6) });
  sources.push(y);
  expect(seen()).toEqual(before);
});
