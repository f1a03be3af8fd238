// Matrices made of blocks.
import { readTensors } from "../apply.ts";
import { text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { promote } from "../dtype.ts";
import { mul } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { Operand } from "../interpreter.ts";
import { concat, reshape } from "../movement.ts";
import { inDType, tensorsOf } from "../operands.ts";
import { pad } from "./padding.ts";
import type { Tensor } from "../tensor.ts";

/**
 * A matrix with the given matrices along its diagonal and 0 elsewhere; dtypes are promoted. A vector is a matrix of one
 * row, and a scalar one of one element.
 *
 * @example blockDiag([tensor([[1, 2]]), tensor(3)]) // [[1, 2, 0], [0, 0, 3]]
 */
export function blockDiag(xs: readonly Operand[]): Tensor {
  const tensors = tensorsOf("blockDiag", xs);
  for (const { shape } of tensors)
    if (shape.length > 2) throw new ShapeError(`blockDiag: wanted matrices, got shape ${text(shape)}`);
  const dtype = tensors.map((t) => t.dtype).reduce((a, b) => (a === b ? a : promote(a, b)));
  return inNameOf("blockDiag", () => {
    const blocks = tensors.map((t) =>
      reshape(inDType(t, dtype), [t.shape.length < 2 ? 1 : t.shape[0]!, t.shape.at(-1) ?? 1]),
    );
    const width = blocks.reduce((n, { shape }) => n + shape[1]!, 0);
    let start = 0;
    return concat(
      blocks.map((block) => {
        const before = start;
        start += block.shape[1]!;
        return pad(block, {
          pads: [
            [0, 0],
            [before, width - start],
          ],
        });
      }),
    );
  });
}

/**
 * The Kronecker product: each element of a times the whole of b, y[i·p + k, j·q + l] = a[i, j] · b[k, l] for b of shape
 * [p, q]. The one with fewer axes gets axes of size 1 in front.
 *
 * @example kron(tensor([1, 10]), tensor([1, 2])) // [1, 2, 10, 20]
 */
export function kron(a: Operand, b: Operand): Tensor {
  const [x, y] = readTensors("kron", [a, b]);
  const rank = Math.max(x.shape.length, y.shape.length);
  const whole = ({ shape }: Tensor) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
  const [n, m] = [whole(x), whole(y)];
  return inNameOf("kron", () => {
    const outer = reshape(
      x,
      n.flatMap((d) => [d, 1]),
    );
    const inner = reshape(
      y,
      m.flatMap((d) => [1, d]),
    );
    return reshape(
      mul(outer, inner),
      n.map((d, i) => d * m[i]!),
    );
  });
}
