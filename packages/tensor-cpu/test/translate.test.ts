// Translations of kernels, to WebAssembly and to machine code, against the interpreter: random kernels, each function by
// itself, long sums.
import {
  Builder,
  expressions,
  layout,
  show,
  type Fn,
  type Kernel,
  type KernelOperand,
  type Scalar,
  type LaneStride,
} from "@weft/kernel";
import type { Machine, WriteModule } from "@weft/kernel/machine";
import type { DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { Heap } from "../src/heap.ts";
import { nativeCode } from "../src/native.ts";
import { fits } from "../src/translate/fits.ts";
import { instantiate, link, writeKernel, type Compiler } from "../src/translate/index.ts";
import { wasmBytes } from "../src/wasm/compile.ts";
import { relaxedSimd } from "../src/wasm/features.ts";
import { wasmMachine } from "../src/wasm/machine.ts";
import { interpret, readElement, writeElement } from "./kernel-interpreter.ts";
import { arity, functions, random, randomLaunch, resultType, specialIntegers, type Launch } from "./random-kernel.ts";

const equal = (a: number, b: number, tolerance: number): boolean =>
  Object.is(a, b) || (tolerance > 0 && (Math.abs(a - b) <= tolerance + 1e-30 || (a === 0 && b === 0)));

/** A memory, and what compiles for it. */
interface Place extends Compiler {
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly machine: Machine;
}
const wasm = (fused: boolean): Place => {
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 256 });
  const machine = wasmMachine(fused);
  const moduleOf = (write: WriteModule) => new WebAssembly.Module(wasmBytes(false, (module) => write(module, machine)));
  return { memory, machine, compile: (_, write) => link(moduleOf(write), memory) };
};
/** WebAssembly, and with vectors of which kind machine code. */
const places: Readonly<Record<string, Place | string>> = {
  "four lanes": wasm(false),
  "four lanes, fused": relaxedSimd() ? wasm(true) : "no relaxed SIMD here",
  ...Object.fromEntries(
    (["avx2", "avx512"] as const).map((vectors) => {
      const code = nativeCode(vectors);
      return [vectors, "reason" in code ? code.reason : new Heap(undefined, () => code)];
    }),
  ),
};
/** Whether a kernel can be compiled there. */
const has = (place: Place, kernel: Kernel): boolean => !place.machine.partial || fits(kernel, Infinity, place);
const there = Object.values(places).filter((place) => typeof place !== "string");
let elements = 0;

/** Kernels are told apart by their names. */
let kernels = 0;
const named = (kernel: Kernel): Kernel => ({ ...kernel, key: `${kernel.key} ${kernels++}` });

/** Runs all of loop 0; if it is not reduced, in two ranges, the second first. */
function inRanges({ kernel, args }: Pick<Launch, "kernel" | "args">, place: Place): void {
  const code = instantiate(named(kernel), place);
  const words = new Int32Array(place.memory.buffer, args);
  const [begin, end] = [words[layout.begin]!, words[layout.end]!];
  const middle = kernel.reduced < kernel.rank ? begin + ((end - begin) >> 1) : end;
  code(args, middle, end);
  code(args, begin, middle);
}

/** Runs a launch both ways and says where memory differs; counts the elements written. */
function difference({ kernel, bytes, args }: Launch, place: Place): string | undefined {
  const ours = new Uint8Array(place.memory.buffer, 0, bytes.length);
  ours.set(bytes);
  const expected = bytes.slice();
  inRanges({ kernel, args }, place);
  const written = interpret(kernel, expected.buffer, args);
  elements += written.size;
  const folded = new Set(kernel.reductions.map((r) => r.operand));
  for (const [at, { dtype, tolerance }] of written) {
    const a = readElement[dtype](new DataView(ours.buffer), at);
    const b = readElement[dtype](new DataView(expected.buffer), at);
    const zeros = folded.size > 0 && a === 0 && b === 0; // the sign of a reduced zero depends on the order
    if (
      !zeros &&
      !equal(a, b, Number.isFinite(tolerance) ? tolerance : 0) &&
      !(tolerance > 1e30 && !Number.isFinite(a)) // partial sums in f32 overflow
    )
      return `at ${at}: ${a} instead of ${b} (${dtype}, tolerance ${tolerance})`;
    for (let i = 0; i < dtypeInfo[dtype].bytes; i++) ours[at + i] = expected[at + i] = 0;
  }
  const other = ours.findIndex((x, i) => x !== expected[i]);
  return other < 0 ? undefined : `byte ${other} was overwritten`;
}

/** A fused multiply-add is rounded once where a machine has one, which the interpreter does not do: see below. */
const isFused = ({ code }: Kernel): boolean => code.some((c) => c.kind === "apply" && c.fn === "fma");

/** How many random kernels each place has. */
const seeds = everything ? 400 : 100;

describe("random kernels", () => {
  test.for(Object.entries(places))("%s", ([, place], { skip }) => {
    if (typeof place === "string") return skip(place);
    for (const double of place.machine.partial ? [false] : [false, true]) {
      elements = 0;
      let run = 0;
      for (let seed = 1; run < seeds; seed++) {
        const launch = randomLaunch(random(seed * 8 + Number(double) * 4), double);
        const { kernel } = launch;
        if (place.machine.fused && isFused(kernel)) continue;
        if (!has(place, kernel)) continue;
        run++;
        const found = difference(launch, place);
        if (found !== undefined) expect.fail(`seed ${seed}: ${found}\n${show(kernel)}`);
      }
      expect(elements).toBeGreaterThan(20 * seeds);
    }
  });
});

/** Runs a launch both ways, wherever it fits: it has to write, and the same. */
function expectSame(launch: Launch): void {
  for (const place of there) {
    if (!has(place, launch.kernel) || (place.machine.fused && isFused(launch.kernel))) continue;
    elements = 0;
    expect(difference(launch, place), place.machine.name).toBeUndefined();
    expect(elements).toBeGreaterThan(0);
  }
}

/** A map over `n` elements side by side. */
function map(
  n: number,
  inputs: readonly DType[],
  outputs: readonly DType[],
  write: (b: Builder) => readonly number[],
  fill: (operand: number, i: number) => number,
): Launch {
  const b = new Builder();
  const roots = write(b);
  const operands = [
    ...inputs.map((dtype) => ({ use: "read", dtype, step: "unit" }) as const),
    ...outputs.map((dtype) => ({ use: "write", dtype, step: "unit" }) as const),
  ];
  const stores = roots.map((value, i) => ({ operand: inputs.length + i, value }));
  const kernel: Kernel = {
    key: "map",
    rank: 1,
    reduced: 0,
    lanes: 0,
    operands,
    numbers: [],
    code: b.code,
    stores,
    reductions: [],
  };
  const bytes = new Uint8Array(65536).fill(0x5a);
  const words = new Int32Array(bytes.buffer, 0, layout.words(kernel));
  words[layout.begin] = 0;
  words[layout.end] = n;
  let at = 1024;
  operands.forEach((o, k) => {
    words[layout.operand(kernel, k)] = at;
    words[layout.operand(kernel, k) + 1] = dtypeInfo[o.dtype].bytes;
    if (o.use === "read")
      for (let i = 0; i < n; i++)
        writeElement[o.dtype](new DataView(bytes.buffer), at + i * dtypeInfo[o.dtype].bytes, fill(k, i));
    at += Math.ceil((n * dtypeInfo[o.dtype].bytes + 16) / 16) * 16;
  });
  return { kernel, bytes, args: 0 };
}

const floats = [
  0,
  -0,
  1,
  -1,
  NaN,
  Infinity,
  -Infinity,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3.7,
  -3.7,
  1e-45,
  3e38,
  8388609,
  -8388609,
  2147483520,
  2147483648,
  -2147483648,
  -2147483904,
  4294967296,
  1e20,
  -1e20,
  255.5,
  1e-8,
  0.1,
];
const values: Record<Scalar, readonly number[]> = {
  f32: floats.map(Math.fround),
  f64: floats,
  i32: specialIntegers,
  bool: [0, 1],
};

describe("functions", () => {
  for (const of of ["f32", "i32", "bool", "f64"] as const) {
    for (const double of of === "f64" ? [true] : [false, true]) {
      for (const fn of functions(of, double)) {
        test(`${fn} of ${of}${double ? ", one by one" : ""}`, () => {
          const n = values[of].length ** (fn === "select" ? 1 : Math.min(arity(fn), 2));
          const inputs: DType[] = Array.from({ length: arity(fn) }, () => of);
          const to = resultType(fn, of);
          const launch = map(
            n,
            double ? [...inputs, "f64"] : inputs,
            [to],
            (b) => {
              const args = inputs.map((_, k) => b.load(k, of));
              return [b.apply(fn, args, to, fn.startsWith("sh") ? 5 : 0)];
            },
            (k, i) =>
              k === arity(fn)
                ? 0
                : values[of][(k === 0 ? i : k === 1 ? Math.floor(i / values[of].length) : i * 7) % values[of].length]!,
          );
          expectSame(launch);
        });
      }
    }
  }

  test("select, with and without zeros", () => {
    const launch = map(
      29,
      ["bool", "f32", "f32"],
      ["f32", "f32", "f32"],
      (b) => {
        const [m, x, y] = [b.load(0, "bool"), b.load(1, "f32"), b.load(2, "f32")];
        const zero = b.const(0, "f32");
        return [
          b.apply("select", [m, x, y], "f32"),
          b.apply("select", [m, x, zero], "f32"),
          b.apply("select", [m, zero, y], "f32"),
        ];
      },
      (k, i) => (k === 0 ? (i % 3) & 1 : values.f32[(i * (k + 2)) % values.f32.length]!),
    );
    expectSame(launch);
  });

  test.each([["max"], ["min"]] as [Fn][])("%s with a constant keeps NaN and tells zeros apart", (fn) => {
    for (const c of [0, -0, 1, -1, Infinity, NaN]) {
      for (const swap of [false, true]) {
        const launch = map(
          values.f32.length,
          ["f32"],
          ["f32"],
          (b) => {
            const args = [b.load(0, "f32"), b.const(c, "f32")];
            return [b.apply(fn, swap ? args.toReversed() : args, "f32")];
          },
          (_, i) => values.f32[i]!,
        );
        expectSame(launch);
      }
    }
  });

  test.each(["log", "sin", "cos", "sqrt"] as const)(
    "%s, which normal numbers are made with, needs no fused ones",
    (name) => {
      const launch = map(
        1003,
        ["f32"],
        ["f32"],
        (b) => [expressions[name](b, [b.load(0, "f32")])],
        (_, i) => i * 0.0063,
      );
      expect(launch.kernel.code.filter((c) => c.kind === "apply" && c.fn === "fma")).toEqual([]);
      expectSame(launch);
    },
  );

  test("a fused multiply-add is rounded once or twice", () => {
    const r = random(5);
    const n = 103;
    const x = Array.from({ length: 3 }, () => Array.from({ length: n }, () => Math.fround(r() * 4 - 2)));
    const launch = map(
      n,
      ["f32", "f32", "f32"],
      ["f32"],
      (b) => [b.apply("fma", [b.load(0, "f32"), b.load(1, "f32"), b.load(2, "f32")], "f32")],
      (k, i) => x[k]![i]!,
    );
    for (const place of there) {
      const view = new DataView(place.memory.buffer);
      new Uint8Array(place.memory.buffer).set(launch.bytes);
      inRanges(launch, place);
      const at = view.getInt32(4 * layout.operand(launch.kernel, 3), true);
      for (let i = 0; i < n; i++) {
        const y = view.getFloat32(at + 4 * i, true);
        const once = Math.fround(x[0]![i]! * x[1]![i]! + x[2]![i]!); // the product is exact in f64, the sum almost always
        const twice = Math.fround(Math.fround(x[0]![i]! * x[1]![i]!) + x[2]![i]!);
        expect([once, twice]).toContain(y);
      }
    }
  });
});

describe("storage types", () => {
  const narrow = ["f16", "bf16"] as const;
  test.each(narrow)("every %s survives reading and writing", (dtype) => {
    const all = Array.from({ length: 4096 }, (_, i) => i * 16 + (i % 16));
    const launch = map(
      all.length,
      [dtype],
      [dtype, "f32"],
      (b) => [b.load(0, "f32"), b.load(0, "f32")],
      () => 0,
    );
    const at = new Int32Array(launch.bytes.buffer)[layout.operand(launch.kernel, 0)]!;
    new Uint16Array(launch.bytes.buffer, at, all.length).set(all);
    expectSame(launch);
  });
  test.each(narrow)("%s is rounded to even", (dtype) => {
    const r = random(3);
    const near = [
      65504,
      65519.99,
      65520,
      1e9,
      2 ** -24,
      2 ** -25,
      2 ** -25 * 1.0001,
      2 ** -14,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      2047.5,
      2048.5,
      5.96e-8,
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      (2 - 2 ** -8) * 2 ** 127,
      (2 - 2 ** -8 - 2 ** -23) * 2 ** 127,
      2 ** -126,
      2 ** -133,
      2 ** -134,
      3 * 2 ** -134,
      -(2 ** -149),
      NaN,
      Infinity,
    ];
    const launch = map(
      2000,
      ["f32"],
      [dtype],
      (b) => [b.load(0, "f32")],
      (_, i) => near[i] ?? (r() - 0.5) * 2 ** (dtype === "f16" ? r() * 45 - 28 : r() * 280 - 150),
    );
    expectSame(launch);
  });
  test.each(["f32", "i32"] as const)("u8 from %s saturates", (of) => {
    const launch = map(
      values[of].length,
      [of],
      ["u8"],
      (b) => [b.load(0, of)],
      (_, i) => values[of][i]!,
    );
    expectSame(launch);
  });
});

/** A reduction of a matrix [rows, columns] along the columns ("row") or the rows ("column"), or of all of it ("all"). */
function reduce(
  place: Place,
  fn: "sum" | "max" | "min",
  of: "f32" | "i32",
  rows: number,
  columns: number,
  along: "row" | "column" | "all",
  data: Float32Array | Int32Array,
) {
  const b = new Builder();
  const value = b.load(0, of);
  const operand = (use: "read" | "write", step: LaneStride): KernelOperand => ({ use, dtype: of, step });
  const kernel: Kernel = {
    key: along,
    rank: along === "all" ? 1 : 2,
    reduced: 1,
    lanes: along === "row" ? 1 : 0,
    operands: [operand("read", "unit"), operand("write", along === "column" ? "unit" : "still")],
    numbers: [],
    code: b.code,
    stores: [],
    reductions: [{ fn, value, operand: 1 }],
  };
  const size = rows * columns;
  const { buffer } = place.memory;
  const results = along === "row" ? rows : along === "column" ? columns : 1;
  const words = new Int32Array(buffer).fill(0, 0, 1024);
  const out = 4096 + 4 * size;
  if (along === "all") {
    words[layout.end] = size;
    words.set([4096, 4], layout.operand(kernel, 0));
    words.set([out, 0], layout.operand(kernel, 1));
  } else {
    const strides = along === "row" ? [4 * columns, 4] : [4, 4 * columns];
    words[layout.end] = along === "row" ? rows : columns;
    words[layout.size(1)] = along === "row" ? columns : rows;
    words.set([4096, ...strides], layout.operand(kernel, 0));
    words.set([out, 4, 0], layout.operand(kernel, 1));
  }
  const view = (at: number, length: number) =>
    of === "f32" ? new Float32Array(buffer, at, length) : new Int32Array(buffer, at, length);
  view(4096, size).set(data);
  inRanges({ kernel, args: 0 }, place);
  return view(out, results).slice();
}

describe.each(there.map((place) => [place.machine.name, place] as const))("reductions on %s", (_, place) => {
  const n = 1_000_000;
  const r = random(11);
  const uniform = Float32Array.from({ length: n }, r);
  const exact = uniform.reduce((a, b) => a + b, 0);

  test("a sum of a million stays within 1e-7", () => {
    expect(Math.abs(reduce(place, "sum", "f32", 1, n, "all", uniform)[0]! / exact - 1)).toBeLessThan(1e-7);
    expect(Math.abs(reduce(place, "sum", "f32", 1, n, "row", uniform)[0]! / exact - 1)).toBeLessThan(1e-7);
  });
  test("so does a sum of long columns", () => {
    const sums = reduce(place, "sum", "f32", n / 5, 5, "column", uniform);
    for (let c = 0; c < 5; c++) {
      let expected = 0;
      for (let i = c; i < n; i += 5) expected += uniform[i]!;
      expect(Math.abs(sums[c]! / expected - 1)).toBeLessThan(2e-7);
    }
  });
  test("nothing sums to 0, and has the infinities as extremes", () => {
    for (const along of ["row", "column", "all"] as const) {
      const [rows, columns] = along === "row" ? [3, 0] : along === "column" ? [0, 3] : [0, 0];
      for (const [fn, expected] of [
        ["sum", 0],
        ["max", -Infinity],
        ["min", Infinity],
      ] as const)
        expect([...reduce(place, fn, "f32", rows, columns, along, new Float32Array(0))]).toEqual(
          Array.from({ length: along === "all" ? 1 : 3 }, () => expected),
        );
    }
  });
  test("sums of i32 wrap", () => {
    const data = Int32Array.from({ length: 19 }, () => 2 ** 30);
    expect(reduce(place, "sum", "i32", 1, 19, "all", data)[0]).toBe((19 * 2 ** 30) | 0);
  });
  test("a NaN anywhere wins", () => {
    for (let at = 0; at < 37; at++) {
      const data = Float32Array.from({ length: 37 }, (_, i) => (i === at ? NaN : i));
      expect(reduce(place, "max", "f32", 1, 37, "all", data)[0]).toBeNaN();
      expect(reduce(place, "min", "f32", 37, 1, "column", data)[0]).toBeNaN();
    }
    expect(
      reduce(
        place,
        "max",
        "f32",
        1,
        37,
        "all",
        Float32Array.from({ length: 37 }, (_, i) => -i - 1),
      )[0],
    ).toBe(-1);
  });
});

test("the bytes of a kernel do not change", () => {
  const { kernel } = randomLaunch(random(7), false);
  const bytes = () => wasmBytes(true, (module) => writeKernel(module, kernel, wasmMachine(false)));
  expect(bytes()).toEqual(bytes());
});
