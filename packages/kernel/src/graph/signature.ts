// What two flushes must share to share a plan: operations, dtypes, shapes, layouts and wiring. Numbers, random counters and
// addresses are not part of it. The words can be read back in one way only, so that equal words mean equal plans.
import { ArgumentError, describe, type DType } from "@weft/tensor";
import { kindOfCode, type Node } from "./node.ts";
import { isRowMajor } from "./view.ts";

const dtypeCode: Record<DType, number> = { f32: 0, f64: 1, i32: 2, bool: 3, u8: 4, f16: 5 };
const word = new Float64Array(1);
const halves = new Int32Array(word.buffer);

/** An integer from here on is its own word. The words below say what comes behind them. */
const LOWEST = -0x80000000 + 16;
/** Two words of a number that is no such integer; a length and items or characters; or a value that is one of a few. */
const mark = { number: 1, list: 2, text: 3, true: 4, false: 5, undefined: 6, null: 7, dtype: 8 } as const;
type Mark = keyof typeof mark;

/** Numbers that stand for names of attributes. */
const names = new Map<string, number>();
function codeOfName(name: string): number {
  let code = names.get(name);
  if (code === undefined) names.set(name, (code = names.size));
  return code;
}

export class Signature {
  #words = new Int32Array(4096);
  #length = 0;
  hash = 0;

  #push(value: number): void {
    if (this.#length === this.#words.length) {
      const more = new Int32Array(this.#length * 2);
      more.set(this.#words);
      this.#words = more;
    }
    this.#words[this.#length++] = value;
    this.hash = Math.imul(this.hash ^ value, 0x01000193) ^ (this.hash >>> 15);
  }

  #mark(name: Mark): void {
    this.#push(mark[name] - 0x80000000);
  }

  /** Reads the needed nodes; the leaves they use are appended to `leaves` in order of first use. */
  read(needed: readonly Node[], leaves: Node[], epoch: number): void {
    this.#length = 0;
    this.hash = 0x811c9dc5 | 0;
    for (let i = 0; i < needed.length; i++) {
      const node = needed[i]!;
      node.index = i;
      const { shape, attrs, inputs } = node;
      this.#push(
        node.code |
          (dtypeCode[node.dtype] << 8) |
          (node.handles > 0 ? 1 << 12 : 0) |
          (attrs === undefined ? 0 : 1 << 13) |
          (shape.length << 14),
      );
      this.#list(shape);
      if (attrs !== undefined) this.#attributes(node);
      this.#push(inputs.length);
      for (let k = 0; k < inputs.length; k++) {
        const x = inputs[k]!;
        if (typeof x === "number") this.#push(-1);
        else if (x.storage === undefined) this.#push(x.index * 2);
        else {
          if (x.epoch !== epoch) {
            x.epoch = epoch;
            x.index = leaves.push(x) - 1;
            this.#leaf(x);
          }
          this.#push(x.index * 2 + 1);
        }
      }
    }
  }

  #list(xs: readonly number[]): void {
    for (let i = 0; i < xs.length; i++) this.#number(xs[i]!);
  }

  #leaf(x: Node): void {
    const plain = isRowMajor(x.shape, x.strides);
    this.#push((plain ? -3 : -2) - (dtypeCode[x.dtype] << 8) - (x.shape.length << 13));
    this.#list(x.shape);
    if (!plain) this.#list(x.strides);
  }

  #attributes(node: Node): void {
    const attrs = node.attrs as Record<string, unknown>;
    if (kindOfCode(node.code) === "source") {
      // The shape stands above; what is random is an argument.
      if (node.op === "iota") this.#number(attrs.axis as number);
      return;
    }
    for (const name in attrs) {
      this.#push(codeOfName(name));
      this.#attribute(attrs[name]);
    }
    this.#push(-1);
  }

  #number(value: number): void {
    // -0 is no integer here.
    if (Object.is(value | 0, value) && value >= LOWEST) this.#push(value);
    else {
      word[0] = value;
      this.#mark("number");
      this.#push(halves[0]!);
      this.#push(halves[1]!);
    }
  }

  #attribute(value: unknown): void {
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.#mark(value ? "true" : "false");
    else if (value === undefined || value === null) this.#mark(value === null ? "null" : "undefined");
    else if (typeof value === "string") this.#text(value);
    else if (Array.isArray(value)) {
      this.#mark("list");
      this.#push(value.length);
      for (let i = 0; i < value.length; i++) this.#attribute(value[i]);
    } else throw new ArgumentError(`flush: an attribute of an operation cannot be ${describe(value)}`);
  }

  #text(value: string): void {
    if (Object.hasOwn(dtypeCode, value)) {
      this.#mark("dtype");
      this.#push(dtypeCode[value as DType]);
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
    const mine = this.#words;
    for (let i = 0; i < words.length; i++) if (words[i] !== mine[i]) return false;
    return true;
  }
}

interface Entry<T> {
  readonly words: Int32Array;
  readonly value: T;
  used: number;
}

/** Plans by signature. When their signatures together are longer than the limit, the half that was not used for longest goes. */
export class PlanCache<T> {
  readonly #entries = new Map<number, Entry<T>[]>();
  readonly #limit: number;
  readonly #drop: (value: T) => void;
  #words = 0;
  #clock = 0;
  constructor(limit: number, drop: (value: T) => void) {
    this.#limit = limit;
    this.#drop = drop;
  }

  find(signature: Signature): T | undefined {
    const bucket = this.#entries.get(signature.hash);
    if (bucket === undefined) return undefined;
    for (const entry of bucket) {
      if (signature.equals(entry.words)) {
        entry.used = ++this.#clock;
        return entry.value;
      }
    }
    return undefined;
  }

  add(hash: number, words: Int32Array, value: T): void {
    this.#words += words.length;
    if (this.#words > this.#limit) this.#halve();
    const bucket = this.#entries.get(hash);
    const entry = { words, value, used: ++this.#clock };
    if (bucket === undefined) this.#entries.set(hash, [entry]);
    else bucket.push(entry);
  }

  #halve(): void {
    const all = [...this.#entries.values()].flat().toSorted((a, b) => a.used - b.used);
    const keep = new Set(all.slice(all.length >> 1));
    for (const { words } of all.slice(0, all.length >> 1)) this.#words -= words.length;
    for (const [hash, bucket] of this.#entries) {
      const rest = bucket.filter((entry) => keep.has(entry));
      for (const entry of bucket) if (!keep.has(entry)) this.#drop(entry.value);
      if (rest.length === 0) this.#entries.delete(hash);
      else this.#entries.set(hash, rest);
    }
  }
}
