// The WebGPU driver: memory, reads, writes, and running a plan, which means finding storage for its values, filling in
// its arguments, and adding its dispatches to the batch.
import type { DType, TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import {
  chained,
  type AnyOp,
  type Driver,
  type FusedKernel,
  type Plan,
  type Relief,
  type PlanRun,
  type Trial,
} from "@weft/kernel";
import { Arena } from "./arena.ts";
import type { Call, Calls } from "./calls/call.ts";
import { callsWith } from "./calls/index.ts";
import { Commands } from "./commands.ts";
import type { DeviceErrors } from "./device-errors.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { Encoder } from "./encoder.ts";
import { executableOf, fill, type Executable } from "./executable.ts";
import { Pipelines } from "./pipelines.ts";
import type { Profiler } from "./profiler.ts";
import { Reader } from "./reader.ts";
import type { Block, Slabs } from "./slabs.ts";
import { storage } from "./translate/storage.ts";

const VERSION = "0.1.0";

export class Executor implements Driver<Block, Executable> {
  readonly name = "@weft/tensor-webgpu";
  readonly version = VERSION;
  readonly #device: GPUDevice;
  readonly #profile: DeviceProfile;
  readonly #slabs: Slabs;
  readonly #errors: DeviceErrors;
  readonly #reader: Reader;
  readonly commands: Commands;
  readonly pipelines: Pipelines;
  readonly #encoder: Encoder;
  /** What was in doubt at the last run. */
  #doubted = 0;
  readonly #arena: Arena;
  /** The workspace of launches with several stages. */
  readonly #workspace: Arena;
  readonly largest: number;

  readonly #profiler: Profiler | undefined;
  readonly #calls: Calls;

  constructor(
    device: GPUDevice,
    profile: DeviceProfile,
    slabs: Slabs,
    errors: DeviceErrors,
    kernels: readonly FusedKernel[] = [],
    profiler?: Profiler,
  ) {
    this.#calls = callsWith(kernels);
    this.#device = device;
    this.#errors = errors;
    this.#profiler = profiler;
    this.#profile = profile;
    this.#slabs = slabs;
    this.largest = slabs.most;
    this.#arena = new Arena(slabs);
    this.#workspace = new Arena(slabs);
    this.commands = new Commands(device);
    this.pipelines = new Pipelines(device, this.commands, errors, profile.threads, profile.vectors);
    this.#encoder = new Encoder(profile, this.commands, this.pipelines, errors, profiler);
    this.#reader = new Reader(device, this.commands, this.pipelines.flags, errors);
  }

  allocate(bytes: number): Block {
    // Before allocating a block that nobody would free.
    this.#errors.check();
    return this.#slabs.allocate(bytes);
  }
  free(block: Block): void {
    this.#slabs.free(block);
  }
  doubt(): number {
    return this.#errors.doubt;
  }
  tried(by: Trial): void {
    this.#errors.trial = by;
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
    // The queue writes at once: everything recorded before must already be sent.
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
    this.#errors.check();
  }

  prepare(plan: Plan): Executable {
    return executableOf(plan, this.#calls, this.#profile, this.#slabs);
  }

  run(e: Executable, plan: Plan, run: PlanRun<Block>): void {
    const { leaves, storages } = run;
    const begun = this.#profiler?.now() ?? 0;
    this.#errors.check();
    this.#arena.reserve(plan.arena);
    this.#workspace.reserve(e.workspace);
    if (run.careful && this.doubt() > 0) return;
    this.#apart();
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
      // A slot without a block is not used: its value stays in registers.
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
    fill(e, run, this.#reader);
    if (e.dispatches.length === 0) return;
    let base = this.commands.reserve(e.image.length);
    this.#encoder.choose(e);
    // Only now may a kernel of a package outside be in doubt.
    if (run.careful && this.doubt() > 0) return;
    if (this.#apart()) base = this.commands.reserve(e.image.length);
    this.commands.put(base, e.image);
    run.overwritten = true;
    this.#encoder.encode(base, begun, plan.slots);
  }

  /**
   * If more is in doubt than before, sends the batch so far: it needs nothing of that, and must not fail with the work
   * that does. Returns whether it did.
   */
  #apart(): boolean {
    const doubt = this.doubt();
    if (doubt <= this.#doubted) return false;
    this.#doubted = doubt;
    this.commands.submit();
    return true;
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
