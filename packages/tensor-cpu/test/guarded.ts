// A memory for testing calls: every operand stands between guard bytes that read as NaN, scratch starts as NaN, and one input
// ends where the memory ends, so that reading beyond it traps.
import { dtypeInfo, type DType, type TypedArray } from "@weft/tensor";
import type { After, Call, CallMemory } from "../src/calls/call.ts";
import { relaxedSimd } from "../src/wasm/features.ts";

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
/** A machine with a memory of so many pages, made once. */
function machine(relaxed: boolean, pages: number): CallMemory {
  const key = `${relaxed} ${pages}`;
  let m = machines.get(key);
  if (m === undefined) {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const { buffer } = memory;
    m = {
      memory,
      shared: true,
      relaxed: relaxed && relaxedSimd(),
      f32: new Float32Array(buffer),
      f64: new Float64Array(buffer),
      i32: new Int32Array(buffer),
      u8: new Uint8Array(buffer),
      u16: new Uint16Array(buffer),
    };
    machines.set(key, m);
  }
  return m;
}

export interface Ran {
  readonly data: TypedArray;
  readonly flagged: boolean;
  /** What `after` was told, if asked for. */
  readonly told: readonly (readonly [number, number])[];
}

const GUARD = 128;

/** Runs a call once on each kind of machine; throws if it wrote where it must not or if the machines disagree on flags. */
export function runCall<A>(
  call: Call<A>,
  attrs: A,
  out: { readonly shape: readonly number[]; readonly dtype: DType },
  inputs: readonly Given[],
  options: { readonly after?: boolean; readonly plain?: boolean; readonly last?: number } = {},
): Ran {
  const bytes = inputs.reduce(
    (n, g) => n + g.data.byteLength + 4 * GUARD,
    count(out.shape) * dtypeInfo[out.dtype].bytes,
  );
  let m = machine(options.plain !== true, bytes < 60_000 ? 2 : 256);
  const told: (readonly [number, number])[] = [];
  const after: After | undefined = options.after ? (begin, end) => void told.push([begin, end]) : undefined;
  const operand = (g: { shape: readonly number[]; dtype: DType; strides?: readonly number[] }) => ({
    shape: g.shape,
    dtype: g.dtype,
    strides: g.strides ?? dense(g.shape),
  });
  let prepared = call.prepare(m, attrs, operand(out), inputs.map(operand), after);
  if (m.u8.length < 1e6 && bytes + prepared.scratch > 120_000) {
    m = machine(options.plain !== true, 256);
    prepared = call.prepare(m, attrs, operand(out), inputs.map(operand), after);
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
  const sources = inputs.map((g, i) => {
    const bytes = g.data.byteLength;
    const end = m.u8.length;
    const at = i === (options.last ?? 0) ? (end - bytes) & ~(dtypeInfo[g.dtype].bytes - 1) : place(bytes);
    m.u8.set(new Uint8Array(g.data.buffer, g.data.byteOffset, bytes), at);
    return at;
  });
  if (top > m.u8.length) throw new Error(`the test memory is too small: ${top} bytes wanted`);
  const before = m.u8.slice();
  const flagged = prepared.run(to, sources, scratch) === true;
  for (const [begin, end] of taken.slice(0, 2)) before.set(m.u8.subarray(begin, end), begin);
  if (Buffer.compare(Buffer.from(before.buffer), Buffer.from(m.u8.buffer as ArrayBuffer)) !== 0) {
    const at = before.findIndex((b, i) => b !== m.u8[i]);
    throw new Error(`byte ${at} changed: output ${taken[0]}, scratch ${taken[1]}, inputs at ${sources}`);
  }
  const result = m.u8.slice(to, to + bytesOut);
  return { data: new dtypeInfo[out.dtype].array(result.buffer as ArrayBuffer), flagged, told };
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
