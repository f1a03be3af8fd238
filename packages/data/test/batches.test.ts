// Batches of nested, reshaped and ragged sources, in the order of samplers and of lengths.
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError, DTypeError, IndexError, ShapeError, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import {
  augment,
  balancedSampler,
  bucketSampler,
  itemsAs,
  minibatch,
  ragged,
  randomSampler,
  shuffle,
  split,
  weightedSampler,
  type Batches,
  type HostArray,
  type Sampler,
} from "@weft/data";

const backend = await open({});
const x: HostArray = { data: Float32Array.from({ length: 24 }, (_, i) => i), shape: [6, 2, 2], dtype: "f32" };
const y: HostArray = { data: Int32Array.of(0, 1, 2, 3, 4, 5), shape: [6], dtype: "i32" };
const words = ragged([[1, 2, 3], [4], [], [5, 6], [7, 8, 9, 10], [11]]);
const items = (batches: Iterable<HostArray>) => [...batches].map((batch) => [...batch.data]);

describe("nested sources", () => {
  test("give nested tuples, typed", () => {
    const pairs = minibatch([{ images: x, labels: y }, [y]], 3);
    expectTypeOf(pairs).toEqualTypeOf<Batches<[[HostArray, HostArray], [HostArray]]>>();
    const [first] = pairs;
    const [[images, labels], [again]] = first!;
    expect([images.shape, labels.data, again.data]).toEqual([
      [3, 2, 2],
      Int32Array.of(0, 1, 2),
      Int32Array.of(0, 1, 2),
    ]);
    type Part = HostArray | [HostArray, HostArray];
    expectTypeOf(minibatch({ two: [x, y], one: y }, 3)).toExtend<Batches<[Part, Part]>>();
    expectTypeOf(minibatch({ words, y }, 3)).toEqualTypeOf<Batches<[HostArray, HostArray, HostArray]>>();
    const here = minibatch([[x, y], y], 3, { backend });
    expectTypeOf(here).toEqualTypeOf<Batches<[[Tensor, Tensor], Tensor]>>();
    for (const [[a, b], c] of here) expect([a.shape, b.dataSync()]).toEqual([[3, 2, 2], c.dataSync()]);
  });

  test("are named in messages", () => {
    expect(() => minibatch({ a: [y, new Int32Array(5)] }, 3)).toThrow(
      new ShapeError(
        "minibatch: the first axes differ: a.0 i32[6], a.1 i32[5]. All sources need the same number of items.",
      ),
    );
    expect(() => minibatch({ a: { b: [] } }, 3)).toThrow(
      new ArgumentError("minibatch: wanted at least one source in a.b, got none."),
    );
  });
});

describe("itemsAs", () => {
  const items = { shape: [4], dtype: "f64" } as const;

  test("reshapes each batch and converts it, on the host and on a backend", () => {
    const labels = itemsAs(y, { shape: [1], dtype: "f32" });
    const host = minibatch([itemsAs(x, items), labels], 3);
    const there = minibatch([itemsAs(x, { ...items, shape: [-1] }), labels], 3, { backend });
    const tensors = minibatch([itemsAs(backend.tensor(x.data, { shape: x.shape }), items), labels], 3);
    expectTypeOf(host).toEqualTypeOf<Batches<[HostArray, HostArray]>>();
    expectTypeOf(there).toEqualTypeOf<Batches<[Tensor, Tensor]>>();
    expectTypeOf(tensors).toEqualTypeOf<Batches<[Tensor, Tensor]>>();
    const one = [...host].map((parts) => parts.map(({ data, shape, dtype }) => ({ data, shape, dtype })));
    const plain = (batches: Batches<readonly Tensor[]>) =>
      [...batches].map((parts) => parts.map((t) => ({ data: t.dataSync(), shape: t.shape, dtype: t.dtype })));
    expect(one[0]![0]!.shape).toEqual([3, 4]);
    expect(one[0]![1]).toEqual({ data: Float32Array.of(0, 1, 2), shape: [3, 1], dtype: "f32" });
    expect(plain(there)).toEqual(one);
    expect(plain(tensors)).toEqual(one);
  });

  test("of one source, and with a scale", () => {
    expect([...minibatch(itemsAs(y, { shape: [1, 1] }), 6)][0]!.shape).toEqual([6, 1, 1]);
    const bytes: HostArray = { data: Uint8Array.of(0, 255), shape: [2], dtype: "u8", scale: 1 / 255 };
    const [b] = minibatch(itemsAs(bytes, { dtype: "f32" }), 2);
    expect(b).toEqual({ data: Float32Array.of(0, 1), shape: [2], dtype: "f32" });
    const [c] = minibatch(itemsAs(bytes, { dtype: "f16" }), 2, { backend });
    expect([c!.dtype, c!.dataSync().length]).toEqual(["f16", 2]);
    expect([...minibatch(itemsAs([1, 2, 3], { shape: [1] }), 3, { partial: true })][0]!.shape).toEqual([3, 1]);
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    [
      ShapeError,
      "minibatch: an item of source 0 has shape [2,2], which does not fit [3].",
      () => minibatch([itemsAs(x, { shape: [3] }), y], 3),
    ],
    [
      ShapeError,
      "minibatch: an item of the source has shape [2,2], which does not fit [-1,-1].",
      () => minibatch(itemsAs(x, { shape: [-1, -1] }), 3),
    ],
    [
      ArgumentError,
      'itemsAs: wanted "f32" or "f64" or "i32" or "bool" or "u8" or "f16" or "bf16" as dtype, got "f8"',
      () => itemsAs(x, { dtype: "f8" as never }),
    ],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});

describe("ragged data", () => {
  test("comes without lengths where these are not wanted, also in parts of it", () => {
    const tags = ragged([[1, 0, 2], [2], [], [0, 1], [1, 1, 1, 1], [3]], { lengths: false, padding: -1 });
    const [batch] = minibatch([words, tags, [0, 0, 0, 0, 0, 0]], 2);
    expectTypeOf(batch!).toEqualTypeOf<[HostArray, HostArray, HostArray, HostArray]>();
    expect(batch!.map(({ data }) => [...data])).toEqual([[1, 2, 3, 4, 0, 0], [3, 1], [1, 0, 2, 2, -1, -1], [0, 0]]); // prettier-ignore
    const alone = minibatch(tags, 2);
    expectTypeOf(alone).toEqualTypeOf<Batches<HostArray>>();
    expect([...alone].map((x) => x.shape)).toEqual([[2, 3], [2, 2], [2, 4]]); // prettier-ignore
    const { first } = split(tags, { first: 0.5, second: 0.5 }, { shuffle: false });
    expect([...minibatch(first, 3)].map((x) => x.shape)).toEqual([[3, 3]]);
  });
  test("are padded to the longest of the batch, and come with their lengths", () => {
    const batches = minibatch([words, y], 3);
    expectTypeOf(batches).toEqualTypeOf<Batches<[HostArray, HostArray, HostArray]>>();
    expect([...batches].map((batch) => batch.map(({ shape, data }) => [shape, ...data]))).toEqual([
      [
        [[3, 3], 1, 2, 3, 4, 0, 0, 0, 0, 0],
        [[3], 3, 1, 0],
        [[3], 0, 1, 2],
      ],
      [
        [[3, 4], 5, 6, 0, 0, 7, 8, 9, 10, 11, 0, 0, 0],
        [[3], 2, 4, 1],
        [[3], 3, 4, 5],
      ],
    ]);
    const alone = minibatch(words, 6, { backend });
    expectTypeOf(alone).toEqualTypeOf<Batches<[Tensor, Tensor]>>();
    for (const [a, lengths] of alone)
      expect([a.shape, a.dtype, [...lengths.dataSync()]]).toEqual([[6, 4], "i32", [3, 1, 0, 2, 4, 1]]);
  });

  test("of vectors, with the steps first, and with another padding", () => {
    const step = (...rows: [number, number][]) => ({
      data: Float32Array.from(rows.flat()),
      shape: [rows.length, 2],
      dtype: "f32" as const,
    });
    const vectors = ragged([step([1, 2], [3, 4]), step([5, 6])], { batchFirst: false, padding: -1 });
    const [[a, lengths]] = minibatch(vectors, 2) as unknown as [[HostArray, HostArray]];
    expect(a).toEqual({ data: Float32Array.of(1, 2, 5, 6, 3, 4, -1, -1), shape: [2, 2, 2], dtype: "f32" });
    expect(lengths.data).toEqual(Int32Array.of(2, 1));
  });

  test("may be all empty, or none", () => {
    expect([...minibatch(ragged([[], []]), 2)].map(([a]) => a.shape)).toEqual([[2, 0]]);
    expect([...minibatch(ragged([]), 2, { partial: true })]).toEqual([]);
  });

  test("keep the scale of their arrays, which is multiplied on a backend", () => {
    const bytes = (...data: number[]) => ({
      data: Uint8Array.from(data),
      shape: [data.length],
      dtype: "u8" as const,
      scale: 0.5,
    });
    const halves = ragged([bytes(1, 2, 3), bytes(4), bytes()]);
    const [[x, lengths]] = minibatch(halves, 3) as unknown as [[HostArray, HostArray]];
    expect(x).toEqual({ data: Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 0), shape: [3, 3], dtype: "u8", scale: 0.5 });
    expect(lengths).toEqual({ data: Int32Array.of(3, 1, 0), shape: [3], dtype: "i32" });
    for (const [x, lengths] of minibatch(halves, 3, { backend })) {
      expect([x.dtype, x.arraySync()]).toEqual([
        "f32",
        [
          [0.5, 1, 1.5],
          [2, 0, 0],
          [0, 0, 0],
        ],
      ]);
      expect([lengths.dtype, lengths.arraySync()]).toEqual(["i32", [3, 1, 0]]);
    }
    const [part] = split(halves, [1, 2], { shuffle: false });
    expect([...minibatch(part, 1)][0]![0]).toEqual({
      data: Uint8Array.of(1, 2, 3),
      shape: [1, 3],
      dtype: "u8",
      scale: 0.5,
    });
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    ...[1.5, NaN, 2 ** 31].map(
      (padding) =>
        [
          DTypeError,
          `ragged: { padding: ${padding} } is no i32, which the sequences are.`,
          () => ragged([[1], [1, 2]], { padding }),
        ] as [new (m: string) => Error, string, () => unknown],
    ),
    [
      DTypeError,
      'ragged: sequence 0 has 1.5 at step 1, which is no i32. Pass { dtype: "f32" }.',
      () => ragged([[1, 1.5]]),
    ],
    [
      DTypeError,
      "ragged: sequence 1 is u8, sequence 0 is i32. All need one dtype.",
      () => ragged([[1], Uint8Array.of(1)]),
    ],
    [
      ShapeError,
      "ragged: sequence 1 has shape [1,2], sequence 0 [1]. All need the same shape after the first axis.",
      () => ragged([[1], { data: Int32Array.of(1, 2), shape: [1, 2], dtype: "i32" }]),
    ],
    [
      ArgumentError,
      "ragged: sequence 1 has the scale 1, sequence 0 0.5. All need one scale.",
      () => ragged([{ data: Uint8Array.of(1), shape: [1], dtype: "u8", scale: 0.5 }, Uint8Array.of(1)]),
    ],
    [ArgumentError, "ragged: wanted a list of sequences, got number 3.", () => ragged(3 as never)],
    [ArgumentError, 'ragged: sequence 0 has "a" at step 0.', () => ragged([["a"]] as never)],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});

describe("buckets", () => {
  const many = ragged(Array.from({ length: 100 }, (_, i) => new Int32Array(((i * 37) % 20) + 1).fill(i)));
  const lengthsIn = (batches: Iterable<HostArray[]>) => [...batches].map(([, lengths]) => [...lengths!.data]);

  test("hold items of similar length, in a random order, every item once", () => {
    const batches = minibatch(many, 5, { sampler: bucketSampler(many, { seed: 3 }) });
    const [one, two] = [lengthsIn(batches), lengthsIn(batches)];
    for (const lengths of one) expect(Math.max(...lengths) - Math.min(...lengths)).toBe(0);
    const means = one.map(([first]) => first!);
    expect(means.toSorted((a, b) => a - b)).not.toEqual(means);
    expect(two).not.toEqual(one);
    const seen = [...batches].flatMap(([a, lengths]) => [...lengths.data].map((_, b) => a.data[b * a.shape[1]!]!));
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("the shortest first without shuffle, and by lengths that are given", () => {
    const sampler = bucketSampler(words, { shuffle: false });
    expect(lengthsIn(minibatch(words, 2, { sampler }))).toEqual([
      [0, 1],
      [1, 2],
      [3, 4],
    ]);
    expect(items(minibatch(y, 2, { sampler: bucketSampler([5, 1, 4, 1, 0, 5], { shuffle: false }) }))).toEqual([
      [4, 1],
      [3, 2],
      [0, 5],
    ]);
  });

  test("what is left over is any item, not the longest", () => {
    const batches = minibatch(words, 4, { sampler: bucketSampler(words) });
    const longest = Array.from({ length: 20 }, () => Math.max(...lengthsIn(batches).flat()));
    expect(longest.filter((n) => n === 4).length).toBeGreaterThan(5);
    const all = minibatch(words, 4, { sampler: bucketSampler(words), partial: true });
    expect(lengthsIn(all).map((lengths) => lengths.length)).toEqual([4, 2]);
    expect(lengthsIn(minibatch(words, 9, { sampler: bucketSampler(words), partial: true }))[0]!.length).toBe(6);
  });

  test("of what has no lengths are refused", () => {
    expect(() => bucketSampler([1, NaN])).toThrow(
      new ArgumentError("bucketSampler: length 1 is NaN, wanted a number."),
    );
    expect(() => bucketSampler(7 as never)).toThrow(ArgumentError);
    expect(() => [...minibatch(y, 2, { sampler: bucketSampler([1, 2, 3, 4, 5, 6, 7]) })]).toThrow(IndexError);
  });
});

describe("samplers", () => {
  const drawn = (sampler: Sampler, pass = 0) => Array.from(sampler.pass(pass, 1));
  const counts = (sampler: Sampler, n: number, pass = 0) => {
    const found = new Array<number>(n).fill(0);
    for (const i of drawn(sampler, pass)) found[i]!++;
    return found;
  };

  test("any list of indices is one, and a generator is collected", () => {
    expect(items(minibatch(y, 2, { sampler: [5, 5, 0, 3] }))).toEqual([
      [5, 5],
      [0, 3],
    ]);
    function* odd() {
      yield* [1, 3, 5];
    }
    const batches = minibatch(y, 3, { sampler: odd() });
    expect([items(batches), items(batches)]).toEqual([[[1, 3, 5]], [[1, 3, 5]]]);
    expect(items(minibatch(y, 2, { sampler: new Set([4, 2]) }))).toEqual([[4, 2]]);
    const tensors = minibatch(backend.tensor([10, 20, 30]), 2, { sampler: [2, 0] });
    expect([...tensors].map((t) => [...t.dataSync()])).toEqual([[30, 10]]);
  });

  test("of your own", () => {
    const turns: Sampler = { length: 2, pass: (n, size) => [n, n + size] };
    const batches = minibatch(y, 2, { sampler: turns });
    expect([items(batches), items(batches)]).toEqual([[[0, 2]], [[1, 3]]]);
    const shrinking = minibatch(y, 1, { sampler: { length: 2, pass: (n) => [1, 2].slice(n) } });
    expect(items(shrinking)).toEqual([[1], [2]]);
    expect(() => items(shrinking)).toThrow(new ArgumentError("minibatch: the sampler gave 1 indices, wanted 2."));
    expect(() => minibatch(y, 1, { sampler: 3 as never })).toThrow(
      new ArgumentError("minibatch: wanted a sampler or a list of indices as sampler, got number 3"),
    );
  });

  test("weighted: as often as the weights say", () => {
    const found = counts(weightedSampler([1, 0, 2, 5], { count: 80_000, seed: 4 }), 4);
    expect(found[1]).toBe(0);
    [1, 0, 2, 5].forEach((w, i) => expect(Math.abs(found[i]! - w * 10_000)).toBeLessThan(400));
  });

  test("weighted, without replacement: each once, first the heavy ones", () => {
    const weights = [1, 0, 2, 5];
    const sampler = weightedSampler(weights, { count: 3, replacement: false, seed: 1 });
    const first = new Array<number>(4).fill(0);
    const second = new Array<number>(4).fill(0);
    for (let pass = 0; pass < 8000; pass++) {
      const order = drawn(sampler, pass);
      expect(order.toSorted()).toEqual([0, 2, 3]);
      first[order[0]!]!++;
      second[order[1]!]!++;
    }
    [1000, 0, 2000, 5000].forEach((n, i) => expect(Math.abs(first[i]! - n)).toBeLessThan(200));
    // The second one is item 0 with 2/8 · 1/6 + 5/8 · 1/3.
    expect(Math.abs(second[0]! / 8000 - (2 / 48 + 5 / 24))).toBeLessThan(0.02);
  });

  test("weights of very different size lose nothing to rounding", () => {
    const sampler = weightedSampler([1e-300, 1e300, 1, 0], { count: 3, replacement: false });
    expect(drawn(sampler)).toEqual([1, 2, 0]);
  });

  test("random, with and without replacement", () => {
    expect(drawn(randomSampler(5)).toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(drawn(randomSampler(100, { count: 30 }))).size).toBe(30);
    const found = counts(randomSampler(4, { count: 40_000, replacement: true, seed: 1 }), 4);
    for (const n of found) expect(Math.abs(n - 10_000)).toBeLessThan(400);
  });

  test("balanced: as many of each class, to within one", () => {
    const labels = ["a", "a", "a", "a", "a", "b", "b", "c"];
    const sampler = balancedSampler(labels, { count: 10, seed: 1 });
    for (let pass = 0; pass < 20; pass++) {
      const found = counts(sampler, 8, pass);
      const sums = [found.slice(0, 5), found.slice(5, 7), found.slice(7)].map((c) => c.reduce((a, b) => a + b));
      expect(sums.toSorted()).toEqual([3, 3, 4]);
      expect(Math.max(...found.slice(0, 5))).toBe(1);
      expect(Math.abs(found[5]! - found[6]!)).toBeLessThanOrEqual(1);
    }
  });

  test("draw anew in each pass, and concurrent passes do not disturb each other", () => {
    const make = () => minibatch(y, 2, { sampler: weightedSampler([1, 2, 3, 4, 5, 6], { seed: 9 }) });
    const apart = make();
    const wanted = [items(apart), items(apart)];
    expect(wanted[0]).not.toEqual(wanted[1]);
    const batches = make();
    const walks = [batches[Symbol.iterator](), batches[Symbol.iterator]()];
    const seen: number[][][] = [[], []];
    for (let i = 0; i < 3; i++) walks.forEach((walk, k) => seen[k]!.push([...walk.next().value!.data]));
    expect(seen).toEqual(wanted);
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    [ArgumentError, "weightedSampler: weight 1 is -1, wanted a finite number from 0.", () => weightedSampler([1, -1])],
    [ArgumentError, "weightedSampler: weight 0 is NaN, wanted a finite number from 0.", () => weightedSampler([NaN])],
    [ArgumentError, "weightedSampler: wanted a list as the weights, got null", () => weightedSampler(null as never)],
    [ArgumentError, "balancedSampler: wanted a list of labels, got null.", () => balancedSampler(null as never)],
    [ArgumentError, "balancedSampler: wanted a list of labels, got number 5.", () => balancedSampler(5 as never)],
    [
      ArgumentError,
      "randomSampler: there are no items to draw 2 from.",
      () => randomSampler(0, { count: 2, replacement: true }),
    ],
    [ArgumentError, "balancedSampler: there are no items to draw 2 from.", () => balancedSampler([], { count: 2 })],
    [
      ArgumentError,
      "weightedSampler: none of the 2 weights is positive, and 2 items are wanted.",
      () => weightedSampler([0, 0]),
    ],
    [
      ArgumentError,
      "weightedSampler: the sum of the weights is Infinity, wanted a finite number.",
      () => weightedSampler([1e308, 1e308]),
    ],
    [
      ArgumentError,
      "weightedSampler: wanted 2 different items of 1 with a positive weight. Pass a smaller count or { replacement: true }.",
      () => weightedSampler([0, 1], { replacement: false }),
    ],
    [
      ArgumentError,
      "randomSampler: wanted 6 different items of 5. Pass a smaller count or { replacement: true }.",
      () => randomSampler(5, { count: 6 }),
    ],
    [
      ArgumentError,
      "minibatch: a sampler says the order itself. Leave out shuffle or sampler.",
      () => minibatch(y, 2, { sampler: [0, 1], shuffle: true }),
    ],
    [
      IndexError,
      "minibatch: the sampler gave number 6, wanted an index below 6.",
      () => [...minibatch(y, 2, { sampler: [0, 6] })],
    ],
    [
      IndexError,
      "minibatch: the sampler gave number 0.5, wanted an index below 6.",
      () => [...minibatch(y, 2, { sampler: [0, 0.5] })],
    ],
    [
      ArgumentError,
      "minibatch: size 3 is larger than the data (2), so no batch is full. Pass a smaller size or { partial: true }.",
      () => minibatch(y, 3, { sampler: [0, 1] }),
    ],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});

test("prefetch says how many batches an asynchronous pass uploads ahead; a transform is not called ahead", async () => {
  const made = async (prefetch: number | undefined) => {
    let [n, transformed] = [0, 0];
    const counted = augment(x, [(picture) => (n++, picture)]);
    const batches = minibatch(counted, 1, {
      backend,
      ...(prefetch !== undefined && { prefetch }),
      transform: () => transformed++,
    });
    for await (const i of batches) return [i, n, transformed];
    return undefined;
  };
  expect([await made(undefined), await made(0), await made(4), await made(100)]).toEqual([
    [0, 3, 1],
    [0, 1, 1],
    [0, 5, 1],
    [0, 6, 1],
  ]);
});

test("a random batch, as Knet's rand: the first of a shuffled pass", () => {
  const random = shuffle(minibatch(y, 2), { seed: 1 });
  const draw = () => {
    const [batch] = random;
    return [...batch!.data];
  };
  const seen = Array.from({ length: 20 }, draw);
  expect(new Set(seen.map(String))).toEqual(new Set(["0,1", "2,3", "4,5"]));
});
