// The drawn digits: the same everywhere, and about as hard as MNIST for models that need no backend.
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ArgumentError } from "@weft/tensor";
import { digits, type Labeled } from "@weft/data";
import { skeletons } from "../src/sets/skeletons.ts";

const sum = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
const { train, test: held } = digits();

describe("are the same on every machine", () => {
  test("bit for bit", () => {
    expect(sum(train.images.data.subarray(0, 100 * 784))).toBe(
      "3f500894d2c584c8bafe5b2480989b82357c996a1d876cc320b99916d5eac83e",
    );
    expect(sum(train.images.data)).toBe("cb3153693678f47a16643875cd7238f843fd604abf9024f0373ae6a6ccebc14e");
    expect(sum(held.images.data)).toBe("8988a6fbf7321f7e1acedd599d4b170a20b07c900f3dc46aea78a6b0a691d5bc");
    expect([...train.labels.data.subarray(0, 20)].join("")).toBe("74743439649910268957");
  });

  test("and do not depend on how many are drawn", () => {
    const few = digits({ train: 7, test: 3 });
    expect(few.train.images.data).toEqual(train.images.data.subarray(0, 7 * 784));
    expect(few.test.images.data).toEqual(held.images.data.subarray(0, 3 * 784));
    expect(few.test.labels.data).toEqual(held.labels.data.subarray(0, 3));
  });

  test("but for the seed", () => {
    const other = digits({ train: 10, test: 10, seed: 2 });
    expect(other.train.images.data).not.toEqual(train.images.data.subarray(0, 7840));
    expect(other.train.images.data).not.toEqual(other.test.images.data);
  });
});

test("have the form of mnist()", () => {
  expect(train.images).toMatchObject({ shape: [10_000, 1, 28, 28], dtype: "u8", scale: 1 / 255 });
  expect(train.labels).toMatchObject({ shape: [10_000], dtype: "i32" });
  expect([held.images.shape, held.labels.shape]).toEqual([[2000, 1, 28, 28], [2000]]);
  expect(digits({ train: 0, test: 0 }).classes.join("")).toBe("0123456789");
  expect(digits({ train: 0, test: 0 }).train.images.shape).toEqual([0, 1, 28, 28]);
});

test("show each digit about as often, and ink about where MNIST has it", () => {
  const counts = new Array<number>(10).fill(0);
  for (const label of train.labels.data) counts[label]!++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  const ink = train.images.data.reduce((s, v) => s + v, 0) / train.images.data.length / 255;
  expect(ink).toBeGreaterThan(0.08);
  expect(ink).toBeLessThan(0.16); // MNIST: 0.13
  for (let i = 0; i < 1000; i++) {
    const image = train.images.data.subarray(i * 784, i * 784 + 784);
    expect(Math.max(...image)).toBeGreaterThan(150);
  }
});

test("no two are alike", () => {
  const seen = new Set(Array.from({ length: 2000 }, (_, i) => sum(held.images.data.subarray(i * 784, i * 784 + 784))));
  expect(seen.size).toBe(2000);
});

test("every skeleton is a list of points, within the box", () => {
  expect(skeletons.length).toBe(10);
  for (const { weight, strokes } of skeletons.flat()) {
    expect(weight).toBeGreaterThan(0);
    for (const stroke of strokes) {
      expect(stroke.length % 2).toBe(0);
      expect(stroke.length).toBeGreaterThanOrEqual(4);
      expect(stroke.every((v) => v >= 0 && v <= 1)).toBe(true);
    }
  }
});

test("softmax regression gets about nine of ten right, as on MNIST", () => {
  const accuracy = regression(train, held);
  expect(accuracy).toBeGreaterThan(0.88);
  expect(accuracy).toBeLessThan(0.93);
});

/** Ten epochs of plain gradient descent (batches of 100, rate 0.5), and the share of right answers on the test part. */
function regression(learn: Labeled, check: Labeled): number {
  const w = new Float64Array(7850); // 784 rows of 10, and the bias
  const g = new Float64Array(7850);
  const z = new Float64Array(10);
  const score = (images: Uint8Array, i: number) => {
    z.set(w.subarray(7840));
    for (let j = 0; j < 784; j++) {
      const v = images[i * 784 + j]!;
      if (v > 0) for (let k = 0; k < 10; k++) z[k]! += (v / 255) * w[j * 10 + k]!;
    }
  };
  for (let step = 0; step < 1000; step++) {
    g.fill(0);
    for (let b = 0; b < 100; b++) {
      const i = (step % 100) * 100 + b;
      score(learn.images.data, i);
      const top = Math.max(...z);
      for (let k = 0; k < 10; k++) z[k] = Math.exp(z[k]! - top);
      const total = z.reduce((s, v) => s + v, 0);
      for (let k = 0; k < 10; k++) z[k] = z[k]! / total - (learn.labels.data[i] === k ? 1 : 0);
      for (let k = 0; k < 10; k++) g[7840 + k]! += z[k]!;
      for (let j = 0; j < 784; j++) {
        const v = learn.images.data[i * 784 + j]!;
        if (v > 0) for (let k = 0; k < 10; k++) g[j * 10 + k]! += (v / 255) * z[k]!;
      }
    }
    for (let j = 0; j < w.length; j++) w[j]! -= (0.5 * g[j]!) / 100;
  }
  let right = 0;
  for (let i = 0; i < 2000; i++) {
    score(check.images.data, i);
    if (z.indexOf(Math.max(...z)) === check.labels.data[i]) right++;
  }
  return right / 2000;
}

test.each([
  ["digits: wanted a non-negative integer as train, got number -1", { train: -1 }],
  ["digits: wanted a non-negative integer as test, got number 1.5", { test: 1.5 }],
  ["digits: wanted an integer from 0 to 2^53 - 1 as seed, got number NaN", { seed: Number.NaN }],
  ['digits: there is no option "tests"; known options: train, test, seed', { tests: 3 } as never],
])("%s", (message, options) => {
  expect(() => digits(options)).toThrow(new ArgumentError(message));
});
