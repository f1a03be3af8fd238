// The CPU backend as users see it: creation functions, synchronous reads, statistics.
import { UnsupportedError, type Backend, type Creation, type Tensor, type TypedArray } from "@weft/tensor";
import { boolean, creation, positive, readOptions, seedNumber } from "@weft/tensor/internals";
import { Deferred, kernelsFor, type DeferredStats, type FusedKernel } from "@weft/kernel";
import { Executor, type Executable } from "./executor.ts";
import { Heap, type Block } from "./heap.ts";
import { lacking } from "./wasm/features.ts";

export interface OpenOptions {
  /** Where the stream of random numbers starts (0). */
  readonly seed?: number;
  /** False runs every operation by itself: slower, for tests; results do not change. */
  readonly fuse?: boolean;
  /** Bytes that the heap may grow to (4 GiB). */
  readonly memoryLimit?: number;
  /** Kernels of fused operations of other packages, each made by `kernel` of `@weft/tensor-cpu/kernels`. */
  readonly kernels?: readonly FusedKernel<"@weft/tensor-cpu">[];
}

export interface CpuStats extends DeferredStats {
  /** Bytes of the heap that were ever allocated; freed memory is reused. */
  readonly heap: number;
}

/** What `open` returns. Written out so that its declarations need nothing that a program's `lib` may lack. */
export interface CpuBackend extends Backend, Creation {
  /** Reads the elements of a tensor synchronously. */
  readSync(x: Tensor): TypedArray;
  stats(): CpuStats;
}

class Cpu extends Deferred<Block, Executable> {
  readonly #heap: Heap;
  constructor(options: OpenOptions) {
    const heap = new Heap(options.memoryLimit);
    super(new Executor(heap, options.kernels), options);
    this.#heap = heap;
  }

  readSync(x: Tensor): TypedArray {
    return this.readNow(x);
  }

  borrow<R>(x: Tensor, f: (elements: TypedArray) => R): R {
    return this.lend(x, f);
  }

  peek(x: Tensor): TypedArray | undefined {
    return this.stored(x) as TypedArray | undefined;
  }

  override stats(): CpuStats {
    return { ...super.stats(), heap: this.#heap.reserved };
  }
}

const openOptions = { seed: seedNumber, fuse: boolean, memoryLimit: positive, kernels: kernelsFor("@weft/tensor-cpu") };

const make = (options: OpenOptions): CpuBackend => {
  const missing = lacking();
  if (missing !== undefined)
    throw new UnsupportedError(
      `open: the CPU backend needs ${missing}, and this platform has none; @weft/tensor-webgpu may work where there is WebGPU`,
    );
  const backend = new Cpu(readOptions<OpenOptions, object>("open", options, openOptions, {}));
  return Object.assign(backend, creation(backend));
};

let shared: CpuBackend | undefined;

/**
 * Opens the CPU backend. Without options it is the same instance each time.
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
  return (shared ??= make({}));
}
