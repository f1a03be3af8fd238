// The sides of convolutions as products: where the images hold the elements of matrices that are never stored.
// Neighboring invocations load neighboring pixels, one each; what depends on a pixel or on a tap of the window is
// computed once for many elements.
import { active, cut, linear, names, volume, type Geometry } from "./geometry.ts";
import type { Words } from "./stage.ts";
import type { Side } from "./tile.ts";

/**
 * How k runs along channels (outputs) and taps: `blocks` of `bk` channels under one tap after another, so that a step
 * has one tap; or `flat`: all taps of the first channel, then of the second, and so on.
 */
type WindowOrder = "blocks" | "flat";

/** What k runs along: `inner` channels or outputs under `taps` taps. */
export interface Course {
  readonly walk: WindowOrder;
  readonly inner: number;
  readonly taps: number;
  readonly bk: number;
}

const padded = (n: number, by: number): number => Math.ceil(n / by) * by;

/** The length of k, with padding. */
export const courseLength = ({ walk, inner, taps, bk }: Course): number =>
  walk === "blocks" ? padded(inner, bk) * taps : padded(inner * taps, bk);

/** `blocks`, unless that is much longer. */
export function courseOf(inner: number, taps: number, bk: number): Course {
  const [blocks, flat] = (["blocks", "flat"] as const).map((walk): Course => ({ walk, inner, taps, bk }));
  return courseLength(blocks!) <= 1.2 * courseLength(flat!) ? blocks! : flat!;
}

const both = (tests: readonly string[]): string => (tests.length === 0 ? "true" : tests.join(" & "));

/**
 * A statement that loads the element at `place` of operand `k`, or 0, without a branch. `place` is valid wherever
 * `test` holds.
 */
const loaded = (w: Words, k: number, into: string, place: string, test: string): string =>
  test === "true"
    ? `${into} = ${w.load(k, place)};`
    : `{ let inside = ${test}; let place = select(0u, ${place}, inside);
        ${into} = select(0f, ${w.load(k, "place")}, inside); }`;

/** Statements for a tap `q${n}Z…X`: `d${n}Z…X`, its offset from the position of a pixel. */
const shifts = (g: Geometry, axes: readonly number[], n: string, low: boolean): string =>
  axes
    .map((a) => `let d${n}${names[a]} = q${n}${names[a]} * ${g.dilation[a]}u${low ? ` - ${g.low[a]}u` : ""};`)
    .join(" ");

/**
 * Tests that the window at pixel `p` covers an element under tap `q`, only along axes where it may reach outside the
 * image.
 */
const seen = (g: Geometry, axes: readonly number[], p: string, q: string): string[] =>
  axes
    .filter((a) => g.low[a]! > 0 || (g.y[a]! - 1) * g.stride[a]! + (g.k[a]! - 1) * g.dilation[a]! >= g.x[a]!)
    .map((a) => `(o${p}${names[a]} + d${q}${names[a]} < ${g.x[a]}u)`);

/**
 * Statements for a pixel of the output: `o${n}Z…X`, where its window begins, and `at${n}`, the place of that in the
 * images.
 */
const windows = (g: Geometry, axes: readonly number[], index: string, n: string): string =>
  [
    cut(index, `p${n}`, g.y, axes),
    ...axes.map((a) => `let o${n}${names[a]} = p${n}${names[a]} * ${g.stride[a]}u - ${g.low[a]}u;`),
    `let at${n} = bBase + p${n} * ${g.groups * g.channels * volume(g.x)}u + ${linear(g.x, axes, (x) => `o${n}${x}`)};`,
  ].join("\n");

/** Statements that name the tap of a step, `d${n}Z…X`, and its first channel, `c${n}`. */
function tapOf(
  { taps, bk }: Course,
  g: Geometry,
  axes: readonly number[],
  k0: string,
  n: string,
  low: boolean,
): string {
  return `let s${n} = ${k0} / ${bk}u; let c${n} = s${n} / ${taps}u * ${bk}u;
    ${cut(`s${n} % ${taps}u`, `q${n}`, g.k, axes)} ${shifts(g, axes, n, low)}`;
}

/**
 * A side whose rows are pixels and whose steps are channels under taps. `place` and `tests` are for pixel `p` under tap
 * `q`; `place` without the offset of the channel, which is `plane` elements each.
 */
function pixelSide(
  g: Geometry,
  axes: readonly number[],
  course: Course,
  w: Words,
  {
    plane,
    low,
    row,
    place,
    tests,
    edge,
  }: {
    readonly plane: number;
    readonly low: boolean;
    readonly row: (r: string, n: string) => string;
    readonly place: (p: string, q: string) => string;
    readonly tests: (p: string, q: string) => string[];
    readonly edge: boolean;
  },
): Side {
  const { inner, taps, bk } = course;
  const more = inner % bk !== 0;
  const base = {
    along: "row",
    width: 1,
    row: (r: string, n: string) =>
      `let row${n} = ${r}; ${row(`row${n}`, n)} ${edge ? `let in${n} = row${n} < N;` : ""}`,
  } as const;
  const inRow = (n: string): string[] => (edge ? [`in${n}`] : []);
  if (course.walk === "flat")
    return {
      ...base,
      step: (k, n) =>
        `let step${n} = ${k}; ${cut(`step${n}`, `q${n}`, g.k, axes)}
         ${shifts(g, axes, n, low)} let to${n} = q${n} * ${plane}u;`,
      load: (into, p, q) => {
        const bounded = (inner * taps) % bk === 0 ? [] : [`(step${q} < ${inner * taps}u)`];
        return loaded(w, 1, into, `${place(p, q)} + to${q}`, both([...inRow(p), ...bounded, ...tests(p, q)]));
      },
    };
  return {
    ...base,
    walk: (k0) => tapOf(course, g, axes, k0, "T", low),
    meet: (n, first) => {
      const test = both([...inRow(n), ...tests(n, "T")]);
      const from = `${place(n, "T")} + (cT + ${first}) * ${plane}u`;
      if (more) return `let ok${n} = ${test}; let from${n} = ${from};`;
      return test === "true"
        ? `let from${n} = ${from};`
        : `let ok${n} = ${test}; let from${n} = select(bBase, ${from}, ok${n});`;
    },
    step: (_, n, beyond, first) =>
      `let to${n} = ${beyond * plane}u; ${more ? `let live${n} = ${first} + ${beyond}u < ${inner}u - cT;` : ""}`,
    load: (into, p, q) => {
      const [from, test] = [`from${p} + to${q}`, both([...inRow(p), ...tests(p, "T")])];
      if (more) return loaded(w, 1, into, from, `ok${p} & live${q}`);
      return test === "true" ? `${into} = ${w.load(1, from)};` : `${into} = select(0f, ${w.load(1, from)}, ok${p});`;
    },
  };
}

/** Right side of a convolution: columns are the pixels of the output, k the channels under taps. */
export const seenSide = (g: Geometry, course: Course, edge: boolean, w: Words): Side => {
  const axes = active(g);
  return pixelSide(g, axes, course, w, {
    plane: volume(g.x),
    low: false,
    row: (r, n) => windows(g, axes, r, n),
    place: (p, q) => `at${p} + ${linear(g.x, axes, (x) => `d${q}${x}`)}`,
    tests: (p, q) => seen(g, axes, p, q),
    edge,
  });
};

/**
 * Right side of the gradient of images: columns are the pixels of the image, k the outputs under taps; an output covers
 * the pixel if its stride leads there.
 */
export const seeingSide = (g: Geometry, course: Course, edge: boolean, w: Words): Side => {
  const axes = active(g);
  // The padding is on the other side of the difference.
  const u = (p: string, q: string, x: string): string => `(p${p}${x} - d${q}${x})`;
  return pixelSide(g, axes, course, w, {
    plane: volume(g.y),
    low: true,
    row: (r, n) => `${cut(r, `p${n}`, g.x, axes)} let at${n} = bBase + p${n} * ${g.groups * g.outputs * volume(g.y)}u;`,
    place: (p, q) =>
      `at${p} + ${linear(g.y, axes, (x, a) => (g.stride[a] === 1 ? u(p, q, x) : `${u(p, q, x)} / ${g.stride[a]}u`))}`,
    tests: (p, q) =>
      axes.flatMap((a) => {
        const [x, s, y] = [u(p, q, names[a]!), g.stride[a]!, g.y[a]!];
        return s === 1 ? [`(${x} < ${y}u)`] : [`(${x} / ${s}u < ${y}u)`, `(${x} % ${s}u == 0u)`];
      }),
    edge,
  });
};

/** Right side of the gradient of weights: columns are channels under taps, k the pixels of the output. */
export const pixelsSide = (g: Geometry, edges: { readonly row: boolean; readonly k: boolean }, w: Words): Side => {
  const axes = active(g);
  return {
    along: "k",
    width: 1,
    row: (r, n) =>
      `let row${n} = ${r}; ${cut(`row${n}`, `q${n}`, g.k, axes)} ${shifts(g, axes, n, false)}
       let to${n} = q${n} * ${volume(g.x)}u + ${linear(g.x, axes, (x) => `d${n}${x}`)};`,
    step: (k, n) => `let step${n} = ${k}; ${windows(g, axes, `step${n}`, n)}`,
    load: (into, q, p) => {
      const bounds = [...(edges.row ? [`(row${q} < N)`] : []), ...(edges.k ? [`(step${p} < K)`] : [])];
      return loaded(w, 1, into, `at${p} + to${q}`, both([...bounds, ...seen(g, axes, p, q)]));
    },
  };
};

/** Left side of the gradient of weights: rows are outputs, k the pixels of the output. */
export function gradientSide(
  g: Geometry,
  edges: { readonly row: boolean; readonly k: boolean },
  four: boolean,
  w: Words,
): Side {
  const plane = volume(g.y);
  const test = (row: string, step: string): string =>
    both([...(edges.row ? [`(row${row} < M)`] : []), ...(edges.k ? [`(step${step} < K)`] : [])]);
  return {
    along: "k",
    width: four ? 4 : 1,
    row: (r, n) => `let row${n} = ${r}; let at${n} = aBase + row${n} * ${plane}u;`,
    step: (k, n) =>
      `let step${n} = ${k};
       let off${n} = step${n} / ${plane}u * ${g.groups * g.outputs * plane}u + step${n} % ${plane}u;`,
    load: (into, row, step) => {
      const [place, inside] = [`at${row} + off${step}`, test(row, step)];
      if (!four) return loaded(w, 0, into, place, inside);
      return inside === "true"
        ? `${into} = ${w.load4(0, place)};`
        : `{ let inside = ${inside}; let place = select(0u, ${place}, inside);
            ${into} = select(vec4f(), ${w.load4(0, "place")}, inside); }`;
    },
  };
}
