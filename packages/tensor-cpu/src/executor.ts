// Runs plans on this machine. Preparing compiles what is new and lays the arguments of every launch out in the heap; running
// fills in addresses and numbers and calls.
import type { DType, TypedArray } from "@weft/tensor";
import { dtypeInfo, UnsupportedError } from "@weft/tensor";
import {
  Fault,
  layout,
  nameOf,
  sizeOf,
  touched,
  type AnyOp,
  type CallLaunch,
  type Driver,
  type FusedKernel,
  type Kernel,
  type KernelLaunch,
  type Link,
  type Node,
  type NumberArgument,
  type Plan,
  type Relief,
  type Run,
} from "@weft/kernel";
import { callsWith } from "./calls/index.ts";
import type { Call, Prepared } from "./calls/call.ts";
import { Heap, type Block } from "./heap.ts";
import { instantiate } from "./translate/index.ts";

/** The version of this package, for messages. */
const VERSION = "0.1.0";

type Routine = (args: number) => void;

interface KernelStep {
  readonly run: Routine;
  readonly args: number;
}

interface CallStep {
  readonly call: Prepared;
  readonly launch: CallLaunch;
  readonly inputs: number[];
}

type Step = KernelStep | CallStep;

export interface Executable {
  readonly steps: readonly Step[];
  /** The arguments of all launches. */
  readonly block: Block;
  /** Triples: word in the heap, slot, bytes to add. */
  readonly places: Int32Array;
  readonly numbers: readonly (NumberArgument & { readonly at: number })[];
  /** Where each slot lies at this run. */
  readonly address: Float64Array;
  readonly scratch: number;
  /** The first step that may write over a leaf, and the first one behind all checks of indices that may. */
  readonly overwriting: number;
  readonly settled: number;
}

function firstWriting(launches: readonly Link[], donations: Plan["donations"]): number {
  return launches.findIndex((launch) => {
    let found = false;
    touched(launch, (slot, write) => (found ||= write && donations.some((d) => d.slot === slot)));
    return found;
  });
}

/** Refuses a call on more elements than its kernels count. Products count along each axis. */
function countable({ op, inputs, out }: CallLaunch): void {
  for (const { shape } of [out, ...inputs])
    if (op !== "matmul" && sizeOf(shape) >= 2 ** 31)
      throw new UnsupportedError(
        `${nameOf(op)}: [${shape.join(", ")}] are more elements than @weft/tensor-cpu counts (2^31 - 1)`,
      );
}

export class Executor implements Driver<Block, Executable> {
  readonly name = "@weft/tensor-cpu";
  readonly version = VERSION;
  readonly heap: Heap;
  readonly #calls: ReadonlyMap<AnyOp, Call<unknown>>;
  readonly #routines = new WeakMap<Kernel, Routine>();
  #arena: Block | undefined;
  #scratch: Block | undefined;

  constructor(heap: Heap, kernels: readonly FusedKernel[] = []) {
    this.heap = heap;
    this.#calls = callsWith(kernels);
  }

  allocate(bytes: number): Block {
    return this.heap.allocate(bytes);
  }
  free(block: Block): void {
    this.heap.free(block);
  }
  get limit(): number {
    return this.heap.limit;
  }
  relieved(by: Relief): void {
    this.heap.relief = by;
  }
  stash(block: Block): Uint8Array {
    return this.heap.stash(block);
  }
  restore(block: Block, data: Uint8Array): void {
    this.heap.restore(block, data);
  }
  write(block: Block, data: TypedArray): void {
    this.heap.write(block, data);
  }
  read(block: Block, offset: number, length: number, dtype: DType): TypedArray {
    return this.heap.read(block, offset, length, dtype);
  }
  traits(op: AnyOp): Call<unknown> | undefined {
    return this.#calls.get(op);
  }
  readonly findsAtOnce = true;
  supports(): boolean {
    return true;
  }

  #routine(kernel: Kernel): Routine {
    let run = this.#routines.get(kernel);
    if (run === undefined) {
      run = instantiate(kernel, this.heap.memory, { shared: this.heap.shared, relaxed: this.heap.relaxed });
      this.#routines.set(kernel, run);
    }
    return run;
  }

  prepare(plan: Plan): Executable {
    // Only drivers that ask for chains get them.
    const launches = plan.levels.flat() as Link[];
    const kernels = launches.flatMap((l) =>
      l.kind === "kernel" ? [l] : l.after === undefined ? [] : [l.after.launch],
    );
    // Every launch's arguments begin on an even word, so that f64 numbers are aligned.
    const words = kernels.reduce((n, l) => n + l.words.length + (l.words.length & 1), 0);
    const block = this.heap.allocate(Math.max(words * 4, 8));
    try {
      return this.#laid(plan, launches, block);
    } catch (error) {
      this.heap.free(block);
      throw error;
    }
  }

  #laid(plan: Plan, launches: readonly Link[], block: Block): Executable {
    const places: number[] = [];
    const numbers: (NumberArgument & { at: number })[] = [];
    let next = block.address >>> 2;
    const layDown = (l: KernelLaunch): KernelStep => {
      const base = next;
      next += l.words.length + (l.words.length & 1);
      this.heap.i32.set(l.words, base);
      for (const p of l.places) places.push(base + p.word, p.slot, p.bytes);
      for (const n of l.numbers) numbers.push({ ...n, at: base + n.word });
      return { run: this.#routine(l.kernel), args: base * 4 };
    };
    let scratch = 0;
    const steps = launches.map((l): Step => {
      if (l.kind === "kernel") return layDown(l);
      const after = l.after === undefined ? undefined : this.#after(layDown(l.after.launch), l.after.unit);
      countable(l);
      const call = this.traits(l.op)!.prepare(this.heap, l.attrs, l.out, l.inputs, after);
      scratch = Math.max(scratch, call.scratch);
      return { call, launch: l, inputs: l.inputs.map(() => 0) };
    });
    return {
      steps,
      block,
      places: Int32Array.from(places),
      numbers,
      address: new Float64Array(plan.slots.length),
      scratch,
      overwriting: firstWriting(launches, plan.donations),
      settled: firstWriting(
        launches,
        plan.donations.filter(({ early }) => !early),
      ),
    };
  }

  /** Runs an epilogue on a stretch of the first axis. */
  #after({ run, args }: KernelStep, unit: number): (begin: number, end: number) => void {
    const { heap } = this;
    const at = args >>> 2;
    return (begin, end) => {
      heap.i32[at + layout.begin] = begin * unit;
      heap.i32[at + layout.end] = end * unit;
      run(args);
    };
  }

  run(e: Executable, plan: Plan, run: Run<Block>): void {
    const { needed, leaves, storages } = run;
    if (plan.arena > (this.#arena?.bytes ?? 0)) {
      // Given up first: the larger one may lie where it lay, and must not be used should there be no memory.
      if (this.#arena !== undefined) this.heap.free(this.#arena);
      this.#arena = undefined;
      this.#arena = this.heap.allocate(plan.arena);
    }
    if (e.scratch > (this.#scratch?.bytes ?? 0)) {
      if (this.#scratch !== undefined) this.heap.free(this.#scratch);
      this.#scratch = undefined;
      this.#scratch = this.heap.allocate(e.scratch);
    }
    const { address } = e;
    const { slots } = plan;
    const arena = this.#arena?.address ?? 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      address[i] = slot.kind === "arena" ? arena + slot.offset : storages[i]!.address;
    }
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i]!;
      address[plan.leaves[i]!]! += leaf.offset * dtypeInfo[leaf.dtype].bytes;
    }
    this.#fill(e, needed);
    const scratch = this.#scratch?.address ?? 0;
    const { steps } = e;
    const overwriting = run.open ? e.settled : e.overwriting;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      if (i === overwriting) {
        if (run.careful && run.found.size > 0) return;
        run.overwritten = true;
      }
      if ("run" in step) step.run(step.args);
      else {
        const { inputs, launch } = step;
        for (let k = 0; k < inputs.length; k++) inputs[k] = address[launch.inputs[k]!.slot]! + launch.inputs[k]!.bytes;
        if (step.call.run(address[launch.out.slot]! + launch.out.bytes, inputs, scratch) === true) {
          const node = needed[launch.node]!;
          run.found.set(node, new Fault(node, true));
        }
      }
    }
  }

  #fill({ places, numbers, address }: Executable, needed: readonly Node[]): void {
    const { i32, f32, f64 } = this.heap;
    for (let i = 0; i < places.length; i += 3) i32[places[i]!] = address[places[i + 1]!]! + places[i + 2]!;
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i]!;
      const value = numberOf(needed[n.node]!, n.input);
      if (n.type === "f32") f32[n.at] = value;
      else if (n.type === "f64") f64[n.at >>> 1] = value;
      else i32[n.at] = value;
    }
  }

  drop(e: Executable): void {
    this.heap.free(e.block);
  }
}

/** A number of a node: one of its operands, or (below 0) key and counter of a random source. */
function numberOf(node: Node, input: number): number {
  if (input >= 0) return node.inputs[input] as number;
  const { key, counter } = node.attrs as { key: readonly [number, number]; counter: number };
  return input === -1 ? key[0] : input === -2 ? key[1] : counter;
}
