// Operations that work row by row: their kernels are written once for all backends, in the kernel language. Here each
// pass over rows is a kernel of its own, and all passes run on some rows while these are in the cache.
import type { RowKernel, RowKind } from "@weft/tensor";
import { dtypeInfo, rowAxis, sizeOf } from "@weft/tensor/internals";
import { layout, linesAlong, rowProgram, type RowOperation } from "@weft/kernel";
import { fits } from "../translate/fits.ts";
import { writeKernel } from "../translate/index.ts";
import { aligned, blocksOf, dense, idle, machineCode, type Call, type CallMemory, type Prepared } from "./call.ts";
import { passKernels, type Area, type Loop, type PassKernel } from "./row-passes.ts";

/** Labels and lengths are integers. */
const ROW_DTYPES = { dtypes: ["f32", "i32"] } as const;

/** About how many elements of an operand are done at a time. */
const AT_ONCE = 1 << 13;

/** Rows of n elements, `apart` from one row to the next and `step` from one element to the next. */
interface Rows {
  readonly n: number;
  readonly apart: number;
  readonly step: number;
}

/** How many elements an operand moves on in each loop. */
const moves = (kind: RowKind, { apart, step }: Rows): { readonly [L in Loop]: number } => ({
  rows: { row: apart, scalar: 1, column: 0 }[kind],
  place: { row: step, scalar: 0, column: 1 }[kind],
});

/** The arguments of a kernel, except addresses and the number of rows. */
function wordsOf({ kernel, loops, areas, numbers }: PassKernel, given: Rows, scratch: Rows): Int32Array {
  const words = new Int32Array(layout.words(kernel));
  const floats = new Float32Array(words.buffer);
  if (kernel.rank > 1) words[layout.size(1)] = given.n;
  areas.forEach(({ of, kind }, k) => {
    const bytes = of === "place" ? 1 : dtypeInfo[kernel.operands[k]!.dtype].bytes;
    const by = moves(kind, of === "scratch" ? scratch : given);
    loops.forEach((loop, l) => (words[layout.operand(kernel, k) + 1 + l] = by[loop] * bytes));
  });
  numbers.forEach((number, slot) => {
    const into = kernel.numbers[slot] === "f32" ? floats : words;
    into[layout.number(kernel, slot)] = number.kind === "given" ? number.value : given.n;
  });
  return words;
}

/** A pass with its code; its arguments and what it hands on lie in scratch memory, at byte offsets. */
interface PreparedPass {
  readonly run: (args: number, begin: number, end: number) => void;
  readonly words: Int32Array;
  readonly at: number;
  /** The loop that takes a range. */
  readonly first: Loop;
  readonly places: readonly (Area & { readonly bytes: number; readonly word: number })[];
}

/** The passes of a program on at most so many rows at a time, of so many elements in all. */
function stepsOf(
  m: CallMemory,
  passes: readonly PassKernel[],
  most: number,
  given: Rows,
  across: boolean,
  elements: number,
) {
  const scratchRows: Rows = { n: given.n, apart: across ? 1 : given.n, step: across ? most : 1 };
  let scratch = 0;
  const take = (bytes: number): number => (scratch += aligned(bytes)) - aligned(bytes);
  /** Where values lie, by instruction. */
  const values = new Map<number, number>();
  const steps = passes.map((pass): PreparedPass => {
    const { kernel, loops, areas } = pass;
    const memory = fits(kernel, elements, m) ? m : m.wasm;
    const { run } = machineCode<"run">(memory, kernel.key, (module, machine) => writeKernel(module, kernel, machine));
    const words = wordsOf(pass, given, scratchRows);
    const places = areas.map((area, k) => {
      const { bytes } = dtypeInfo[kernel.operands[k]!.dtype];
      if (area.of === "scratch" && !values.has(area.index))
        values.set(area.index, take(most * bytes * (area.kind === "row" ? given.n : 1)));
      return { ...area, bytes, word: layout.operand(kernel, k) };
    });
    return { run, words, places, first: loops[0]!, at: take(words.byteLength) };
  });
  return { steps, values, scratch };
}

/** The call of an operation with a row kernel. */
export const rowCall = <A>(op: RowOperation, kernel: RowKernel<A>): Call<A> =>
  dense((m, attrs, outs, inputs) => {
    const axis = rowAxis(op.name, kernel, attrs, inputs[0]!.shape);
    const { outer, size: n, inner } = linesAlong(inputs[0]!.shape, axis);
    if (outs.every(({ shape }) => sizeOf(shape) === 0)) return idle;
    // Rows lie one after the other; or beside each other, `inner` of them in each block.
    const across = inner > 1;
    const units = outer * inner;
    const block = across ? inner : units;
    const most = Math.min(block, Math.max(across ? 16 : 4, (AT_ONCE / n) & ~3));
    const dtypes = { operand: inputs.map(({ dtype }) => dtype), result: outs.map(({ dtype }) => dtype) };
    const program = rowProgram(op, kernel, attrs, dtypes);
    const passes = passKernels(program, dtypes, across);
    const rows = { n, apart: across ? 1 : n, step: inner };
    const { steps, values, scratch } = stepsOf(m, passes, most, rows, across, units * n);
    const { outOfRange } = program;

    const run: Prepared["run"] = (results, given, s, begin, end, { fault }) => {
      for (const { words, at } of steps) for (let i = 0; i < words.length; i++) m.put(s + at + 4 * i, words[i]!);
      blocksOf(begin, end, block, (b, from, until) => {
        for (let k = from; k < until; k += most) {
          const count = Math.min(most, until - k);
          const unit = b * block + k;
          const offset = { row: across ? b * n * inner + k : unit * n, scalar: unit, column: 0 };
          for (const { run, places, first, at } of steps) {
            const own = s + at;
            for (const { of, index, kind, bytes, word } of places) {
              if (of === "scratch") m.put(own + 4 * word, s + values.get(index)!);
              else if (of !== "place")
                m.put(own + 4 * word, (of === "result" ? results : given)[index]! + offset[kind] * bytes);
            }
            if (first === "place") m.put(own + 4 * layout.size(1), count);
            run(own, 0, first === "place" ? n : count);
          }
          if (outOfRange !== undefined) m.flag(fault, s + values.get(outOfRange)!);
        }
      });
    };
    return { units, scratch, run };
  }, ROW_DTYPES);
