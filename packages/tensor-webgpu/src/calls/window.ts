// Windows that move over planes, as text with named sizes: positions of input, window and output along three axes.
import { names as axes, type Axes, type Windows } from "../forms/geometry.ts";

/** Numbers named after the axes: `xZ xY xX` and so on. */
export const along = (name: string, sizes: Axes): Record<string, number> =>
  Object.fromEntries(axes.map((a, i) => [`${name}${a}`, sizes[i]!]));

/**
 * Sizes of input (`x`), window (`k`) and output (`y`), stride (`s`), dilation (`d`) and leading padding (`low`), per
 * axis.
 */
export const numbersOf = ({ x, k, y, stride, dilation, low }: Windows): Record<string, number> => ({
  ...along("x", x),
  ...along("k", k),
  ...along("y", y),
  ...along("s", stride),
  ...along("d", dilation),
  ...along("low", low),
});

/** `i` split into a position along the three axes of `of` (names `…Z …Y …X` with this prefix) and `rest`. */
export const cut = (of: string, prefix: string): string =>
  `var rest = i;\n${axes
    .toReversed()
    .map((a) => `let ${prefix}${a} = rest % ${of}${a}; rest /= ${of}${a};`)
    .join("\n")}`;

export const loops = (name: string, of: string, body: string): string =>
  axes.reduceRight(
    (text, a) => `for (var ${name}${a} = 0u; ${name}${a} < ${of}${a}; ${name}${a}++) {\n${text}\n}`,
    body,
  );

/** Runs `body` with `px`, the place in the plane of x under tap `q` at output position `p`, if that is inside. */
export const inside = (body: string): string => `
  ${axes.map((a) => `let at${a} = p${a} * s${a} + q${a} * d${a} - low${a};`).join("\n")}
  if (${axes.map((a) => `at${a} < x${a}`).join(" && ")}) {
    let px = (atZ * xY + atY) * xX + atX;
    ${body}
  }`;

/** Runs `body` with p, the output position whose tap `q` lies on position `o` of x, if there is one. */
export const meeting = (body: string): string => `
  ${axes.map((a) => `let t${a} = o${a} + low${a} - q${a} * d${a}; let p${a} = t${a} / s${a};`).join("\n")}
  if (${axes.map((a) => `t${a} < 0x80000000u && t${a} % s${a} == 0u && p${a} < y${a}`).join(" && ")}) { ${body} }`;

export const tap = "(qZ * kY + qY) * kX + qX";
export const pixel = "(pZ * yY + pY) * yX + pX";
export const volume = (of: string): string => `(${of}Z * ${of}Y * ${of}X)`;
