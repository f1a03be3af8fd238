// Convolution and its two gradients as products of matrices that exist nowhere: the elements of the right one are found in
// the images while they are staged. Pixels of all images follow one another along one index, channels and taps of the window
// along the other; sizes are written into the text, the number of images is an argument.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { epilogueOf } from "./epilogue.ts";
import { matrixSide, rowTarget, sizeOf, sum } from "./product.ts";
import { stageOf, type Machine, type Staged, type Words } from "./stage.ts";
import { sideOf, tiled, tilingName, tileVectors, type Gather, type Side, type Target, type Tiling } from "./tile.ts";

export type Convolution = "conv" | "convInputGrad" | "convWeightGrad";

/** Three spatial axes; those missing in front have size 1. */
type Axes = readonly [number, number, number];

/** Sizes of input, window and output, step, spacing and padding in front along each axis; channels of a group. */
export interface Geometry {
  readonly x: Axes;
  readonly k: Axes;
  readonly y: Axes;
  readonly stride: Axes;
  readonly dilation: Axes;
  readonly low: Axes;
  readonly images: number;
  readonly groups: number;
  /** Channels and outputs of one group. */
  readonly channels: number;
  readonly outputs: number;
}

interface Attrs {
  readonly stride: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

const three = (list: readonly number[], fill: number): Axes => [list.at(-3) ?? fill, list.at(-2) ?? fill, list.at(-1)!];

/** Which operands are the images, the weights and the outputs. */
const roles: Record<Convolution, (out: CallOperand, a: CallOperand, b: CallOperand) => readonly CallOperand[]> = {
  conv: (out, x, w) => [x, w, out],
  convInputGrad: (out, g, w) => [out, w, g],
  convWeightGrad: (out, x, g) => [x, out, g],
};

export function geometryOf(op: Convolution, { attrs, out, inputs }: CallLaunch): Geometry {
  const [x, w, y] = roles[op](out, inputs[0]!, inputs[1]!) as [CallOperand, CallOperand, CallOperand];
  const { stride, padding, dilation, groups } = attrs as Attrs;
  return {
    x: three(x.shape.slice(2), 1),
    k: three(w.shape.slice(2), 1),
    y: three(y.shape.slice(2), 1),
    stride: three(stride, 1),
    dilation: three(dilation, 1),
    low: three(
      padding.map((p) => p[0]),
      0,
    ),
    images: x.shape[0]!,
    groups,
    channels: w.shape[1]!,
    outputs: w.shape[0]! / groups,
  };
}

/** Sizes of the product for one group. */
export function sizesOf(op: Convolution, g: Geometry): { readonly M: number; readonly N: number; readonly K: number } {
  const [x, k, y] = [sizeOf(g.x), sizeOf(g.k), sizeOf(g.y)];
  return {
    conv: { M: g.outputs, N: g.images * y, K: g.channels * k },
    convInputGrad: { M: g.channels, N: g.images * x, K: g.outputs * k },
    convWeightGrad: { M: g.outputs, N: g.channels * k, K: g.images * y },
  }[op];
}

/** How the operands lie; the same for all sizes. */
export const sidesOf = {
  conv: { a: { along: "k" }, b: { along: "row" } },
  convInputGrad: { a: { along: "row" }, b: { along: "row" } },
  convWeightGrad: { a: { along: "k" }, b: { along: "k" } },
} as const;

const four = [0, 1, 2, 3] as const;
const names = ["Z", "Y", "X"] as const;
/** Axes that are there. */
const active = (g: Geometry): number[] =>
  [0, 1, 2].filter((a) => g.x[a]! > 1 || g.k[a]! > 1 || g.y[a]! > 1 || g.low[a]! > 0);

/** Statements that cut `index` into places `${prefix}Z…X` along axes of these sizes, and what is left, `${prefix}`. */
function cut(index: string, prefix: string, sizes: Axes, axes: readonly number[]): string {
  const lines: string[] = [`let ${prefix}r = ${index};`];
  let rest = `${prefix}r`;
  for (const a of axes.toReversed()) {
    lines.push(
      `let ${prefix}${names[a]} = ${rest} % ${sizes[a]}u;`,
      `let ${prefix}${names[a]}r = ${rest} / ${sizes[a]}u;`,
    );
    rest = `${prefix}${names[a]}r`;
  }
  return `${lines.join(" ")} let ${prefix} = ${rest};`;
}

/** The linear place of three coordinates in a plane. */
const linear = (sizes: Axes, axes: readonly number[], at: (name: string) => string): string =>
  axes.reduce((text, a) => (text === "" ? at(names[a]!) : `(${text}) * ${sizes[a]}u + ${at(names[a]!)}`), "") || "0u";

/**
 * Four places `of` the planes, one behind the other from `index` on: `${n}_i` is the image of the i-th, `${n}_iX` its place.
 * They are cut one by one where a row does not hold whole groups of four.
 */
const fourPlaces = (index: string, n: string, of: Axes, axes: readonly number[]): string =>
  of[2] % 4 === 0
    ? [
        cut(index, `${n}_0`, of, axes),
        ...[1, 2, 3].map((i) =>
          [
            ...axes.map((a) => `let ${n}_${i}${names[a]} = ${n}_0${names[a]}${a === 2 ? ` + ${i}u` : ""};`),
            `let ${n}_${i} = ${n}_0;`,
          ].join(" "),
        ),
      ].join("\n")
    : four.map((i) => cut(`${index} + ${i}u`, `${n}_${i}`, of, axes)).join("\n");

/** Outputs' pixels and taps of the window, as two indices of what the window sees. Places in the images: `at` + `to`. */
function seen(g: Geometry, axes: readonly number[]) {
  const plane = sizeOf(g.x);
  return {
    pixels: (index: string, n: string): string =>
      [
        fourPlaces(index, `p${n}`, g.y, axes),
        ...four.flatMap((i) => [
          ...axes.map((a) => `let o${n}_${i}${names[a]} = p${n}_${i}${names[a]} * ${g.stride[a]}u - ${g.low[a]}u;`),
          `let at${n}_${i} = p${n}_${i} * ${g.groups * g.channels * plane}u + ${linear(g.x, axes, (x) => `o${n}_${i}${x}`)};`,
        ]),
      ].join("\n"),
    taps: (index: string, n: string): string =>
      [
        cut(index, `q${n}`, g.k, axes),
        ...axes.map((a) => `let d${n}${names[a]} = q${n}${names[a]} * ${g.dilation[a]}u;`),
        `let to${n} = q${n} * ${plane}u + ${linear(g.x, axes, (x) => `d${n}${x}`)};`,
      ].join("\n"),
    /** Only along axes where the window may look beyond the image. */
    inside: (pixel: string, tap: string): string[] =>
      axes
        .filter((a) => g.low[a]! > 0 || (g.y[a]! - 1) * g.stride[a]! + (g.k[a]! - 1) * g.dilation[a]! >= g.x[a]!)
        .map((a) => `(o${pixel}${names[a]} + d${tap}${names[a]} < ${g.x[a]}u)`),
  };
}

const bound = (edge: boolean, test: string): string[] => (edge ? [test] : []);

interface Edges {
  readonly m: boolean;
  readonly n: boolean;
  readonly k: boolean;
}

/** The right side of each; `each` is the group. */
const right: Record<Convolution, (g: Geometry, axes: readonly number[], e: Edges) => Gather> = {
  // Columns are the pixels of the output, k the channels and taps.
  conv: (g, axes, e) => {
    const s = seen(g, axes);
    return {
      along: "row",
      row: (r, n) => `let row${n} = ${r}; ${s.pixels(`row${n}`, n)}`,
      step: (k, n) => `let step${n} = ${k}; ${s.taps(`step${n}`, n)}`,
      place: (row, step, i) => `bBase + at${row}_${i} + to${step}`,
      inside: (row, step, i) => [
        ...bound(e.n, `(row${row} + ${i}u < N)`),
        ...bound(e.k, `(step${step} < K)`),
        ...s.inside(`${row}_${i}`, step),
      ],
      four: false,
    };
  },
  // Columns are the pixels of the image, k the outputs and taps; an output sees the pixel if its steps lead there.
  convInputGrad: (g, axes, e) => {
    const u = (row: string, step: string, i: number, x: string): string => `(p${row}_${i}${x} - d${step}${x})`;
    return {
      along: "row",
      row: (r, n) =>
        `let row${n} = ${r}; ${fourPlaces(`row${n}`, `p${n}`, g.x, axes)} ${four.map((i) => `let at${n}_${i} = p${n}_${i} * ${g.groups * g.outputs * sizeOf(g.y)}u;`).join(" ")}`,
      // The padding stands on the other side of the difference.
      step: (k, n) =>
        `let step${n} = ${k}; ${cut(`step${n}`, `q${n}`, g.k, axes)} ${axes.map((a) => `let d${n}${names[a]} = q${n}${names[a]} * ${g.dilation[a]}u - ${g.low[a]}u;`).join(" ")} let to${n} = q${n} * ${sizeOf(g.y)}u;`,
      place: (row, step, i) =>
        `bBase + at${row}_${i} + to${step} + ${linear(g.y, axes, (x) => {
          const s = g.stride[names.indexOf(x as "X")]!;
          return s === 1 ? u(row, step, i, x) : `${u(row, step, i, x)} / ${s}u`;
        })}`,
      inside: (row, step, i) => [
        ...bound(e.n, `(row${row} + ${i}u < N)`),
        ...bound(e.k, `(step${step} < K)`),
        ...axes.flatMap((a) => {
          const [x, s, y] = [u(row, step, i, names[a]!), g.stride[a]!, g.y[a]!];
          return s === 1 ? [`(${x} < ${y}u)`] : [`(${x} / ${s}u < ${y}u)`, `(${x} % ${s}u == 0u)`];
        }),
      ],
      four: false,
    };
  },
  // Columns are channels and taps, k the pixels of the output.
  convWeightGrad: (g, axes, e) => {
    const s = seen(g, axes);
    return {
      along: "k",
      row: (r, n) => `let row${n} = ${r}; ${s.taps(`row${n}`, n)}`,
      step: (k, n) => `let step${n} = ${k}; ${s.pixels(`step${n}`, n)}`,
      place: (row, step, i) => `bBase + at${step}_${i} + to${row}`,
      inside: (row, step, i) => [
        ...bound(e.n, `(row${row} < N)`),
        ...bound(e.k, `(step${step} + ${i}u < K)`),
        ...s.inside(`${step}_${i}`, row),
      ],
      four: false,
    };
  },
};

/** The left side: weights as they lie, weights by channel, gradients by output. */
const left: Record<Convolution, (g: Geometry, e: Edges, input: CallOperand, aligned: boolean, w: Words) => Side> = {
  conv: (g, e, { bytes }, aligned, w) =>
    matrixSide(
      "a",
      { along: "k", four: (g.channels * sizeOf(g.k)) % 4 === 0 && bytes % 16 === 0 },
      aligned,
      { row: e.m, k: e.k },
      w,
    ),
  convInputGrad: (g, e, _, aligned, w) => {
    const taps = sizeOf(g.k);
    return sideOf(
      {
        along: "row",
        row: (r, n) => `let row${n} = ${r}; let at${n} = aBase + row${n} * ${taps}u;`,
        step: (k, n) =>
          `let step${n} = ${k}; let off${n} = step${n} / ${taps}u * ${g.channels * taps}u + step${n} % ${taps}u;`,
        place: (row, step, i) => `at${row} + off${step} + ${i * taps}u`,
        inside: (row, step, i) => [...bound(e.m, `(row${row} + ${i}u < M)`), ...bound(e.k, `(step${step} < K)`)],
        four: false,
      },
      0,
      aligned,
      w,
    );
  },
  convWeightGrad: (g, e, { bytes }, aligned, w) => {
    const plane = sizeOf(g.y);
    const all = g.groups * g.outputs * plane;
    const whole = plane % 4 === 0;
    return sideOf(
      {
        along: "k",
        row: (r, n) => `let row${n} = ${r}; let at${n} = aBase + row${n} * ${plane}u;`,
        step: (k, n) =>
          [
            `let step${n} = ${k};`,
            ...(whole ? [0] : four).map(
              (i) =>
                `let k${n}_${i} = step${n} + ${i}u; let off${n}_${i} = k${n}_${i} / ${plane}u * ${all}u + k${n}_${i} % ${plane}u;`,
            ),
          ].join(" "),
        place: (row, step, i) => (whole ? `at${row} + off${step}_0 + ${i}u` : `at${row} + off${step}_${i}`),
        inside: (row, step, i) => [...bound(e.m, `(row${row} < M)`), ...bound(e.k, `(step${step} + ${i}u < K)`)],
        four: whole && bytes % 16 === 0,
      },
      0,
      aligned,
      w,
    );
  },
};

/** Rows of the result are channels: an image's lie `plane` apart. */
function imageTarget(plane: number, all: number, whole: boolean, e: Edges, w: Words): Target {
  const guard = (tests: readonly string[], text: string): string =>
    tests.length === 0 ? text : `if (${tests.join(" & ")}) { ${text} }`;
  const to = (n: string, i: number): string =>
    `let to${n}_${i} = (column${n} + ${i}u) / ${plane}u * ${all}u + (column${n} + ${i}u) % ${plane}u;`;
  return {
    column: (column, n) => `let column${n} = ${column}; ${(whole ? [0] : four).map((i) => to(n, i)).join(" ")}`,
    store: (row, n, value) => {
      const rows = bound(e.m, `(${row} < M)`);
      const start = `base + ${row} * ${plane}u`;
      if (whole) return guard([...rows, ...bound(e.n, `(column${n} < N)`)], w.store4(`${start} + to${n}_0`, value));
      return guard(
        rows,
        four
          .map((i) =>
            guard(bound(e.n, `(column${n} + ${i}u < N)`), w.store(`${start} + to${n}_${i}`, `${value}.${"xyzw"[i]}`)),
          )
          .join(" "),
      );
    },
  };
}

export function convolution(
  op: Convolution,
  launch: CallLaunch,
  { tiling, splits: wanted }: { readonly tiling: Tiling; readonly splits: number },
  { threads }: Machine,
): Staged {
  const g = geometryOf(op, launch);
  const { out, inputs } = launch;
  const { M, N, K } = sizesOf(op, g);
  const { bm, bn, bk } = tiling;
  const all = Math.ceil(K / bk);
  const steps = Math.ceil(all / wanted);
  const splits = Math.ceil(all / steps);
  const split = splits > 1;
  const [across, down] = [Math.ceil(N / bn), Math.ceil(M / bm)];
  const edges: Edges = { m: M % bm !== 0, n: N % bn !== 0, k: K % bk !== 0 };
  const axes = active(g);
  const [x, k, y] = [sizeOf(g.x), sizeOf(g.k), sizeOf(g.y)];
  const plane = { conv: y, convInputGrad: x, convWeightGrad: g.channels * k }[op];
  const size = sizeOf(out.shape);
  const whole = plane % 4 === 0 && size % 4 === 0 && (split || out.bytes % 16 === 0);
  // The images are gathered: they are the first input of all three.
  const [b, a] = inputs as [CallOperand, CallOperand];
  const weights = g.outputs * g.channels * k;
  const begin = {
    conv: { a: weights, b: g.channels * x, base: g.outputs * y },
    convInputGrad: { a: weights, b: g.outputs * y, base: g.channels * x },
    convWeightGrad: { a: g.outputs * y, b: g.channels * x, base: weights },
  }[op];
  const { x: sx, k: sk, y: sy, stride, dilation, low, groups, channels, outputs } = g;
  const stage = stageOf({
    name: `${op} ${JSON.stringify([sx, sk, sy, stride, dilation, low, groups, channels, outputs])} ${tilingName(tiling)} ${a.bytes % 16} ${whole} ${JSON.stringify(edges)}`,
    operands: [a, b, split ? undefined : out],
    numbers: {
      M,
      N,
      K,
      aRow: K,
      aStep: 1,
      across,
      down,
      ...(split ? { splits, most: steps, all, size } : { steps: all }),
    },
    groups: across * down * splits * groups,
    vectors: tileVectors(tiling, sidesOf[op].a, sidesOf[op].b),
    epilogue: split ? undefined : epilogueOf(launch.after?.launch, out),
    text: (w, aligned) => `
      let n0 = group % across * ${bn}u;
      let m0 = group / across % down * ${bm}u;
      ${
        split
          ? "let z = group / (across * down) % splits; let each = group / (across * down * splits);"
          : "let each = group / (across * down);"
      }
      let aBase = each * ${begin.a}u; let bBase = each * ${begin.b}u;
      ${
        split
          ? `let kFrom = z * most * ${bk}u; let steps = min(most, all - z * most); let base = z * size + each * ${begin.base}u;`
          : `let kFrom = 0u; let base = each * ${begin.base}u;`
      }
      ${tiled(
        tiling,
        left[op](g, edges, a, aligned, w),
        sideOf(right[op](g, axes, edges), 1, aligned, w),
        op === "convWeightGrad"
          ? rowTarget(whole, { row: edges.m, column: edges.n }, w)
          : imageTarget(plane, groups * (op === "conv" ? outputs : channels) * plane, whole, edges, w),
        w,
      )}`,
  });
  return split
    ? { stages: [stage, sum(launch, splits, threads)], workspace: splits * size * 4 }
    : { stages: [stage], workspace: 0 };
}
