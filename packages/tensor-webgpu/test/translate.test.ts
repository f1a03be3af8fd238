// Translations of kernels to WGSL against the interpreter of the kernel language: random kernels in every form, several
// side by side in one dispatch, each function by itself, long sums.
import { Builder, layout, show, type Fn, type Kernel, type Scalar } from "@weft/kernel";
import type { DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { interpret, readElement, writeElement } from "../../tensor-cpu/test/kernel-interpreter.ts";
import {
  arity,
  functions,
  random,
  randomLaunch,
  resultType,
  specialIntegers,
  type Launch,
} from "../../tensor-cpu/test/random-kernel.ts";
import { program } from "../src/translate/program.ts";
import { describeOnDevice, onDevice } from "./device.ts";
import { given, run } from "./shader.ts";

const THREADS = 64;
let elements = 0;

/** Subnormal numbers are 0, as WGSL allows. */
const flushed = (x: number): number => {
  const y = Math.fround(x);
  return Math.abs(y) < 2 ** -126 ? (Object.is(y, -0) || y < 0 ? -0 : 0) : y;
};

/** Where memory differs from the interpreter's, for elements that do not depend on the treatment of subnormals. */
function compare({ kernel, bytes, args }: Launch, got: Uint8Array<ArrayBuffer>): string | undefined {
  const [exact, coarse] = [bytes.slice(), bytes.slice()];
  const written = interpret(kernel, exact.buffer, args);
  interpret(kernel, coarse.buffer, args, flushed);
  const folded = kernel.reductions.length > 0;
  for (const [at, { dtype, tolerance }] of written) {
    const a = readElement[dtype](new DataView(got.buffer), at);
    const wanted = [exact, coarse].map((m) => readElement[dtype](new DataView(m.buffer), at)) as [number, number];
    for (let i = 0; i < dtypeInfo[dtype].bytes; i++) got[at + i] = exact[at + i] = 0;
    const open = !Object.is(...wanted) && !(Math.abs(wanted[0]) < 2 ** -126 && Math.abs(wanted[1]) < 2 ** -126);
    if (open) continue;
    elements++;
    const small = dtype === "f32" && Math.abs(a) < 2 ** -126 && Math.abs(wanted[0]) < 2 ** -126;
    const near =
      tolerance > 0 && (Math.abs(a - wanted[0]) <= tolerance + 1e-30 || (tolerance > 1e30 && !Number.isFinite(a)));
    const zeros = folded && a === 0 && wanted[0] === 0; // the sign of a reduced zero depends on the order
    if (!Object.is(a, wanted[0]) && !near && !zeros && !small)
      return `at ${at}: ${a} instead of ${wanted[0]} (${dtype}, tolerance ${tolerance})`;
  }
  const other = got.findIndex((x, i) => x !== exact[i]);
  return other < 0 ? undefined : `byte ${other} was overwritten`;
}

const hasNarrowFloats = ({ kernel }: Launch): boolean =>
  kernel.operands.some((o) => dtypeInfo[o.dtype].load !== undefined);
/** The bits of a computed NaN are unspecified. */
const looksAtNaN = ({ kernel }: Launch): boolean => kernel.code.some((c) => c.kind === "apply" && c.fn === "bits");

function launches(from: number, count: number): { seed: number; launch: Launch }[] {
  const found: { seed: number; launch: Launch }[] = [];
  for (let seed = from; found.length < count; seed++) {
    const launch = randomLaunch(random(seed * 8), false);
    if (!hasNarrowFloats(launch) && !looksAtNaN(launch)) found.push({ seed, launch });
  }
  return found;
}

describeOnDevice("random kernels", () => {
  for (const [title, slices] of [
    ["in the form for their sizes", undefined],
    ["an invocation a result", 1],
    ["a workgroup a result", THREADS],
  ] as const) {
    onDevice(title, async () => {
      elements = 0;
      for (const { seed, launch } of launches(1, everything ? 120 : 20)) {
        if (slices !== undefined && launch.kernel.reduced === 0) continue;
        const { kernel, bytes, args } = launch;
        const memory = bytes.slice();
        const got = await run([given(kernel, memory, args, THREADS, slices)], memory, THREADS);
        const found = compare(launch, got);
        if (found !== undefined) expect.fail(`seed ${seed}: ${found}\n${show(kernel)}`);
      }
      expect(elements).toBeGreaterThan(slices === undefined ? 500 : 50);
    });
  }

  onDevice("side by side in one dispatch", async () => {
    elements = 0;
    const all = launches(1000, everything ? 60 : 21);
    for (let i = 0; i < all.length; i += 3) {
      const group = all.slice(i, i + 3).map(({ launch }) => launch);
      // Each in a memory of its own, one after the other: only addresses change.
      const size = group[0]!.bytes.length;
      const bytes = new Uint8Array(size * group.length);
      group.forEach((l, k) => bytes.set(l.bytes, k * size));
      const parts = group.map(({ kernel, args }, k) => {
        const moved = bytes.slice(k * size, (k + 1) * size);
        const words = new Int32Array(moved.buffer, args, layout.words(kernel));
        kernel.operands.forEach((o, n) => {
          if (o.use !== "index") words[layout.operand(kernel, n)]! += k * size;
        });
        return given(kernel, moved, args, THREADS);
      });
      const got = await run(parts, bytes, THREADS);
      group.forEach((launch, k) => {
        const found = compare(launch, got.slice(k * size, (k + 1) * size));
        if (found !== undefined) expect.fail(`group ${i}, member ${k}: ${found}\n${show(launch.kernel)}`);
      });
    }
    expect(elements).toBeGreaterThan(1000);
  });
});

/** A map over `n` elements side by side. */
function map(
  n: number,
  inputs: readonly DType[],
  outputs: readonly DType[],
  write: (b: Builder) => readonly number[],
  fill: (k: number, i: number) => number,
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
  const bytes = new Uint8Array(32768).fill(0x5a);
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

async function expectSame(launch: Launch): Promise<void> {
  elements = 0;
  const memory = launch.bytes.slice();
  const got = await run([given(launch.kernel, memory, launch.args, THREADS)], memory, THREADS);
  expect(compare(launch, got)).toBeUndefined();
  expect(elements).toBeGreaterThan(0);
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
const values: Partial<Record<Scalar, readonly number[]>> = {
  f32: floats.map(Math.fround),
  i32: specialIntegers,
  bool: [0, 1],
};

describeOnDevice("functions", () => {
  for (const of of ["f32", "i32", "bool"] as const) {
    const list = values[of]!;
    for (const fn of functions(of, false)) {
      onDevice(`${fn} of ${of}`, async () => {
        const n = list.length ** (fn === "select" ? 1 : Math.min(arity(fn), 2));
        const inputs: DType[] = Array.from({ length: arity(fn) }, () => of);
        const to = resultType(fn, of);
        const write = (b: Builder): number[] => {
          const args = inputs.map((_, k) => b.load(k, of));
          return [b.apply(fn, args, to, fn.startsWith("sh") ? 5 : 0)];
        };
        const fill = (k: number, i: number): number =>
          list[(k === 0 ? i : k === 1 ? Math.floor(i / list.length) : i * 7) % list.length]!;
        await expectSame(map(n, inputs, [to], write, fill));
      });
    }
  }

  onDevice.each([["max"], ["min"]] as [Fn][])("%s with a constant keeps NaN and tells zeros apart", async (fn) => {
    for (const c of [0, -0, Infinity, NaN]) {
      const write = (b: Builder): number[] => [b.apply(fn, [b.load(0, "f32"), b.const(c, "f32")], "f32")];
      await expectSame(map(floats.length, ["f32"], ["f32"], write, (_, i) => values.f32![i]!));
    }
  });

  test("a sum is rounded before one of its terms is subtracted again", () => {
    const write = (b: Builder): number[] => {
      const [x, y] = [b.load(0, "f32"), b.load(1, "f32")];
      const [sum, next] = [b.apply("add", [x, y], "f32"), b.apply("add", [x, { const: 1 }], "f32")];
      return [
        b.apply("sub", [sum, x], "f32"),
        b.apply("sub", [next, { const: 1 }], "f32"),
        b.apply("add", [x, x], "f32"),
      ];
    };
    const launch = map(8, ["f32", "f32"], ["f32", "f32", "f32"], write, () => 1);
    const { body } = given(launch.kernel, launch.bytes.slice(), 0, THREADS);
    const text = program([{ body, bindings: [0, 0, 0, 0, 0] }], THREADS);
    expect(text.match(/let v\d+ = w_rounded\(v\d+ \+ v\d+, none\);/g)).toHaveLength(2);
  });

  onDevice.each(["f32", "i32"] as const)("u8 from %s saturates", async (of) => {
    await expectSame(
      map(
        values[of]!.length,
        [of],
        ["u8"],
        (b) => [b.load(0, of)],
        (_, i) => values[of]![i]!,
      ),
    );
  });
});
