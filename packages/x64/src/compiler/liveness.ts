// Which locals hold a value that is still needed, statement by statement: from the end to the beginning, loops until
// nothing changes.
import type { Expr } from "@weft/kernel/machine";
import type { Body } from "./operand-order.ts";
import type { Statement } from "./statements.ts";

/** A set of locals, a bit each. */
class Locals {
  readonly #words: Uint32Array;
  constructor(words: Uint32Array) {
    this.#words = words;
  }
  static of(count: number): Locals {
    return new Locals(new Uint32Array(Math.ceil(count / 32)));
  }
  copy(): Locals {
    return new Locals(this.#words.slice());
  }
  has(i: number): boolean {
    return ((this.#words[i >> 5]! >>> (i & 31)) & 1) === 1;
  }
  add(i: number): void {
    this.#words[i >> 5]! |= 1 << (i & 31);
  }
  remove(i: number): void {
    this.#words[i >> 5]! &= ~(1 << (i & 31));
  }
  /** Takes in another set; whether that added anything. */
  join(other: Locals): boolean {
    let more = false;
    for (let w = 0; w < this.#words.length; w++) {
      const both = (this.#words[w]! | other.#words[w]!) >>> 0;
      more ||= both !== this.#words[w];
      this.#words[w] = both;
    }
    return more;
  }
  each(see: (i: number) => void): void {
    this.#words.forEach((word, w) => {
      for (let rest = word; rest !== 0; rest &= rest - 1) see(32 * w + 31 - Math.clz32(rest & -rest));
    });
  }
}

/** From where to where a local holds something, in the order of statements, and how much it is used. */
export interface Interval {
  readonly local: number;
  first: number;
  last: number;
  /** Uses, of which one in a loop counts for eight around it. */
  weight: number;
}

export interface Liveness {
  /** Of locals that are used at all, by their beginning. */
  readonly intervals: readonly Interval[];
  /** What is needed after each statement that calls a function. */
  readonly after: ReadonlyMap<Statement, Locals>;
  /** What is read before it is written: it begins as 0. */
  readonly unset: Locals;
}

const LOOP = 8;

export function livenessOf(f: Body): Liveness {
  const count = f.locals.length;
  const found: (Interval | undefined)[] = [];
  const after = new Map<Statement, Locals>();
  const labels = new Map<number, Locals>();

  const at = (local: number, position: number, weight: number): void => {
    const interval = (found[local] ??= { local, first: position, last: position, weight: 0 });
    interval.first = Math.min(interval.first, position);
    interval.last = Math.max(interval.last, position);
    interval.weight += weight;
  };
  const uses = (e: Expr, live: Locals): void => {
    if (e.op === "local" || e.op === "tee") live.add(e.imm);
    for (const a of e.args) uses(a, live);
  };
  /** What is needed before the statements if `live` is after them: in that set, or in another one. */
  const before = (statements: readonly Statement[], live: Locals): Locals => {
    for (let i = statements.length - 1; i >= 0; i--) {
      const s = statements[i]!;
      if (s.kind === "set") {
        live.remove(s.target.imm);
        uses(s.value, live);
      } else if (s.kind === "do") {
        if (s.value.op === "call") after.set(s, live.copy());
        uses(s.value, live);
      } else if (s.kind === "if") {
        const other = before(s.otherwise, live.copy());
        live = before(s.body, live);
        live.join(other);
        uses(s.condition, live);
      } else if (s.kind === "block") {
        labels.set(s.label, live.copy());
        live = before(s.body, live);
      } else if (s.kind === "loop") {
        const again = labels.get(s.label) ?? Locals.of(count);
        labels.set(s.label, again);
        let start = before(s.body, live.copy());
        while (again.join(start)) start = before(s.body, live.copy());
        live.join(start);
      } else if (s.kind === "jump") {
        const there = labels.get(s.label)!;
        if (s.condition === undefined) live = there.copy();
        else {
          live.join(there);
          uses(s.condition, live);
        }
      } else live = Locals.of(count);
    }
    return live;
  };
  const unset = before(f.body, Locals.of(count));

  // Now that labels are known, once more for positions: those of the statements as they are written.
  let position = 0;
  const weigh = (e: Expr, weight: number): void => {
    if (e.op === "local" || e.op === "tee") at(e.imm, position, weight);
    for (const a of e.args) weigh(a, weight);
  };
  const walk = (statements: readonly Statement[], weight: number): void => {
    for (const s of statements) {
      position++;
      if (s.kind === "set") {
        weigh(s.value, weight);
        position++;
        at(s.target.imm, position, weight);
      } else if (s.kind === "do") weigh(s.value, weight);
      else if (s.kind === "if") {
        weigh(s.condition, weight);
        walk(s.body, weight);
        walk(s.otherwise, weight);
      } else if (s.kind === "block") walk(s.body, weight);
      else if (s.kind === "loop") {
        const start = position;
        walk(s.body, LOOP * weight);
        position++;
        // What the next round needs is kept through this one.
        labels.get(s.label)!.each((local) => {
          at(local, start, 0);
          at(local, position, 0);
        });
      } else if (s.kind === "jump" && s.condition !== undefined) weigh(s.condition, weight);
    }
  };
  unset.each((local) => at(local, 0, 0));
  walk(f.body, 1);
  const intervals = found.filter((interval) => interval !== undefined).toSorted((a, b) => a.first - b.first);
  return { intervals, after, unset };
}
