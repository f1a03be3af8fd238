// Runs plans on the CPU. Preparing a plan compiles new kernels and writes the arguments of every launch to the heap;
// running it fills in addresses and numbers, and calls the kernels.
import type { DType, TypedArray } from "@weft/tensor";
import { MemoryError, UnsupportedError } from "@weft/tensor";
import { context, dtypeInfo, note, sizeOf } from "@weft/tensor/internals";
import {
  numberOf,
  Fault,
  layout,
  nameOf,
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
  type PlanRun,
} from "@weft/kernel";
import { callsWith } from "./calls/index.ts";
import { aligned, forget, type Call, type CallMemory, type Calls } from "./calls/call.ts";
import { Heap, type Block } from "./heap.ts";
import { NoMachineCode } from "./native.ts";
import { roundsOf, runStep, stretchOf, type CallStep, type KernelStep, type Step } from "./steps.ts";
import { Team, type Division } from "./threads/team.ts";
import { timed } from "./launch-times.ts";
import { fits } from "./translate/fits.ts";
import { instantiate, type KernelRun } from "./translate/index.ts";
import { storage } from "./translate/storage.ts";
import { WasmMemory } from "./wasm-memory.ts";

/** The version of this package, for messages. */
const VERSION = "0.1.0";

type NumberWord = NumberArgument & { readonly at: number };

export interface Executable {
  /** Steps by level: those of one level are independent. */
  readonly levels: readonly (readonly Step[])[];
  readonly calls: readonly CallStep[];
  /** The arguments of all launches, and for each call a word for a wrong index and its tables. */
  readonly block: Block;
  /** Triples: word in the block, slot, bytes to add. */
  readonly places: Int32Array;
  readonly numbers: readonly NumberWord[];
  /** The address of each slot in this run. */
  readonly address: Float64Array;
  /** Bytes that `first` of all calls of a level write, and scratch memory of one range. */
  readonly first: number;
  readonly scratch: number;
  /** About how many nanoseconds each level takes; 0 if it is not worth dividing. */
  readonly times: readonly number[];
  /** Their sum. */
  readonly time: number;
  /** How threads share it, if there were any the last time; "none" once there was no memory for that. */
  division: Division | "none" | undefined;
  /** The first level that may overwrite a leaf, and the first that may once all indices are checked. */
  readonly overwriting: number;
  readonly settled: number;
}

function firstWriting(levels: Plan["levels"], donations: Plan["donations"]): number {
  return levels.findIndex((level) => {
    let found = false;
    const see = (slot: number, write: boolean): void =>
      void (found ||= write && donations.some((d) => d.slot === slot));
    for (const launch of level) touched(launch, see);
    return found;
  });
}

/** Refuses a call on more elements than its kernels can count. Products count along each axis. */
function countable({ op, inputs, outs }: CallLaunch): void {
  for (const { shape } of [...outs, ...inputs])
    if (op !== "matmul" && sizeOf(shape) >= 2 ** 31)
      throw new UnsupportedError(
        `${nameOf(op)}: [${shape.join(", ")}] are more elements than @weft/tensor-cpu counts (2^31 - 1)`,
      );
}

export class Executor implements Driver<Block, Executable> {
  readonly name = "@weft/tensor-cpu";
  readonly version = VERSION;
  readonly heap: Heap;
  readonly #calls: Calls;
  readonly #foreign = new Map<AnyOp, CallMemory>();
  readonly #routines = new Map<CallMemory, WeakMap<Kernel, KernelRun>>();
  readonly #prepared = new Set<Executable>();
  readonly #memory: { arena?: Block; scratch?: Block } = {};
  readonly #team: Team;

  constructor(heap: Heap, kernels: readonly FusedKernel[] = [], team: Team = new Team(heap, 1)) {
    this.heap = heap;
    this.#calls = callsWith(kernels);
    this.#team = team;
  }

  /** What workers need is given back before memory is refused. */
  allocate(bytes: number): Block {
    try {
      return this.heap.allocate(bytes);
    } catch (error) {
      if (!(error instanceof MemoryError) || !this.#team.leave()) throw error;
      return this.heap.allocate(bytes);
    }
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
  evict(block: Block): Uint8Array {
    return this.heap.evict(block);
  }
  restore(block: Block, data: Uint8Array): void {
    this.heap.restore(block, data);
  }
  write(block: Block, data: TypedArray): void {
    this.heap.write(block, data);
  }
  view(block: Block, offset: number, length: number, dtype: DType): TypedArray {
    return this.heap.view(block, offset, length, dtype);
  }
  read(block: Block, offset: number, length: number, dtype: DType): TypedArray {
    return this.heap.read(block, offset, length, dtype);
  }
  traits(op: AnyOp): Call<unknown> | undefined {
    return this.#calls.get(op);
  }
  mayThrow(op: AnyOp): boolean {
    return this.#calls.foreign.has(op);
  }
  readonly findsAtOnce = true;
  supports(dtype: DType): boolean {
    return dtype in storage; // a later version of `tensor` may have more
  }

  /** The code of a kernel: WebAssembly where there is no machine code for it, or too little for it to do. */
  #kernel(launch: KernelLaunch): Pick<KernelStep, "run" | "wasm"> {
    const { kernel } = launch;
    try {
      if (fits(kernel, roundsOf(launch), this.heap)) return { run: this.#routine(kernel, this.heap), wasm: false };
    } catch (error) {
      if (!(error instanceof NoMachineCode)) throw error;
    }
    return { run: this.#routine(kernel, this.heap.wasm), wasm: true };
  }

  #routine(kernel: Kernel, memory: CallMemory): KernelRun {
    let runs = this.#routines.get(memory);
    if (runs === undefined) this.#routines.set(memory, (runs = new WeakMap()));
    let run = runs.get(kernel);
    if (run === undefined) runs.set(kernel, (run = instantiate(kernel, memory)));
    return run;
  }

  /** The heap; for a kernel from outside, the heap with WebAssembly of its own, so that its names are free. */
  #memoryOf(op: AnyOp): CallMemory {
    if (!this.#calls.foreign.has(op)) return this.heap;
    let own = this.#foreign.get(op);
    if (own === undefined) this.#foreign.set(op, (own = new WasmMemory(this.heap)));
    return own;
  }

  /** A call for machine code, if there is any; for WebAssembly where there is no more memory for machine code. */
  #call({ op, attrs, outs, inputs }: CallLaunch): Pick<CallStep, "call" | "wasm"> {
    const { prepare } = this.traits(op)!;
    const memory = this.#memoryOf(op);
    try {
      return { call: prepare(memory, attrs, outs, inputs), wasm: memory !== this.heap };
    } catch (error) {
      if (!(error instanceof NoMachineCode)) throw error;
      return { call: prepare(memory.wasm, attrs, outs, inputs), wasm: true };
    }
  }

  prepare(plan: Plan): Executable {
    this.check();
    const words: number[] = [];
    const places: number[] = [];
    const numbers: NumberWord[] = [];
    const calls: CallStep[] = [];
    /** Appends words, starting at an even one so that f64 numbers are aligned. */
    const lay = (more: Iterable<number>): number => {
      const at = words.length + (words.length & 1);
      words.length = at;
      for (const word of more) words.push(word);
      return at;
    };
    const kernelStep = (l: KernelLaunch): KernelStep => {
      const at = lay(l.words);
      for (const p of l.places) places.push(at + p.word, p.slot, p.bytes);
      for (const n of l.numbers) numbers.push({ ...n, at: at + n.word });
      return { launch: l, ...this.#kernel(l), args: at * 4, end: l.words[layout.end]! };
    };
    let [scratch, first] = [0, 0];
    // Only drivers that ask for chains get any.
    const launches = plan.levels as readonly (readonly Link[])[];
    const levels = launches.map((level) => {
      let top = 0;
      const steps = level.map((launch): Step => {
        if (launch.kind === "kernel") return kernelStep(launch);
        countable(launch);
        const { outs, inputs, after } = launch;
        const [out, ...others] = outs;
        const { call, wasm } = this.#call(launch);
        const step: CallStep = {
          call,
          wasm,
          launch,
          outs: [0, ...others.map(() => 0)],
          inputs: inputs.map(() => 0),
          fault: lay([0, ...(call.tables ?? [])]) * 4,
          first: top,
          stretch: after === undefined ? call.units : stretchOf(call, out),
          after: after && { ...kernelStep(after.launch), total: after.unit * out.shape[0]! },
        };
        calls.push(step);
        top += aligned(call.first?.bytes ?? 0);
        scratch = Math.max(scratch, call.scratch);
        return step;
      });
      first = Math.max(first, top);
      return steps;
    });
    const block = this.allocate(Math.max(words.length * 4, 8));
    this.heap.i32.set(words, block.address >>> 2);
    const settled = plan.donations.filter(({ early }) => !early);
    const times = levels.map((steps) => this.#team.timeOf(steps));
    const prepared: Executable = {
      levels,
      calls,
      block,
      places: Int32Array.from(places),
      numbers,
      address: new Float64Array(plan.slots.length),
      first,
      scratch,
      times,
      time: times.reduce((a, b) => a + b, 0),
      division: undefined,
      overwriting: firstWriting(launches, plan.donations),
      settled: firstWriting(launches, settled),
    };
    this.#prepared.add(prepared);
    return prepared;
  }

  check(): void {
    this.heap.check();
  }

  /** Ends the workers and gives the memory back, which compiled code keeps alive, too. */
  destroy(): void {
    this.#team.end();
    for (const e of this.#prepared) Object.assign(e, { levels: [], calls: [], division: undefined });
    this.#prepared.clear();
    this.#routines.clear();
    this.#foreign.clear();
    forget(this.heap);
    this.heap.destroy();
  }

  run(e: Executable, plan: Plan, run: PlanRun<Block>): void {
    this.check();
    const { needed, leaves, storages } = run;
    const arena = this.#memoryFor("arena", plan.arena);
    const { logs } = context;
    const { memory, scratch, division } = this.#scratchFor(e, logs === undefined);
    const { address } = e;
    const { slots } = plan;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      address[i] = slot.kind === "arena" ? arena + slot.offset : storages[i]!.address;
    }
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i]!;
      address[plan.leaves[i]!]! += leaf.offset * dtypeInfo[leaf.dtype].bytes;
    }
    this.#fill(e, needed);
    const base = e.block.address;
    const overwriting = run.open ? e.settled : e.overwriting;
    for (let i = 0; i < e.levels.length; i++) {
      if (i === overwriting) {
        if (run.careful && this.#check(e, run)) return;
        run.overwritten = true;
      }
      if (division?.levels[i] !== undefined) this.#team.run(division, e, i, address, base, memory, scratch);
      else
        for (const step of e.levels[i]!) {
          const start = logs === undefined ? 0 : performance.now();
          runStep(step, address, base, memory, scratch);
          if (logs !== undefined) note(logs, timed(step.launch, plan, start));
        }
    }
    this.#check(e, run);
  }

  /** The call of a step that threads may divide: of none from outside. */
  readonly #divisible = ({ launch: { op } }: CallStep): Call<unknown> | undefined =>
    this.#calls.foreign.has(op) ? undefined : this.traits(op);

  /** Memory for runs; for the pieces of several threads, if there are any (`divided`) and there is enough memory. */
  #scratchFor(e: Executable, divided: boolean): { memory: number; scratch: number; division: Division | undefined } {
    if (divided && e.division !== "none") {
      const division = this.#team.divide(e, e.division, this.#divisible);
      e.division = division;
      if (division !== undefined)
        try {
          const bytes = division.first + division.scratch * division.pieces;
          const memory = this.#memoryFor("scratch", bytes, (n) => this.heap.allocate(n));
          return { memory, scratch: memory + division.first, division };
        } catch (error) {
          if (!(error instanceof MemoryError)) throw error;
          e.division = "none";
        }
    }
    const memory = this.#memoryFor("scratch", e.first + e.scratch);
    return { memory, scratch: memory + e.first, division: undefined };
  }

  /** The address of memory for runs, of at least so many bytes. */
  #memoryFor(use: "arena" | "scratch", bytes: number, allocate = (n: number) => this.allocate(n)): number {
    const block = this.#memory[use];
    if (bytes <= (block?.bytes ?? 0)) return block?.address ?? 0;
    // Freed first: the larger block may overlap it, and it must not be used if the allocation fails.
    delete this.#memory[use];
    if (block !== undefined) this.heap.free(block);
    return (this.#memory[use] = allocate(bytes)).address;
  }

  /** Notes the calls that have met a wrong index so far. Returns whether there are any. */
  #check({ calls, block }: Executable, { needed, found }: PlanRun<Block>): boolean {
    for (let i = 0; i < calls.length; i++) {
      const { launch, fault } = calls[i]!;
      const node = needed[launch.node]!;
      if (this.heap.i32[(block.address + fault) >>> 2] !== 0) found.set(node, new Fault(node, true));
    }
    return found.size > 0;
  }

  #fill({ places, numbers, calls, address, block }: Executable, needed: readonly Node[]): void {
    const { i32, f32, f64 } = this.heap;
    const base = block.address >>> 2;
    for (let i = 0; i < places.length; i += 3) i32[base + places[i]!] = address[places[i + 1]!]! + places[i + 2]!;
    for (let i = 0; i < calls.length; i++) i32[base + (calls[i]!.fault >>> 2)] = 0;
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i]!;
      const at = base + n.at;
      const value = numberOf(n, needed);
      if (n.type === "f32") f32[at] = value;
      else if (n.type === "f64") f64[at >>> 1] = value;
      else i32[at] = value;
    }
  }

  drop(e: Executable): void {
    this.#prepared.delete(e);
    this.heap.free(e.block);
  }
}
