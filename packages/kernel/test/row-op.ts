// An operation that a package outside might bring: its kernel of rows has operands and results of every kind, a choice by place, and
// a value that is dear and needed in two passes. Backends run it, and their tests compare it with its fallback.
import { add, applyFused, div, exp, max, mul, reshape, sum, type FusedOp, type Tensor } from "@weft/tensor";

interface Weighted {
  readonly axis: number;
  readonly scale: number;
}

/** With e = exp(scale · x · w) for a row x and its shift s: e / Σ e + s at each place, and Σ (x + s)² + max x + x[0] for the row. */
const weightedOp: FusedOp<Weighted> = {
  name: "weighted",
  infer: ([x], { axis }) => {
    const { shape, dtype } = x as Tensor;
    return [shape, shape.filter((_, a) => a !== axis)].map((s) => ({ shape: s, dtype }));
  },
  fallback: ([x, w, s], { axis, scale }) => {
    const { shape } = x as Tensor;
    const along = (y: Tensor, own: boolean): Tensor =>
      reshape(y, shape.map((d, a) => ((a === axis) === own ? d : 1))); // prettier-ignore
    const shift = along(s as Tensor, false);
    const e = exp(mul(mul(x!, along(w as Tensor, true)), scale));
    const shifted = add(x!, shift);
    const first = sum(mul(x!, along((x as Tensor).backend.tensor(Array.from({ length: shape[axis]! }, (_, i) => Number(i === 0))), true)), { axis }); // prettier-ignore
    return [
      add(div(e, sum(e, { axis, keepDims: true })), shift),
      add(add(sum(mul(shifted, shifted), { axis }), max(x!, { axis })), first),
    ];
  },
};

const weightedRowsOp: FusedOp<Weighted> = {
  ...weightedOp,
  rows: {
    operands: ["row", "column", "scalar"],
    results: ["row", "scalar"],
    axis: ({ axis }) => axis,
    write: (k, { scale }, x, w, s) => {
      const e = k.exp(k.mul(k.mul(x, w), k.number(scale)));
      const shifted = k.add(x, s);
      return [
        k.add(k.div(e, k.sum(e)), s),
        k.add(k.add(k.sum(k.mul(shifted, shifted)), k.max(x)), k.at(x, k.integer(0))),
      ];
    },
  },
};

/** The operation on rows along an axis of x, and what its fallback gives. */
export function weighted(x: Tensor, axis: number, kernel: boolean): readonly Tensor[] {
  const { backend, shape } = x;
  const wave = (n: number, by: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.cos(i * by));
  const others = shape.filter((_, a) => a !== axis);
  const w = backend.tensor(wave(shape[axis]!, 0.7));
  const s = backend.tensor(wave(others.reduce((n, d) => n * d, 1), 1.3), { shape: others }); // prettier-ignore
  return applyFused(kernel ? weightedRowsOp : weightedOp, [x, w, s], { axis, scale: 0.5 });
}
