// Runs plans on a device. Preparing turns every level of launches into dispatches and lays their arguments out in one image;
// running fills in addresses and numbers, and sends one pass and one submit.
import { bytesOf, UnsupportedError, WeftError, type DType, type Shape, type TypedArray } from "@weft/tensor";
import type { CallLaunch, Driver, Launch, Node, NumberPlace, Plan, Rowwise } from "@weft/kernel";
import { callOf, isCall } from "./calls/index.ts";
import {
  batchesOf,
  bindingOf,
  bodiesFor,
  dispatchOf,
  moved,
  worksOfKernel,
  workOfStage,
  type Dispatch,
  type Part,
  type Places,
  type Work,
  type Works,
} from "./dispatch.ts";
import { workOfChain } from "./chain.ts";
import { Commands } from "./commands.ts";
import { Pipelines } from "./pipelines.ts";
import type { Profiler } from "./profiler.ts";
import { Reader } from "./reader.ts";
import type { Block, Slab, Slabs } from "./slabs.ts";
import { headerWords, paddedWords } from "./translate/program.ts";

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
  readonly crowd: number;
  /** Whether slabs may be bound as vectors: writing one component leaves the others alone. */
  readonly vectors: boolean;
}

/** Launches that stand side by side in one dispatch, at most: more would make too many different programs. */
const SIDE_BY_SIDE = 16;

export interface Executable {
  /** How often it has run. */
  runs: number;
  readonly dispatches: readonly Dispatch[];
  /** The arguments of all dispatches. */
  readonly image: Int32Array<ArrayBuffer>;
  readonly floats: Float32Array;
  /** Triples: word in the image, slot, bytes to add. */
  readonly places: Int32Array;
  readonly numbers: readonly (NumberPlace & { readonly at: number })[];
  /** Words that get the number of an operation which may meet an index out of range. */
  readonly marks: readonly { readonly at: number; readonly node: number }[];
  /** Where each slot lies at this run; the last one is the workspace of calls with two stages. */
  readonly address: Float64Array;
  readonly slab: (Slab | undefined)[];
  /** Bytes of the workspace. */
  readonly workspace: number;
}

export class Executor implements Driver<Block, Executable> {
  readonly name = "@weft/tensor-webgpu";
  readonly version = VERSION;
  readonly #device: GPUDevice;
  readonly #profile: Profile;
  readonly #slabs: Slabs;
  readonly #reader: Reader;
  readonly commands: Commands;
  readonly pipelines: Pipelines;
  readonly #offset = new Uint32Array(1);
  /** The dispatches of the current flush. */
  readonly #chosen: Dispatch[] = [];
  #arena: Block | undefined;
  #workspace: Block | undefined;

  readonly #profiler: Profiler | undefined;

  constructor(device: GPUDevice, profile: Profile, slabs: Slabs, profiler?: Profiler) {
    this.#device = device;
    this.#profiler = profiler;
    this.#profile = profile;
    this.#slabs = slabs;
    this.commands = new Commands(device);
    this.pipelines = new Pipelines(device, this.commands, profile.threads, profile.vectors);
    this.#reader = new Reader(device, this.commands, this.pipelines.wrong);
  }

  allocate(bytes: number): Block {
    return this.#slabs.allocate(bytes);
  }
  free(block: Block): void {
    this.#slabs.free(block);
  }

  write({ slab, address }: Block, data: TypedArray): void {
    this.#reader.check();
    let bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
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

  read({ slab, address }: Block, offset: number, length: number, dtype: DType): Promise<TypedArray> {
    return this.#reader.read(slab.buffer, address + offset * bytesOf[dtype], length, dtype);
  }

  accepts(op: string, input: number, operand: { shape: Shape; strides: readonly number[]; dtype: DType }): boolean {
    return callOf(op).accepts?.(input, operand) === true;
  }
  epilogue(op: string): boolean {
    return callOf(op).epilogue === true;
  }
  readonly reductionEpilogues = true;
  inPlace(op: string): boolean {
    return callOf(op).inPlace === true;
  }
  rowwise(launch: CallLaunch): Rowwise | undefined {
    return callOf(launch.op).rowwise?.(launch);
  }
  fused(name: string, dtypes: readonly DType[]): boolean {
    return isCall(name) && dtypes.every((d) => d === "f32" || d === "i32");
  }
  supports(dtype: DType): boolean {
    return dtype !== "f64" && dtype !== "f16";
  }

  /** Records that the device is gone: whatever is asked of it from now on fails with this message. */
  lose(reason: string): void {
    this.#reader.fail(new WeftError(`tensor-webgpu: the device was lost (${reason}); open() gives another one`), true);
  }
  /** Records an error that the device found: the next read fails with it. */
  fail(message: string): void {
    this.#reader.fail(new WeftError(`tensor-webgpu: ${message}`), false);
  }

  prepare(plan: Plan): Executable {
    const words: number[] = [];
    const places: number[] = [];
    const numbers: (NumberPlace & { at: number })[] = [];
    const marks: { at: number; node: number }[] = [];
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
      for (const p of work.places) places.push(at + p.word, p.slot, p.bytes);
      for (const n of work.numbers) numbers.push({ ...n, at: at + n.word });
      for (const m of work.marks) marks.push({ at: at + m.word, node: m.node });
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
    const image = Int32Array.from(words);
    return {
      runs: 0,
      dispatches,
      image,
      floats: new Float32Array(image.buffer),
      places: Int32Array.from(places),
      numbers,
      marks,
      address: new Float64Array(slots + 1),
      slab: Array.from({ length: slots + 1 }),
      workspace,
    };
  }

  #worksOf(launch: Launch, workspace: number, offset: number): Works {
    if (launch.kind === "kernel") return worksOfKernel(launch, this.#profile, workspace, offset);
    if (launch.kind === "chain") return { works: [workOfChain(launch, this.#profile)], workspace: 0 };
    const { stages, workspace: bytes } = callOf(launch.op).prepare(launch, this.#profile);
    const { op, node } = launch;
    return { works: stages.map((stage) => workOfStage(stage, op, node, workspace, offset)), workspace: bytes };
  }

  /** The block, or a larger one where it is too small. */
  #grown(block: Block | undefined, bytes: number): Block | undefined {
    if (bytes <= (block?.bytes ?? 0)) return block;
    if (block !== undefined) this.free(block);
    return this.allocate(bytes);
  }

  run(
    e: Executable,
    plan: Plan,
    needed: readonly Node[],
    storages: readonly Block[],
    leaves: readonly Node[],
  ): undefined {
    const begun = this.#profiler?.now() ?? 0;
    this.#reader.check();
    const [arena, workspace] = [this.#arena, this.#workspace];
    // Given back before more is asked for: a failure must not leave them in two hands.
    this.#arena = plan.arena > (arena?.bytes ?? 0) ? undefined : arena;
    this.#arena = this.#grown(arena, plan.arena);
    this.#workspace = e.workspace > (workspace?.bytes ?? 0) ? undefined : workspace;
    this.#workspace = this.#grown(workspace, e.workspace);
    const { address, slab } = e;
    for (let i = 0; i < plan.slots.length; i++) {
      const slot = plan.slots[i]!;
      const block = slot.kind === "arena" ? this.#arena : storages[i];
      if (block === undefined) continue; // nothing uses it: its value stays in registers
      slab[i] = block.slab;
      address[i] = block.address + (slot.kind === "arena" ? slot.offset : 0);
    }
    if (this.#workspace !== undefined) {
      slab[plan.slots.length] = this.#workspace.slab;
      address[plan.slots.length] = this.#workspace.address;
    }
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i]!;
      address[plan.leaves[i]!]! += leaf.offset * bytesOf[leaf.dtype];
    }
    this.#fill(e, needed);
    if (e.dispatches.length === 0) return undefined;
    const base = this.commands.reserve(e.image.length);
    this.commands.put(base, e.image);
    const together = e.runs++ >= this.#profile.settled;
    const chosen = this.#chosen;
    let n = 0;
    for (const d of e.dispatches) {
      if (d.parts.length === 1 || (together && this.#fits(d, e))) chosen[n++] = d;
      else for (const part of d.alone) chosen[n++] = part;
    }
    if (this.#profiler === undefined) {
      const pass = this.commands.pass();
      for (let i = 0; i < n; i++) this.#dispatch(pass, chosen[i]!, e, base);
      this.commands.flushed(n);
    } else {
      const encode = (pass: GPUComputePassEncoder, d: Dispatch): void => this.#dispatch(pass, d, e, base);
      this.#profiler.encode(this.commands.encoder(), chosen.slice(0, n), encode);
      this.commands.flushed(n);
      this.commands.submit();
      this.#profiler.ran(begun);
    }
    return undefined;
  }

  #fill({ image, floats, places, numbers, marks, address }: Executable, needed: readonly Node[]): void {
    for (let i = 0; i < places.length; i += 3) image[places[i]!] = address[places[i + 1]!]! + places[i + 2]!;
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i]!;
      const value = numberOf(needed[n.node]!, n.input);
      if (n.type === "f32") floats[n.at] = value;
      else image[n.at] = value;
    }
    for (const { at, node } of marks) image[at] = this.#reader.mark(needed[node]!);
  }

  #dispatch(pass: GPUComputePassEncoder, d: Dispatch, places: Places, base: number): void {
    if (d.groups === 0) return;
    if (d.pipeline === undefined || d.generation !== this.commands.generation || moved(d, places))
      this.#choose(d, places);
    pass.setPipeline(d.pipeline!);
    this.#offset[0] = (base + d.at) * 4;
    pass.setBindGroup(0, d.group!, this.#offset, 0, 1);
    const { groups } = this.#profile;
    const rows = Math.ceil(d.groups / groups);
    if (rows > groups)
      throw new UnsupportedError(`tensor-webgpu: a launch of ${d.groups} workgroups is more than this adapter runs`);
    pass.dispatchWorkgroups(Math.ceil(d.groups / rows), rows);
  }

  /** Whether the slabs of all parts can be bound at once. */
  #fits(d: Dispatch, places: Places): boolean {
    if (d.pipeline !== undefined && !moved(d, places)) return true;
    return bindingOf(d.parts, places).slabs.length <= this.#profile.slabs;
  }

  /** Finds the pipeline and the bindings for where the operands lie now. */
  #choose(d: Dispatch, places: Places): void {
    const binding = bindingOf(d.parts, places);
    if (binding.slabs.length > this.#profile.slabs)
      throw new UnsupportedError(
        `tensor-webgpu: a launch whose operands lie in ${binding.slabs.length} slabs, and this adapter binds ${this.#profile.slabs}`,
      );
    d.pipeline = this.pipelines.pipeline(bodiesFor(d, places), binding);
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
