// A memory for testing calls, run whole and in ranges of every kind: every operand stands between guard bytes that read as NaN, scratch starts as NaN, and one input
// ends where the memory ends, so that reading beyond it traps.
import type { DType, TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import type { WriteModule } from "@weft/kernel/machine";
import type { Call, CallMemory, Work } from "../src/calls/call.ts";
import { link } from "../src/translate/index.ts";
import { wasmBytes } from "../src/wasm/compile.ts";
import { relaxedSimd } from "../src/wasm/features.ts";
import { wasmMachine } from "../src/wasm/machine.ts";

export interface Given {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The elements in memory order; with `strides` they need not be in the order of the shape. */
  readonly data: TypedArray;
  readonly strides?: readonly number[];
}

export const dense = (shape: readonly number[]): number[] => {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
};
export const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const machines = new Map<string, CallMemory>();
/** A machine with a memory of so many pages, made once for all tests of a file. */
export function machine(relaxed: boolean, pages: number): CallMemory {
  const key = `${relaxed} ${pages}`;
  let m = machines.get(key);
  if (m === undefined) {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const { buffer } = memory;
    const [i32, u8] = [new Int32Array(buffer), new Uint8Array(buffer)];
    const compile = (_name: string, write: WriteModule) =>
      link(new WebAssembly.Module(wasmBytes(true, (module) => write(module, own))), memory);
    const own = wasmMachine(relaxed && relaxedSimd());
    m = {
      memory,
      shared: true,
      machine: own,
      compile,
      get wasm() {
        return m!;
      },
      f32: new Float32Array(buffer),
      f64: new Float64Array(buffer),
      i32,
      u8,
      u16: new Uint16Array(buffer),
      threads: 1,
      clear: (address, bytes) => void u8.fill(0, address, address + bytes),
      put: (address, value) => void (i32[address >>> 2] = value),
      flag: (word, byte) => {
        if (u8[byte] !== 0) i32[word >>> 2] = 1;
      },
    };
    machines.set(key, m);
  }
  return m;
}

export interface Ran {
  readonly data: TypedArray;
  readonly flagged: boolean;
  readonly units: number;
}

const GUARD = 128;

/** Units of the ranges that every call is cut into, as long as these are not too many. */
const CUTS = [1, 2, 3, 7];
const RANGES = 100;
/** Bytes of scratch memory that are NaN before each range. */
const MOST_SCRATCH = 1 << 14;

/** The ranges of so many units each. */
const cut = ({ units }: Work, size: number): [number, number][] =>
  Array.from({ length: Math.ceil(units / size) }, (_, i) => [i * size, Math.min((i + 1) * size, units)]);

/**
 * Runs a call whole and cut into ranges. Throws if it wrote where it must not, if a bit of the result depends on the cut or the
 * order of ranges, or if an epilogue would find a range incomplete.
 */
export function runCall<A>(
  call: Call<A>,
  attrs: A,
  out: { readonly shape: readonly number[]; readonly dtype: DType },
  inputs: readonly Given[],
  options: { readonly plain?: boolean; readonly last?: number } = {},
): Ran {
  const bytes = inputs.reduce(
    (n, g) => n + g.data.byteLength + 4 * GUARD,
    count(out.shape) * dtypeInfo[out.dtype].bytes,
  );
  let m = machine(options.plain !== true, bytes < 60_000 ? 2 : 256);
  const operand = (g: { shape: readonly number[]; dtype: DType; strides?: readonly number[] }) => ({
    shape: g.shape,
    dtype: g.dtype,
    strides: g.strides ?? dense(g.shape),
  });
  let prepared = call.prepare(m, attrs, [operand(out)], inputs.map(operand));
  if (
    m.u8.length < 1e6 &&
    bytes + prepared.scratch + (prepared.first?.bytes ?? 0) + 4 * (prepared.tables?.length ?? 0) > 120_000
  ) {
    m = machine(options.plain !== true, 256);
    prepared = call.prepare(m, attrs, [operand(out)], inputs.map(operand));
  }
  m.u8.fill(0xff);
  let top = GUARD;
  const taken: [number, number][] = [];
  const place = (bytes: number): number => {
    const at = top;
    taken.push([at, at + bytes]);
    top = (at + bytes + GUARD + 63) & ~63;
    return at;
  };
  const bytesOut = count(out.shape) * dtypeInfo[out.dtype].bytes;
  const to = place(bytesOut);
  const scratch = place(prepared.scratch);
  const written = place(prepared.first?.bytes ?? 0);
  const fault = place(4);
  const tables = place(4 * (prepared.tables?.length ?? 0));
  const common = { first: written, fault, tables };
  const sources = inputs.map((g, i) => {
    const bytes = g.data.byteLength;
    const end = m.u8.length;
    const at = i === (options.last ?? 0) ? (end - bytes) & ~(dtypeInfo[g.dtype].bytes - 1) : place(bytes);
    m.u8.set(new Uint8Array(g.data.buffer, g.data.byteOffset, bytes), at);
    return at;
  });
  if (top > m.u8.length) throw new Error(`the test memory is too small: ${top} bytes wanted`);
  m.i32[fault >>> 2] = 0;
  if (prepared.tables !== undefined) m.i32.set(prepared.tables, tables >>> 2);
  const before = m.u8.slice();
  const run = (work: Work, to: number, [begin, end]: readonly [number, number]): void => {
    m.u8.fill(0xff, scratch, scratch + Math.min(prepared.scratch, MOST_SCRATCH));
    if (begin < end) work.run([to], sources, scratch, begin, end, common);
  };
  const { first } = prepared;
  if (first !== undefined) run(first, written, [0, first.units]);
  run(prepared, to, [0, prepared.units]);
  const result = m.u8.slice(to, to + bytesOut);
  const flagged = m.i32[fault >>> 2] === 1;
  for (const [begin, end] of taken.slice(0, 4)) before.set(m.u8.subarray(begin, end), begin);
  if (Buffer.compare(Buffer.from(before.buffer), Buffer.from(m.u8.buffer as ArrayBuffer)) !== 0) {
    const at = before.findIndex((b, i) => b !== m.u8[i]);
    throw new Error(`byte ${at} changed: output ${taken[0]}, scratch ${taken[1]}, inputs at ${sources}`);
  }

  const steps = out.shape[0] ?? 1;
  for (const size of CUTS) {
    if (prepared.units > size * RANGES) continue;
    m.u8.fill(0xff, to, to + bytesOut);
    m.u8.fill(0xff, written, written + (first?.bytes ?? 0));
    m.i32[fault >>> 2] = 0;
    if (first !== undefined) for (const range of cut(first, size).toReversed()) run(first, written, range);
    for (const range of cut(prepared, size).toReversed()) run(prepared, to, range);
    if (Buffer.compare(result, m.u8.subarray(to, to + bytesOut)) !== 0 || (m.i32[fault >>> 2] === 1) !== flagged)
      throw new Error(`the result depends on the cut at ${size} of ${prepared.units} units`);
    if (call.epilogue !== true || prepared.units === 0) continue;
    if (prepared.units % steps !== 0) throw new Error(`${prepared.units} units for ${steps} steps`);
    m.u8.fill(0xff, to, to + bytesOut);
    const [unitsOfStep, bytesOfStep] = [prepared.units / steps, bytesOut / steps];
    for (let i = 0; i < steps; i += size) {
      const end = Math.min(i + size, steps);
      run(prepared, to, [i * unitsOfStep, end * unitsOfStep]);
      const [from, until] = [i * bytesOfStep, end * bytesOfStep];
      if (Buffer.compare(result.subarray(from, until), m.u8.subarray(to + from, to + until)) !== 0)
        throw new Error(`steps ${i} to ${end} of the first axis are not complete when their units are`);
    }
  }
  return { data: new dtypeInfo[out.dtype].array(result.buffer as ArrayBuffer), flagged, units: prepared.units };
}

/** A small generator, so that failures repeat. */
export function generator(seed: number) {
  let state = seed >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return {
    next,
    int: (from: number, to: number): number => from + Math.floor(next() * (to - from + 1)),
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!,
    array: (dtype: "f32" | "f64" | "i32", n: number): TypedArray =>
      new dtypeInfo[dtype].array(
        Array.from({ length: n }, () => (dtype === "i32" ? Math.floor(next() * 20) - 10 : next() - 0.5)),
      ),
  };
}

/** The largest difference, relative to the largest expected size (or 1). */
export function difference(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let worst = got.length === wanted.length ? 0 : Infinity;
  let scale = 1;
  for (let i = 0; i < wanted.length; i++)
    if (Number.isFinite(wanted[i]!)) scale = Math.max(scale, Math.abs(wanted[i]!));
  for (let i = 0; i < wanted.length; i++) {
    const [g, w] = [got[i]!, wanted[i]!];
    if (Object.is(g, w) || g === w) continue;
    const d = Math.abs(g - w) / scale;
    worst = d <= worst ? worst : Number.isNaN(d) ? Infinity : d;
  }
  return worst;
}
