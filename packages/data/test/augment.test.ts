// Augmentation: what each one does to pixels, and that it depends on the seed, the pass and the place only.
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError, ShapeError, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import {
  augment,
  minibatch,
  normalizeChannels,
  randomCrop,
  randomFlip,
  randomNoise,
  randomRotation,
  randomShift,
  shuffle,
  type Augmentation,
  type Batches,
  type HostArray,
} from "@weft/data";

const backend = await open({});
const bytes = (shape: readonly number[], data: ArrayLike<number>): HostArray<Uint8Array> => ({
  data: Uint8Array.from(data),
  shape,
  dtype: "u8",
  scale: 1 / 255,
});
const floats = (shape: readonly number[], data: ArrayLike<number>): HostArray => ({
  data: Float32Array.from(data),
  shape,
  dtype: "f32",
});
const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
/** All pictures of one pass, after augmentation. */
const passOf = (source: HostArray, steps: readonly Augmentation[], seed = 0) =>
  [...minibatch(augment(source, steps, { seed }), source.shape[0]!)][0]!;

describe("moves", () => {
  test("shift moves pixels, and fills with a value", () => {
    const source = floats([200, 2, 3, 3], Array.from({ length: 200 }, () => count(18)).flat());
    const { data, shape } = passOf(source, [randomShift(1, { fill: -7 })]);
    expect(shape).toEqual([200, 2, 3, 3]);
    const seen = new Set<string>();
    for (let n = 0; n < 200; n++) {
      const at = (c: number, y: number, x: number) => data[((n * 2 + c) * 3 + y) * 3 + x]!;
      const middle = at(0, 1, 1) - 1; // where the middle comes from
      const [dy, dx] = [Math.floor(middle / 3) - 1, (middle % 3) - 1];
      seen.add(`${dy},${dx}`);
      for (let c = 0; c < 2; c++)
        for (let y = 0; y < 3; y++)
          for (let x = 0; x < 3; x++) {
            const [fy, fx] = [y + dy, x + dx];
            const inside = fy >= 0 && fy < 3 && fx >= 0 && fx < 3;
            expect(at(c, y, x)).toBe(inside ? c * 9 + fy * 3 + fx + 1 : -7);
          }
    }
    expect(seen.size).toBe(9);
  });

  test("a shift by more than the picture leaves nothing of it", () => {
    const far = passOf(floats([100, 1, 2, 2], new Array<number>(400).fill(1)), [randomShift(5)]);
    expect([...far.data].reduce((a, b) => a + b)).toBeLessThan(100);
  });

  test("flip mirrors about half of them, or all, or none", () => {
    const source = bytes([1, 2, 2, 3], count(12));
    expect([...passOf(source, [randomFlip({ p: 1 })]).data]).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
    expect([...passOf(source, [randomFlip({ p: 1, vertical: true })]).data]).toEqual([
      4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9,
    ]);
    const odd = bytes([1, 3, 1], [1, 2, 3]);
    expect([...passOf(odd, [randomFlip({ p: 1, vertical: true })]).data]).toEqual([3, 2, 1]);
    const many = bytes(
      [1000, 1, 1, 2],
      Array.from({ length: 2000 }, (_, i) => i % 2),
    );
    const flipped = passOf(many, [randomFlip()]).data.filter((v, i) => i % 2 === 0 && v === 1).length;
    expect(Math.abs(flipped - 500)).toBeLessThan(60);
    expect(passOf(many, [randomFlip({ p: 0 })])).toEqual(many);
  });

  test("crop cuts a part, after padding", () => {
    const source = floats([300, 1, 3, 4], Array.from({ length: 300 }, () => count(12)).flat());
    const { data, shape } = passOf(source, [randomCrop([2, 2])]);
    expect(shape).toEqual([300, 1, 2, 2]);
    const corners = new Set<number>();
    for (let n = 0; n < 300; n++) {
      const [a, b, c, d] = data.subarray(4 * n, 4 * n + 4);
      corners.add(a!);
      expect([b, c, d]).toEqual([a! + 1, a! + 4, a! + 5]);
    }
    expect(corners).toEqual(new Set([1, 2, 3, 5, 6, 7]));
    const padded = passOf(bytes([200, 1, 1], new Array<number>(200).fill(9)), [
      randomCrop([2, 2], { padding: 1, fill: 1 }),
    ]);
    expect(padded.shape).toEqual([200, 2, 2]);
    for (let n = 0; n < 200; n++)
      expect([...padded.data.subarray(4 * n, 4 * n + 4)].toSorted((p, q) => p - q)).toEqual([9, 255, 255, 255]);
  });

  test("rotation by 0 changes nothing; by 90 degrees it is a turn", () => {
    const source = floats([1, 2, 3, 3], count(18));
    expect(passOf(source, [randomRotation(0)])).toEqual(source);
    // The stream is the picture's: an own step that rotates by 90 degrees draws 1.
    const quarter: Augmentation = (picture) => randomRotation(90)(picture, { uniform: () => 1, below: () => 0 });
    const { data } = passOf(source, [quarter]);
    [3, 6, 9, 2, 5, 8, 1, 4, 7].forEach((v, i) => expect(data[i]).toBeCloseTo(v, 4));
    const back: Augmentation = (picture) => randomRotation(90)(picture, { uniform: () => 0, below: () => 0 });
    [7, 4, 1, 8, 5, 2, 9, 6, 3].forEach((v, i) => expect(passOf(source, [back]).data[i]).toBeCloseTo(v, 4));
  });

  test("rotation interpolates between neighbors, and fills", () => {
    const half: Augmentation = (picture) =>
      randomRotation(45, { fill: 9 })(picture, { uniform: () => 1, below: () => 0 });
    const { data } = passOf(floats([1, 3, 3], [0, 0, 0, 0, 1, 0, 0, 0, 0]), [half]);
    const r = Math.SQRT1_2; // a neighbor lies (r, r) from the center, at distance 1
    expect(data[4]).toBeCloseTo(1, 6);
    expect(data[5]).toBeCloseTo((1 - r) * (1 - r), 6);
    // Corners lie √2 from the center: the nearest pixel is 1 of these away, and the rest is outside.
    expect(data[0]).toBeCloseTo(9 * (2 * r - 1), 5);
  });
});

describe("values", () => {
  test("noise has the deviation that was wanted, in values", () => {
    const n = 40_000;
    const data = Float64Array.from(
      passOf(floats([4, 1, 100, 100], new Float32Array(n).fill(2)), [randomNoise(0.5)]).data,
    );
    const mean = data.reduce((a, b) => a + b) / n;
    const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    expect([Math.abs(mean - 2) < 0.01, Math.abs(variance - 0.25) < 0.01]).toEqual([true, true]);
    const within = data.filter((v) => Math.abs(v - 2) < 0.5).length / n;
    expect(Math.abs(within - 0.6827)).toBeLessThan(0.01);
    const gray = passOf(bytes([1, 100, 100], new Uint8Array(10_000).fill(100)), [randomNoise(10 / 255)]);
    const spread = Math.sqrt([...gray.data].reduce((a, b) => a + (b - 100) ** 2, 0) / 10_000);
    expect([gray.dtype, Math.abs(spread - 10) < 0.5]).toEqual(["u8", true]);
    expect(passOf(bytes([1, 1, 3], [255, 0, 7]), [randomNoise(100)]).data.every((v) => v === 0 || v === 255)).toBe(
      true,
    );
    expect(Number.isFinite(passOf(floats([1, 1, 3], [1, 2, 3]), [randomNoise(1)]).data[2]!)).toBe(true);
  });

  test("normalization gives floating-point numbers", () => {
    const source = bytes([1, 2, 1, 2], [0, 255, 51, 102]);
    const one = passOf(source, [normalizeChannels(0.5, 0.25)]);
    expect(one).toEqual(floats([1, 2, 1, 2], [-2, 2, (0.2 - 0.5) / 0.25, (0.4 - 0.5) / 0.25].map(Math.fround)));
    expect([...passOf(source, [normalizeChannels([0, 1], [1, 2])]).data].map((v) => v.toFixed(3))).toEqual([
      "0.000",
      "1.000",
      "-0.400",
      "-0.300",
    ]);
    const half = passOf({ data: Uint16Array.of(0x3c00, 0x4000), shape: [1, 1, 2], dtype: "f16" }, [
      normalizeChannels(1, 2),
    ]);
    expect(half).toEqual({ data: Uint16Array.of(0, 0x3800), shape: [1, 1, 2], dtype: "f16" });
  });
});

describe("augment", () => {
  const source = bytes(
    [12, 1, 4, 4],
    Array.from({ length: 192 }, (_, i) => (i * 7) % 256),
  );
  const steps = [randomCrop([4, 4], { padding: 1 }), randomFlip(), randomRotation(20), randomNoise(0.1)];
  const labels = Int32Array.from({ length: 12 }, (_, i) => i);
  const make = (size: number, seed = 1) => minibatch([augment(source, steps, { seed }), labels], size);
  const flat = (batches: Iterable<HostArray[]>) => [...batches].map(([x]) => [...x!.data]);

  test("leaves labels, dtype and the source as they are", () => {
    const before = source.data.slice();
    const batches = make(4);
    expectTypeOf(batches).toEqualTypeOf<Batches<[HostArray, HostArray]>>();
    for (const [x] of batches) expect([x.dtype, x.shape, x.scale]).toEqual(["u8", [4, 1, 4, 4], 1 / 255]);
    expect([...batches].flatMap(([, y]) => [...y.data])).toEqual([...labels]);
    expect(source.data).toEqual(before);
  });

  test("differs from pass to pass and by seed, and repeats for a seed, whatever the size of batches", () => {
    const batches = make(4);
    const [one, two] = [flat(batches), flat(batches)];
    expect(two).not.toEqual(one);
    const again = make(4);
    expect([flat(again), flat(again)]).toEqual([one, two]);
    expect(flat(make(6)).flat()).toEqual(one.flat());
    expect(flat(make(4, 2))).not.toEqual(one);
  });

  test("is the same however many batches are made ahead, in another order, and in concurrent passes", async () => {
    const wanted = flat(make(4));
    const seen: number[][] = [];
    const ahead = minibatch([augment(source, steps, { seed: 1 }), labels], 4, { prefetch: 3 });
    for await (const [x] of ahead) seen.push([...x.data]);
    expect(seen).toEqual(wanted);
    expect(new Set(flat(shuffle(make(4), { seed: 3 })).map(String))).toEqual(new Set(wanted.map(String)));
    const both = make(4);
    const walks = [both[Symbol.iterator](), both[Symbol.iterator]()];
    const mixed = [0, 1, 2].flatMap(() => walks.map((walk) => [...walk.next().value![0].data]));
    expect([mixed[0], mixed[2], mixed[4]]).toEqual(wanted);
  });

  test("is done before the upload", () => {
    const there = minibatch([augment(source, steps, { seed: 1 }), labels], 4, { backend });
    expectTypeOf(there).toEqualTypeOf<Batches<[Tensor, Tensor]>>();
    const got = [...there].map(([x]) => [x.dtype, ...Array.from(x.dataSync(), (v) => Math.round(v * 255))]);
    expect(got).toEqual(flat(make(4)).map((x) => ["f32", ...x]));
  });

  test("goes with a shuffled order: pictures and labels stay together", () => {
    const batches = minibatch([augment(source, [], { seed: 1 }), labels], 4, { shuffle: true, seed: 2 });
    for (const [x, y] of batches)
      y.data.forEach((label, i) =>
        expect(x.data.subarray(16 * i, 16 * i + 16)).toEqual(source.data.subarray(16 * label, 16 * label + 16)),
      );
  });

  test("takes steps of your own", () => {
    const invert: Augmentation = (picture) => ({ ...picture, data: picture.data.map((v) => 255 - v) });
    expect(passOf(source, [invert, invert])).toEqual(source);
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    [
      ShapeError,
      "augment: the source is u8[4,4], wanted [N, C, H, W] or [N, H, W].",
      () => augment(bytes([4, 4], count(16)), []),
    ],
    [
      ArgumentError,
      "augment: wanted pictures on the host, { data, shape, dtype }, got a tensor f32[1,1,1,1].",
      () => augment(backend.zeros([1, 1, 1, 1]) as never, []),
    ],
    [
      ArgumentError,
      "augment: wanted a list of augmentations, got a function.",
      () => augment(source, randomFlip() as never),
    ],
    [
      ArgumentError,
      "augment: wanted a picture { data, channels, height, width, scale, floating } from augmentation 1, got number 5.",
      () => passOf(source, [randomFlip(), () => 5 as never]),
    ],
    [
      ArgumentError,
      "augment: wanted a picture { data, channels, height, width, scale, floating } from augmentation 0, got undefined.",
      () => passOf(source, [() => undefined as never]),
    ],
    [
      ShapeError,
      "augment: augmentation 0 returned 3 numbers for 1 channels of 4 x 4 pixels.",
      () => passOf(source, [(picture) => ({ ...picture, data: new Float32Array(3) })]),
    ],
    [
      ArgumentError,
      "randomRotation: wanted a non-negative finite number as degrees, got number Infinity",
      () => randomRotation(Infinity),
    ],
    [
      ArgumentError,
      "randomNoise: wanted a non-negative finite number as std, got number Infinity",
      () => randomNoise(Infinity),
    ],
    [
      ShapeError,
      "randomCrop: wanted 5 x 2 pixels of 4 x 4 with padding 0.",
      () => passOf(source, [randomCrop([5, 2])]),
    ],
    [ArgumentError, "randomCrop: wanted [height, width] as size, got number 3.", () => randomCrop(3 as never)],
    [ArgumentError, "normalizeChannels: std is NaN, wanted a positive number.", () => normalizeChannels(0, NaN)],
    [ArgumentError, "randomShift: wanted a non-negative integer as most, got number -1", () => randomShift(-1)],
    [ArgumentError, "randomFlip: wanted a number from 0 to 1 as p, got number 2", () => randomFlip({ p: 2 })],
    [
      ArgumentError,
      "normalizeChannels: std of channel 1 is 0, wanted a positive number.",
      () => normalizeChannels(0, [1, 0]),
    ],
    [
      ShapeError,
      "normalizeChannels: got 3 numbers for 1 channels.",
      () => passOf(source, [normalizeChannels([1, 2, 3], 1)]),
    ],
    [
      ShapeError,
      "augment: the augmentations gave pictures of [1, 1, 4] and [1, 2, 4] as [channels, height, width], wanted one size. End with a crop.",
      () => {
        let height = 0;
        return passOf(source, [
          (p) => ({ ...p, height: (height = 1 + (height % 4)), data: p.data.slice(0, height * 4) }),
        ]);
      },
    ],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});
