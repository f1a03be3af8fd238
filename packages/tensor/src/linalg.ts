// Products of matrices and vectors.
import { inNameOf } from "./context.ts";
import { applyRead, readTensor, readTensors } from "./apply.ts";
import { text } from "./axes.ts";
import { dtypeInfo, promote } from "./dtype.ts";
import { mul } from "./elementwise.ts";
import { ShapeError } from "./errors.ts";
import type { Operand } from "./interpreter.ts";
import { reshape } from "./movement.ts";
import { refuseMore } from "./options.ts";
import { sum } from "./reduce.ts";
import { linalgShapes } from "./rules/linalg.ts";
import { inDType } from "./operands.ts";
import type { Tensor } from "./tensor.ts";

const plain = { transA: false, transB: false } as const;

/** The primitive for floats; sums of products for i32, which the primitive would round. */
function ofMatrices(a: Tensor, b: Tensor): Tensor {
  if (a.dtype !== "i32") return applyRead("matmul", [a, b], plain);
  linalgShapes.matmul([a, b], plain, "matmul");
  const columns = [...b.shape.slice(0, -2), 1, ...b.shape.slice(-2)];
  const products = mul(reshape(a, [...a.shape, 1]), reshape(b, columns));
  const sums = sum(products, { axis: -2 });
  products.release(); // so that a backend that merges kernels never stores them
  return sums;
}

/**
 * The matrix product over the last axis of a and the second-to-last of b, [..., M, K] · [..., K, N] → [..., M, N]; the
 * leading axes broadcast. A vector is a row on the left and a column on the right, and its axis disappears, as in
 * NumPy. Integers have an `i32` product, as in `dot`.
 *
 * @example matmul(tensor([[1, 2], [3, 4]]), tensor([1, 1])) // [3, 7]
 */
export function matmul(a: Operand, b: Operand): Tensor;
export function matmul(a: Operand, b: Operand, more?: unknown): Tensor {
  refuseMore("matmul", more);
  const left = readTensor(a, "matmul", b);
  const right = readTensor(b, "matmul", left);
  const dtype = dtypeInfo[promote(left.dtype, right.dtype)].accumulate;
  const [x, y] = [inDType(left, dtype), inDType(right, dtype)];
  const p = x.shape.length;
  const q = y.shape.length;
  if (p >= 2 && q >= 2) return ofMatrices(x, y);
  if (p === 0 || q === 0)
    throw new ShapeError(
      `matmul: shapes ${text(x.shape)} and ${text(y.shape)} do not fit: a scalar has no axes; use mul`,
    );
  const inner = p === 1 ? x.shape[0]! : x.shape[p - 1]!;
  const other = q === 1 ? y.shape[0]! : y.shape[q - 2]!;
  if (inner !== other)
    throw new ShapeError(
      `matmul: shapes ${text(x.shape)} and ${text(y.shape)} do not fit: the inner sizes ${inner} and ${other} must be equal`,
    );
  const product = ofMatrices(p === 1 ? reshape(x, [1, inner]) : x, q === 1 ? reshape(y, [inner, 1]) : y);
  const batch = (p === 1 ? y : x).shape.slice(0, -2);
  return reshape(product, p === 1 ? (q === 1 ? [] : [...batch, y.shape[q - 1]!]) : x.shape.slice(0, -1));
}

function vectors(op: string, a: Operand, b: Operand): readonly [Tensor, Tensor] {
  const pair = readTensors(op, [a, b]);
  for (const { shape } of pair)
    if (shape.length !== 1) throw new ShapeError(`${op}: wanted vectors, got shape ${text(shape)}`);
  return pair;
}

/** The inner product Σ aᵢ·bᵢ of two vectors. @example dot(tensor([1, 2]), tensor([3, 4])) // 11 */
export function dot(a: Operand, b: Operand): Tensor {
  const [x, y] = vectors("dot", a, b);
  if (x.shape[0] !== y.shape[0])
    throw new ShapeError(`dot: shapes ${text(x.shape)} and ${text(y.shape)} do not fit: the sizes must be equal`);
  return inNameOf("dot", () => sum(mul(x, y)));
}

/** The matrix aᵢ·bⱼ of two vectors. @example outer(tensor([1, 2]), tensor([3, 4])) // [[3, 4], [6, 8]] */
export const outer = (a: Operand, b: Operand): Tensor => {
  const [x, y] = vectors("outer", a, b);
  return inNameOf("outer", () => mul(reshape(x, [x.shape[0]!, 1]), y));
};
