// Einstein's summation convention: letters name axes, and axes missing on the right are summed over. Operands are
// contracted two at a time, by a matrix product over the axes that they share.
import { inNameOf } from "./context.ts";
import { resultOf } from "./scope.ts";
import { readTensors } from "./apply.ts";
import { sizeOf, text } from "./axes.ts";
import { mul } from "./elementwise.ts";
import { ArgumentError, describe, ShapeError } from "./errors.ts";
import type { Operand } from "./interpreter.ts";
import { matmul } from "./linalg.ts";
import { permute, reshape } from "./movement.ts";
import { sum } from "./reduce.ts";
import { diagonal } from "./shape/diagonals.ts";
import type { Tensor } from "./tensor.ts";

/** A tensor whose axes have names. */
interface Named {
  readonly x: Tensor;
  readonly axes: readonly string[];
}

/** Throws an error that quotes the equation. */
type Refusal = (message: string) => never;

/**
 * Sums of products over named axes: `"ij,jk->ik"` is the matrix product, `"ii->i"` the diagonal, `"ij->"` the sum of
 * all, `"...ij->...ji"` a transpose of matrices. Without `->` the result has the letters that occur once, in
 * alphabetical order.
 *
 * @example einsum("ij,j->i", tensor([[1, 2], [3, 4]]), tensor([1, 1])) // [3, 7]
 */
export function einsum(equation: string, ...operands: Operand[]): Tensor {
  if (typeof equation !== "string")
    throw new ArgumentError(`einsum: wanted an equation such as "ij,jk->ik", got ${describe(equation)}`);
  const refuse: Refusal = (message) => {
    throw new ArgumentError(`einsum: "${equation}": ${message}`);
  };
  const [left, right, ...more] = equation.replace(/\s+/g, "").split("->") as [string, ...string[]];
  if (more.length > 0) refuse("wanted at most one ->");
  const terms = left.split(",");
  if (terms.length !== operands.length) refuse(`names ${terms.length} operands, got ${operands.length}`);
  const sizes = new Map<string, number>();
  const named = readTensors("einsum", operands).map((x, i) => name(x, terms[i]!, sizes, refuse));
  const wanted = outcome(right, left, named, refuse);
  return inNameOf("einsum", () => resultOf(() => product(named, wanted)));
}

/** The product of the operands, summed over all axes but the wanted ones, whose order the result has. */
function product(named: readonly Named[], wanted: readonly string[]): Tensor {
  let y = named.map(diagonals).reduce((a, b, i) => {
    const later = new Set([...wanted, ...named.slice(i + 1).flatMap(({ axes }) => axes)]);
    return join(reduced(a, [...later, ...b.axes]), reduced(b, [...later, ...a.axes]), later);
  });
  y = reduced(y, wanted);
  return permute(
    y.x,
    wanted.map((axis) => y.axes.indexOf(axis)),
  );
}

/**
 * The names of the axes: "...ij" on rank 4 gives ["1", "0", "i", "j"]; digits name the axes of the dots, the last one
 * "0".
 */
function letters(term: string, rank: number, refuse: Refusal): string[] {
  const [before, after, ...more] = term.split("...") as [string, ...string[]];
  if (more.length > 0 || /[^a-zA-Z]/.test(before + (after ?? "")))
    refuse(`"${term}" must be letters and at most one ...`);
  const free = rank - before.length - (after ?? "").length;
  if (free < 0 || (after === undefined && free > 0))
    refuse(`"${term}" names ${before.length + (after ?? "").length} axes of an operand that has ${rank}`);
  const dots = Array.from({ length: free }, (_, i) => String(free - 1 - i));
  return [...before, ...dots, ...(after ?? "")];
}

function name(x: Tensor, term: string, sizes: Map<string, number>, refuse: Refusal): Named {
  const axes = letters(term, x.shape.length, refuse);
  for (const [i, axis] of axes.entries()) {
    const size = x.shape[i]!;
    const known = sizes.get(axis) ?? size;
    const broadcasts = /\d/.test(axis) && (size === 1 || known === 1);
    if (known !== size && !broadcasts)
      throw new ShapeError(
        `einsum: shape ${text(x.shape)} does not fit "${term}": axis ${axis} has size ${known} elsewhere and ${size} here`,
      );
    sizes.set(axis, known === 1 ? size : known);
  }
  return { x, axes };
}

function outcome(right: string | undefined, left: string, named: readonly Named[], refuse: Refusal): string[] {
  const all = named.flatMap(({ axes }) => axes);
  const dots = [...new Set(all.filter((axis) => /\d/.test(axis)))].toSorted((a, b) => Number(b) - Number(a));
  if (right === undefined) {
    const once = [...left].filter(
      (c, i, list) => /[a-zA-Z]/.test(c) && list.indexOf(c) === i && !list.includes(c, i + 1),
    );
    return [...dots, ...once.toSorted()];
  }
  const wanted = letters(right, right.replace("...", "").length + (right.includes("...") ? dots.length : 0), refuse);
  for (const [i, axis] of wanted.entries()) {
    if (!all.includes(axis)) refuse(`"${axis}" of the result is in no operand`);
    if (wanted.indexOf(axis) !== i) refuse(`"${axis}" is twice in the result`);
  }
  return wanted;
}

/** Reads an operand that names an axis twice along the diagonal. */
function diagonals({ x, axes }: Named): Named {
  const i = axes.findIndex((axis, k) => axes.indexOf(axis, k + 1) >= 0);
  if (i < 0) return { x, axes };
  const k = axes.indexOf(axes[i]!, i + 1);
  const rest = axes.filter((_, n) => n !== i && n !== k);
  return diagonals({ x: diagonal(x, { axes: [i, k] }), axes: [...rest, axes[i]!] });
}

/** Sums over the axes that nothing needs any more. */
function reduced({ x, axes }: Named, wanted: Iterable<string>): Named {
  const keep = new Set(wanted);
  const gone = axes.map((_, i) => i).filter((i) => !keep.has(axes[i]!));
  if (gone.length === 0) return { x, axes };
  return { x: sum(x, { axis: gone }), axes: axes.filter((axis) => keep.has(axis)) };
}

/** Contracts two operands: axes that both have and that nothing needs later are summed over. */
function join(a: Named, b: Named, later: ReadonlySet<string>): Named {
  const shared = a.axes.filter((axis) => b.axes.includes(axis));
  const inner = shared.filter((axis) => !later.has(axis));
  const batch = shared.filter((axis) => later.has(axis));
  const rows = a.axes.filter((axis) => !shared.includes(axis));
  const columns = b.axes.filter((axis) => !shared.includes(axis));
  const [p, q] = [arranged(a, [...batch, ...rows, ...inner]), arranged(b, [...batch, ...inner, ...columns])];
  const size = (x: Tensor, from: number, to: number) => sizeOf(x.shape.slice(from, to));
  const n = batch.length;
  const outer = [...p.shape.slice(n, n + rows.length), ...q.shape.slice(n + inner.length)];
  const axes = [...batch, ...rows, ...columns];
  const [m, k] = [size(p, n, n + rows.length), size(p, n + rows.length, p.shape.length)];
  const left = reshape(p, [...p.shape.slice(0, n), m, k]);
  const right = reshape(q, [...q.shape.slice(0, n), k, size(q, n + inner.length, q.shape.length)]);
  const y = inner.length === 0 ? mul(left, right) : matmul(left, right);
  return { x: reshape(y, [...y.shape.slice(0, n), ...outer]), axes };
}

const arranged = ({ x, axes }: Named, order: readonly string[]): Tensor =>
  permute(
    x,
    order.map((axis) => axes.indexOf(axis)),
  );
