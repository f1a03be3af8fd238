// Muon: the momentum of a matrix is made orthogonal before it is a step. Other parameters go to another optimizer.
import { add, ArgumentError, div, matmul, mul, reshape, square, sub, sum, transpose, type Tensor } from "@weft/tensor";
import { boolean, decay, nonNegativeFinite, oneOf, positiveCount } from "@weft/tensor/internals";
import { divided } from "../divided.ts";
import { rateOf, wholeKinds, type Rate, type WholeOptions } from "../groups.ts";
import { ruled, type Optimizer } from "../optimizer.ts";
import { root } from "../root.ts";
import { adamw } from "./adam.ts";
import { decayed, fromZeros } from "./formulas.ts";

export interface MuonOptions extends WholeOptions {
  /** The fraction of the momentum that is kept from step to step. */
  readonly gamma?: number;
  /** Whether the step looks ahead: g + γ B in place of B. */
  readonly nesterov?: boolean;
  /** How many Newton–Schulz iterations make a step orthogonal. */
  readonly iterations?: number;
  /**
   * The factor of a step of n rows and m columns: "shape" is √max(1, n / m); "adam" is 0.2 √max(n, m), with which rates
   * and decays for Adam fit.
   */
  readonly scale?: keyof typeof scales;
  readonly weightDecay?: number;
  /**
   * The optimizer of what is not a matrix, and of its own `params`. Default: `adamw`, with a twentieth of `lr` as its
   * rate (0.001 at 0.02), or with `scale: "adam"` with `lr`.
   */
  readonly fallback?: Optimizer;
}

const scales = {
  shape: (rows: number, columns: number) => Math.sqrt(Math.max(1, rows / columns)),
  adam: (rows: number, columns: number) => 0.2 * Math.sqrt(Math.max(rows, columns)),
};

/**
 * A matrix with the singular vectors of x, and singular values near 1: x / ‖x‖, then x ← a x + b (x xᵀ) x + c (x xᵀ)² x.
 */
function orthogonalized(x: Tensor, iterations: number): Tensor {
  const [rows, columns] = x.shape as readonly [number, number];
  if (rows > columns) return transpose(orthogonalized(transpose(x), iterations));
  let y = div(x, add(root(sum(square(x))), 1e-7));
  for (let k = 0; k < iterations; k++) {
    const s = matmul(y, transpose(y));
    y = add(mul(y, 3.4445), matmul(add(mul(s, -4.775), mul(matmul(s, s), 2.0315)), y));
  }
  return y;
}

/**
 * Muon: B ← γ B + g; u = g + γ B, or B without `nesterov`; w ← w − lr · decay · w − lr · scale · O(u), where O makes u
 * orthogonal, approximately: after u / ‖u‖, five times u ← 3.4445 u − 4.775 (u uᵀ) u + 2.0315 (u uᵀ)² u (Jordan et al.
 * 2024). For matrices; a parameter with more axes, such as the weights of a convolution, counts as a matrix with the
 * rows of its first axis. Other parameters are updated by `fallback`, and so are those that it was given as `params`:
 * embeddings and the last layer usually should be. `gclip` and `params` are for these, too; a fallback that is given has
 * a rate and groups of its own, and parameters that it updates are in no group here. Needs whole gradients: `lazy` is
 * refused.
 *
 * @example
 * const [first, ...rest] = params(model);
 * const optimizer = muon({ lr: 0.02, fallback: adamw({ lr: 3e-4 }) });
 * const other = muon({ params: rest, fallback: adamw({ params: first }) });
 */
export function muon(options?: MuonOptions): Optimizer {
  const isOptimizer = (x: unknown): x is Optimizer => typeof (x as Optimizer | null)?.apply === "function";
  const matrices = ruled<MuonOptions, typeof defaults>(
    "muon",
    options,
    {
      ...wholeKinds,
      gamma: decay,
      nesterov: boolean,
      iterations: positiveCount,
      scale: oneOf("shape", "adam"),
      weightDecay: nonNegativeFinite,
      fallback: { wanted: "an optimizer such as adamw()", is: isOptimizer },
    },
    defaults,
    ({ gamma, nesterov, iterations, scale, weightDecay }) =>
      fromZeros(["B"], (g, p, { B }, { lr }) => {
        const next = add(mul(B, gamma), g);
        if (p.size === 0) return [p, { B: next }];
        const u = nesterov ? add(g, mul(next, gamma)) : next;
        const flat = reshape(u, [p.shape[0]!, -1]);
        const [rows, columns] = flat.shape as readonly [number, number];
        const step = mul(orthogonalized(flat, iterations), lr * scales[scale](rows, columns));
        return [sub(decayed(p, lr, weightDecay), reshape(step, p.shape)), { B: next }];
      }),
  );
  if (options?.groups?.some(({ fallback }) => fallback !== undefined))
    throw new ArgumentError("muon: a group cannot have a fallback; give fallback groups of its own");
  const { lr = defaults.lr, scale = defaults.scale, fallback } = options ?? {};
  const part = scale === "adam" ? 1 : 1 / 20;
  const rate =
    (whole: Rate): Rate =>
    (step) =>
      part * rateOf(whole, step);
  return divided(matrices, fallback ?? adamw({ lr: rate(lr) }), {
    fits: ({ shape }) => shape.length > 1,
    misfit: "no matrix",
    options: options ?? {},
    rate: fallback === undefined ? rate : undefined,
  });
}

const defaults = {
  lr: 0.02,
  gamma: 0.95,
  nesterov: true,
  iterations: 5,
  scale: "shape" as keyof typeof scales,
  weightDecay: 0,
};
