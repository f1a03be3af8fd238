// The error function to the last digits of a double: near zero a series of positive terms, elsewhere the continued
// fraction of the complement (Abramowitz and Stegun 7.1.6 and 7.1.14).

const SERIES_ENDS = 2;
const FRACTION_TERMS = 120;

/** erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)). */
function series(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc(x) = e^(−x²)/√π · 1/(x + ½/(x + 1/(x + 1½/(x + …)))) for x > 0. */
function complement(x: number): number {
  let tail = x;
  for (let n = FRACTION_TERMS; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}

export function erf(x: number): number {
  if (Math.abs(x) <= SERIES_ENDS) return series(x);
  return x > 0 ? 1 - complement(x) : x < 0 ? complement(-x) - 1 : x;
}
