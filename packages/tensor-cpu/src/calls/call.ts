// What a call is: a hand-shaped kernel (a product, a convolution, a sort) prepared once for its shapes and run with
// addresses; and how the WebAssembly behind it is built once for a memory.
import type { AnyOp, CallTraits, FusedKernel } from "@weft/kernel";
import type { DType, FusedOp } from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import { math } from "../translate/math.ts";
import { I32, Module, type Func, type Local, type VOID } from "../wasm/emitter.ts";

/** How one operand lies in memory: strides in elements; the address comes at run time. */
export interface Operand {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly dtype: DType;
}

/** What there is of each result: one, unless a fused operation has several. */
export type Results<T> = readonly [T, ...T[]];

/** The memory that calls work on. The views are made anew when it grows: always read them from the machine. */
export interface CallMemory {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  /** Whether fused multiply-adds (relaxed SIMD) may be used. */
  readonly relaxed: boolean;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
}

/** Byte addresses that all ranges of a call have in common, beside its operands. */
export interface Common {
  /** Where its tables lie. */
  readonly tables: number;
  /** What `first` has written. */
  readonly shared: number;
  /** A word that is set to 1 where an index is out of range. */
  readonly fault: number;
}

/**
 * Work in `units` that do not depend on each other. `run` does those of a range. Ranges may run at the same time: none writes
 * what another one reads or writes, and each has scratch memory of its own. The result has the same bits, however the
 * units are cut: a sum is never cut between two ranges, but only as its sizes say.
 */
export interface Work {
  readonly units: number;
  /** All but the range are byte addresses. */
  run(
    outs: Results<number>,
    inputs: readonly number[],
    scratch: number,
    begin: number,
    end: number,
    common: Common,
  ): void;
}

/** A call prepared for shapes: nothing is computed again at run time but addresses. */
export interface Prepared extends Work {
  /** Bytes of scratch memory that each range needs, 64-byte aligned. */
  readonly scratch: number;
  /** Units that a range should have (1): what it does for itself, such as packing an operand, is little beside so many. */
  readonly grain?: number;
  /** What ranges look up: it is written into memory once, where the plan is prepared. */
  readonly tables?: Int32Array;
  /** What all ranges read: `bytes` of memory, which this work fills (its only result) before the first of them starts. It has no scratch. */
  readonly first?: Work & { readonly bytes: number };
}

type Prepare<Attrs> = (m: CallMemory, attrs: Attrs, outs: Results<Operand>, inputs: readonly Operand[]) => Prepared;

/**
 * One hand-shaped kernel of an operation with these attributes. Results are contiguous; so is an input, unless `accepts` says
 * that it may lie otherwise. `Call<never>` is that of any operation.
 */
export interface Call<Attrs = never> extends CallTraits<Attrs> {
  /**
   * With `epilogue`, every step of the first axis of a single result has the same number of units, and they are in order: an elementwise
   * kernel follows on ranges of them.
   */
  readonly prepare: Prepare<Attrs>;
}

/**
 * The kernel of a fused operation, for `open({ kernels: [...] })`: it runs wherever the operands have dtypes that `call.dtypes` names.
 *
 * @example const backend = await open({ kernels: [kernel(scaledSquareOp, scaledSquare)] });
 */
export const kernel = <A>(op: FusedOp<A>, call: Call<A>): FusedKernel<"@weft/tensor-cpu"> => ({
  backend: "@weft/tensor-cpu",
  op,
  call,
});

/** Calls of primitives by name, of fused operations by object. */
export interface Calls {
  get(op: AnyOp): Call<unknown> | undefined;
}

/** An exported function of a module: i32 in, nothing or an i32 out. */
export type Routine = (...args: number[]) => number;

const built = new WeakMap<WebAssembly.Memory, Map<string, Record<string, Routine>>>();

/** The functions that `write` puts into a module, compiled once for a memory. */
export function machineCode<Name extends string>(
  m: CallMemory,
  name: string,
  write: (module: Module, relaxed: boolean) => void,
): Record<Name, Routine> {
  let modules = built.get(m.memory);
  if (modules === undefined) built.set(m.memory, (modules = new Map()));
  const key = m.relaxed ? `${name}, relaxed` : name;
  let code = modules.get(key);
  if (code === undefined) {
    const module = new Module({ shared: m.shared });
    write(module, m.relaxed);
    const compiled = new WebAssembly.Module(module.bytes());
    code = new WebAssembly.Instance(compiled, { e: { m: m.memory, ...math } }).exports as Record<string, Routine>;
    modules.set(key, code);
  }
  return code;
}

type Int = Local<typeof I32>;

/** Adds a function whose parameters are all i32 (as many as `write` takes after the function itself). */
export function routine(
  module: Module,
  name: string,
  write: (f: Func<typeof VOID>, ...params: Int[]) => void,
): Func<typeof VOID> {
  const f = module.func(
    name,
    Array.from({ length: write.length - 1 }, () => I32),
  );
  write(f, ...(f.params as Int[]));
  return f;
}

/** Bytes up to the next multiple of 64. */
export const aligned = (bytes: number): number => (bytes + 63) & ~63;

/** A call whose operands are all contiguous. */
export const dense = <A>(prepare: Prepare<A>, rest?: Pick<Call, "epilogue" | "inPlace">): Call<A> => ({
  prepare,
  ...rest,
});

/** The prepared call that has nothing to do. */
export const idle: Prepared = { units: 0, scratch: 0, run: () => {} };

/** Cuts a range of units at multiples of n: `each(block, from, to)` gets units from…to of a block, counted within it. */
export function blocksOf(
  begin: number,
  end: number,
  n: number,
  each: (block: number, from: number, to: number) => void,
): void {
  for (let at = begin; at < end;) {
    const block = Math.floor(at / n);
    const to = Math.min(end - block * n, n);
    each(block, at - block * n, to);
    at = block * n + to;
  }
}

/** Notes that an index was out of range. */
export const outOfRange = (m: CallMemory, fault: number): void => void (m.i32[fault >>> 2] = 1);

/** Lines along an axis: `outer` blocks of `inner` lines of n elements, `inner` elements apart. */
export const lines = ({ shape }: Operand, axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  n: shape[axis]!,
  inner: sizeOf(shape.slice(axis + 1)),
});
