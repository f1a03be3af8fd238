// The direction of L-BFGS from the inner products of the last changes of parameters (s) and of gradients (y) with each
// other and with the gradient. All vectors stay on the device; the two-loop recursion itself is about so few numbers
// that it runs here (Nocedal and Wright 2006, algorithm 7.4; Chen et al. 2014).

/** Inner products. The newest of the m pairs is the last one; those before the first are 0. */
export interface Products {
  /** sᵢ · yⱼ and yᵢ · yⱼ, at i m + j. */
  readonly sy: ArrayLike<number>;
  readonly yy: ArrayLike<number>;
  /** sᵢ · g and yᵢ · g. */
  readonly sg: ArrayLike<number>;
  readonly yg: ArrayLike<number>;
}

/** The direction is Σ sᵢ s[i] + Σ yᵢ y[i] + scale · g. */
export interface Coefficients {
  readonly s: number[];
  readonly y: number[];
  readonly scale: number;
}

/** The coefficients of −H g, where H is the approximate inverse Hessian of the last `pairs` of m pairs. */
export function direction({ sy, yy, sg, yg }: Products, m: number, pairs: number): Coefficients {
  const [s, y] = [new Array<number>(m).fill(0), new Array<number>(m).fill(0)];
  if (pairs === 0) return { s, y, scale: -1 };
  const used = Array.from({ length: Math.min(pairs, m) }, (_, k) => m - 1 - k); // the newest first
  const at = (i: number, j: number): number => i * m + j;
  const newest = at(m - 1, m - 1);
  const gamma = sy[newest]! / yy[newest]!;
  const alpha = new Array<number>(m).fill(0);
  // q = g − Σ αⱼ yⱼ
  for (const i of used) {
    const product = used.reduce((total, j) => total - alpha[j]! * sy[at(i, j)]!, sg[i]!);
    alpha[i] = product / sy[at(i, i)]!;
  }
  // r = γ q + Σ bⱼ sⱼ, and the direction is −r.
  const b = new Array<number>(m).fill(0);
  for (const i of used.toReversed()) {
    const ofQ = used.reduce((total, j) => total - alpha[j]! * yy[at(i, j)]!, yg[i]!);
    const ofR = used.reduce((total, j) => total + b[j]! * sy[at(j, i)]!, gamma * ofQ);
    b[i] = alpha[i]! - ofR / sy[at(i, i)]!;
  }
  for (const i of used) [s[i], y[i]] = [-b[i]!, gamma * alpha[i]!];
  return { s, y, scale: -gamma };
}
