// Reading: a copy to memory that the host can see, and the only wait. What went wrong on the device meanwhile (an index out
// of range, an error, its loss) is told here.
import { arrayOf, bytesOf, MemoryError, WeftError, type DType, type TypedArray } from "@weft/tensor";
import { indexErrorOf, type Node } from "@weft/kernel";
import type { Commands } from "./commands.ts";
import { mapToRead, usage } from "./constants.ts";
import type { Faults } from "./faults.ts";

/** In the mark: no index was out of range. Else it is the complement of the number of the first operation that met one. */
const NONE = 0;
/** Buffers to read through are kept for the next read, up to so many bytes together. */
const KEPT = 1 << 24;
/** So many operations with indices are remembered by where they were called. */
const REMEMBERED = 1024;

export class Reader {
  readonly #device: GPUDevice;
  readonly #commands: Commands;
  readonly #mark: GPUBuffer;
  /** Buffers to read through, by size, and their bytes. */
  readonly #free = new Map<number, GPUBuffer[]>();
  #kept = 0;
  /** Operations that may meet an index out of range, by number. */
  readonly #marked = new Map<number, Node>();
  #marks = 0;
  /** Whether one was launched since the mark was last read. */
  #suspect = false;
  readonly #faults: Faults;

  constructor(device: GPUDevice, commands: Commands, mark: GPUBuffer, faults: Faults) {
    this.#device = device;
    this.#commands = commands;
    this.#faults = faults;
    this.#mark = mark;
  }

  /** The number under which an operation notes an index out of range. */
  mark(node: Node): number {
    this.#suspect = true;
    this.#marks = (this.#marks + 1) % 0xffffffff;
    this.#marked.set(this.#marks, node);
    if (this.#marked.size > REMEMBERED) this.#marked.delete(this.#marked.keys().next().value!);
    return this.#marks;
  }

  async read(buffer: GPUBuffer, address: number, length: number, dtype: DType): Promise<TypedArray> {
    this.#faults.check();
    const bytes = length * bytesOf[dtype];
    // Copies have whole words.
    const from = address - (address % 4);
    const size = Math.ceil((address + bytes - from) / 4) * 4;
    const suspect = this.#suspect;
    this.#suspect = false;
    const staging = this.#staging(size + 4);
    const encoder = this.#commands.encoder();
    if (size > 0) encoder.copyBufferToBuffer(buffer, from, staging, 0, size);
    if (suspect) {
      encoder.copyBufferToBuffer(this.#mark, 0, staging, size, 4);
      // What is noted from here on is the next read's.
      encoder.clearBuffer(this.#mark, 0, 4);
    }
    this.#faults.awaited(() => this.#commands.submit());
    try {
      await staging.mapAsync(mapToRead, 0, size + 4);
    } catch (cause) {
      staging.destroy();
      this.#suspect ||= suspect;
      return this.#faults.explain(cause as Error);
    }
    const seen = staging.getMappedRange(0, size + 4).slice(0);
    staging.unmap();
    this.#giveBack(staging);
    await this.#faults.settled();
    this.#faults.check();
    if (suspect) this.#tell(new Uint32Array(seen, size, 1)[0]!);
    return new arrayOf[dtype](seen.slice(address - from, address - from + bytes));
  }

  #tell(mark: number): void {
    if (mark === NONE) return;
    const node = this.#marked.get(~mark >>> 0);
    throw node === undefined
      ? new WeftError("tensor-webgpu: an index was outside its axis, in an operation long ago")
      : indexErrorOf(node);
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
