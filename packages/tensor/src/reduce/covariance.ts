// How variables vary together. A matrix has a variable in each row and an observation in each column.
import { clamp } from "../activations.ts";
import { placed, readTensor } from "../apply.ts";
import { text } from "../axes.ts";
import { div, maximum, mul, sqrt, sub } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { reshape, transpose } from "../movement.ts";
import { inFloats } from "../operands.ts";
import { anything, finite, readOptions, refuseMore } from "../options.ts";
import { sum } from "../reduce.ts";
import { diagonal } from "../shape/diagonals.ts";
import type { Tensor } from "../tensor.ts";

export interface CovarianceOptions {
  /** The sums of products are divided by n − correction: by default 1, for an unbiased estimate. */
  readonly correction?: number;
  /** How often each observation was made: a vector of integers. */
  readonly fweights?: Operand;
  /** How important each observation is: a vector. */
  readonly aweights?: Operand;
}
const covarianceOptions = { correction: finite, fweights: anything, aweights: anything };

/** A vector, or a single variable or observation, as rows of variables. */
function variables(op: string, x: Tensor): Tensor {
  if (x.shape.length > 2)
    throw new ShapeError(`${op}: wanted a vector or a matrix, got shape ${text(x.shape)}; give one matrix at a time`);
  return inFloats(x.shape.length === 2 ? x : reshape(x, [1, -1]));
}

interface Weights<W> {
  readonly correction: number;
  readonly fweights: W | undefined;
  readonly aweights: W | undefined;
}

function covariance(x: Tensor, { correction, fweights, aweights }: Weights<Tensor>): Tensor {
  const n = x.shape[1]!;
  for (const [name, w] of Object.entries({ fweights, aweights }))
    if (w !== undefined && !(w.shape.length === 1 && w.shape[0] === n))
      throw new ShapeError(`cov: wanted one number per observation as ${name}, [${n}], got shape ${text(w.shape)}`);
  const weights = fweights !== undefined && aweights !== undefined ? mul(fweights, aweights) : (fweights ?? aweights);
  const weighted = (t: Tensor): Tensor => (weights === undefined ? t : mul(t, weights));
  const total = weights === undefined ? n : sum(weights);
  const centered = sub(x, div(sum(weighted(x), { axis: 1, keepDims: true }), total));
  const products = matmul(weighted(centered), transpose(centered));
  if (typeof total === "number") return div(products, Math.max(0, total - correction));
  const lost = aweights === undefined ? correction : mul(div(sum(mul(weights!, aweights)), total), correction);
  return div(products, maximum(sub(total, lost), 0));
}

/** A single variable has a single number. */
const unwrapped = (matrix: Tensor): Tensor => (matrix.shape[0] === 1 ? reshape(matrix, []) : matrix);

/**
 * The covariance matrix of variables (rows) over observations (columns); of a vector, its variance. As in NumPy and
 * PyTorch.
 *
 * @example cov(tensor([[1, 2, 3], [3, 2, 1]])) // [[1, -1], [-1, 1]]
 */
export function cov(x: Operand, options?: CovarianceOptions): Tensor {
  const { correction, fweights, aweights } = readOptions<CovarianceOptions, { correction: number }>(
    "cov",
    options,
    covarianceOptions,
    { correction: 1 },
  );
  const t = readTensor(x, "cov", placed([x, fweights, aweights]));
  const weight = (w: Operand | undefined): Tensor | undefined => (w === undefined ? w : readTensor(w, "cov", t));
  const how = { correction, fweights: weight(fweights), aweights: weight(aweights) };
  return composed("cov", () => unwrapped(covariance(variables("cov", t), how)));
}

/**
 * The correlation coefficients of variables (rows) over observations (columns): cᵢⱼ / √(cᵢᵢ cⱼⱼ), where c is `cov(x)`,
 * limited to −1 and 1. NaN beside a variable that does not vary. As in NumPy and PyTorch.
 *
 * @example corrcoef(tensor([[1, 2, 3], [3, 2, 1]])) // [[1, -1], [-1, 1]]
 */
export function corrcoef(x: Operand): Tensor;
export function corrcoef(x: Operand, more?: unknown): Tensor {
  refuseMore("corrcoef", more);
  const t = readTensor(x, "corrcoef");
  return composed("corrcoef", () => {
    const rows = variables("corrcoef", t);
    const c = covariance(rows, { correction: 1, fweights: undefined, aweights: undefined });
    const n = rows.shape[0]!;
    const spread = sqrt(diagonal(c));
    const y = clamp(div(div(c, reshape(spread, [n, 1])), spread), { min: -1, max: 1 });
    return unwrapped(y);
  });
}
