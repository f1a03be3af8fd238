// Convolution and its two gradients as products of matrices that are never stored: the elements of the right one are
// gathered from the images while they are staged. The pixels of all images run along one index, channels and taps of
// the window along the other; sizes are written into the text, the number of images is an argument. Weights are first
// laid out in the order in which k runs, so that they are loaded like a matrix.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { sizeOf, type ConvAttrs } from "@weft/tensor/internals";
import type { ConvolutionSizes } from "./choice.ts";
import { epilogueOf } from "./epilogue.ts";
import { courseLength, courseOf, gradientSide, pixelsSide, seeingSide, seenSide, type Course } from "./gather.ts";
import { geometryName, geometryOf, volume, type Convolution, type Geometry } from "./geometry.ts";
import { inputsOf } from "./operands.ts";
import { rowTarget, sum } from "./product.ts";
import type { DeviceTraits } from "./device-traits.ts";
import { stageOf, type Stage, type Staged, type Words } from "./stage.ts";
import { sideOf, tiled, tilingName, tileVectors, type Side, type Target, type Tiling } from "./tile.ts";

/** Sizes of the product, and what k runs along. */
export function sizesOf(op: Convolution, g: Geometry): ConvolutionSizes {
  const [x, taps, y] = [volume(g.x), volume(g.k), volume(g.y)];
  const row = { a: { along: "row" }, b: { along: "row" }, batches: g.groups, taps } as const;
  const k = { ...row, a: { along: "k" }, b: { along: "k" } } as const;
  return {
    conv: { ...row, M: g.outputs, N: g.images * y, K: g.channels * taps, inner: g.channels },
    convInputGrad: { ...row, M: g.channels, N: g.images * x, K: g.outputs * taps, inner: g.outputs },
    convWeightGrad: { ...k, M: g.outputs, N: g.channels * taps, K: g.images * y, inner: undefined },
  }[op];
}

interface Edges {
  readonly m: boolean;
  readonly n: boolean;
  readonly k: boolean;
}

const four = [0, 1, 2, 3] as const;
const bound = (edge: boolean, test: string): string[] => (edge ? [test] : []);

/** Rows of the result are channels; those of one image are `plane` elements apart. */
function imageTarget(plane: number, all: number, whole: boolean, e: Edges, w: Words): Target {
  const guard = (tests: readonly string[], text: string): string =>
    tests.length === 0 ? text : `if (${tests.join(" & ")}) { ${text} }`;
  const to = (n: string, i: number): string =>
    `let image${n}_${i} = (column${n} + ${i}u) / ${plane}u; let pixel${n}_${i} = (column${n} + ${i}u) % ${plane}u;
     let to${n}_${i} = image${n}_${i} * ${all}u + pixel${n}_${i};`;
  return {
    column: (column, n) => `let column${n} = ${column}; ${(whole ? [0] : four).map((i) => to(n, i)).join(" ")}`,
    store: (row, n, value) => {
      const rows = bound(e.m, `(${row} < M)`);
      const start = `base + ${row} * ${plane}u`;
      const at = (i: number): string[] => [`image${n}_${i}`, `each * M + ${row}`, `pixel${n}_${i}`];
      if (whole)
        return guard([...rows, ...bound(e.n, `(column${n} < N)`)], w.store4(`${start} + to${n}_0`, value, at(0)));
      return guard(
        rows,
        four
          .map((i) =>
            guard(
              bound(e.n, `(column${n} + ${i}u < N)`),
              w.store(`${start} + to${n}_${i}`, `${value}.${"xyzw"[i]}`, at(i)),
            ),
          )
          .join(" "),
      );
    },
  };
}

/**
 * The stage that lays out the weights: for each group a matrix in the order of k, `rows` elements per step, 0 beyond
 * the last channel and the last row. It begins at element `from` of the workspace.
 */
function laidOut(
  op: "conv" | "convInputGrad",
  g: Geometry,
  course: Course,
  rows: number,
  from: number,
  weights: CallOperand,
  machine: DeviceTraits,
): Stage {
  const { walk, inner, taps, bk } = course;
  const each = courseLength(course) * rows;
  const count = each * g.groups;
  const most = op === "conv" ? g.outputs : g.channels;
  // Strides of rows, and of what k runs along.
  const [row, step] = op === "conv" ? [g.channels * taps, taps] : [taps, g.channels * taps];
  return stageOf(machine, {
    name: `weights ${op} ${walk} ${[inner, taps, bk, rows, most, g.channels, g.outputs].join()}`,
    operands: [weights, "f32"],
    numbers: { count, laid: from },
    groups: Math.ceil(count / machine.threads),
    wide: true,
    text: (w) => `
      let i = group * ${machine.threads}u + lane;
      if (i < count) {
        let m = i % ${rows}u;
        let k = i / ${rows}u % ${each / rows}u;
        ${
          walk === "blocks"
            ? `let s = k / ${bk}u; let c = s / ${taps}u * ${bk}u + k % ${bk}u; let tap = s % ${taps}u;`
            : `let c = k / ${taps}u; let tap = k % ${taps}u;`
        }
        let inside = (m < ${most}u) & (c < ${inner}u);
        let place = i / ${each}u * ${g.outputs * g.channels * taps}u + m * ${row}u + c * ${step}u + tap;
        let value = select(0f, ${w.load(0, "select(0u, place, inside)")}, inside);
        ${w.store("laid + i", "value")}
      }`,
  });
}

/** The left side: the weights as laid out. */
const laidSide = (rows: number, aligned: boolean, w: Words): Side =>
  sideOf(
    {
      along: "row",
      row: (r, n) => `let at${n} = aBase + ${r};`,
      step: (k, n) => `let off${n} = (${k}) * ${rows}u;`,
      place: (row, step, i) => `at${row} + off${step} + ${i}u`,
      inside: () => [],
      four: true,
    },
    0,
    aligned,
    w,
  );

export function convolution(
  op: Convolution,
  launch: CallLaunch<ConvAttrs>,
  { tiling, splits: wanted }: { readonly tiling: Tiling; readonly splits: number },
  machine: DeviceTraits,
): Staged {
  const g = geometryOf(op, launch);
  const [out] = launch.outs;
  const { M, N, K, a: left, b: right, inner } = sizesOf(op, g);
  const { bm, bn, bk } = tiling;
  const [x, taps, y] = [volume(g.x), volume(g.k), volume(g.y)];
  const course = inner === undefined ? undefined : courseOf(inner, taps, bk);
  const all = course === undefined ? Math.ceil(K / bk) : courseLength(course) / bk;
  const steps = Math.ceil(all / wanted);
  const splits = Math.ceil(all / steps);
  const split = splits > 1;
  const [across, down] = [Math.ceil(N / bn), Math.ceil(M / bm)];
  const edges: Edges = { m: M % bm !== 0, n: N % bn !== 0, k: K % bk !== 0 };
  const plane = { conv: y, convInputGrad: x, convWeightGrad: g.channels * taps }[op];
  const size = sizeOf(out.shape);
  const whole = plane % 4 === 0 && size % 4 === 0 && (split || out.bytes % 16 === 0);
  // The images are gathered: they are the first input of all three.
  const [b, a] = inputsOf(launch, 2);
  const rows = down * bm;
  // Parts come first in the workspace, then the weights.
  const parts = split ? Math.ceil((splits * size) / 4) * 4 : 0;
  const begin = {
    conv: { a: all * bk * rows, b: g.channels * x, base: g.outputs * y },
    convInputGrad: { a: all * bk * rows, b: g.outputs * y, base: g.channels * x },
    convWeightGrad: { a: g.outputs * y, b: g.channels * x, base: g.outputs * g.channels * taps },
  }[op];
  const whole4 = y % 4 === 0 && a.bytes % 16 === 0;
  const coordinates = op === "convWeightGrad" ? [g.groups * M, N] : [g.images, g.groups * M, plane];
  const stage = stageOf(machine, {
    name: `${op} ${geometryName(g)} ${tilingName(tiling)} ${whole4} ${whole} ${JSON.stringify(edges)}`,
    operands: [course === undefined ? a : "f32", b, split ? "f32" : out],
    numbers: {
      M,
      N,
      K,
      across,
      down,
      laid: course === undefined ? 0 : parts,
      ...(split ? { splits, most: steps, all, size } : { steps: all }),
    },
    groups: across * down * splits * g.groups,
    vectors: tileVectors(tiling, left, right),
    wide: true,
    epilogue: split ? undefined : epilogueOf(launch.after?.launch, out, coordinates),
    text: (w, aligned) => `
      let n0 = group % across * ${bn}u;
      let m0 = group / across % down * ${bm}u;
      ${
        split
          ? "let z = group / (across * down) % splits; let each = group / (across * down * splits);"
          : "let each = group / (across * down);"
      }
      let aBase = laid + each * ${begin.a}u; let bBase = each * ${begin.b}u;
      ${
        split
          ? `let kFrom = z * most * ${bk}u; let steps = min(most, all - z * most);
             let base = z * size + each * ${begin.base}u;`
          : `let kFrom = 0u; let base = each * ${begin.base}u;`
      }
      ${tiled(
        tiling,
        course === undefined ? gradientSide(g, { row: edges.m, k: edges.k }, whole4, w) : laidSide(rows, aligned, w),
        op === "convWeightGrad"
          ? pixelsSide(g, { row: edges.n, k: edges.k }, w)
          : (op === "conv" ? seenSide : seeingSide)(g, course!, edges.n, w),
        op === "convWeightGrad"
          ? rowTarget(whole, { row: edges.m, column: edges.n }, w)
          : imageTarget(plane, g.groups * (op === "conv" ? g.outputs : g.channels) * plane, whole, edges, w),
        w,
      )}`,
  });
  return {
    stages: [
      ...(op === "convWeightGrad" ? [] : [laidOut(op, g, course!, rows, parts, a, machine)]),
      stage,
      ...(split ? [sum(out, launch.after?.launch, splits, machine)] : []),
    ],
    workspace: 4 * (parts + (course === undefined ? 0 : g.groups * all * bk * rows)),
  };
}
