// Products that are larger than the blocks that they are packed in, in every order of their matrices, against exact sums.
import { matmul, scope, transpose, type Tensor } from "@weft/tensor";
import { compile, machines, X64Module } from "@weft/x64";
import { beforeEach, describe, expect, test } from "vitest";
import type { CallMemory } from "../src/calls/call.ts";
import { scatter, walk } from "../src/calls/columns.ts";
import { block } from "../src/calls/gemm.ts";
import { nativeCode } from "../src/native.ts";
import { make } from "../src/open.ts";
import type { WriteModule } from "../src/wasm/emitter.ts";
import { relaxedSimd } from "../src/wasm/features.ts";
import { wasmMachine } from "../src/wasm/machine.ts";
import { lacking } from "./codes.ts";

/** The numbers of a matrix, whole: their sums of products are exact in f32. */
const whole = (rows: number, columns: number, factor: number): Float64Array =>
  Float64Array.from({ length: rows * columns }, (_, i) => ((i * factor) % 13) - 6);

const transposed = (x: Float64Array, rows: number, columns: number): Float64Array =>
  x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);

test.each(["avx2", "avx512"] as const)("code for %s keeps its vectors in registers", (kind) => {
  const { target, machine } = machines[kind];
  const stored: string[] = [];
  const memory = (): CallMemory =>
    ({
      machine,
      compile(name: string, write: WriteModule) {
        const module = new X64Module();
        write(module, machine);
        const { bytes } = compile(module, target).code;
        // Stores of vectors to [rsp] and [rsp + n], as VEX and EVEX write them.
        const text = Buffer.from(bytes).toString("hex").replaceAll(/../g, "$& ");
        if (/(?:c5 (?:fc|7c)|62(?: ..){3}) (?:11|29) [0-9ab][4c] 24 /.test(text)) stored.push(name);
        return {};
      },
    }) as Partial<CallMemory> as CallMemory;
  block(memory(), "rows");
  block(memory(), "columns");
  walk(memory());
  scatter(memory());
  expect(stored).toEqual([]);
});

describe.each([false, "avx2", "avx512"] as const)("machine code: %s", (native) => {
  const reason = lacking(native);
  beforeEach(({ skip }) => skip(reason !== undefined, reason));
  const code = nativeCode(native);
  const { depth, height, width } = ("reason" in code ? wasmMachine(relaxedSimd()) : code.machine).blocks;

  test.each([
    ["deeper", 25, depth + 11, 60],
    ["twice as deep", 25, 2 * depth + 3, 60],
    ["wider", 25, 30, width + 6],
    ["deeper and wider", 26, depth + 10, width + 26],
    ["taller and deeper", height + 10, depth + 10, 50],
    ["twice as tall", 2 * height + 5, 40, 200],
  ] as const)("%s: [%i, %i] * [.., %i]", (_, m, k, n) => {
    const b = make({ native, threads: 1 });
    const [x, y] = [whole(m, k, 7), whole(k, n, 11)];
    const wanted = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let p = 0; p < k; p++) for (let j = 0; j < n; j++) wanted[i * n + j]! += x[i * k + p]! * y[p * n + j]!;
    /** The matrix, or a view of it that lies transposed. */
    const tensor = (data: Float64Array, rows: number, columns: number, turned: boolean): Tensor =>
      turned
        ? transpose(b.tensor(Float32Array.from(transposed(data, rows, columns)), { shape: [columns, rows] }))
        : b.tensor(Float32Array.from(data), { shape: [rows, columns] });
    for (const turnA of [false, true])
      for (const turnB of [false, true])
        scope(() => {
          const found = matmul(tensor(x, m, k, turnA), tensor(y, k, n, turnB)).dataSync();
          const wrong = wanted.findIndex((value, at) => value !== found[at]);
          expect(wrong, `transposed: ${turnA}, ${turnB}`).toBe(-1);
        });
    b.destroy();
  });
});
