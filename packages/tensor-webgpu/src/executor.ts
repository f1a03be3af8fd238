// Runs plans on a device. Preparing turns every level of launches into dispatches and lays their arguments out in one image;
// running fills in addresses and numbers, and sends one pass and one submit.
import { bytesOf, UnsupportedError, WeftError, type DType, type Shape, type TypedArray } from "@weft/tensor";
import type { Driver, KernelLaunch, Launch, Node, NumberPlace, Plan } from "@weft/kernel";
import { calls, type CallName } from "./calls/index.ts";
import { Pipelines, type Binding } from "./pipelines.ts";
import { Reader } from "./reader.ts";
import type { Block, Slab, Slabs } from "./slabs.ts";
import { bodyOf, groupsOf, slicesOf } from "./translate/kernel.ts";
import { headerWords, paddedWords, type Body } from "./translate/program.ts";

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
}

/** One launch within a dispatch. */
interface Part {
  readonly body: Body;
  readonly groups: number;
  /** Where its arguments begin in the image, in words. */
  readonly at: number;
  /** The slot of each operand. */
  readonly slots: readonly number[];
}

interface Dispatch {
  readonly parts: readonly Part[];
  readonly groups: number;
  /** Where its arguments begin in the image, and how many words they are. */
  readonly at: number;
  readonly words: number;
  /** The slab of each operand when the pipeline was chosen: it is chosen again only when these change. */
  readonly last: number[];
  pipeline: GPUComputePipeline | undefined;
  group: GPUBindGroup | undefined;
  /** Each part by itself. Parts share a dispatch when the plan has proved to come again, and all their slabs can be bound. */
  readonly alone: readonly Dispatch[];
}

/** More argument words than any call has. */
const CALL_WORDS = 128;
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
  /** Where each slot lies at this run. */
  readonly address: Float64Array;
  readonly slab: (Slab | undefined)[];
}

export class Executor implements Driver<Block, Executable> {
  readonly name = "@weft/tensor-webgpu";
  readonly version = VERSION;
  readonly counts = { dispatches: 0, submits: 0 };
  readonly #device: GPUDevice;
  readonly #profile: Profile;
  readonly #slabs: Slabs;
  readonly #reader: Reader;
  readonly pipelines: Pipelines;
  #arena: Block | undefined;

  constructor(device: GPUDevice, profile: Profile, slabs: Slabs) {
    this.#device = device;
    this.#profile = profile;
    this.#slabs = slabs;
    this.pipelines = new Pipelines(device, profile.threads);
    this.#reader = new Reader(device, this.pipelines.wrong);
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
    if (bytes.length > 0) this.#device.queue.writeBuffer(slab.buffer, address, bytes);
  }

  read({ slab, address }: Block, offset: number, length: number, dtype: DType): Promise<TypedArray> {
    return this.#reader.read(slab.buffer, address + offset * bytesOf[dtype], length, dtype);
  }

  accepts(op: string, input: number, operand: { shape: Shape; strides: readonly number[]; dtype: DType }): boolean {
    return callOf(op).accepts?.(input, operand) === true;
  }
  epilogue(): boolean {
    return false;
  }
  inPlace(op: string): boolean {
    return callOf(op).inPlace === true;
  }
  fused(): boolean {
    return false;
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
    /** Lays down arguments that begin at a boundary. */
    const layDown = (list: ArrayLike<number>, length = list.length): number => {
      const at = words.length;
      for (let i = 0; i < length; i++) words.push(list[i] ?? 0);
      while (words.length < at + paddedWords(length)) words.push(0);
      return at;
    };
    const kernelPart = (launch: KernelLaunch): Part => {
      const { threads } = this.#profile;
      const slices = slicesOf(launch.kernel, launch.words, threads);
      const at = layDown(launch.words);
      for (const p of launch.places) places.push(at + p.word, p.slot, p.bytes);
      for (const n of launch.numbers) numbers.push({ ...n, at: at + n.word });
      return {
        body: bodyOf(launch.kernel, slices, threads),
        groups: groupsOf(launch.kernel, slices, launch.words, threads),
        at,
        slots: launch.places.map((p) => p.slot),
      };
    };
    const part = (launch: Launch): Part => {
      if (launch.kind === "kernel") return kernelPart(launch);
      const call = callOf(launch.op).prepare(launch, this.#profile.threads);
      const operands = [...launch.inputs, launch.out];
      const own = call.mark === undefined ? 0 : 1;
      const at = layDown([...operands.map(() => 0), ...Array.from({ length: own }, () => 0), ...call.numbers]);
      operands.forEach((o, k) => places.push(at + k, o.slot, o.bytes));
      if (call.mark !== undefined) marks.push({ at: at + call.mark, node: launch.node });
      return { body: call.body, groups: call.groups, at, slots: operands.map((o) => o.slot) };
    };
    const dispatches = plan.levels.flatMap((level) =>
      this.#batches(level).map((batch): Dispatch => {
        const at = layDown([], headerWords(batch.length));
        const parts = batch.map(part);
        let groups = 0;
        parts.forEach((p, i) => {
          if (parts.length > 1) words[at + i] = groups;
          groups += p.groups;
        });
        return dispatchOf(parts, groups, at, words.length - at);
      }),
    );
    const image = Int32Array.from(words);
    const slots = plan.slots.length;
    return {
      runs: 0,
      dispatches,
      image,
      floats: new Float32Array(image.buffer),
      places: Int32Array.from(places),
      numbers,
      marks,
      address: new Float64Array(slots),
      slab: Array.from({ length: slots }),
    };
  }

  /** Launches of one level are independent: they share dispatches, as many as their arguments allow. */
  #batches(level: readonly Launch[]): Launch[][] {
    const batches: Launch[][] = [];
    let room = 0;
    for (const launch of level) {
      const words = paddedWords(wordsOf(launch));
      const batch = batches.at(-1);
      if (batch !== undefined && batch.length < SIDE_BY_SIDE && words <= room) batch.push(launch);
      else {
        batches.push([launch]);
        room = this.#profile.arguments / 4 - headerWords(SIDE_BY_SIDE);
      }
      room -= words;
    }
    return batches;
  }

  run(
    e: Executable,
    plan: Plan,
    needed: readonly Node[],
    storages: readonly Block[],
    leaves: readonly Node[],
  ): undefined {
    this.#reader.check();
    if (plan.arena > (this.#arena?.bytes ?? 0)) {
      if (this.#arena !== undefined) this.free(this.#arena);
      this.#arena = undefined;
      this.#arena = this.allocate(plan.arena);
    }
    const { address, slab } = e;
    plan.slots.forEach((slot, i) => {
      const block = slot.kind === "arena" ? this.#arena! : storages[i]!;
      slab[i] = block.slab;
      address[i] = block.address + (slot.kind === "arena" ? slot.offset : 0);
    });
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i]!;
      address[plan.leaves[i]!]! += leaf.offset * bytesOf[leaf.dtype];
    }
    this.#fill(e, needed);
    if (e.dispatches.length === 0) return undefined;
    this.pipelines.send(e.image);
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const together = e.runs++ >= this.#profile.settled;
    for (const d of e.dispatches) {
      if (d.parts.length === 1 || (together && this.#fits(d, slab))) this.#dispatch(pass, d, slab);
      else for (const part of d.alone) this.#dispatch(pass, part, slab);
    }
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    this.counts.submits++;
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

  #dispatch(pass: GPUComputePassEncoder, d: Dispatch, slab: readonly (Slab | undefined)[]): void {
    if (d.groups === 0) return;
    if (d.pipeline === undefined || moved(d, slab)) this.#choose(d, slab);
    pass.setPipeline(d.pipeline!);
    pass.setBindGroup(0, d.group!);
    pass.setBindGroup(1, this.pipelines.argumentGroup(d.words), [d.at * 4]);
    const { groups } = this.#profile;
    const rows = Math.ceil(d.groups / groups);
    if (rows > groups)
      throw new UnsupportedError(`tensor-webgpu: a launch of ${d.groups} workgroups is more than this adapter runs`);
    pass.dispatchWorkgroups(Math.ceil(d.groups / rows), rows);
    this.counts.dispatches++;
  }

  /** Whether the slabs of all parts can be bound at once. */
  #fits(d: Dispatch, slab: readonly (Slab | undefined)[]): boolean {
    if (d.pipeline !== undefined && !moved(d, slab)) return true;
    return bindingOf(d.parts, slab).slabs.length <= this.#profile.slabs;
  }

  /** Finds the pipeline and the bindings for where the operands lie now. */
  #choose(d: Dispatch, slab: readonly (Slab | undefined)[]): void {
    const binding = bindingOf(d.parts, slab);
    if (binding.slabs.length > this.#profile.slabs)
      throw new UnsupportedError(
        `tensor-webgpu: a launch whose operands lie in ${binding.slabs.length} slabs, and this adapter binds ${this.#profile.slabs}`,
      );
    d.pipeline = this.pipelines.pipeline(
      d.parts.map((p) => p.body),
      binding,
    );
    d.group = this.pipelines.slabGroup(binding.slabs);
    d.last.length = 0;
    for (const p of d.parts) for (const slot of p.slots) d.last.push(slab[slot]!.index);
  }

  /** Pipelines outlive the plans that use them. */
  drop(): void {}

  destroy(): void {
    this.#slabs.destroy();
    this.pipelines.destroy();
    this.#reader.destroy();
  }
}

function callOf(op: string): (typeof calls)[CallName] {
  const call = calls[op as CallName];
  if (call === undefined) throw new UnsupportedError(`${op}: @weft/tensor-webgpu has no kernel for it`);
  return call;
}

/** Parts side by side. */
const dispatchOf = (parts: readonly Part[], groups: number, at: number, words: number): Dispatch => ({
  parts,
  groups,
  at,
  words,
  last: [],
  pipeline: undefined,
  group: undefined,
  alone: parts.length === 1 ? [] : parts.map((p) => dispatchOf([p], p.groups, p.at, paddedWords(p.body.words))),
});

/** Argument words of a launch, before it is laid down. */
const wordsOf = (launch: Launch): number => (launch.kind === "kernel" ? launch.words.length : CALL_WORDS);

/** Whether an operand lies in another slab than when the pipeline was chosen. */
function moved(d: Dispatch, slab: readonly (Slab | undefined)[]): boolean {
  let k = 0;
  for (const p of d.parts) for (const slot of p.slots) if (d.last[k++] !== slab[slot]!.index) return true;
  return false;
}

function bindingOf(parts: readonly Part[], slab: readonly (Slab | undefined)[]): Binding {
  const slabs: Slab[] = [];
  const bindings = parts.map((p) =>
    p.slots.map((slot) => {
      const found = slabs.indexOf(slab[slot]!);
      return found >= 0 ? found : slabs.push(slab[slot]!) - 1;
    }),
  );
  return { slabs, bindings };
}

/** A number of a node: one of its operands, or (below 0) key and counter of a random source. */
function numberOf(node: Node, input: number): number {
  if (input >= 0) return node.inputs[input] as number;
  const { key, counter } = node.attrs as { key: readonly [number, number]; counter: number };
  return input === -1 ? key[0] : input === -2 ? key[1] : counter;
}
