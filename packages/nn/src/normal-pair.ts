// Two normal numbers from two random words (Box and Muller 1958). Logarithm, sine and cosine are written out, with the
// coefficients of fdlibm (Sun Microsystems): those of `Math` differ between engines in the last bits, arithmetic does
// not.

// oxfmt-ignore
const LOG = [0.14798198605116586, 0.15313837699209373, 0.1818357216161805, 0.22222198432149784, 0.2857142874366239, 0.3999999999940942, 0.6666666666666735];
// oxfmt-ignore
const SIN = [1.58969099521155e-10, -2.5050760253406863e-8, 2.7557313707070068e-6, -1.984126982985795e-4, 8.33333333332249e-3, -0.16666666666666632];
// oxfmt-ignore
const COS = [-1.1359647557788195e-11, 2.087572321298175e-9, -2.7557314351390663e-7, 2.480158728947673e-5, -1.388888888887411e-3, 0.0416666666666666];

function polynomial(x: number, coefficients: readonly number[]): number {
  let p = 0;
  for (let k = 0; k < coefficients.length; k++) p = p * x + coefficients[k]!;
  return p;
}

/** ln x for x in (0, 1], with the same bits on every engine. */
export function log(x: number): number {
  let m = x;
  let n = 0;
  for (; m < Math.SQRT1_2; n--) m *= 2;
  const f = m - 1;
  const s = f / (f + 2);
  const z = s * s;
  const half = (f * f) / 2;
  return n * Math.LN2 + (f - (half - s * (half + z * polynomial(z, LOG))));
}

/** √(−2 ln u)·(cos 2πv, sin 2πv), with u in (0, 1] and v in [0, 1) from the words. */
export function normalPair([a, b]: readonly [number, number]): [number, number] {
  const radius = Math.sqrt(-2 * log((a + 1) * 2 ** -32));
  const quarter = Math.round(b * 2 ** -30);
  const x = (b * 2 ** -30 - quarter) * (Math.PI / 2);
  const z = x * x;
  const cos = radius * (1 - (z / 2 - z * z * polynomial(z, COS)));
  const sin = radius * (x + x * z * polynomial(z, SIN));
  const sign = (quarter & 2) === 0 ? 1 : -1;
  return (quarter & 1) === 0 ? [sign * cos, sign * sin] : [-sign * sin, sign * cos];
}
