// What two flushes must have in common to share a plan: operations, dtypes, shapes, layouts and wiring, but not
// numbers, random counters and addresses. The encoding is unambiguous: equal words mean equal plans.
import { ArgumentError, type Attribute } from "@weft/tensor";
import { describe, dtypeInfo, dtypeName } from "@weft/tensor/internals";
import { BoundedCache } from "./bounded-cache.ts";
import type { Node } from "./node.ts";
import { kindOfCode } from "./operation.ts";
import { isRowMajor } from "./view.ts";

const word = new Float64Array(1);
const halves = new Int32Array(word.buffer);

/** An integer from here on is encoded as itself. The words below are marks that say what follows them. */
const LOWEST = -0x80000000 + 16;
/**
 * `number`: two words of another number; `list`, `text`: a length and items or characters; `array`: the name of a class
 * and a list; the others stand for a value.
 */
const mark = { number: 1, list: 2, text: 3, true: 4, false: 5, undefined: 6, null: 7, dtype: 8, array: 9 } as const;
type Mark = keyof typeof mark;
const wordOf = (name: Mark): number => mark[name] - 0x80000000;

/** Writes a number that is no one-word integer; returns the index after it. */
function putNumber(words: Int32Array, at: number, value: number): number {
  word[0] = value;
  words[at] = wordOf("number");
  words[at + 1] = halves[0]!;
  words[at + 2] = halves[1]!;
  return at + 3;
}

/** From so many operands on, their count has a word of its own. */
const MANY = 63;
/** Codes of operations from here on have a word of their own. */
const LARGE = 0xfff;

/** Numbers that stand for names of attributes. */
const names = new Map<string, number>();
function codeOfName(name: string): number {
  let code = names.get(name);
  if (code === undefined) names.set(name, (code = names.size));
  return code;
}

export class Signature {
  #words: Int32Array = new Int32Array(4096);
  #length = 0;
  hash = 0;

  #push(value: number): void {
    if (this.#length === this.#words.length) this.#grow(1);
    this.#words[this.#length++] = value;
  }

  /** Makes room for so many more words. */
  #grow(more: number): Int32Array {
    const words = new Int32Array(this.#words.length * 2 + more);
    words.set(this.#words);
    return (this.#words = words);
  }

  #mark(name: Mark): void {
    this.#push(wordOf(name));
  }

  /** Reads the needed nodes; the leaves they use are appended to `leaves` in order of first use. */
  read(needed: readonly Node[], leaves: Node[], epoch: number): void {
    // This runs at each flush: what most nodes need is inlined here, the rest is in the methods below.
    let words = this.#words;
    let at = 0;
    for (let i = 0; i < needed.length; i++) {
      const node = needed[i]!;
      node.index = i;
      const { shape, attrs, inputs } = node;
      const rank = shape.length;
      const count = inputs.length;
      if (at + 3 * rank + 3 > words.length) words = this.#grow(3 * rank + 3);
      words[at++] =
        Math.min(node.code, LARGE) |
        (dtypeInfo[node.dtype].code << 12) |
        (node.handles > 0 ? 1 << 16 : 0) |
        (attrs === undefined ? 0 : 1 << 17) |
        (rank << 18) |
        (Math.min(count, MANY) << 25);
      if (node.code >= LARGE) words[at++] = node.code;
      if (count >= MANY) words[at++] = count;
      for (let k = 0; k < rank; k++) {
        const size = shape[k]!;
        if ((size | 0) === size) words[at++] = size;
        else at = putNumber(words, at, size);
      }
      if (attrs !== undefined) {
        this.#length = at;
        this.#attributes(node);
        words = this.#words;
        at = this.#length;
      }
      for (let k = 0; k < count; k++) {
        const x = inputs[k]!;
        let word = -1;
        if (typeof x !== "number") {
          if (x.storage === undefined) word = x.index * 2;
          else {
            if (x.epoch !== epoch) {
              x.epoch = epoch;
              x.index = leaves.push(x) - 1;
              this.#length = at;
              this.#leaf(x);
              words = this.#words;
              at = this.#length;
            }
            word = x.index * 2 + 1;
          }
        }
        if (at === words.length) words = this.#grow(1);
        words[at++] = word;
      }
    }
    this.#length = at;
    this.hash = hashOf(words, at);
  }

  #list(xs: readonly number[]): void {
    for (let i = 0; i < xs.length; i++) this.#number(xs[i]!);
  }

  #leaf(x: Node): void {
    const plain = isRowMajor(x.shape, x.strides);
    this.#push((plain ? -3 : -2) - (dtypeInfo[x.dtype].code << 8) - (x.shape.length << 13));
    this.#list(x.shape);
    if (!plain) this.#list(x.strides);
  }

  #attributes(node: Node): void {
    const attrs = node.attrs as Readonly<Record<string, Attribute>>; // checked at the call
    if (kindOfCode(node.code) === "source") {
      // The shape was written above; random keys and counters are arguments.
      if (node.op === "iota") this.#attribute(attrs.axis);
      return;
    }
    for (const name in attrs) {
      this.#push(codeOfName(name));
      this.#attribute(attrs[name]);
    }
    this.#push(-1);
  }

  #number(value: number): void {
    const whole = value | 0;
    // -0 is no integer here.
    if (whole === value && whole >= LOWEST && (whole !== 0 || 1 / value > 0)) this.#push(whole);
    else {
      if (this.#length + 3 > this.#words.length) this.#grow(3);
      this.#length = putNumber(this.#words, this.#length, value);
    }
  }

  #attribute(value: Attribute): void {
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.#mark(value ? "true" : "false");
    else if (value === undefined || value === null) this.#mark(value === null ? "null" : "undefined");
    else if (typeof value === "string") this.#text(value);
    else if (Array.isArray(value) || ArrayBuffer.isView(value)) {
      if (!Array.isArray(value)) {
        this.#mark("array");
        this.#text(value.constructor.name);
      }
      this.#mark("list");
      this.#push(value.length);
      for (let i = 0; i < value.length; i++) this.#attribute(value[i]);
    } else throw new ArgumentError(`flush: an attribute of an operation cannot be ${describe(value)}`);
  }

  #text(value: string): void {
    if (dtypeName.is(value)) {
      this.#mark("dtype");
      this.#push(dtypeInfo[value].code);
      return;
    }
    this.#mark("text");
    this.#push(value.length);
    for (let i = 0; i < value.length; i++) this.#push(value.charCodeAt(i));
  }

  /** A copy of the words, to be compared with later ones. */
  copy(): Int32Array {
    return this.#words.slice(0, this.#length);
  }

  equals(words: Int32Array): boolean {
    if (words.length !== this.#length) return false;
    const own = this.#words;
    for (let i = 0; i < words.length; i++) if (words[i] !== own[i]) return false;
    return true;
  }
}

/** Hashes two words at a time: the two multiplications do not wait for each other. */
function hashOf(words: Int32Array, length: number): number {
  let a = 0x811c9dc5 | 0;
  let b = length;
  for (let i = 1; i < length; i += 2) {
    a = Math.imul(a ^ words[i - 1]!, 0x01000193);
    b = Math.imul(b ^ words[i]!, 0x01000193);
  }
  if ((length & 1) === 1) a = Math.imul(a ^ words[length - 1]!, 0x01000193);
  return Math.imul(a ^ (a >>> 15), 0x01000193) ^ b;
}

interface Known<T> {
  readonly words: Int32Array;
  readonly value: T;
}

/**
 * What a plan and what a driver has prepared for it take in JavaScript's heap, by the words of its signature. Measured, to
 * within a third: 6.6 kB for 18 words (a sum of a vector), 36 kB for 400 (a step of a perceptron), 290 kB for 2,800 (a step
 * over a tree of 20 leaves).
 */
export const bytesOfPlan = (words: number): number => 4096 + 100 * words;

/** Plans by signature. When they together take more bytes than the limit, the least recently used half is evicted. */
export class PlanCache<T> {
  readonly #plans: BoundedCache<number, Known<T>>;

  constructor(limit: number, drop: (value: T) => void) {
    this.#plans = new BoundedCache(limit, ({ value }) => drop(value));
  }

  /**
   * Of signatures with one hash, each is under the next free key. Where one before it has gone, a plan is made again.
   */
  find(signature: Signature): T | undefined {
    for (let key = signature.hash; ; key++) {
      const known = this.#plans.get(key);
      if (known === undefined || signature.equals(known.words)) return known?.value;
    }
  }

  add(hash: number, words: Int32Array, value: T): void {
    let key = hash;
    while (this.#plans.has(key)) key++;
    this.#plans.add(key, { words, value }, bytesOfPlan(words.length));
  }

  /** Drops all. */
  clear(): void {
    this.#plans.clear();
  }
}
