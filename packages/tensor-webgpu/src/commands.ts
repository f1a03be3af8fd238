// Commands on their way to the device. The dispatches of several flushes share a pass and a submit, and their arguments one
// write: a submit costs the host as much as several dispatches. What is collected goes off when it is much, when somebody
// reads or writes, or when the program next waits.
import { usage } from "./constants.ts";

/** So many flushes, or so many dispatches, are collected before they go to the device. */
const FLUSHES = 8;
const DISPATCHES = 64;
/** Bytes of arguments in the beginning. */
const FIRST = 1 << 18;
/** A uniform binding shows whole powers of two: at most so many bytes behind its arguments. */
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
  /** The arguments of what is collected. Changes when it grows. */
  arguments: GPUBuffer;
  /** How often `arguments` has changed. */
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

  /** Room for the arguments of a flush: the word where they begin. */
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

  /** Puts arguments where there is room for them. */
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

  /** A flush of so many dispatches is complete. */
  flushed(dispatches: number): void {
    this.counts.dispatches += dispatches;
    this.#dispatches += dispatches;
    if (++this.#flushes >= FLUSHES || this.#dispatches >= DISPATCHES) this.submit();
  }

  /** Sends what was collected. */
  submit(): void {
    if (this.#encoder === undefined) {
      // Arguments of a flush that failed.
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
