// Commands on their way to the device. The dispatches of several flushes share a pass, a submit, and one write of their
// arguments: a submit costs the host as much as several dispatches. A batch is sent when it is large, before a read or
// a write, or when the program next waits.
import { usage } from "./constants.ts";

/** A batch is sent after this many flushes, or this many dispatches. */
const FLUSHES = 8;
const DISPATCHES = 64;
/** Initial size of the arguments, in bytes. */
const FIRST = 1 << 18;
/** A uniform binding spans a power of two: at most this many bytes after its arguments. */
const TAIL = 1 << 16;

export class Commands {
  readonly #device: GPUDevice;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #words: Int32Array<ArrayBuffer>;
  /** Words in use. */
  #used = 0;
  #flushes = 0;
  #dispatches = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The arguments of the batch. A new buffer when it grows. */
  arguments: GPUBuffer;
  /** How often `arguments` has changed, or a pipeline was refused: what is bound is then looked up again. */
  generation = 0;
  readonly counts = { dispatches: 0, passes: 0, submits: 0 };

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#words = new Int32Array(FIRST / 4);
    this.arguments = this.#buffer();
  }

  #buffer(): GPUBuffer {
    const size = this.#words.byteLength + TAIL;
    return this.#device.createBuffer({ label: "weft arguments", size, usage: usage.uniform | usage.copyTarget });
  }

  /** Reserves room for the arguments of a flush; returns the word where they begin. */
  reserve(words: number): number {
    if (this.#used + words > this.#words.length) {
      this.submit();
      if (words > this.#words.length) {
        this.#words = new Int32Array(2 ** Math.ceil(Math.log2(words)));
        this.arguments.destroy();
        this.arguments = this.#buffer();
        this.generation++;
      }
    }
    const at = this.#used;
    this.#used += words;
    return at;
  }

  /** Writes arguments into the room reserved for them. */
  put(at: number, image: Int32Array): void {
    this.#words.set(image, at);
  }

  /** The pass that collects dispatches. */
  pass(): GPUComputePassEncoder {
    if (this.#pass === undefined) {
      this.#pass = this.encoder().beginComputePass();
      this.counts.passes++;
    }
    return this.#pass;
  }

  /** The encoder, with no pass open. */
  encoder(): GPUCommandEncoder {
    this.#pass?.end();
    this.#pass = undefined;
    this.#timer ??= setTimeout(() => this.submit(), 0);
    return (this.#encoder ??= this.#device.createCommandEncoder());
  }

  /** A flush of `dispatches` dispatches is complete. */
  flushed(dispatches: number): void {
    this.counts.dispatches += dispatches;
    this.#dispatches += dispatches;
    if (++this.#flushes >= FLUSHES || this.#dispatches >= DISPATCHES) this.submit();
  }

  /** Sends the batch. */
  submit(): void {
    if (this.#encoder === undefined) {
      // Only arguments of a flush that failed.
      this.#used = 0;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pass?.end();
    const { queue } = this.#device;
    if (this.#used > 0) queue.writeBuffer(this.arguments, 0, this.#words, 0, this.#used);
    queue.submit([this.#encoder.finish()]);
    this.counts.submits++;
    this.#encoder = this.#pass = undefined;
    this.#used = this.#flushes = this.#dispatches = 0;
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#encoder = this.#pass = undefined;
    this.arguments.destroy();
  }
}
