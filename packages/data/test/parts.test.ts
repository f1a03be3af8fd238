// Splits, folds and standardization of data of any structure.
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError, IndexError, ShapeError, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { csv, kFold, minibatch, ragged, split, standardize, subset, type HostArray, type Ragged } from "@weft/data";

const backend = await open({});
const host = <A extends Float32Array | Int32Array>(data: A, shape: readonly number[], dtype: "f32" | "i32") =>
  ({ data, shape, dtype }) as HostArray<A>;
const n = 10;
const images: HostArray<Uint8Array> = {
  data: Uint8Array.from({ length: 2 * n }, (_, i) => i >> 1),
  shape: [n, 2],
  dtype: "u8",
  scale: 1 / 255,
};
const labels = host(Int32Array.of(0, 1, 0, 0, 0, 1, 0, 0, 0, 1), [n], "i32");
const text = Array.from("abcdefghij");
const words = ragged(Array.from({ length: n }, (_, i) => new Array<number>(i % 3).fill(i)));
const sorted = (xs: Iterable<number>) => [...xs].toSorted((a, b) => a - b);

describe("subset", () => {
  const data = { pair: [images, labels] as const, text, words, raw: Float64Array.from(labels.data) };

  test("keeps the form and the types of the data", () => {
    const some = subset(data, [9, 0, 9]);
    expectTypeOf(some).toEqualTypeOf<typeof data>();
    expect(some).toEqual({
      pair: [
        { data: Uint8Array.of(9, 9, 0, 0, 9, 9), shape: [3, 2], dtype: "u8", scale: 1 / 255 },
        { data: Int32Array.of(1, 0, 1), shape: [3], dtype: "i32" },
      ],
      text: ["j", "a", "j"],
      words: ragged([[], [], []]),
      raw: Float64Array.of(1, 0, 1),
    });
    expect([...subset(backend.tensor([1, 2, 3]), Int32Array.of(2, 0)).dataSync()]).toEqual([3, 1]);
    const cities = csv("city\nRome\nParis\n", { columns: { city: "category" } }).city;
    expect(subset(cities, [0]).categories).toEqual(["Paris", "Rome"]);
  });

  test("takes ranges, which end with the data", () => {
    expect([subset(text, { start: 8 }), subset(text, { end: 2 }), subset(text, { start: 3, end: 5 })]).toEqual([
      ["i", "j"],
      ["a", "b"],
      ["d", "e"],
    ]);
    expect(subset(data, { start: 2, end: 4 })).toEqual(subset(data, [2, 3]));
    expect([subset(text, { start: 5, end: 3 }), subset(text, { start: 99 }), subset(text, [])]).toEqual([[], [], []]);
    for (const all of [{}, { end: 10 }, { end: 99 }, { end: Infinity }]) expect(subset(data, all)).toBe(data);
    expect(subset(images, { end: 1 }).data.buffer).not.toBe(images.data.buffer);
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    [IndexError, "subset: index 1 is number 10, wanted a whole number below 10.", () => subset(text, [0, 10])],
    [IndexError, "subset: index 0 is number -1, wanted a whole number below 10.", () => subset(text, [-1])],
    [IndexError, "subset: index 0 is number 0.5, wanted a whole number below 10.", () => subset(labels, [0.5])],
    [
      ArgumentError,
      "subset: wanted a list of indices or { start, end }, got number 3.",
      () => subset(text, 3 as never),
    ],
    [
      ArgumentError,
      "subset: wanted a whole number from 0, or Infinity as end, got number -1",
      () => subset(text, { end: -1 }),
    ],
    [
      ArgumentError,
      'subset: there is no option "stop"; known options: start, end',
      () => subset(text, { stop: 1 } as never),
    ],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});

describe("split", () => {
  test("keeps the form and the types of the data", () => {
    const data = { pair: [images, labels] as const, text, words, raw: Float64Array.from(labels.data) };
    const parts = split(data, { train: 0.6, test: 0.4 }, { shuffle: false });
    expectTypeOf(parts.train).toEqualTypeOf<typeof data>();
    expectTypeOf(parts.test.words).toEqualTypeOf<Ragged>();
    const { test: held, train } = parts;
    expect(train.text.join("")).toBe("abcdef");
    expect(held).toEqual({
      pair: [
        { data: Uint8Array.of(6, 6, 7, 7, 8, 8, 9, 9), shape: [4, 2], dtype: "u8", scale: 1 / 255 },
        { data: Int32Array.of(0, 0, 0, 1), shape: [4], dtype: "i32" },
      ],
      text: ["g", "h", "i", "j"],
      words: ragged([[], [7], [8, 8], []]),
      raw: Float64Array.of(0, 0, 0, 1),
    });
    const [a, b] = split(backend.tensor([1, 2, 3]), [2, 1], { shuffle: false });
    expectTypeOf(a).toEqualTypeOf<Tensor>();
    expect([[...a.dataSync()], [...b.dataSync()]]).toEqual([[1, 2], [3]]);
  });

  test("at random: each item once, the same for a seed, sources side by side", () => {
    const make = (seed: number) => split({ text, at: Int32Array.from(text, (_, i) => i) }, [0.5, 0.3, 0.2], { seed });
    const parts = make(1);
    expect(parts.map(({ at }) => at.length)).toEqual([5, 3, 2]);
    expect(sorted(parts.flatMap(({ at }) => [...at]))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const part of parts) expect(part.text).toEqual([...part.at].map((i) => text[i]));
    expect(make(1)).toEqual(parts);
    expect(make(2)).not.toEqual(parts);
    expect(parts[0].at).not.toEqual(Int32Array.of(0, 1, 2, 3, 4));
  });

  test("sizes add up, whatever the shares", () => {
    const list = (length: number) => Array.from({ length }, (_, i) => `${i}`);
    const sizes = (items: number, shares: readonly number[]) => split(list(items), shares).map((p) => p.length);
    expect(sizes(100, [0.29, 0.71])).toEqual([29, 71]);
    expect(sizes(10, [0.7, 0.2, 0.1])).toEqual([7, 2, 1]);
    expect(sizes(7, [1 / 3, 1 / 3, 1 / 3])).toEqual([3, 2, 2]);
    expect(sizes(1, [0.8, 0.2])).toEqual([1, 0]);
    expect(sizes(0, [0.8, 0.2])).toEqual([0, 0]);
    expect(sizes(150, [100, 50])).toEqual([100, 50]);
  });

  test("stratified: each part has its share of each class, and of all", () => {
    const classes = Array.from({ length: 1000 }, (_, i) => (i % 100 === 0 ? "rare" : i % 10 < 3 ? "some" : "most"));
    const shares = [0.7, 0.15, 0.15];
    const parts = split(classes, shares, { stratify: classes, seed: 2 });
    expect(parts.map((p) => p.length)).toEqual([700, 150, 150]);
    for (const name of ["rare", "some", "most"]) {
      const all = classes.filter((c) => c === name).length;
      parts.forEach((part, p) =>
        expect(Math.abs(part.filter((c) => c === name).length - all * shares[p]!)).toBeLessThanOrEqual(1),
      );
    }
    const { train } = split({ images, labels }, { train: 0.7, test: 0.3 }, { stratify: "labels" });
    expect(train.labels.data.reduce((a, b) => a + b)).toBe(2);
    expect(split(text, [0.5, 0.5], { stratify: labels, shuffle: false })[0].join("")).toBe("abcde");
  });

  test("what a column has besides its numbers is kept", () => {
    const column = { ...labels, categories: ["no", "yes"] };
    expect(split(column, [0.5, 0.5])[1].categories).toEqual(["no", "yes"]);
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    [
      ArgumentError,
      "split: wanted shares that add up to 1, or numbers of items that add up to 10, got [0.5, 0.4].",
      () => split(text, [0.5, 0.4]),
    ],
    [
      ArgumentError,
      "split: wanted shares that add up to 1, or numbers of items that add up to 10, got [1.5, -0.5].",
      () => split(text, [1.5, -0.5]),
    ],
    [
      ArgumentError,
      "split: wanted shares that add up to 1, or numbers of items that add up to 10, got [].",
      () => split(text, []),
    ],
    [
      ShapeError,
      "split: the numbers of items differ: images 10, labels 3.",
      () => split({ images, labels: [1, 2, 3] }, [0.5, 0.5]),
    ],
    [
      ShapeError,
      "split: the numbers of items differ: x.0 1, x.1 2. Sequences of different lengths are one source as ragged(list).",
      () => split({ x: [Int32Array.of(1), Int32Array.of(1, 2)] }, [0.5, 0.5]),
    ],
    [
      ArgumentError,
      "split: the data is a list of lists of numbers: wanted either sources, as { x, y }, or sequences, as ragged(list).",
      () => split([[1, 2], [3]], [0.5, 0.5]),
    ],
    [ArgumentError, "split: wanted at least one source, got none.", () => split({}, [0.5, 0.5])],
    [ArgumentError, "split: the data is number 4. Wanted a source, a list, or an object of them.", () => split(4, [1])],
    [
      ArgumentError,
      'split: wanted labels on the host as stratify, got the name "label" of undefined.',
      () => split({ labels }, [1], { stratify: "label" }),
    ],
    [
      ArgumentError,
      "split: stratify has 2 labels, the data have 10 items.",
      () => split({ labels }, [1], { stratify: [1, 2] }),
    ],
    [
      ArgumentError,
      "split: the 3 labels of stratify are all different, so there are no classes to keep in proportion. Make classes of numbers first, such as Math.floor(x / 10), or leave stratify out.",
      () => split({ y: Float32Array.of(0.1, 0.2, 0.3) }, [0.5, 0.5], { stratify: "y" }),
    ],
    [
      ArgumentError,
      "kFold: the 3 labels of stratify are all different, so there are no classes to keep in proportion. Make classes of numbers first, such as Math.floor(x / 10), or leave stratify out.",
      () => kFold([1, 2, 3], 3, { stratify: [0.1, 0.2, 0.3] }),
    ],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});

describe("kFold", () => {
  test("holds each item out once", () => {
    const at = Int32Array.from({ length: 11 }, (_, i) => i);
    const folds = kFold({ at }, 3, { seed: 1 });
    expect(folds.length).toBe(3);
    const all = [...folds];
    expect(all.map(({ train, validation }) => [train.at.length, validation.at.length])).toEqual([
      [7, 4],
      [7, 4],
      [8, 3],
    ]);
    expect(sorted(all.flatMap(({ validation }) => [...validation.at]))).toEqual([...at]);
    for (const { train, validation } of all) expect(sorted([...train.at, ...validation.at])).toEqual([...at]);
    expect([...folds]).toEqual(all);
    const plain = [...kFold([...at], 2, { shuffle: false })];
    expect(plain[1]).toEqual({ train: [0, 1, 2, 3, 4, 5], validation: [6, 7, 8, 9, 10] });
  });

  test("stratified", () => {
    for (const { train, validation } of kFold({ images, labels }, 3, { stratify: "labels" })) {
      expect(validation.labels.data.reduce((a, b) => a + b)).toBe(1);
      expect([...minibatch(train, 3)][0]!.length).toBe(2);
    }
  });

  test.each([1, 11, 2.5, "3" as never])("refuses %o parts", (k) => {
    expect(() => kFold(text, k)).toThrow(/^kFold: k is .*, wanted a whole number from 2 to the number of items, 10\.$/);
  });
});

describe("standardize", () => {
  const x = host(Float32Array.of(1, 100, 7, 2, 200, 7, 6, 600, 7), [3, 3], "f32");

  test("each column has mean 0 and deviation 1; one that never changes is 0", () => {
    const scaling = standardize(x);
    expectTypeOf(scaling.apply(x)).toEqualTypeOf<typeof x>();
    expect([scaling.mean, scaling.std]).toEqual([
      host(Float32Array.of(3, 300, 7), [1, 3], "f32"),
      host(Float32Array.of(Math.sqrt(7), Math.sqrt(70000), 1), [1, 3], "f32"),
    ]);
    const y = scaling.apply(x);
    const a = Math.fround(-2 / Math.fround(Math.sqrt(7)));
    expect([y.data[0], y.data[2], y.data[5], y.data[8], y.shape]).toEqual([a, 0, 0, 0, [3, 3]]);
    const back = scaling.inverse(y);
    back.data.forEach((v, i) => expect(v).toBeCloseTo(x.data[i]!, 4));
    expect(x.data[0]).toBe(1);
  });

  test("of a constant that is no sum's exact part", () => {
    const table = csv("a,b\n1,x\n3,y\n", { columns: { a: "f32", b: "category" } });
    expect(standardize(table).apply(table).b.categories).toEqual(["x", "y"]);
    const { mean, std, apply } = standardize(new Float64Array(1000).fill(0.1));
    expect([mean.data[0], std.data[0], apply([0.1, 1.1])]).toEqual([0.1, 1, [Math.fround(Math.fround(0.1) - 0.1), 1]]);
  });

  test("leaves NaN out and as it is", () => {
    const { mean, std, apply } = standardize(Float32Array.of(1, NaN, 3), { correction: 0 });
    expect([mean.data[0], std.data[0]]).toEqual([2, 1]);
    expect([...apply(Float32Array.of(NaN, 4))]).toEqual([NaN, 2]);
    expect([...standardize(Float32Array.of(NaN, NaN)).apply([NaN, 2])]).toEqual([NaN, 2]);
  });

  test("of pictures, by channel, from bytes with a scale", () => {
    const pictures: HostArray<Uint8Array> = {
      data: Uint8Array.of(0, 2, 10, 10, 4, 6, 30, 30),
      shape: [2, 2, 1, 2],
      dtype: "u8",
      scale: 0.5,
    };
    const scaling = standardize({ pictures, labels: Int32Array.of(1, 2) }, { axis: [0, 2, 3], correction: 0 });
    expect(scaling.mean.pictures).toEqual(host(Float32Array.of(1.5, 10), [1, 2, 1, 1], "f32"));
    expect(scaling.mean.labels).toBe(undefined);
    const applied = scaling.apply({ pictures, labels: Int32Array.of(1, 2) });
    expectTypeOf(applied.pictures).toEqualTypeOf<HostArray>();
    const d = Math.fround(Math.sqrt(1.25));
    expect(applied.pictures).toEqual(
      host(Float32Array.from([-1.5 / d, -0.5 / d, -1, -1, 0.5 / d, 1.5 / d, 1, 1]), [2, 2, 1, 2], "f32"),
    );
    expect(applied.labels).toEqual(Int32Array.of(1, 2));
    expect(Object.keys(scaling.apply({ pictures }))).toEqual(["pictures"]);
  });

  test("with axes in the middle", () => {
    const data = Float32Array.from({ length: 24 }, (_, i) => i);
    const { mean } = standardize(host(data, [2, 3, 4], "f32"), { axis: [0, 1] });
    expect(mean).toEqual(host(Float32Array.of(10, 11, 12, 13), [1, 1, 4], "f32"));
    expect(standardize(host(data, [2, 3, 4], "f32"), { axis: [0, -1] }).mean.data).toEqual(
      Float32Array.of(7.5, 11.5, 15.5),
    );
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    [
      ArgumentError,
      "standardize: column 1 of inputs is infinite.",
      () => standardize({ inputs: host(Float32Array.of(1, Infinity), [1, 2], "f32") }),
    ],
    [
      ArgumentError,
      "standardize: { correction: 2 } needs more numbers than that in a column; column 1 of the data has 2.",
      () => standardize(host(Float32Array.of(1, 1, 1, 2), [2, 2], "f32"), { correction: 2 }),
    ],
    [ArgumentError, "standardize: the data has no items to learn from.", () => standardize(new Float32Array(0))],
    [
      ArgumentError,
      "standardize: there is nothing to standardize: wanted floating-point numbers, or bytes with a scale.",
      () => standardize({ labels }),
    ],
    [
      ArgumentError,
      "standardize: wanted axis 0, the items, among the axes, got [1].",
      () => standardize(x, { axis: 1 }),
    ],
    [ArgumentError, "standardize: there is no axis 2 in the data, f32[3,3].", () => standardize(x, { axis: [0, 2] })],
    [
      ShapeError,
      "apply: the data is f32[1,2], wanted items of shape [3].",
      () => standardize(x).apply(host(Float32Array.of(1, 2), [1, 2], "f32")),
    ],
    [ArgumentError, "apply: there was no y to learn from, only x.", () => standardize({ x }).apply({ y: x })],
    [ArgumentError, "inverse: x is null, wanted an array on the host.", () => standardize({ x }).inverse({ x: null })],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});
