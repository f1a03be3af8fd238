// An overlay replaces the values of boxes while a function is run again: reads return what the first run read, and
// writes stay in the overlay. So the second run sees what the first one saw, and changes nothing.
import { readTensor, type DType, type Shape, type Tensor } from "@weft/tensor";
import type { Recorder } from "./tape.ts";

/** A box as an overlay sees it. */
export interface Covered {
  readonly shape: Shape;
  readonly dtype: DType;
  frozen: boolean;
  /** On an open tape the box stands for x from now on; its own value does not change. */
  trace(x: Tensor): void;
}

export class Overlay {
  /** Whether it replaces every box: then none is initialized. */
  readonly replacesAll: boolean = false;
  /** What the first run read; undefined for boxes that it wrote before reading. */
  readonly #seen: Map<Covered, Tensor | undefined> = new Map();
  /** Whether these boxes were frozen when the first run read them: they are in each run. */
  readonly #frozen: Map<Covered, boolean> = new Map();
  /** What the last run wrote, box by box. */
  written: Map<Covered, Tensor> = new Map();
  readonly #undo: (() => void)[] = [];
  readonly #recorder: Recorder | undefined;
  protected outer: Overlay | undefined = undefined;
  #noting: boolean;

  /** With a recorder the first run notes what it reads, in handles that the recorder owns. */
  constructor(recorder?: Recorder) {
    this.#recorder = recorder;
    this.#noting = recorder !== undefined;
  }

  /** Whether this is a check of f: the values that it sees were made for that. */
  get checking(): boolean {
    return this.#recorder === undefined || this.outer?.checking === true;
  }

  /** Runs `f` under the overlay. */
  during<T>(f: () => T): T {
    this.outer = current;
    this.written = new Map();
    current = this;
    const frozen = [...this.#frozen].map(([box, was]) => [box, box.frozen, (box.frozen = was)] as const);
    try {
      return f();
    } finally {
      for (const [box, is] of frozen) box.frozen = is;
      current = this.outer;
      this.outer = undefined;
      for (const undo of this.#undo.splice(0).toReversed()) undo();
      this.#noting = false;
    }
  }

  /** In a check of f, calls `undo` when f has ended: for what is kept outside of boxes. */
  atEnd(undo: () => void): void {
    if (this.#recorder === undefined) this.#undo.push(undo);
    else this.outer?.atEnd(undo);
  }

  /** Sets the value that reads of a box return. */
  put(box: Covered, x: Tensor): void {
    this.#seen.set(box, x);
  }

  look(box: Covered, now: () => Tensor): Tensor {
    if (!this.#noting) {
      const x = this.written.get(box) ?? this.#seen.get(box);
      return x === undefined ? beneath(this.outer, box, now) : readTensor(x, "read");
    }
    const x = beneath(this.outer, box, now);
    if (this.#seen.has(box)) return x;
    this.#seen.set(box, x.interpreter.level > 0 ? x : this.#recorder!.retained(x));
    this.#frozen.set(box, box.frozen);
    return x;
  }

  /** Notes a write to a box; returns whether the box itself must stay unchanged. */
  write(box: Covered, x: Tensor): boolean {
    // A scope in the function may release a plain handle before the box is read.
    this.written.set(box, x.interpreter.level > 0 ? x : (this.#recorder?.retained(x) ?? x));
    if (!this.#noting) return true;
    if (!this.#seen.has(box)) this.#seen.set(box, undefined);
    return this.outer?.write(box, x) ?? false;
  }
}

/** Notes each box right before it is assigned. Nothing else is different under it. */
export class Watch extends Overlay {
  readonly #note: (box: Covered) => void;

  constructor(note: (box: Covered) => void) {
    super();
    this.#note = note;
  }

  override get checking(): boolean {
    return this.outer?.checking === true;
  }

  override atEnd(undo: () => void): void {
    this.outer?.atEnd(undo);
  }

  override look(box: Covered, now: () => Tensor): Tensor {
    return beneath(this.outer, box, now);
  }

  override write(box: Covered, x: Tensor): boolean {
    this.#note(box);
    return this.outer?.write(box, x) ?? false;
  }
}

let current: Overlay | undefined;

const beneath = (overlay: Overlay | undefined, box: Covered, now: () => Tensor): Tensor =>
  overlay === undefined ? now() : overlay.look(box, now);

/** The current overlay. */
export const overlay = (): Overlay | undefined => current;
