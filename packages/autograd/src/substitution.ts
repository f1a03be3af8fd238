// Substitutions: while a function runs, other boxes or given values stand in for some boxes. Code that refers to a box,
// a closure for example, then works with what stands in for it. So a copy of a model runs the code of its original.
import { readTensor, type Backend, type Tensor } from "@weft/tensor";
import { constant, refuseShape } from "./box.ts";
import { setFinder, type Resume, type StandIn } from "./stand-in.ts";

export interface Substitution {
  readonly boxes: ReadonlyMap<object, StandIn>;
  /** Changes what else the code sees; the result changes it back. */
  readonly enter?: () => () => void;
}

/** A substitution, and those around it. */
interface Substitutions {
  readonly inner: Substitution;
  readonly outer: Substitutions | undefined;
}

let current: Substitutions | undefined;

function found(box: object): StandIn | undefined {
  for (let at = current; at !== undefined; at = at.outer) {
    const other = at.inner.boxes.get(box);
    if (other !== undefined) return other;
  }
  return undefined;
}

const finder = { find: found, resumed };

function set(next: Substitutions | undefined): void {
  current = next;
  setFinder(next && finder);
}

/** Calls f, which returns no promise, with a substitution. Its calls of itself are in the same one. */
export const substituted = <R>(inner: Substitution, f: () => R): R =>
  current?.inner === inner ? f() : entering([inner], { inner, outer: current }, f);

/** Calls functions with the substitutions that are current now: parts of the computation are repeated later. */
function resumed(): Resume {
  const all = current;
  const list: Substitution[] = [];
  for (let at = all; at !== undefined; at = at.outer) list.unshift(at.inner);
  return (f) => (all === current ? f() : entering(list, all, f));
}

function entering<R>(list: readonly Substitution[], next: Substitutions | undefined, f: () => R): R {
  const before = current;
  const undo: (() => void)[] = [];
  try {
    for (const { enter } of list) if (enter !== undefined) undo.unshift(enter());
    set(next);
    return f();
  } finally {
    set(before);
    for (const leave of undo) leave();
  }
}

/** A value in the place of a box's. When the box is assigned another one, that is in its place until the end. */
export class GivenValue implements StandIn {
  #x: Tensor;
  readonly #kind: string;

  constructor(kind: string, x: Tensor) {
    this.#kind = kind;
    this.#x = x;
  }

  get backend(): Backend {
    return this.#x.interpreter.backend;
  }
  get value(): Tensor {
    return this.#kind === "param" ? constant(this.#x) : this.read();
  }
  set value(x: Tensor) {
    const t = readTensor(x, this.#kind);
    if (this.#kind === "param") refuseShape(this.#x.shape, t);
    this.#x = t;
  }

  read(): Tensor {
    return readTensor(this.#x, this.#kind);
  }
}
