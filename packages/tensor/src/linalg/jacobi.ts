// Columns made orthogonal by Jacobi rotations: what singular values and eigenvalues are computed by.
import { applyFusedRead } from "../apply.ts";
import { creation } from "../creation.ts";
import { abs, add, div, less, mul, sqrt, sub, where } from "../elementwise.ts";
import type { FusedOp } from "../fused.ts";
import { take } from "../indexing.ts";
import { matrixKernel } from "../matrix-run.ts";
import { broadcastTo, concat } from "../movement.ts";
import { sum } from "../reduce.ts";
import { tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";
import { columnsBetween, sizesOf, unit } from "./matrix.ts";

/** A sweep rotates each pair of columns once. Convergence is quadratic: ten sweeps are many. */
const MOST_SWEEPS = 24;

/**
 * W with orthogonal columns, V with V · Vᵀ = 1 such that A · V = W, and the lengths of the columns of W. It rotates
 * disjoint pairs of columns at a time (a round of a tournament), after M. Hestenes (1958) and R. Brent and F. Luk (1985).
 */
const jacobiOp: FusedOp<undefined> = {
  name: "jacobi",
  infer: (inputs) => {
    const { shape, dtype } = tensorAt("jacobi", inputs, 0);
    const { batch, columns } = sizesOf("jacobi", tensorAt("jacobi", inputs, 0));
    return [
      { shape, dtype },
      { shape: [...batch, columns, columns], dtype },
      { shape: [...batch, columns], dtype },
    ];
  },
  fallback: ([a]) => rotated(a as Tensor),
  matrices: /* @__PURE__ */ matrixKernel(["matrix"], ["matrix", "matrix", "vector"], (k, _, a, w, v, lengths) => {
    const [zero, one, two] = [k.integer(0), k.integer(1), k.integer(2)];
    const [none, unity] = [k.constant(0), k.constant(1)];
    const { rows: m, columns: n } = a;
    type V = typeof m;
    // Columns count as orthogonal if the cosine of their angle is at most this.
    const small = k.keep(k.mul(k.epsilon, k.sqrt(k.max(k.float(m), k.constant(4)))));
    // Until the end `lengths` serves as memory: for each pair the greatest cosine that it met in the last sweep.
    const cosines = lengths;

    /** Makes columns i and j orthogonal. */
    const turn = (i: V, j: V, pair: V): void => {
      const [ii, jj, ij] = k.gram(w, i, j);
      const both = k.keep(k.mul(k.sqrt(ii), k.sqrt(jj)));
      k.when(k.less(k.mul(small, both), k.abs(ij)), () => {
        cosines.put(k.max(cosines.at(pair), k.div(k.abs(ij), both)), pair);
        const ratio = k.keep(k.div(k.sub(jj, ii), k.mul(k.constant(2), ij)));
        const root = k.add(k.abs(ratio), k.sqrt(k.add(unity, k.mul(ratio, ratio))));
        const tangent = k.keep(k.div(k.where(k.less(ratio, none), k.constant(-1), unity), root));
        const cosine = k.keep(k.div(unity, k.sqrt(k.add(unity, k.mul(tangent, tangent)))));
        const sine = k.keep(k.mul(cosine, tangent));
        // By the tangent of half the angle: the lengths of columns do not drift (H. Rutishauser, 1966).
        const half = k.keep(k.div(sine, k.add(unity, cosine)));
        k.rotate(w, i, j, sine, half);
        k.rotate(v, i, j, sine, half);
      });
    };

    // The rounds of a tournament: the last column stays, and the others move on by one place a round. With an odd number
    // of columns the last one, number n, does not exist, and its partner rests.
    const pairs = k.keep(k.quotient(k.add(n, one), two));
    const rounds = k.keep(k.sub(k.mul(pairs, two), one));
    const sweep = (): void =>
      k.loop(zero, rounds, (round) =>
        k.each(zero, pairs, (pair) => {
          const i = k.keep(k.where(k.equal(pair, zero), rounds, k.remainder(k.add(round, pair), rounds)));
          const j = k.keep(k.remainder(k.add(k.sub(round, pair), rounds), rounds));
          k.when(k.less(k.max(i, j), n), () => turn(i, j, pair));
        }),
      );

    k.grid([zero, m], [zero, n], (i, j) => w.put(a.at(i, j), i, j));
    k.grid([zero, n], [zero, n], (i, j) => v.put(k.float(k.where(k.equal(i, j), one, zero)), i, j));
    k.each(zero, n, (i) => cosines.put(unity, i));
    k.loop(zero, k.integer(MOST_SWEEPS), () => {
      const greatest = k.over("max", zero, n, (i) => cosines.at(i));
      k.when(k.less(small, greatest), () => {
        k.each(zero, n, (i) => cosines.put(none, i));
        sweep();
      });
    });
    k.each(zero, n, (i) => lengths.put(k.sqrt(k.inner(w, i, w, i, zero, m)), i));
  }),
};

/** The fallback: a fixed number of sweeps, and the pairs of a round at a time. */
function rotated(a: Tensor): Tensor[] {
  const { batch, columns: n } = sizesOf("jacobi", a);
  const axis = a.shape.length - 1;
  const pairs = Math.floor((n + 1) / 2);
  const rounds = 2 * pairs - 1;
  const sweeps = n < 2 ? 0 : 6 + Math.ceil(Math.log2(n));
  const { tensor } = creation(a.backend);
  /** For each round: which columns are left and right, and the order that undoes this. */
  const orders = Array.from({ length: rounds }, (_, round) => {
    const games = Array.from({ length: pairs }, (_, pair) => [
      pair === 0 ? rounds : (round + pair) % rounds,
      (round - pair + rounds) % rounds,
    ]);
    const both = games.filter(([i, j]) => i! < n && j! < n);
    const resting = games.filter(([i, j]) => i! >= n || j! >= n).map(([i, j]) => Math.min(i!, j!));
    const order = [...both.map(([i]) => i!), ...both.map(([, j]) => j!), ...resting];
    const i32 = (list: number[]): Tensor => tensor(list, { dtype: "i32" });
    const at = [0, both.length, 2 * both.length, n];
    return { at, order: i32(order), back: i32(order.map((_, c) => order.indexOf(c))) };
  });
  let [w, v] = [a, broadcastTo(unit(a, n), [...batch, n, n])];
  const product = (p: Tensor, q: Tensor): Tensor => sum(mul(p, q), { axis: -2, keepDims: true });
  for (let sweep = 0; sweep < sweeps; sweep++)
    for (const { at, order, back } of orders) {
      const parts = (x: Tensor): Tensor[] => {
        const sorted = take(x, order, { axis });
        return [0, 1, 2].map((i) => columnsBetween(sorted, at[i]!, at[i + 1]!));
      };
      const [left, right] = parts(w) as [Tensor, Tensor];
      const inner = product(left, right);
      const none = less(abs(inner), 1e-30);
      const ratio = div(sub(product(right, right), product(left, left)), mul(where(none, 1, inner), 2));
      const root = add(abs(ratio), sqrt(add(mul(ratio, ratio), 1)));
      const tangent = where(none, 0, div(where(less(ratio, 0), -1, 1), root));
      const cosine = div(1, sqrt(add(mul(tangent, tangent), 1)));
      const sine = mul(cosine, tangent);
      [w, v] = [w, v].map((x) => {
        const [l, r, resting] = parts(x) as [Tensor, Tensor, Tensor];
        const turned = [sub(mul(cosine, l), mul(sine, r)), add(mul(sine, l), mul(cosine, r)), resting];
        return take(concat(turned, { axis }), back, { axis });
      }) as [Tensor, Tensor];
    }
  return [w, v, sqrt(sum(mul(w, w), { axis: -2 }))];
}

/** W with orthogonal columns, an orthogonal V such that A · V = W, and the lengths of the columns of W. */
export function orthogonalized(a: Tensor): readonly [w: Tensor, v: Tensor, lengths: Tensor] {
  const [w, v, lengths] = applyFusedRead(jacobiOp, [a], undefined);
  return [w!, v!, lengths!];
}
