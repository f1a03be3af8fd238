// Reading: a copy to memory that the host can see, and the only wait. What meanwhile went wrong on the device (an index
// out of range, an error, its loss) is reported here.
import { MemoryError, type DType, type TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { Fault } from "@weft/kernel";
import type { Commands } from "./commands.ts";
import { mapToRead, usage } from "./constants.ts";
import type { DeviceErrors } from "./device-errors.ts";

/** Staging buffers are kept for the next read, up to this many bytes in total. */
const KEPT = 1 << 24;
/**
 * The number of flags: more than the calls in one flush, which is at most 10,000 operations. A call has one for all its
 * stages.
 */
const FLAGS = 1 << 14;
/** The flag of calls whose indices need no check; nobody reads it. */
export const SPARE = FLAGS;
const NONE: readonly Fault[] = [];

export class Reader {
  readonly #device: GPUDevice;
  readonly #commands: Commands;
  readonly #flags: GPUBuffer;
  /** Free staging buffers by size; `#kept` is their total in bytes. */
  readonly #free = new Map<number, GPUBuffer[]>();
  #kept = 0;
  /** The faults whose flags have been given out since the last copy, by the number of the flag. */
  #open: Fault[] = [];
  /** Resolves when all earlier copies have arrived. */
  #told: Promise<unknown> = Promise.resolve();
  readonly #errors: DeviceErrors;

  constructor(device: GPUDevice, commands: Commands, flags: GPUBuffer, errors: DeviceErrors) {
    this.#device = device;
    this.#commands = commands;
    this.#errors = errors;
    this.#flags = flags;
  }

  /** Gives out a flag, which a call raises where an index is out of range; returns its number. */
  flag(fault: Fault): number {
    return this.#open.push(fault) - 1;
  }

  /** Makes room for `flags` more flags. */
  room(flags: number): void {
    const { length } = this.#open;
    if (length === 0 || length + flags <= FLAGS) return;
    const staging = this.#staging(length * 4);
    const faults = this.#sendFor(staging, 0);
    this.#commands.submit();
    this.#arrival(staging, 0, faults).catch(() => undefined); // the next read fails for the same reason
  }

  /** Copies and clears the flags after all work so far: the faults are reported once the copy has arrived. */
  #sendFor(staging: GPUBuffer, at: number): readonly Fault[] {
    const faults = this.#open;
    // A new list: later calls note their faults there, before the copy arrives.
    if (faults.length === 0) return NONE;
    this.#open = [];
    const encoder = this.#commands.encoder();
    encoder.copyBufferToBuffer(this.#flags, 0, staging, at, faults.length * 4);
    encoder.clearBuffer(this.#flags, 0, faults.length * 4);
    return faults;
  }

  /** The content of a copy, once it has arrived and all earlier flags have been reported. */
  async #arrival(staging: GPUBuffer, size: number, faults: readonly Fault[]): Promise<ArrayBuffer> {
    const before = this.#told;
    const arrival = staging.mapAsync(mapToRead, 0, size + faults.length * 4).then(
      () => {
        const seen = staging.getMappedRange(0, size + faults.length * 4).slice(0);
        staging.unmap();
        this.#giveBack(staging);
        return seen;
      },
      (cause: Error) => {
        staging.destroy();
        throw cause;
      },
    );
    this.#told = Promise.allSettled([before, arrival]);
    const [seen] = await Promise.all([arrival, before]);
    const flags = new Uint32Array(seen, size);
    Fault.tell(faults, (i) => flags[i] !== 0);
    if (faults.length > 0) this.#errors.trial?.told();
    return seen;
  }

  async read(buffer: GPUBuffer, address: number, length: number, dtype: DType): Promise<TypedArray> {
    this.#errors.check();
    const bytes = length * dtypeInfo[dtype].bytes;
    // Copies are of whole words.
    const from = address - (address % 4);
    const size = Math.ceil((address + bytes - from) / 4) * 4;
    const staging = this.#staging(size + this.#open.length * 4);
    if (size > 0) this.#commands.encoder().copyBufferToBuffer(buffer, from, staging, 0, size);
    const faults = this.#sendFor(staging, size);
    this.#errors.awaited(() => this.#commands.submit());
    let seen: ArrayBuffer;
    try {
      seen = await this.#arrival(staging, size, faults);
    } catch (cause) {
      return this.#errors.explain(cause as Error);
    }
    await this.#errors.settled();
    this.#errors.check();
    return new dtypeInfo[dtype].array(seen.slice(address - from, address - from + bytes));
  }

  #staging(bytes: number): GPUBuffer {
    const size = bytes > KEPT ? Math.ceil(bytes / 4) * 4 : Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
    const free = this.#free.get(size)?.pop();
    if (free !== undefined) {
      this.#kept -= size;
      return free;
    }
    // Sent first: if there is no memory for a new buffer, work submitted together with the copy into it would not run.
    this.#errors.awaited(() => this.#commands.submit());
    return this.#errors.scoped(
      "out-of-memory",
      () => this.#device.createBuffer({ label: "weft reading", size, usage: usage.mapRead | usage.copyTarget }),
      (message) =>
        new MemoryError(`tensor-webgpu: no memory for a buffer to read ${bytes} bytes (${message.split("\n")[0]})`),
    );
  }

  #giveBack(staging: GPUBuffer): void {
    const { size } = staging;
    if (this.#errors.lost || this.#kept + size > KEPT) return staging.destroy();
    this.#kept += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [staging]);
    else free.push(staging);
  }

  destroy(): void {
    for (const list of this.#free.values()) for (const buffer of list) buffer.destroy();
  }
}
