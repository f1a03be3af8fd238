// Handles: reading, printing, releasing, scopes, and what a call costs.
import { inspect } from "node:util";
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError, ReleasedTensorError, ShapeError, Tensor, UnsupportedError } from "../src/index.ts";
import { add, keep, scope, split, tensorSplit, type Operand, type ReduceOptions } from "../src/index.ts";
import { own } from "../src/internals.ts";
import { reference } from "./backend.ts";
import { Recorder } from "./recorder.ts";

const backend = reference({ rounding: true });
const { tensor, zeros, arange, ones } = backend;

describe("reading", () => {
  test("typed arrays, numbers, nested arrays", async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(await x.data()).toEqual(new Float32Array([1, 2, 3, 4]));
    expect(await x.array()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await tensor([[5]]).item()).toBe(5);
    expect(await tensor([1], { dtype: "i32" }).data()).toEqual(new Int32Array([1]));
    expect(await tensor([true]).data()).toEqual(new Uint8Array([1]));
    expect(await tensor([0.5], { dtype: "f16" }).item()).toBe(0.5);
    expect([x.size, x.rank, zeros([]).size]).toEqual([4, 2, 1]);
    expect(x.backend).toBe(backend);
  });
  test("array() has the type of whatever depth it is read at", async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect((await x.array())[0]).toEqual([1, 2]);
    const rows: number[][] = await x.array();
    expect(rows.map((row) => Math.max(...row))).toEqual([2, 4]);
    expect(x.arraySync().map(([a, b]) => a! + b!)).toEqual([3, 7]);
    const scalar: number = await x.mean().array();
    expect(scalar + 1).toBe(3.5);
    let total = 0;
    for (const row of await x.array()) for (const value of row) total += value;
    expect(total).toBe(10);
    expectTypeOf(x.array()).resolves.not.toExtend<string>();
    expectTypeOf(x.array()).resolves.not.toExtend<string[]>();
    expectTypeOf(x.array()).resolves.not.toBeAny();
  });
  test("only one element is an item", async () => {
    await expect(zeros([2]).item()).rejects.toThrow(new ShapeError("item: wanted one element, got shape [2]"));
    expect(() => zeros([2]).itemSync()).toThrow(new ShapeError("itemSync: wanted one element, got shape [2]"));
  });
  test("a backend that must wait says so", () => {
    const x = new Recorder().of([2]);
    const error = new UnsupportedError("dataSync: recorder reads asynchronously only; use await data()");
    expect(() => x.dataSync()).toThrow(error);
    expect(() => x.dataSync()).toThrow(UnsupportedError);
  });
});

describe("methods", () => {
  const x = tensor([[1, 2]]);
  test("are functions with the tensor before the dot, of the same type", () => {
    expect(
      x
        .transpose(0, 1)
        .mul(3)
        .sub(x.sum({ axis: 1 }))
        .arraySync(),
    ).toEqual([[0], [3]]);
    expectTypeOf(x.neg).toEqualTypeOf<() => Tensor>();
    expectTypeOf(x.add).toEqualTypeOf<(b: Operand) => Tensor>();
    expectTypeOf(x.sum).toEqualTypeOf<(options?: ReduceOptions) => Tensor>();
    expectTypeOf(x.transpose).toEqualTypeOf<(axisA?: number, axisB?: number) => Tensor>();
  });
  test("refuse options where their functions do", () => {
    const relu = x.relu as (options: object) => Tensor;
    expect(() => relu.call(x, { slope: 1 })).toThrow(new ArgumentError("relu: takes no options, got { slope }"));
  });
  test("belong to the class, under their names", () => {
    const keys: string[] = [];
    for (const key in x) keys.push(key);
    expect(keys).toEqual(Object.keys(x));
    expect(x.add.name).toBe("add");
    expect(x.add).toBe(zeros([]).add);
  });
});

describe("printing", () => {
  const on = "on @weft/conformance";
  test.each<[unknown, string]>([
    [tensor(2), `tensor(2, f32[] ${on})`],
    [tensor([1, -20, 3]), `tensor([  1, -20,   3], f32[3] ${on})`],
    [tensor([0.5, 1 / 3, 2]), `tensor([0.5000, 0.3333, 2.0000], f32[3] ${on})`],
    [tensor([0.5, 12.25]), `tensor([ 0.50, 12.25], f32[2] ${on})`],
    [tensor([1e-7, 1]), `tensor([1.0000e-7, 1.0000e+0], f32[2] ${on})`],
    [tensor([NaN, Infinity, 0.5]), `tensor([     NaN, Infinity,      0.5], f32[3] ${on})`],
    [tensor([true, false]), `tensor([true, false], bool[2] ${on})`],
    [
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: "i32" },
      ),
      `tensor([[1, 2],\n        [3, 4]], i32[2, 2] ${on})`,
    ],
    [ones([2, 1, 2]), `tensor([[[1, 1]],\n\n        [[1, 1]]], f32[2, 1, 2] ${on})`],
    [zeros([2, 0]), `tensor([[],\n        []], f32[2, 0] ${on})`],
    [arange(1001), `tensor([   0,    1,    2, ...,  998,  999, 1000], f32[1001] ${on})`],
    [
      arange(4004).reshape([2, 2002]),
      `tensor([[   0,    1,    2, ..., 1999, 2000, 2001],\n        [2002, 2003, 2004, ..., 4001, 4002, 4003]], f32[2, 2002] ${on})`,
    ],
  ])("%s", (x, wanted) => {
    expect(String(x)).toBe(wanted);
    expect(inspect(x)).toBe(wanted);
  });
  test("cuts rows as well as columns", () => {
    const lines = String(arange(10000).reshape([100, 100])).split("\n");
    expect(lines).toHaveLength(7);
    expect(lines[0]).toBe("tensor([[   0,    1,    2, ...,   97,   98,   99],");
    expect(lines[3]).toBe("        ...,");
  });
  test("without values where one would have to wait, and after release", () => {
    expect(String(new Recorder().of([2, 3]))).toBe("tensor(f32[2, 3] on recorder)");
    const x = zeros([2]);
    x.release();
    expect(String(x)).toBe(`tensor(f32[2] ${on}, released)`);
  });
  test("never throws", () => {
    const x = tensor([1, 2]);
    const broken = Object.create(backend, {
      backend: { get: () => broken as unknown },
      readSync: {
        value: () => {
          throw new Error("the device was lost");
        },
      },
    }) as typeof backend;
    const y = new Tensor(broken, x.shape, x.dtype, x.payload);
    expect(String(y)).toBe(`tensor(f32[2] ${on}, no values: the device was lost)`);
    expect(inspect({ y })).toContain("no values");
  });
  test("leaves no handles behind", () => {
    const x = keep(arange(2000));
    const before = backend.live();
    String(x);
    expect(backend.live()).toBe(before);
  });
});

describe("release", () => {
  test("a released tensor says where it was released", () => {
    const x = zeros([2]);
    x.release();
    x.release();
    expect(() => x.add(1)).toThrow(ReleasedTensorError);
    expect(() => x.add(1)).toThrow(
      /^add: this f32\[2\] tensor was released at .*handle\.test\.ts:\d+:\d+.*\. Return it/s,
    );
    expect(() => x.dataSync()).toThrow(/^dataSync: this f32\[2\] tensor was released/);
  });
  test("a scope releases what is not returned or kept, and names itself", () => {
    let lost!: Tensor, kept!: Tensor;
    const y = scope(() => {
      lost = zeros([2]);
      kept = keep(zeros([2]));
      return [lost.add(1)];
    })[0]!;
    expect(y.arraySync()).toEqual([1, 1]);
    expect(kept.arraySync()).toEqual([0, 0]);
    expect(() => lost.add(1)).toThrow(
      /^add: this f32\[2\] tensor was released when scope\(\(\) => { lost = zeros\(\[2\]\);.*…\) returned\. Return it from the scope/,
    );
  });
  test("using releases at the end of the block", () => {
    let escaped: Tensor;
    {
      using x = zeros([2]);
      escaped = x;
    }
    expect(escaped.ended).toBeInstanceOf(Error);
  });
});

test("adding two tensors allocates nothing but what the interpreter makes", () => {
  const quiet = new (class extends Recorder {
    #result: Tensor | undefined;
    override run(): Tensor {
      return (this.#result ??= own(new Tensor(this, [2], "f32", undefined)));
    }
  })();
  const [a, b] = [quiet.of([2]), quiet.of([2])];
  const run = (n: number) => {
    for (let i = 0; i < n; i++) add(a, b);
  };
  run(100_000);
  const least = Math.min(
    ...Array.from({ length: 20 }, () => {
      const before = process.memoryUsage().heapUsed;
      run(5_000);
      const grown = process.memoryUsage().heapUsed - before;
      return grown > 0 ? grown / 5_000 : Infinity; // a collection came between
    }),
  );
  expect(least).toBeLessThan(72); // the array of two operands, which the interpreter keeps
});

test("the pieces of a tensor are a tuple where the program says how many there are", () => {
  const x = tensor([1, 2, 3]);
  const n = [1, 2].length;
  expectTypeOf(split(x, 3)).toEqualTypeOf<[Tensor, Tensor, Tensor]>();
  expectTypeOf(split(x, [1, 2])).toEqualTypeOf<[Tensor, Tensor]>();
  expectTypeOf(split(x, n + 1)).toEqualTypeOf<Tensor[]>();
  expectTypeOf(
    split(
      x,
      Array.from({ length: 3 }, () => 1),
    ),
  ).toEqualTypeOf<Tensor[]>();
  expectTypeOf(tensorSplit(x, 2)).toEqualTypeOf<[Tensor, Tensor]>();
  expectTypeOf(tensorSplit(x, [1])).toEqualTypeOf<Tensor[]>();
});
