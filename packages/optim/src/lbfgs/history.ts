// What L-BFGS remembers: the last changes of each parameter and of its gradient, as rows of two matrices.
import { state, type Param } from "@weft/autograd";
import { nothing, type Keeper, type Kept } from "@weft/autograd/internals";
import { add, concat, matmul, reshape, slice, transpose, type Shape, type Tensor } from "@weft/tensor";
import { dtypeInfo, together } from "@weft/tensor/internals";
import { OptimizerMemory } from "../memory.ts";
import { mapped } from "../update.ts";
import type { Products } from "./direction.ts";
import { total } from "./line.ts";

/** Two vectors per parameter: how it changed, and how its gradient did. */
export interface Pair {
  readonly s: Tensor;
  readonly y: Tensor;
}

const flat = (x: Tensor): Tensor => reshape(x, [x.size]);
const rows = (x: Tensor): Tensor => reshape(x, [x.shape[0]!, x.size / Math.max(x.shape[0]!, 1)]);

export class History {
  readonly #m: number;
  #memory: OptimizerMemory<Kept> = new OptimizerMemory();
  /** How many pairs there have been; the last m of them are there. */
  pairs = 0;

  constructor(m: number) {
    this.#m = m;
  }

  shapes({ shape, dtype }: { readonly shape: Shape; readonly dtype: Tensor["dtype"] }) {
    const like = { shape: [this.#m, ...shape], dtype: dtypeInfo[dtype].compute };
    return { s: like, y: like };
  }

  kept(param: Param): Kept | undefined {
    const slot = this.#memory.slots.get(param);
    return slot && this.pairs > 0 ? { t: this.pairs, boxes: slot.boxes } : undefined;
  }

  get known(): Param[] {
    return [...this.#memory.known].filter((param) => this.kept(param) !== undefined);
  }

  /** How many updates there have been. */
  get steps(): number {
    return this.#memory.steps;
  }

  set steps(n: number) {
    this.#memory.steps = n;
  }

  replace(steps: number, kept: ReadonlyMap<Param, Kept>): void {
    this.#memory = new OptimizerMemory();
    this.#memory.steps = steps;
    for (const [param, slot] of kept) this.#memory.add(param, slot);
    this.pairs = Math.max(0, ...[...kept.values()].map(({ t }) => t));
  }

  /** The matrices of a parameter, [m, n]: zeros if it is new. */
  #matrices(param: Param): Pair {
    const { boxes } =
      this.#memory.slots.get(param) ??
      this.#memory.add(param, { t: 0, boxes: mapped(this.shapes(param), (like) => state(nothing(like))) });
    return { s: rows(boxes["s"]!.read(param.backend)), y: rows(boxes["y"]!.read(param.backend)) };
  }

  /** Adds the newest pair of each parameter as the last rows, and drops the oldest. */
  push(params: readonly Param[], pairs: readonly Pair[]): void {
    const moved = params.map((param, k) => {
      const { s, y } = this.#matrices(param);
      const next = (old: Tensor, x: Tensor) =>
        reshape(concat([slice(old, { starts: [1] }), reshape(x, [1, x.size])]), [this.#m, ...param.shape]);
      return { s: next(s, pairs[k]!.s), y: next(y, pairs[k]!.y) };
    });
    const before = this.pairs++;
    together(
      () => {
        for (const [k, param] of params.entries()) {
          const { boxes } = this.#memory.slots.get(param)!;
          boxes["s"]!.value = moved[k]!.s;
          boxes["y"]!.value = moved[k]!.y;
        }
      },
      () => void (this.pairs = Math.min(this.pairs, before)),
    );
  }

  /** All inner products, one after another in one vector. */
  products(params: readonly Param[], gradients: readonly Tensor[]): Tensor {
    const each = params.map((param, k) => {
      const { s, y } = this.#matrices(param);
      const g = flat(gradients[k]!);
      return [matmul(s, transpose(y)), matmul(y, transpose(y)), matmul(s, g), matmul(y, g)];
    });
    return concat([0, 1, 2, 3].map((k) => flat(total(each.map((parts) => parts[k]!)))));
  }

  /** The products in such a vector. */
  split(numbers: ArrayLike<number>): Products {
    const m = this.#m;
    const part = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => numbers[from + k]!);
    return {
      sy: part(0, m * m),
      yy: part(m * m, 2 * m * m),
      sg: part(2 * m * m, 2 * m * m + m),
      yg: part(2 * m * m + m, 2 * m * m + 2 * m),
    };
  }

  /** Σ sᵢ s[i] + Σ yᵢ y[i] of a parameter. */
  combined(param: Param, s: readonly number[], y: readonly number[]): Tensor {
    const matrices = this.#matrices(param);
    const { dtype, backend } = matrices.s;
    const values = dtype === "f64" ? Float64Array : Float32Array;
    const row = (x: readonly number[]): Tensor => backend.upload(values.from(x), [1, x.length], dtype);
    return reshape(add(matmul(row(s), matrices.s), matmul(row(y), matrices.y)), param.shape);
  }

  keeper(name: string, given: Pick<Keeper, "parts" | "own" | "updates">): Keeper {
    return {
      name,
      ...given,
      steps: () => this.steps,
      known: () => this.known,
      kept: (param) => this.kept(param),
      shapes: (param) => this.shapes(param),
      replace: (steps, kept) => this.replace(steps, kept),
    };
  }
}
