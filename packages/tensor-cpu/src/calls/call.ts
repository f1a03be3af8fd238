// A call: a kernel written by hand (a product, a convolution, a sort), prepared once for its shapes and run with
// addresses. And how its WebAssembly is compiled once per memory.
import { BoundedCache, type Calls as CallTable, type CallTraits, type FusedKernel } from "@weft/kernel";
import type { DType, FusedAttrs, FusedOp, TypedArray } from "@weft/tensor";
import { storage } from "../translate/storage.ts";
import { I32, type Func, type Local, type Machine, type Module, type VOID, type WriteModule } from "../wasm/emitter.ts";

/** The layout of one operand: strides in elements; the address is known at run time. */
export interface Operand {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly dtype: DType;
}

/** The results: more than one only for fused operations. */
export type Results<T> = readonly [T, ...T[]];

/** The memory that calls work on. The views are replaced when it grows: always read them from the machine. */
export interface CallMemory {
  /** A `WebAssembly.Memory`; its type needs a `lib` that programs may lack. */
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly shared: boolean;
  /** What code is written for. */
  readonly machine: Machine;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  /** Compiles, for its machine, the functions that `write` exports; equal names stand for equal code. */
  compile(name: string, write: WriteModule): Record<string, Routine>;
  /** The same memory, whose machine is WebAssembly: for code with operations that only it has. */
  readonly wasm: CallMemory;
  /** Fills so many bytes with zeros. */
  clear(address: number, bytes: number): void;
  /** Writes a word. */
  put(address: number, value: number): void;
  /** Sets a word to 1 if a byte is not 0. */
  flag(word: number, byte: number): void;
  /**
   * How many threads the call is prepared for (1). With more, its ranges run on any of them, and may do nothing but call
   * routines, whose results they do not see, and `clear`, `put` and `flag`: to read or write the arrays throws, and
   * the call then runs on the main thread.
   */
  readonly threads: number;
}

/** Byte addresses that all ranges of a call have in common, beside its operands. */
export interface Common {
  /** The address of its tables. */
  readonly tables: number;
  /** What `first` has written. */
  readonly first: number;
  /** The address of a word that is set to 1 if an index is out of range. */
  readonly fault: number;
}

/**
 * Work in independent `units`; `run` does those of a range. Ranges may run at the same time: none writes what another
 * one reads or writes, and each has scratch memory of its own. The result has the same bits however the units are
 * divided: no sum is divided between two ranges.
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

/** A call prepared for its shapes: at run time only addresses are computed. */
export interface Prepared extends Work {
  /** Bytes of scratch memory that each range needs, 64-byte aligned. */
  readonly scratch: number;
  /**
   * The least units of a range (1): beside so many, work that each range repeats, such as packing an operand, is
   * little.
   */
  readonly grain?: number;
  /** Tables for all ranges, written into memory once, when the plan is prepared. */
  readonly tables?: Int32Array;
  /**
   * Work that runs before the ranges and fills `bytes` of memory (its only result) for them to read. It has no scratch
   * memory.
   */
  readonly first?: Work & { readonly bytes: number };
  /** About how many multiply-adds all units take, if these are most of the work. */
  readonly products?: number;
}

type Prepare<Attrs> = (m: CallMemory, attrs: Attrs, outs: Results<Operand>, inputs: readonly Operand[]) => Prepared;

/**
 * A kernel, written by hand, of an operation with these attributes. Results are contiguous; so are inputs, unless
 * `accepts` allows other layouts. Every call is assignable to `Call<never>`, whose attributes nobody can give.
 */
export interface Call<Attrs = never> extends CallTraits<Attrs> {
  /**
   * With `epilogue`, every step of the first axis of a single result has the same number of units, and they are in
   * order: an elementwise kernel follows on ranges of them.
   */
  readonly prepare: Prepare<Attrs>;
}

/**
 * The kernel of a fused operation, for `open({ kernels: [...] })`: it runs if the operands have dtypes that
 * `call.dtypes` names.
 *
 * @example const backend = await open({ kernels: [kernel(scaledSquareOp, scaledSquare)] });
 */
export const kernel = <A extends FusedAttrs<A>>(op: FusedOp<A>, call: Call<A>): FusedKernel<"@weft/tensor-cpu"> => ({
  backend: "@weft/tensor-cpu",
  op,
  call,
});

/** All calls of the backend, of any attributes. */
export type Calls = CallTable<Call<unknown>>;

/** An exported function of a module: i32 in, nothing or an i32 out. */
export type Routine = (...args: number[]) => number | undefined;

const built = new WeakMap<CallMemory, BoundedCache<string, Record<string, Routine>>>();
/** How many modules are kept for a memory. Prepared calls hold the functions that they run. */
const MOST_MODULES = 1024;

/**
 * The functions that `write` puts into a module, compiled once for a memory and a name. A kernel from outside has names
 * of its own.
 */
export function machineCode<Name extends string>(
  m: CallMemory,
  name: string,
  write: WriteModule,
): Record<Name, Routine> {
  let modules = built.get(m);
  if (modules === undefined) built.set(m, (modules = new BoundedCache(MOST_MODULES)));
  return modules.get(name) ?? modules.add(name, m.compile(name, write));
}

/** Forgets what was compiled for a memory. */
export const forget = (m: CallMemory): void => {
  built.delete(m.wasm);
  built.delete(m);
};

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
export const dense = <A>(prepare: Prepare<A>, rest?: Pick<Call, "dtypes" | "epilogue" | "inPlace">): Call<A> => ({
  prepare,
  ...rest,
});

/** The prepared call without work. */
export const idle: Prepared = { units: 0, scratch: 0, run: () => {} };

/** Splits a range of units at multiples of n: `each(block, from, to)` gets units from…to, counted within the block. */
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

/** Memory as elements of a dtype. */
export const elements = (m: CallMemory, dtype: DType): TypedArray => m[storage[dtype].view];
