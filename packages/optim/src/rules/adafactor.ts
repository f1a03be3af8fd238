// Adafactor: second moments of a matrix are kept as averages of its rows and of its columns.
import { add, div, maximum, mean, mul, sqrt, square, sub, type Shape, type Tensor } from "@weft/tensor";
import { boolean, nonNegativeFinite, positive } from "@weft/tensor/internals";
import { wholeKinds, type WholeOptions } from "../groups.ts";
import { ruled, type Optimizer } from "../optimizer.ts";
import { root } from "../root.ts";
import { average, decayed, fromShapes } from "./formulas.ts";

export interface AdafactorOptions extends WholeOptions {
  /** Whether the rate is min(lr, 1 / √t) times the size of the parameter; otherwise it is `lr`. */
  readonly relativeStep?: boolean;
  /** The exponent of β = 1 − t^−decayRate. */
  readonly decayRate?: number;
  /** A step with a larger root mean square is scaled down to this one, before the rate. */
  readonly clipThreshold?: number;
  /** Is added to squared gradients. */
  readonly eps1?: number;
  /** The smallest size of a parameter. */
  readonly eps2?: number;
  readonly weightDecay?: number;
}

const isMatrix = (shape: Shape): boolean => shape.length > 1;

/** A matrix, or each matrix of a stack, has averages R of its rows and C of its columns; a vector has all of V. */
const shapesFor = (shape: Shape): Record<string, Shape> =>
  isMatrix(shape) ? { R: [...shape.slice(0, -1), 1], C: [...shape.slice(0, -2), 1, ...shape.slice(-1)] } : { V: shape };

/**
 * g / √(R C / mean(R)), factor by factor: the product R C is too small for f32 where neither row nor column has a
 * gradient.
 */
const factored = (g: Tensor, R: Tensor, C: Tensor): Tensor =>
  div(mul(div(g, sqrt(R)), sqrt(mean(R, { axis: -2, keepDims: true }))), sqrt(C));

const rootMeanSquare = (x: Tensor): Tensor => root(mean(square(x)));

/**
 * Adafactor: with squares s = g² + eps1 and β = 1 − t^−decayRate, R ← β R + (1 − β) · (means of the rows of s) and C ←
 * β C + (1 − β) · (means of its columns); u = g / √(R C / mean(R)), scaled down to a root mean square of at most
 * `clipThreshold`; w ← w − α u, where α = min(lr, 1 / √t) · max(eps2, rms(w)) (Shazeer and Stern 2018, without
 * momentum). So the state of a matrix [n, m] has n + m numbers. A stack of matrices has R and C for each; a vector has
 * V ← β V + (1 − β) s, and u = g / √V. With `relativeStep: false` α = lr. `weightDecay` is like that of `adamw`. Needs
 * whole gradients: `lazy` is refused. To differentiate its steps twice in f32 where gradients are 0, make eps1 greater:
 * 10⁻¹², say.
 *
 * @example
 * const w = param(tensor([[3, 4]]));
 * adafactor({ lr: 0.1, relativeStep: false }).update(diff(() => sum(w)));
 * w.value; // [[2.9, 3.9]]
 */
export const adafactor = (options?: AdafactorOptions): Optimizer =>
  ruled(
    "adafactor",
    options,
    {
      ...wholeKinds,
      relativeStep: boolean,
      decayRate: nonNegativeFinite,
      clipThreshold: positive,
      eps1: nonNegativeFinite,
      eps2: nonNegativeFinite,
      weightDecay: nonNegativeFinite,
    },
    { lr: 0.01, relativeStep: true, decayRate: 0.8, clipThreshold: 1, eps1: 1e-30, eps2: 1e-3, weightDecay: 0 },
    ({ relativeStep, decayRate, clipThreshold, eps1, eps2, weightDecay }) =>
      fromShapes(shapesFor, (g, p, { R, C, V }, { lr, t }) => {
        const beta = 1 - t ** -decayRate;
        const s = add(square(g), eps1);
        const after = (old: Tensor, axis: number): Tensor => average(beta, old, mean(s, { axis, keepDims: true }));
        const state: Readonly<Record<string, Tensor>> = isMatrix(p.shape)
          ? { R: after(R!, -1), C: after(C!, -2) }
          : { V: average(beta, V!, s) };
        const u = isMatrix(p.shape) ? factored(g, state["R"]!, state["C"]!) : div(g, sqrt(state["V"]!));
        const clipped = div(u, maximum(div(rootMeanSquare(u), clipThreshold), 1));
        const rate = relativeStep ? mul(maximum(rootMeanSquare(p), eps2), Math.min(lr, 1 / Math.sqrt(t))) : lr;
        return [sub(decayed(p, lr, weightDecay), mul(clipped, rate)), state];
      }),
  );
