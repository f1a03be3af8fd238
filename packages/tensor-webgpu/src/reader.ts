// Reading: a copy to memory that the host can see, and the only wait. What went wrong on the device meanwhile (an index out
// of range, an error, its loss) is told here.
import { arrayOf, bytesOf, WeftError, type DType, type TypedArray } from "@weft/tensor";
import { indexErrorOf, type Node } from "@weft/kernel";
import type { Commands } from "./commands.ts";
import { mapToRead, usage } from "./constants.ts";

/** In the mark: no index was out of range. */
const NONE = 0xffffffff;
/** So many operations with indices are remembered by where they were called. */
const REMEMBERED = 1024;

export class Reader {
  readonly #device: GPUDevice;
  readonly #commands: Commands;
  readonly #mark: GPUBuffer;
  /** Buffers to read through, by size. */
  readonly #free = new Map<number, GPUBuffer[]>();
  /** Operations that may meet an index out of range, by number. */
  readonly #marked = new Map<number, Node>();
  #marks = 0;
  /** Whether one was launched since the mark was last read. */
  #suspect = false;
  #failure: Error | undefined;
  #lost = false;

  constructor(device: GPUDevice, commands: Commands, mark: GPUBuffer) {
    this.#device = device;
    this.#commands = commands;
    this.#mark = mark;
    this.#clear();
  }

  #clear(): void {
    this.#device.queue.writeBuffer(this.#mark, 0, Uint32Array.of(NONE));
  }

  /** The number under which an operation notes an index out of range. */
  mark(node: Node): number {
    this.#suspect = true;
    this.#marks = (this.#marks + 1) % NONE;
    this.#marked.set(this.#marks, node);
    if (this.#marked.size > REMEMBERED) this.#marked.delete(this.#marked.keys().next().value!);
    return this.#marks;
  }

  fail(error: Error, lost: boolean): void {
    if (this.#lost) return;
    this.#failure = lost ? error : (this.#failure ?? error);
    this.#lost = lost;
  }

  /** Throws what the device has failed with. An error is told once, the loss of the device always. */
  check(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    if (!this.#lost) this.#failure = undefined;
    throw failure;
  }

  async read(buffer: GPUBuffer, address: number, length: number, dtype: DType): Promise<TypedArray> {
    this.check();
    const bytes = length * bytesOf[dtype];
    // Copies have whole words.
    const from = address - (address % 4);
    const size = Math.ceil((address + bytes - from) / 4) * 4;
    const suspect = this.#suspect;
    this.#suspect = false;
    const staging = this.#staging(size + 4);
    const encoder = this.#commands.encoder();
    if (size > 0) encoder.copyBufferToBuffer(buffer, from, staging, 0, size);
    if (suspect) encoder.copyBufferToBuffer(this.#mark, 0, staging, size, 4);
    this.#commands.submit();
    try {
      await staging.mapAsync(mapToRead, 0, size + 4);
    } catch (cause) {
      this.check();
      throw new WeftError(`tensor-webgpu: reading failed: ${(cause as Error).message}`, { cause });
    }
    const seen = staging.getMappedRange(0, size + 4).slice(0);
    staging.unmap();
    this.#free.get(staging.size)!.push(staging);
    this.check();
    if (suspect) this.#tell(new Uint32Array(seen, size, 1)[0]!);
    return new arrayOf[dtype](seen.slice(address - from, address - from + bytes));
  }

  #tell(mark: number): void {
    if (mark === NONE) return;
    this.#clear();
    const node = this.#marked.get(mark);
    throw node === undefined
      ? new WeftError("tensor-webgpu: an index was outside its axis, in an operation long ago")
      : indexErrorOf(node);
  }

  #staging(bytes: number): GPUBuffer {
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
    let free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, (free = []));
    return (
      free.pop() ?? this.#device.createBuffer({ label: "weft reading", size, usage: usage.mapRead | usage.copyTarget })
    );
  }

  destroy(): void {
    for (const list of this.#free.values()) for (const buffer of list) buffer.destroy();
  }
}
