// The CPU backend as users see it: creation functions, synchronous reads, statistics.
import { UnsupportedError, type Backend, type Creation, type Tensor, type TypedArray } from "@weft/tensor";
import {
  boolean,
  context,
  creation,
  positive,
  readOptions,
  seedNumber,
  positiveCount,
  type OptionKind,
} from "@weft/tensor/internals";
import type { NativeCode, Refusal } from "@weft/kernel/machine";
import { Deferred, kernelsFor, type DeferredStats, type FusedKernel } from "@weft/kernel";
import { Executor, type Executable } from "./executor.ts";
import { Heap, type Block } from "./heap.ts";
import { nativeCode, type Native } from "./native.ts";
import { MOST_THREADS, type PoolOptions } from "./threads/pool-options.ts";
import { Team } from "./threads/team.ts";
import { lacking } from "./wasm/features.ts";

export interface OpenOptions {
  /** Where the stream of random numbers starts (0). */
  readonly seed?: number;
  /** False runs every operation by itself: slower, for tests; results do not change. */
  readonly fuse?: boolean;
  /** Bytes that the heap may grow to (4 GiB). */
  readonly memoryLimit?: number;
  /**
   * How many threads work on large operations, this one among them: as many as the processor has cores, and at most 16.
   * They share the heap, so in a page it must be cross-origin isolated, else it has one. Results have the same bits
   * for any number.
   */
  readonly threads?: number;
  /**
   * Whether large operations are computed by machine code of the processor (true: where `@weft/x64` is installed, in
   * Node, Bun and Deno, on a processor that it knows), or with which vectors. With false all is WebAssembly. Where it is
   * true or not given, the environment variable WEFT_NATIVE may say 0, 1, avx2 or avx512. The last digits of results
   * differ.
   */
  readonly native?: Native;
  /** Kernels of fused operations of other packages, each made by `kernel` of `@weft/tensor-cpu/kernels`. */
  readonly kernels?: readonly FusedKernel<"@weft/tensor-cpu">[];
}

export interface CpuStats extends DeferredStats {
  /** Bytes of the heap that were ever allocated; freed memory is reused. */
  readonly heap: number;
  /** Bytes of it that hold code and commands for workers: none before the first worker is started. */
  readonly commands: number;
  /** Pieces of operations that workers have carried out. */
  readonly helped: number;
}

/** What `info` says. */
export interface CpuInfo {
  /** How many threads may work, this one among them: 1 where the memory cannot be shared, or no worker can be started. */
  readonly threads: number;
  /**
   * How many there are by now. Workers are started one by one, the first after some 50 ms of work that it would have
   * helped with, and begin some time later.
   */
  readonly running: number;
  /** What large operations are computed by: WebAssembly, or vectors of the processor, such as "x86-64 AVX-512". */
  readonly code: string;
  /** Why that is not machine code of the processor, or not of its widest vectors, or not all of it; undefined if it is. */
  readonly reason?: string;
}

/** What `open` returns. Written out so that its declarations need nothing that a program's `lib` may lack. */
export interface CpuBackend extends Backend, Creation {
  /** Reads the elements of a tensor synchronously. */
  readSync(x: Tensor): TypedArray;
  stats(): CpuStats;
  info(): CpuInfo;
  /** Ends the workers and gives the memory back. Every later use of the backend fails. */
  destroy(): void;
}

/** Finds machine code, once, or why there is none: vectors that are asked for must be there. */
function finding(native: Native): () => NativeCode | Refusal {
  let found: NativeCode | Refusal | undefined;
  if (typeof native === "string") {
    found = nativeCode(native);
    if ("reason" in found) throw new UnsupportedError(`open: asked for native: "${native}", but ${found.reason}`);
  }
  return () => (found ??= nativeCode(native));
}

class Cpu extends Deferred<Block, Executable> {
  readonly #heap: Heap;
  readonly #team: Team;
  readonly #executor: Executor;
  readonly #findNative: () => NativeCode | Refusal;

  constructor(options: OpenOptions, eager: number, pool: PoolOptions) {
    const findNative = finding(options.native ?? true);
    const heap = new Heap(options.memoryLimit, () => {
      const found = findNative();
      return "reason" in found ? undefined : found;
    });
    const team = new Team(heap, options.threads ?? cores(), eager, pool);
    const executor = new Executor(heap, options.kernels, team);
    super(executor, options);
    this.#executor = executor;
    this.#heap = heap;
    this.#team = team;
    this.#findNative = findNative;
  }

  readSync(x: Tensor): TypedArray {
    return this.readNow(x);
  }

  borrow<R>(x: Tensor, f: (elements: TypedArray) => R): R {
    return this.lend(x, f);
  }

  peek(x: Tensor): TypedArray | undefined {
    return this.destroyed ? undefined : (this.stored(x) as TypedArray | undefined);
  }

  info(): CpuInfo {
    const { threads, begun } = this.#team;
    const native = this.#findNative();
    const [code, reason] =
      "reason" in native ? ["WebAssembly", native.reason] : [native.machine.name, this.#heap.refused ?? native.refused];
    return { threads, running: 1 + begun, code, ...(reason === undefined ? {} : { reason }) };
  }

  override stats(): CpuStats {
    const { bytes: commands, helped } = this.#team;
    return { ...super.stats(), heap: this.#heap.reserved, commands, helped };
  }

  get destroyed(): boolean {
    return this.#heap.destroyed;
  }

  destroy(): void {
    // Pending work will never run: the end of an enclosing scope must not try.
    context.pending.delete(this);
    this.forget();
    this.#executor.destroy();
  }
}

const threadCount: OptionKind<number> = {
  wanted: `an integer from 1 to ${MOST_THREADS}`,
  is: (x): x is number => positiveCount.is(x) && x <= MOST_THREADS,
};

const nativeOption: OptionKind<Native> = {
  wanted: `true, false, "avx2" or "avx512"`,
  is: (x): x is Native => typeof x === "boolean" || x === "avx2" || x === "avx512",
};

const openOptions = {
  seed: seedNumber,
  fuse: boolean,
  memoryLimit: positive,
  threads: threadCount,
  native: nativeOption,
  kernels: kernelsFor("@weft/tensor-cpu"),
};

/** What tells how many cores there are: in pages and newer versions of Node, and in Node 20. */
interface Host {
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly process?: { getBuiltinModule?(name: "node:os"): { availableParallelism?(): number } | undefined };
}

/** The processor's cores, as far as each gets a thread by default. */
function cores(): number {
  const { navigator, process } = globalThis as Host;
  const all = process?.getBuiltinModule?.("node:os")?.availableParallelism?.() ?? navigator?.hardwareConcurrency ?? 1;
  return Math.min(Math.max(1, all), 16);
}

/** `open`; for tests `eager`, how much less work than usual is worth dividing among threads, and sizes of the pool. */
export const make = (
  options: OpenOptions,
  eager = 1,
  pool: PoolOptions = {},
): CpuBackend & { readonly destroyed: boolean } => {
  const missing = lacking();
  if (missing !== undefined)
    throw new UnsupportedError(
      `open: the CPU backend needs ${missing}, and this platform has none; @weft/tensor-webgpu may work where there is WebGPU`,
    );
  const backend = new Cpu(readOptions<OpenOptions, object>("open", options, openOptions, {}), eager, pool);
  return Object.assign(backend, creation(backend));
};

let usual: ReturnType<typeof make> | undefined;

/**
 * Opens the CPU backend. Without options it is the same instance each time, until that is destroyed.
 *
 * @example
 * const { tensor, randn } = await open();
 */
export async function open(options?: OpenOptions): Promise<CpuBackend> {
  return openSync(options);
}

/** `open`, synchronously: nothing about the CPU has to be waited for. */
export function openSync(options?: OpenOptions): CpuBackend {
  if (options !== undefined) return make(options);
  if (usual === undefined || usual.destroyed) usual = make({});
  return usual;
}
