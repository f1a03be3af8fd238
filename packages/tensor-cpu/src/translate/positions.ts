// Where every operand stands while the loops run: an address (of an `index` operand: a number) an operand and loop,
// moved on by additions, and from it the places of the lanes.
import { dtypeInfo } from "@weft/tensor/internals";
import { layout, type Kernel } from "@weft/kernel";
import { four, I32, VECTOR, i32, ints, type Expr, type Func, type Local } from "../wasm/emitter.ts";
import type { Address, Count, Site } from "./machine.ts";

type Int = Local<typeof I32>;

/** From the first of the last elements to the second and third, 0 or 1 elements on, and 1 or 2. */
interface Distances {
  readonly second: Int;
  readonly third: Int;
  /** In bytes, for operands that lie alike. */
  readonly offsets: Map<number, readonly Int[]>;
}

export class Positions {
  readonly #kernel: Kernel;
  readonly #f: Func;
  readonly #args: Int;
  readonly #width: number;
  /** Whether lanes can be left out. */
  readonly #partial: boolean;
  readonly #inner: readonly number[];
  readonly #results: ReadonlySet<number>;
  /** By loop and operand; a loop that does not move an operand shares the place of the loop around it. */
  readonly #at: Int[][] = [];
  /** Strides that inner loops need in every round, by operand and loop. */
  readonly #strides: Int[][] = [];
  /** Once to three times the stride along four lanes. */
  readonly #multiples = new Map<number, readonly Address[]>();
  /** For `index` operands: what each lane adds. */
  readonly #ramps = new Map<number, Local<typeof VECTOR>>();
  /** What remains of the elements is `count`; or the distances to the second and third of the last ones. */
  #tail: { readonly count: Int } | Distances | undefined;

  /** `inner` are the loops whose strides are needed all the time. */
  constructor(kernel: Kernel, f: Func, args: Int, width: number, partial: boolean, inner: readonly number[]) {
    this.#inner = inner;
    this.#kernel = kernel;
    this.#f = f;
    this.#args = args;
    this.#width = width;
    this.#partial = partial;
    this.#results = new Set(kernel.reductions.map((r) => r.operand));
  }

  word(at: number): Address {
    return i32.load(this.#args, 4 * at);
  }

  /** Reads what the loops need from the arguments; `begin` is where loop 0 starts. */
  start(begin: Expr<typeof I32>): void {
    const { operands, rank } = this.#kernel;
    this.#at[0] = operands.map((o, k) => {
      const at = this.#f.let(I32, this.word(layout.operand(this.#kernel, k)));
      if (rank === 0) return at;
      for (const l of this.#inner) this.#prepare(k, l);
      if (o.step === "stride" && this.#width > 1) this.#spread(k);
      if (this.#moves(k, 0)) this.#f.advance(at, i32.mul(begin, this.stride(k, 0)));
      return at;
    });
  }

  /**
   * Loop `l` begins: its places are those of the loop around it. They are kept at `depth`: a tile has a loop over rows
   * within the loop over lanes.
   */
  enter(l: number, depth = l): void {
    if (depth === 0) return;
    const around = this.#at[depth - 1]!;
    const places = (this.#at[depth] ??= around.map((at, k) => (this.#moves(k, l) ? this.#f.local(I32) : at)));
    places.forEach((at, k) => {
      if (at !== around[k]) this.#f.set(at, around[k]!);
    });
  }

  /** Moves every operand on by `count` rounds of loop `l`. */
  step(l: number, count: number | Int = 1, depth = l): void {
    this.#at[depth]!.forEach((at, k) => {
      if (!this.#moves(k, l)) return;
      const side = l === this.#kernel.lanes && this.#kernel.operands[k]!.step === "unit" && !this.#isIndex(k);
      if (side && typeof count === "number") this.#f.advance(at, this.#size(k) * count);
      else this.#f.advance(at, count === 1 ? this.stride(k, l) : i32.mul(this.stride(k, l), count));
    });
  }

  /** Where the lanes of operand `k` are at a depth of the loops, `vector` registers on. */
  site(k: number, depth: number, vector: number): Site {
    const { rank, operands } = this.#kernel;
    const at = this.#at[depth]![k]!;
    const { step } = operands[k]!;
    if (step === "still" || rank === 0 || this.#isFolded(k)) return { how: "still", at };
    if (this.#width === 1) return { how: "unit", at, offset: 0 };
    const apart = (distances: readonly Address[]): Site => ({
      how: "lanes",
      at: [at, ...distances.map((d) => i32.add(at, d))],
    });
    if (this.#tail !== undefined) {
      if ("count" in this.#tail) return { how: "first", at, count: this.#tail.count };
      return apart(this.#distances(k, this.#tail));
    }
    if (step === "unit") return { how: "unit", at, offset: this.#width * vector * this.#size(k) };
    return apart(this.#multiples.get(k)!);
  }

  /** The numbers of `index` operand `k` at a depth of the loops. */
  index(k: number, depth: number): Count {
    const at = this.#at[depth]![k]!;
    const { step } = this.#kernel.operands[k]!;
    if (this.#width === 1 || step === "still" || this.#kernel.rank === 0) return { at, lanes: undefined };
    if (this.#tail === undefined || "count" in this.#tail) return { at, lanes: this.#ramps.get(k)! };
    const { second, third } = this.#tail;
    const lane = four.replaceInt(four.replaceInt(ints.const(0), 1, second), 2, third);
    return { at, lanes: ints.mul(ints.splat(this.stride(k, this.#kernel.lanes)), lane) };
  }

  /**
   * Inside, fewer elements (`n`) remain than there are lanes: those of the lanes beyond the last are left out; of four
   * lanes they repeat the last, so that nothing is touched outside and what they write is what is there.
   */
  tail(n: Int, inside: () => void): void {
    if (this.#partial) {
      this.#tail = { count: n };
      inside();
      this.#tail = undefined;
      return;
    }
    const second = this.#f.let(I32, i32.gtS(n, 1));
    const third = this.#f.let(I32, i32.add(second, i32.gtS(n, 2)));
    const tail = (this.#tail = { second, third, offsets: new Map() });
    this.#kernel.operands.forEach((o, k) => {
      if (o.step !== "still" && o.use !== "index" && this.#kernel.rank > 0 && !this.#isFolded(k))
        this.#distances(k, tail);
    });
    inside();
    this.#tail = undefined;
  }

  stride(k: number, l: number): Address {
    const known = this.#strides[k]?.[l];
    if (known !== undefined) return known;
    if (l === this.#kernel.lanes && this.#kernel.operands[k]!.step === "unit" && !this.#isIndex(k))
      return i32.const(this.#size(k));
    return this.word(layout.operand(this.#kernel, k) + 1 + l);
  }

  #prepare(k: number, l: number): void {
    const { operands, lanes } = this.#kernel;
    const o = operands[k]!;
    if (!this.#moves(k, l) || (l === lanes && o.step === "unit" && o.use !== "index")) return;
    (this.#strides[k] ??= [])[l] = this.#f.let(I32, this.stride(k, l));
    if (l !== lanes || o.use !== "index" || this.#width === 1) return;
    const ramp = ints.mul(ints.splat(this.stride(k, l)), ints.ramp());
    this.#ramps.set(k, this.#f.let(VECTOR, ramp));
  }
  #spread(k: number): void {
    if (this.#isIndex(k) || this.#isFolded(k)) return;
    const s = this.stride(k, this.#kernel.lanes);
    this.#multiples.set(k, [s, this.#f.let(I32, i32.mul(s, 2)), this.#f.let(I32, i32.mul(s, 3))]);
  }
  /** From the first of the last elements to the second and third (or to itself). */
  #distances(k: number, { second, third, offsets }: Distances): readonly Int[] {
    const unit = this.#kernel.operands[k]!.step === "unit";
    const key = unit ? -this.#size(k) : k; // operands side by side share theirs
    let known = offsets.get(key);
    if (known === undefined) {
      const stride = this.stride(k, this.#kernel.lanes);
      known = [this.#f.let(I32, i32.mul(second, stride)), this.#f.let(I32, i32.mul(third, stride))];
      offsets.set(key, known);
    }
    return known;
  }

  /** Whether loop `l` moves operand `k` (its stride may still be 0). */
  #moves(k: number, l: number): boolean {
    const { rank, reduced, lanes, operands } = this.#kernel;
    if (rank === 0 || (this.#results.has(k) && l >= rank - reduced)) return false;
    return l !== lanes || operands[k]!.step !== "still";
  }
  /** Whether one element receives what all lanes together give. */
  #isFolded(k: number): boolean {
    const { rank, reduced, lanes } = this.#kernel;
    return this.#results.has(k) && lanes >= rank - reduced;
  }
  #isIndex(k: number): boolean {
    return this.#kernel.operands[k]!.use === "index";
  }
  #size(k: number): number {
    return dtypeInfo[this.#kernel.operands[k]!.dtype].bytes;
  }
}
