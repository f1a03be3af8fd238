// The QR decomposition, by Householder reflections.
import { square } from "../activations.ts";
import { applyFusedRead } from "../apply.ts";
import { triu } from "../arrangement.ts";
import { abs, add, div, equal, less, maximum, mul, sqrt, sub, where } from "../elementwise.ts";
import { ArgumentError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { matrixKernel } from "../matrix-run.ts";
import { broadcastTo, concat, transpose } from "../movement.ts";
import { oneOf, readOptions } from "../options.ts";
import { max, sum } from "../reduce.ts";
import { tensorAt } from "../rules/table.ts";
import { diagEmbed } from "../shape/diagonals.ts";
import { pad } from "../shape/padding.ts";
import type { Tensor } from "../tensor.ts";
import { columnsBetween, diagonalOf, matricesOf, lineNumbers, rowsBetween, sizesOf, unit } from "./matrix.ts";
import { substituteLeft } from "./triangular.ts";

interface QRAttrs {
  /** Whether the last columns of A were added to complete Q. */
  readonly completed: boolean;
}

/** Q and R of matrices with at least as many rows as columns. */
const qrOp: FusedOp<QRAttrs> = {
  name: "qr",
  infer: (inputs) => {
    const { shape, dtype } = tensorAt("qr", inputs, 0);
    const { batch, columns } = sizesOf("qr", tensorAt("qr", inputs, 0));
    return [
      { shape, dtype },
      { shape: [...batch, columns, columns], dtype },
    ];
  },
  fallback: ([a]) => reflected(a as Tensor),
  gradient: ([q, r], _, { completed }) => [
    (gQ, gR) => {
      if (completed)
        throw new ArgumentError('qr: there is no gradient with mode "complete" and more rows than columns');
      const inner = triu(sub(matmul(gR!, transpose(r!)), matmul(transpose(q!), gQ)));
      const both = sub(add(inner, transpose(inner)), diagEmbed(diagonalOf(inner)));
      return substituteLeft(transpose(r!), add(gQ, matmul(q!, both)), false);
    },
  ],
  // At first column c of q holds column c of R and, in its rows from c on, reflection c, which is 1 − τ · v · vᵀ: τ and
  // then v without its first number, which is 1. The number of R that τ displaces is in r.
  matrices: /* @__PURE__ */ matrixKernel(["matrix"], ["matrix", "matrix"], (k, _, a, q, r) => {
    const [zero, one, none] = [k.integer(0), k.integer(1), k.constant(0)];
    const { rows: m, columns: n } = a;
    type V = typeof m;
    /** Applies reflection c to the columns of q after it; its τ. */
    const reflect = (c: V): V => {
      const below = k.add(c, one);
      const tau = k.keep(q.at(c, c));
      k.each(below, n, (j) => {
        const factor = k.keep(k.mul(tau, k.add(q.at(c, j), k.inner(q, c, q, j, below, m))));
        q.put(k.sub(q.at(c, j), factor), c, j);
        k.subtract(q, j, factor, q, c, below, m);
      });
      return tau;
    };
    k.grid([zero, m], [zero, n], (i, j) => q.put(a.at(i, j), i, j));
    k.loop(zero, n, (c) => {
      const below = k.add(c, one);
      const first = k.keep(q.at(c, c));
      const most = k.keep(k.over("max", c, m, (i) => k.where(k.less(c, i), k.abs(q.at(i, c)), none)));
      const done = k.keep(k.equal(most, none));
      // Numbers up to 1 are computed with: no square overflows, and those of a tiny column are as precise as any.
      const scale = k.keep(k.where(done, k.constant(1), k.max(most, k.abs(first))));
      const square = (x: V): V => k.mul(x, x);
      const rest = k.over("sum", below, m, (i) => square(k.keep(k.div(q.at(i, c), scale))));
      const head = k.keep(k.div(first, scale));
      const norm = k.keep(k.sqrt(k.add(square(head), rest)));
      const image = k.keep(k.where(done, head, k.where(k.less(head, none), norm, k.sub(none, norm))));
      const tau = k.keep(k.where(done, none, k.div(k.sub(image, head), image)));
      const divisor = k.keep(k.where(done, k.constant(1), k.sub(head, image)));
      k.each(below, m, (i) => q.put(k.div(k.div(q.at(i, c), scale), divisor), i, c));
      k.each(c, below, () => {
        r.put(k.mul(scale, image), c, c);
        q.put(tau, c, c);
      });
      reflect(c);
    });
    // Then R moves to r, and the reflections are multiplied, from the last to the first. Until reflection c, column c of
    // their product is that of the unit matrix, so its memory still holds the reflection.
    k.grid([zero, n], [zero, n], (i, j) => {
      k.when(k.less(i, j), () => {
        r.put(q.at(i, j), i, j);
        q.put(none, i, j);
      });
      k.when(k.less(j, i), () => r.put(none, i, j));
    });
    k.loop(zero, n, (step) => {
      const c = k.keep(k.sub(k.sub(n, one), step));
      const tau = reflect(c);
      k.each(c, m, (i) =>
        q.put(k.where(k.equal(i, c), k.sub(k.constant(1), tau), k.mul(k.sub(none, tau), q.at(i, c))), i, c),
      );
    });
  }),
};

/** The fallback: one reflection after the other. */
function reflected(a: Tensor): Tensor[] {
  const { rows: m, columns: n } = sizesOf("qr", a);
  const rows = lineNumbers(a, m, "rows");
  const reflections: (readonly [v: Tensor, tau: Tensor])[] = [];
  const reflect = (x: Tensor, [v, tau]: readonly [Tensor, Tensor]): Tensor =>
    sub(x, mul(mul(v, tau), matmul(transpose(v), x)));
  let w = a;
  for (let c = 0; c < n; c++) {
    const column = columnsBetween(w, c, c + 1);
    const first = rowsBetween(column, c, c + 1);
    const below = where(less(c, rows), column, 0);
    const most = max(abs(below), { axis: -2, keepDims: true });
    const done = equal(most, 0);
    // Numbers up to 1 are computed with: no square overflows, and those of a tiny column are as precise as any.
    const scale = where(done, 1, maximum(most, abs(first)));
    const [head, rest] = [div(first, scale), div(below, scale)];
    const norm = sqrt(add(square(head), sum(square(rest), { axis: -2, keepDims: true })));
    const image = where(done, head, where(less(head, 0), norm, sub(0, norm)));
    const tau = where(done, 0, div(sub(image, head), where(done, 1, image)));
    const v = where(equal(rows, c), 1, div(rest, where(done, 1, sub(head, image))));
    reflections.push([v, tau]);
    w = reflect(w, [v, tau]);
  }
  const start = broadcastTo(columnsBetween(unit(a, m), 0, n), a.shape);
  const q = reflections.toReversed().reduce(reflect, start);
  return [q, triu(rowsBetween(w, 0, n))];
}

/** Q and R of matrices with at least as many rows as columns. */
export function tallQR(a: Tensor, completed = false): readonly [q: Tensor, r: Tensor] {
  const [q, r] = applyFusedRead(qrOp, [a], { completed });
  return [q!, r!];
}

/** Q with as many columns as rows, and R. The columns that A lacks are zeros, which nothing reflects. */
export function completeQR(a: Tensor): readonly [q: Tensor, r: Tensor] {
  const { rows: m, columns: n } = sizesOf("qr", a);
  if (m <= n) return wideQR(a);
  const pads = a.shape.map((_, i): [number, number] => [0, i === a.shape.length - 1 ? m - n : 0]);
  const [q, r] = tallQR(pad(a, { pads }), true);
  return [q, columnsBetween(r, 0, n)];
}

/** Of a wide matrix the first columns are decomposed: Q is theirs, and R = Qᵀ · A. */
function wideQR(a: Tensor): readonly [q: Tensor, r: Tensor] {
  const { rows: m, columns: n } = sizesOf("qr", a);
  const [q, r] = tallQR(columnsBetween(a, 0, m));
  return n === m ? [q, r] : [q, concat([r, matmul(transpose(q), columnsBetween(a, m, n))], { axis: -1 })];
}

export interface QR {
  /** Orthonormal columns, [..., M, min(M, N)], or [..., M, M] with mode "complete". */
  readonly q: Tensor;
  /** An upper triangle, [..., min(M, N), N], or [..., M, N] with mode "complete". */
  readonly r: Tensor;
}

/**
 * The QR decomposition A = Q · R of matrices [..., M, N], by Householder reflections: the signs are those of LAPACK.
 * With mode "complete" Q is square; then there is no gradient if M > N. Slow for large matrices. As `torch.linalg.qr`.
 *
 * @example qr(tensor([[3, 1], [4, 2]])).r // [[-5, -2.2], [0, 0.4]]
 */
export function qr(a: Operand, options?: { mode?: "reduced" | "complete" }): QR {
  const { mode } = readOptions("qr", options, { mode: oneOf("reduced", "complete") }, { mode: "reduced" });
  const x = matricesOf("qr", a);
  return composed("qr", () => {
    const { rows, columns } = sizesOf("qr", x);
    const [q, r] = mode === "complete" ? completeQR(x) : rows >= columns ? tallQR(x) : wideQR(x);
    return { q, r };
  });
}
