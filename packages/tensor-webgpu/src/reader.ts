// Reading: a copy to memory that the host can see, and the only wait. What went wrong on the device meanwhile (an index out
// of range, an error, its loss) is told here.
import { MemoryError, type DType, type TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { Fault } from "@weft/kernel";
import type { Commands } from "./commands.ts";
import { mapToRead, usage } from "./constants.ts";
import type { Faults } from "./device-errors.ts";

/** Buffers to read through are kept for the next read, up to so many bytes together. */
const KEPT = 1 << 24;
/** Flags: more than the calls of one flush, which are 10,000 operations at most. Each has one, however many stages. */
const FLAGS = 1 << 14;
/** The flag of calls that need not be asked; nobody reads it. */
export const SPARE = FLAGS;
const NONE: readonly Fault[] = [];

export class Reader {
  readonly #device: GPUDevice;
  readonly #commands: Commands;
  readonly #flags: GPUBuffer;
  /** Buffers to read through, by size, and their bytes. */
  readonly #free = new Map<number, GPUBuffer[]>();
  #kept = 0;
  /** Whose flags were given out since they were last sent for, by number. */
  #open: Fault[] = [];
  /** When what was sent for before has come. */
  #told: Promise<unknown> = Promise.resolve();
  readonly #faults: Faults;

  constructor(device: GPUDevice, commands: Commands, flags: GPUBuffer, faults: Faults) {
    this.#device = device;
    this.#commands = commands;
    this.#faults = faults;
    this.#flags = flags;
  }

  /** The number of the flag that a call raises where an index is out of range. */
  flag(fault: Fault): number {
    return this.#open.push(fault) - 1;
  }

  /** Sees to it that there is room for so many flags more. */
  room(flags: number): void {
    const { length } = this.#open;
    if (length === 0 || length + flags <= FLAGS) return;
    const staging = this.#staging(length * 4);
    const faults = this.#sendFor(staging, 0);
    this.#commands.submit();
    this.#arrival(staging, 0, faults).catch(() => undefined); // the next read fails for the same reason
  }

  /** Copies the flags and clears them, behind all that was asked for: they are told when the copy can be seen. */
  #sendFor(staging: GPUBuffer, at: number): readonly Fault[] {
    const faults = this.#open;
    // Not the list itself: calls that come before the copy has arrived are noted there.
    if (faults.length === 0) return NONE;
    this.#open = [];
    const encoder = this.#commands.encoder();
    encoder.copyBufferToBuffer(this.#flags, 0, staging, at, faults.length * 4);
    encoder.clearBuffer(this.#flags, 0, faults.length * 4);
    return faults;
  }

  /** What a copy holds, once it is there and all flags before it have been told. */
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
    return seen;
  }

  async read(buffer: GPUBuffer, address: number, length: number, dtype: DType): Promise<TypedArray> {
    this.#faults.check();
    const bytes = length * dtypeInfo[dtype].bytes;
    // Copies have whole words.
    const from = address - (address % 4);
    const size = Math.ceil((address + bytes - from) / 4) * 4;
    const staging = this.#staging(size + this.#open.length * 4);
    if (size > 0) this.#commands.encoder().copyBufferToBuffer(buffer, from, staging, 0, size);
    const faults = this.#sendFor(staging, size);
    this.#faults.awaited(() => this.#commands.submit());
    let seen: ArrayBuffer;
    try {
      seen = await this.#arrival(staging, size, faults);
    } catch (cause) {
      return this.#faults.explain(cause as Error);
    }
    await this.#faults.settled();
    this.#faults.check();
    return new dtypeInfo[dtype].array(seen.slice(address - from, address - from + bytes));
  }

  #staging(bytes: number): GPUBuffer {
    const size = bytes > KEPT ? Math.ceil(bytes / 4) * 4 : Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
    const free = this.#free.get(size)?.pop();
    if (free !== undefined) {
      this.#kept -= size;
      return free;
    }
    // Where there is no memory for a new one, nothing runs that is sent together with the copy into it.
    this.#faults.awaited(() => this.#commands.submit());
    return this.#faults.scoped(
      "out-of-memory",
      () => this.#device.createBuffer({ label: "weft reading", size, usage: usage.mapRead | usage.copyTarget }),
      (message) =>
        new MemoryError(`tensor-webgpu: no memory to read ${bytes} bytes through (${message.split("\n")[0]})`),
    );
  }

  #giveBack(staging: GPUBuffer): void {
    const { size } = staging;
    if (this.#faults.lost || this.#kept + size > KEPT) return staging.destroy();
    this.#kept += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [staging]);
    else free.push(staging);
  }

  destroy(): void {
    for (const list of this.#free.values()) for (const buffer of list) buffer.destroy();
  }
}
