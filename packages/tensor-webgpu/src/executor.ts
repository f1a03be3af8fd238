// Runs plans on a device. Preparing turns every level of launches into dispatches and lays their arguments out in one image;
// running fills in addresses and numbers, and adds the dispatches to what is on its way.
import { dtypeInfo, UnsupportedError, type DType, type TypedArray } from "@weft/tensor";
import {
  chained,
  Fault,
  nameOf,
  type AnyOp,
  type Driver,
  type FusedKernel,
  type Launch,
  type Node,
  type NumberArgument,
  type Plan,
  type Relief,
  type Run,
  type Trial,
} from "@weft/kernel";
import { Arena } from "./arena.ts";
import type { Call } from "./calls/call.ts";
import { callsWith } from "./calls/index.ts";
import {
  batchesOf,
  bindingOf,
  bodiesFor,
  dispatchOf,
  labelOf,
  moved,
  settle,
  worksOfKernel,
  workOfStage,
  type Dispatch,
  type Part,
  type Places,
  type Work,
  type Works,
} from "./dispatch.ts";
import { worksOfChain } from "./chain.ts";
import { Commands } from "./commands.ts";
import type { Faults } from "./device-errors.ts";
import { Pipelines } from "./pipelines.ts";
import type { Profiler } from "./profiler.ts";
import { Reader, SPARE } from "./reader.ts";
import type { Block, Slab, Slabs } from "./slabs.ts";
import { headerWords, paddedWords } from "./translate/program.ts";
import { storage } from "./translate/storage.ts";

const VERSION = "0.1.0";

/** What the executor needs to know of the device. */
export interface Profile {
  /** Invocations in a workgroup. */
  readonly threads: number;
  /** Slabs that one dispatch may bind. */
  readonly slabs: number;
  /** Bytes of arguments that one dispatch may have. */
  readonly arguments: number;
  /**
   * After so many runs of a plan its launches share dispatches. Before, each has a program of its own, which other plans
   * use too: a program for every group that is met once would take long to compile.
   */
  readonly settled: number;
  /** Workgroups along one axis of a dispatch. */
  readonly groups: number;
  /** Bytes of memory that a workgroup may have. */
  readonly shared: number;
  /** Invocations in a subgroup, the same for all; 0 where there are none, or their size is not known. */
  readonly subgroups: number;
  /** Workgroups that keep the device busy. */
  readonly targetWorkgroups: number;
  /** Whether writing one component of a vector leaves the others alone, in slabs and in tiles. */
  readonly vectors: boolean;
}

/** Launches that stand side by side in one dispatch, at most: more would make too many different programs. */
const SIDE_BY_SIDE = 16;

/**
 * Programs of launches side by side are compiled in the background while the launches run one by one. But a loop that never lets
 * the event loop turn would wait for ever: after so many runs they are compiled at once.
 */
const RUNS_WITHOUT_A_TURN = 32;

export interface Executable {
  /** How often it has run. */
  runs: number;
  /** How often it has run without its programs since the event loop turned. */
  waits: number;
  readonly dispatches: readonly Dispatch[];
  /** The arguments of all dispatches. */
  readonly image: Int32Array<ArrayBuffer>;
  readonly floats: Float32Array;
  /** Triples: word in the image, slot, bytes to add. */
  readonly places: Int32Array;
  readonly numbers: readonly (NumberArgument & { readonly at: number })[];
  /** By node, the words that get the number of an operation which may meet an index out of range. */
  readonly marks: ReadonlyMap<number, readonly number[]>;
  /** Where each slot lies at this run; the last one is the workspace of what has several stages. */
  readonly address: Float64Array;
  readonly slab: (Slab | undefined)[];
  /** Where they lay at the run before, and how often that has changed. */
  readonly before: Float64Array;
  version: number;
  /** Bytes of the workspace. */
  readonly workspace: number;
}

export class Executor implements Driver<Block, Executable> {
  readonly name = "@weft/tensor-webgpu";
  readonly version = VERSION;
  readonly #device: GPUDevice;
  readonly #profile: Profile;
  readonly #slabs: Slabs;
  readonly #faults: Faults;
  readonly #reader: Reader;
  readonly commands: Commands;
  readonly pipelines: Pipelines;
  readonly #offset = new Uint32Array(1);
  /** Which pipeline was set last, and in which pass. */
  readonly #set: { pass: unknown; pipeline: unknown } = { pass: undefined, pipeline: undefined };
  /** The dispatches of the current flush. */
  readonly #chosen: Dispatch[] = [];
  /** The doubt that the last run was in. */
  #doubted = 0;
  readonly #arena: Arena;
  /** Of what has more than one stage. */
  readonly #workspace: Arena;
  readonly largest: number;

  readonly #profiler: Profiler | undefined;
  readonly #calls: ReadonlyMap<AnyOp, Call<unknown>>;

  constructor(
    device: GPUDevice,
    profile: Profile,
    slabs: Slabs,
    faults: Faults,
    kernels: readonly FusedKernel[] = [],
    profiler?: Profiler,
  ) {
    this.#calls = callsWith(kernels);
    this.#device = device;
    this.#faults = faults;
    this.#profiler = profiler;
    this.#profile = profile;
    this.#slabs = slabs;
    this.largest = slabs.most;
    this.#arena = new Arena(slabs);
    this.#workspace = new Arena(slabs);
    this.commands = new Commands(device);
    this.pipelines = new Pipelines(device, this.commands, faults, profile.threads, profile.vectors);
    this.#reader = new Reader(device, this.commands, this.pipelines.wrong, faults);
  }

  allocate(bytes: number): Block {
    // Before there is a block that nobody would give back.
    this.#faults.check();
    return this.#slabs.allocate(bytes);
  }
  free(block: Block): void {
    this.#slabs.free(block);
  }
  doubt(): number {
    return this.#slabs.doubt;
  }
  tried(by: Trial): void {
    this.#slabs.trial = by;
  }
  get limit(): number {
    return this.#slabs.limit;
  }
  relieved(by: Relief): void {
    this.#slabs.relief = by;
  }

  write({ slab, address }: Block, data: TypedArray): void {
    let bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    // Dawn's binding for Node crashes on shared memory.
    if (Object.prototype.toString.call(data.buffer) === "[object SharedArrayBuffer]") bytes = bytes.slice();
    if (bytes.length % 4 !== 0) {
      // The queue writes whole words.
      const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
      padded.set(bytes);
      bytes = padded;
    }
    // The queue writes at once: whatever was asked for before must be on its way.
    this.commands.submit();
    if (bytes.length > 0) this.#device.queue.writeBuffer(slab.buffer, address, bytes);
  }

  async read({ slab, address }: Block, offset: number, length: number, dtype: DType): Promise<TypedArray> {
    this.#slabs.check([slab]);
    // The copy is sent now, before the block may be handed out again.
    const data = await this.#reader.read(slab.buffer, address + offset * dtypeInfo[dtype].bytes, length, dtype);
    this.#slabs.check([slab]);
    return data;
  }

  traits(op: AnyOp): Call<unknown> | undefined {
    return this.#calls.get(op);
  }
  readonly reductionEpilogues = true;
  readonly arrange = chained;
  supports(dtype: DType): boolean {
    return storage[dtype] !== undefined;
  }

  check(): void {
    this.#faults.check();
  }

  prepare(plan: Plan): Executable {
    const words: number[] = [];
    const places: number[] = [];
    const numbers: (NumberArgument & { at: number })[] = [];
    const marks = new Map<number, number[]>();
    const slots = plan.slots.length;
    let workspace = 0;
    /** Arguments begin at a boundary. */
    const pad = (): void => {
      while (words.length % paddedWords(1) !== 0) words.push(0);
    };
    const part = (work: Work): Part => {
      const at = words.length;
      words.push(...work.words);
      pad();
      for (const p of work.places) {
        this.#slabs.admit(plan.slots[p.slot]?.bytes ?? 0);
        places.push(at + p.word, p.slot, p.bytes);
      }
      for (const n of work.numbers) numbers.push({ ...n, at: at + n.word });
      for (const m of work.marks) marks.set(m.node, [...(marks.get(m.node) ?? []), at + m.word]);
      return { ...work, at };
    };
    const dispatch = (batch: readonly Work[]): Dispatch => {
      const at = words.length;
      for (let i = headerWords(batch.length); i > 0; i--) words.push(0);
      const parts = batch.map(part);
      let groups = 0;
      parts.forEach((p, i) => {
        if (parts.length > 1) words[at + i] = groups;
        groups += p.groups;
      });
      return dispatchOf(parts, groups, at, words.length - at);
    };
    const limits = { members: SIDE_BY_SIDE, words: this.#profile.arguments / 4, shared: this.#profile.shared };
    const dispatches = plan.levels.flatMap((level) => {
      let used = 0;
      /** What runs at the same time: the first stages of all calls, then the second ones, and so on. */
      const rounds: Work[][] = [[]];
      for (const launch of level) {
        const { works, workspace: bytes } = this.#worksOf(launch, slots, used);
        works.forEach((work, i) => (rounds[i] ??= []).push(work));
        used += Math.ceil(bytes / 256) * 256;
      }
      workspace = Math.max(workspace, used);
      return rounds.flatMap((works) => batchesOf(works, limits).map(dispatch));
    });
    this.#slabs.admit(workspace);
    const image = Int32Array.from(words);
    return {
      runs: 0,
      waits: 0,
      dispatches,
      image,
      floats: new Float32Array(image.buffer),
      places: Int32Array.from(places),
      numbers,
      marks,
      address: new Float64Array(slots + 1),
      slab: Array.from({ length: slots + 1 }),
      before: new Float64Array(slots + 1),
      version: 0,
      workspace,
    };
  }

  #worksOf(launch: Launch, workspace: number, offset: number): Works {
    if (launch.kind === "kernel") return worksOfKernel(launch, this.#profile, workspace, offset);
    if (launch.kind === "chain") return { works: worksOfChain(launch, this.#calls, this.#profile), workspace: 0 };
    const { stages, workspace: bytes } = this.#calls.get(launch.op)!.prepare(launch, this.#profile);
    const { op, node } = launch;
    return { works: stages.map((stage) => workOfStage(stage, nameOf(op), node, workspace, offset)), workspace: bytes };
  }

  run(e: Executable, plan: Plan, run: Run<Block>): void {
    const { leaves, storages } = run;
    const begun = this.#profiler?.now() ?? 0;
    this.#faults.check();
    this.#arena.reserve(plan.arena);
    this.#workspace.reserve(e.workspace);
    const { doubt } = this.#slabs;
    if (doubt > 0) {
      if (run.careful) return;
      // What was collected needs nothing of a new slab, and must not fail with what does.
      if (doubt > this.#doubted) this.commands.submit();
      this.#doubted = doubt;
    }
    const { address, slab, before } = e;
    const { slots } = plan;
    before.set(address);
    let elsewhere = false;
    const lay = (slot: number, block: Block, offset: number): void => {
      elsewhere ||= slab[slot] !== block.slab;
      slab[slot] = block.slab;
      address[slot] = block.address + offset;
    };
    for (let i = 0; i < slots.length; i++) {
      const { kind, offset } = slots[i]!;
      const block = kind === "arena" ? this.#arena.block(offset) : storages[i];
      // Nothing uses a slot without a block: its value stays in registers.
      if (block !== undefined) lay(i, block, kind === "arena" ? offset % this.largest : 0);
    }
    if (e.workspace > 0) lay(slots.length, this.#workspace.block(0)!, 0);
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i]!;
      address[plan.leaves[i]!]! += leaf.offset * dtypeInfo[leaf.dtype].bytes;
    }
    for (let i = 0; !elsewhere && i < address.length; i++) elsewhere = address[i] !== before[i];
    if (elsewhere) e.version++;
    this.#slabs.check(slab);
    this.#fill(e, run);
    if (e.dispatches.length === 0) return;
    const base = this.commands.reserve(e.image.length);
    this.commands.put(base, e.image);
    const together = e.runs++ >= this.#profile.settled;
    const hurry = this.#profile.settled === 0 || e.waits >= RUNS_WITHOUT_A_TURN;
    const chosen = this.#chosen;
    let n = 0;
    let waits = false;
    for (const d of e.dispatches) {
      const made = d.parts.length === 1 || (together && this.#made(d, e, hurry));
      if (made === true) chosen[n++] = d;
      else for (const part of d.alone) chosen[n++] = part;
      waits ||= made === undefined;
    }
    if (waits && e.waits++ === 0) setTimeout(() => (e.waits = 0));
    // What can be refused is refused before anything is on its way.
    for (let i = 0; i < n; i++) {
      const d = chosen[i]!;
      if (this.#faults.debug) this.#faults.named(labelOf(d), () => this.#ready(d, e));
      else this.#ready(d, e);
    }
    run.overwritten = true;
    if (this.#profiler !== undefined) {
      const encode = (pass: GPUComputePassEncoder, d: Dispatch): void => this.#dispatch(pass, d, base);
      this.#profiler.encode(this.commands.encoder(), chosen.slice(0, n), encode);
      this.commands.counts.passes += n;
      this.commands.flushed(n);
      this.commands.submit();
      this.#profiler.ran(begun);
    } else if (this.#faults.debug) {
      for (const d of chosen.slice(0, n))
        this.#faults.named(labelOf(d), () => {
          this.#dispatch(this.commands.pass(), d, base);
          this.commands.submit();
        });
      this.commands.flushed(n);
    } else {
      const pass = this.commands.pass();
      for (let i = 0; i < n; i++) this.#dispatch(pass, chosen[i]!, base);
      this.commands.flushed(n);
    }
  }

  #fill({ image, floats, places, numbers, marks, address }: Executable, { needed, found }: Run<Block>): void {
    for (let i = 0; i < places.length; i += 3) image[places[i]!] = address[places[i + 1]!]! + places[i + 2]!;
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i]!;
      const value = numberOf(needed[n.node]!, n.input);
      if (n.type === "f32") floats[n.at] = value;
      else image[n.at] = value;
    }
    if (marks.size > 0) this.#reader.room(marks.size);
    for (const [place, words] of marks) {
      const node = needed[place]!;
      let mark = SPARE;
      if (node.open) {
        const fault = new Fault(node, undefined);
        found.set(node, fault);
        mark = this.#reader.mark(fault);
      }
      for (const at of words) image[at] = mark;
    }
  }

  #ready(d: Dispatch, places: Places): void {
    if (d.groups === 0) return;
    if (d.pipeline === undefined || d.generation !== this.commands.generation || moved(d, places))
      this.#choose(d, places);
    const { groups } = this.#profile;
    if (Math.ceil(d.groups / groups) > groups)
      throw new UnsupportedError(`tensor-webgpu: a launch of ${d.groups} workgroups is more than this adapter runs`);
  }

  #dispatch(pass: GPUComputePassEncoder, d: Dispatch, base: number): void {
    if (d.groups === 0) return;
    // The steps of a recurrence follow one another with the same.
    if (this.#set.pass !== pass || this.#set.pipeline !== d.pipeline) {
      pass.setPipeline(d.pipeline!);
      this.#set.pass = pass;
      this.#set.pipeline = d.pipeline;
    }
    this.#offset[0] = (base + d.at) * 4;
    pass.setBindGroup(0, d.group!, this.#offset, 0, 1);
    const rows = Math.ceil(d.groups / this.#profile.groups);
    pass.dispatchWorkgroups(Math.ceil(d.groups / rows), rows);
  }

  /** Whether parts can run side by side: undefined while their program is being made, false if not all their slabs can be bound. */
  #made(d: Dispatch, places: Places, hurry: boolean): boolean | undefined {
    if (d.pipeline !== undefined && !moved(d, places)) return true;
    const binding = bindingOf(d.parts, places);
    if (binding.slabs.length > this.#profile.slabs) return false;
    return this.pipelines.ready(bodiesFor(d.parts, places), binding, labelOf(d), hurry);
  }

  /** Finds the pipeline and the bindings for where the operands lie now. */
  #choose(d: Dispatch, places: Places): void {
    const binding = bindingOf(d.parts, places);
    if (binding.slabs.length > this.#profile.slabs)
      throw new UnsupportedError(
        `tensor-webgpu: a launch whose operands lie in ${binding.slabs.length} slabs, and this adapter binds ${this.#profile.slabs}; open({ fuse: false }) has launches with fewer operands`,
      );
    settle(d, places);
    d.pipeline = this.pipelines.pipeline(bodiesFor(d.parts, places), binding, labelOf(d));
    d.group = this.pipelines.group(d.words, binding.slabs);
    d.generation = this.commands.generation;
  }

  /** Pipelines outlive the plans that use them. */
  drop(): void {}

  destroy(): void {
    this.commands.destroy();
    this.#slabs.destroy();
    this.pipelines.destroy();
    this.#reader.destroy();
  }
}

/** A number of a node: one of its operands, or (below 0) key and counter of a random source. */
function numberOf(node: Node, input: number): number {
  if (input >= 0) return node.inputs[input] as number;
  const { key, counter } = node.attrs as { key: readonly [number, number]; counter: number };
  return input === -1 ? key[0] : input === -2 ? key[1] : counter;
}
