// A reduction in registers: one accumulator a lane and vector, so that additions do not wait for each other. Sums of f32 are
// taken in short stretches whose results are added in f64: the error of a sum does not grow with its length.
import { V128, f32x4, f64x2, i32x4, type Expr, type Func, type Local } from "../wasm/emitter.ts";
import type { Accumulation } from "./machine.ts";

type Vector = Expr<typeof V128>;

export class Accumulator {
  readonly #f: Func;
  readonly #how: Accumulation;
  readonly #width: 1 | 4;
  /** By vector, then part. */
  readonly #parts: Local[][] = [];
  /** Sums of finished stretches, two f64 a register: of all lanes in one, or lane by lane in two a vector. */
  readonly #totals: Local<typeof V128>[] = [];
  readonly #byLane: boolean;
  #vectors = 0;

  constructor(f: Func, how: Accumulation, width: 1 | 4, byLane: boolean) {
    this.#f = f;
    this.#how = how;
    this.#width = width;
    this.#byLane = byLane;
  }
  get wide(): boolean {
    return this.#how.wide;
  }

  start(vectors: number): void {
    this.#vectors = vectors;
    for (let u = 0; u < vectors; u++) this.#reset(u);
    if (!this.#how.wide) return;
    const totals = this.#byLane ? 2 * vectors : 1;
    while (this.#totals.length < totals) this.#totals.push(this.#f.local(V128));
    for (let t = 0; t < totals; t++) this.#f.set(this.#totals[t]!, f64x2.const(0));
  }
  add(u: number, x: Expr): void {
    const acc = this.#parts[u]!;
    this.#how.step(acc, x).forEach((next, part) => this.#f.set(acc[part]!, next));
  }
  /** Moves what the accumulators hold into the totals. */
  flush(): void {
    if (!this.#byLane) this.#join();
    for (let u = 0; u < (this.#byLane ? this.#vectors : 1); u++) {
      const acc = this.#parts[u]![0] as Local<typeof V128>;
      const high = i32x4.shuffle(acc, acc, [2, 3, 2, 3]);
      const into = this.#byLane
        ? [this.#totals[2 * u]!, this.#totals[2 * u + 1]!]
        : [this.#totals[0]!, this.#totals[0]!];
      [acc, high].forEach((half, i) => this.#f.set(into[i]!, f64x2.add(into[i]!, f64x2.promoteLowF32x4(half))));
    }
    for (let u = 0; u < this.#vectors; u++) this.#reset(u);
  }

  /** The result of all lanes, in lane 0. */
  folded(): Expr {
    if (this.#how.wide) {
      this.flush();
      const total = this.#totals[0]!;
      return f32x4.demoteZeroF64x2(f64x2.add(total, i32x4.shuffle(total, total, [2, 3, 0, 1])));
    }
    this.#join();
    const acc = this.#parts[0]!;
    if (this.#width === 4) {
      for (const lanes of [
        [2, 3, 0, 1],
        [1, 0, 3, 2],
      ]) {
        const turned = acc.map((a) => i32x4.shuffle(a as Vector, a as Vector, lanes));
        this.#how.join(acc, turned).forEach((next, part) => this.#f.set(acc[part]!, next));
      }
    }
    return this.#how.value(acc);
  }
  /** The results of the lanes of vector `u`; call `flush` before if `wide`. */
  lanes(u: number): Expr {
    if (!this.#how.wide) return this.#how.value(this.#parts[u]!);
    const [low, high] = [this.#totals[2 * u]!, this.#totals[2 * u + 1]!];
    return i32x4.shuffle(f32x4.demoteZeroF64x2(low), f32x4.demoteZeroF64x2(high), [0, 1, 4, 5]);
  }

  #reset(u: number): void {
    const parts = (this.#parts[u] ??= this.#how.start.map(({ type }) => this.#f.local(type)));
    this.#how.start.forEach(({ value }, part) => this.#f.set(parts[part]!, value));
  }
  #join(): void {
    const first = this.#parts[0]!;
    for (let u = 1; u < this.#vectors; u++)
      this.#how.join(first, this.#parts[u]!).forEach((next, part) => this.#f.set(first[part]!, next));
  }
}
