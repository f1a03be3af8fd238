// A reduction in registers: one accumulator per lane and vector, so that additions do not wait for each other. Sums of
// f32 are taken in short stretches whose results are added in f64: the error of a sum does not grow with its length.
import { VECTOR, doubles, floats, lanes, type Expr, type Func, type Local } from "../wasm/emitter.ts";
import type { Accumulator } from "./machine.ts";
import type { Accumulation } from "./vector-accumulation.ts";

type Vector = Expr<typeof VECTOR>;

export class VectorAccumulator implements Accumulator<typeof VECTOR> {
  readonly #f: Func;
  readonly #hold: (e: Vector) => Vector;
  readonly #how: Accumulation;
  /** By vector, then part. */
  readonly #parts: Local<typeof VECTOR>[][] = [];
  /** Sums of finished stretches, in f64: of all lanes in one register, or lane by lane in two a vector. */
  readonly #totals: Local<typeof VECTOR>[] = [];
  readonly #byLane: boolean;
  /** Lanes of a vector. */
  readonly #width: number;
  #vectors = 0;

  constructor(f: Func, hold: (e: Vector) => Vector, how: Accumulation, byLane: boolean, width: number) {
    this.#f = f;
    this.#hold = hold;
    this.#how = how;
    this.#byLane = byLane;
    this.#width = width;
  }
  get wide(): boolean {
    return this.#how.wide;
  }

  start(vectors: number): void {
    this.#vectors = vectors;
    for (let u = 0; u < vectors; u++) this.#reset(u);
    if (!this.#how.wide) return;
    const totals = this.#byLane ? 2 * vectors : 1;
    while (this.#totals.length < totals) this.#totals.push(this.#f.local(VECTOR));
    for (let t = 0; t < totals; t++) this.#f.set(this.#totals[t]!, doubles.const(0));
  }
  add(u: number, x: Vector, mask?: Vector): void {
    const { parts } = this.#how;
    const taken = mask === undefined ? x : this.#how.masked(x, mask);
    const kept = parts.length > 1 ? this.#hold(taken) : taken;
    this.#set(u, (acc, part) => parts[part]!.step(acc, kept));
  }
  flush(): void {
    if (!this.#byLane) this.#join();
    for (let u = 0; u < (this.#byLane ? this.#vectors : 1); u++) {
      const acc = this.#parts[u]![0]!;
      const high = lanes.rotate(acc, this.#width / 2);
      const into = this.#byLane
        ? [this.#totals[2 * u]!, this.#totals[2 * u + 1]!]
        : [this.#totals[0]!, this.#totals[0]!];
      [acc, high].forEach((half, i) => this.#f.set(into[i]!, doubles.add(into[i]!, doubles.ofFloats(half))));
    }
    for (let u = 0; u < this.#vectors; u++) this.#reset(u);
  }

  folded(): Vector {
    if (this.#how.wide) {
      this.flush();
      const total = this.#totals[0]!;
      for (const n of this.#halves(2)) this.#f.set(total, doubles.add(total, lanes.rotate(total, n)));
      return floats.ofDoubles(total);
    }
    this.#join();
    for (const n of this.#halves(1))
      this.#set(0, (acc, part) => this.#how.parts[part]!.join(acc, lanes.rotate(acc, n)));
    return this.#how.value(...this.#parts[0]!);
  }
  lanes(u: number): Vector {
    if (!this.#how.wide) return this.#how.value(...this.#parts[u]!);
    const [low, high] = [this.#totals[2 * u]!, this.#totals[2 * u + 1]!];
    return lanes.or(floats.ofDoubles(low), lanes.rotate(floats.ofDoubles(high), this.#width / 2));
  }

  /** Half of the lanes, half of those, and so on, down to those of one number. */
  #halves(least: number): number[] {
    const halves: number[] = [];
    for (let n = this.#width / 2; n >= least; n /= 2) halves.push(n);
    return halves;
  }

  #reset(u: number): void {
    const { parts } = this.#how;
    this.#parts[u] ??= parts.map(() => this.#f.local(VECTOR));
    this.#set(u, (_, part) => parts[part]!.start);
  }
  /** Sets each part of vector `u` to what follows from it. */
  #set(u: number, next: (acc: Vector, part: number) => Vector): void {
    this.#parts[u]!.forEach((acc, part) => this.#f.set(acc, next(acc, part)));
  }
  #join(): void {
    for (let u = 1; u < this.#vectors; u++)
      this.#set(0, (acc, part) => this.#how.parts[part]!.join(acc, this.#parts[u]![part]!));
  }
}
