// The error function in double precision, by its series and, further out, its continued fraction (Abramowitz and Stegun
// 7.1.6 and 7.1.14): the error stays below a few units in the last place. JavaScript's Math has none.

/** erf(x) = 2/sqrt(pi) * integral of exp(-t^2) for t from 0 to x. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Math.sign(x); // also NaN
  const scale = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (a < 2) {
    // 2/sqrt(pi) exp(-x^2) (x + 2x^3/3 + 4x^5/15 + ...): all terms have the same sign
    let [sum, term] = [x, x];
    for (let n = 3; sum + term !== sum; n += 2) sum += term *= (2 * x * x) / n;
    return 2 * scale * sum;
  }
  // exp(-x^2)/sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))) is what is missing to 1
  let rest = 0;
  for (let n = 30; n > 0; n -= 0.5) rest = n / (a + rest);
  return Math.sign(x) * (1 - scale / (a + rest));
}
