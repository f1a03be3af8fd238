// What two flushes must share to share a plan: operations, dtypes, shapes, layouts and wiring. Numbers, random counters and
// addresses are not part of it.
import type { DType } from "@weft/tensor";
import { kindOfCode, type Node } from "./node.ts";
import { isRowMajor } from "./view.ts";

const dtypeCode: Record<DType, number> = { f32: 0, f64: 1, i32: 2, bool: 3, u8: 4, f16: 5 };
const word = new Float64Array(1);
const halves = new Int32Array(word.buffer);

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

  /** Reads the needed nodes; the leaves they use are appended to `leaves` in order of first use. */
  read(needed: readonly Node[], leaves: Node[], epoch: number): void {
    this.#length = 0;
    this.hash = 0x811c9dc5 | 0;
    for (let i = 0; i < needed.length; i++) {
      const node = needed[i]!;
      node.index = i;
      this.#push(
        node.code | (dtypeCode[node.dtype] << 8) | (node.handles > 0 ? 1 << 12 : 0) | (node.shape.length << 13),
      );
      this.#list(node.shape);
      if (node.attrs !== undefined) this.#attributes(node);
      const { inputs } = node;
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
    for (let i = 0; i < xs.length; i++) this.#push(xs[i]!);
  }

  #leaf(x: Node): void {
    const plain = isRowMajor(x.shape, x.strides);
    this.#push((plain ? -3 : -2) - (dtypeCode[x.dtype] << 8) - (x.shape.length << 13));
    this.#list(x.shape);
    if (!plain) this.#list(x.strides);
  }

  #attributes(node: Node): void {
    if (kindOfCode(node.code) === "source") {
      if (node.op === "iota") this.#push((node.attrs as { axis: number }).axis);
      return;
    }
    const attrs = node.attrs as Record<string, unknown>;
    for (const name in attrs) this.#attribute(attrs[name]);
  }

  #attribute(value: unknown): void {
    if (typeof value === "number") {
      // -0 is no integer here.
      if (Object.is(value | 0, value)) this.#push(value);
      else {
        word[0] = value;
        this.#push(halves[0]!);
        this.#push(halves[1]!);
      }
    } else if (typeof value === "boolean") this.#push(value ? 1 : 0);
    else if (Array.isArray(value)) {
      this.#push(value.length);
      for (let i = 0; i < value.length; i++) this.#attribute(value[i]);
    } else if (typeof value === "string") this.#push(dtypeCode[value as DType] ?? textCode(value));
    else this.#attribute(NaN); // not given
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

function textCode(text: string): number {
  let code = 17;
  for (let i = 0; i < text.length; i++) code = Math.imul(code, 31) + text.charCodeAt(i);
  return code | 0;
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
