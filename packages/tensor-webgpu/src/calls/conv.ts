// Convolution, its gradients and pooling: the large convolutions tuned, all else by definition: an invocation walks over all terms of one element of the
// result. One to three spatial axes are three; those missing in front have size 1.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { convolutionForm } from "../forms/choice.ts";
import {
  convolution as tunedConvolution,
  geometryOf,
  sidesOf,
  sizesOf,
  type Convolution,
} from "../forms/convolution.ts";
import { prepared, sizeOf, type Call, type Words } from "./call.ts";

interface Window {
  readonly stride: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation?: readonly number[];
  readonly groups?: number;
  readonly window?: readonly number[];
}

const axes = ["Z", "Y", "X"] as const;

/** Numbers named after the axes: `xZ xY xX` and so on. Missing axes are `fill`. */
const three = (name: string, list: readonly number[], fill: number): Record<string, number> =>
  Object.fromEntries(axes.map((a, i) => [`${name}${a}`, list[i - 3 + list.length] ?? fill]));

/** Sizes of input (`x`), window (`k`) and output (`y`), steps (`s`), spacing (`d`) and padding in front (`low`), along each axis. */
function numbersOf(x: readonly number[], k: readonly number[], y: readonly number[], attrs: Window) {
  return {
    ...three("x", x, 1),
    ...three("k", k, 1),
    ...three("y", y, 1),
    ...three("s", attrs.stride, 1),
    ...three("d", attrs.dilation ?? k.map(() => 1), 1),
    ...three(
      "low",
      attrs.padding.map((p) => p[0]),
      0,
    ),
  };
}

/** `i` cut into a place along the three axes of `of` (names `…Z …Y …X` with this prefix) and `rest`. */
const cut = (of: string, prefix: string): string =>
  `var rest = i;\n${axes
    .toReversed()
    .map((a) => `let ${prefix}${a} = rest % ${of}${a}; rest /= ${of}${a};`)
    .join("\n")}`;

const loops = (name: string, of: string, body: string): string =>
  axes.reduceRight(
    (text, a) => `for (var ${name}${a} = 0u; ${name}${a} < ${of}${a}; ${name}${a}++) {\n${text}\n}`,
    body,
  );

/** Runs `body` with `px`, the place in the plane of x under tap `q` at output place `p`, if it is inside. */
const inside = (body: string): string => `
  ${axes.map((a) => `let at${a} = p${a} * s${a} + q${a} * d${a} - low${a};`).join("\n")}
  if (${axes.map((a) => `at${a} < x${a}`).join(" && ")}) {
    let px = (atZ * xY + atY) * xX + atX;
    ${body}
  }`;

/** Runs `body` with p, the output place whose tap `q` lies on place `o` of x, if there is one. */
const meeting = (body: string): string => `
  ${axes.map((a) => `let t${a} = o${a} + low${a} - q${a} * d${a}; let p${a} = t${a} / s${a};`).join("\n")}
  if (${axes.map((a) => `t${a} < 0x80000000u && t${a} % s${a} == 0u && p${a} < y${a}`).join(" && ")}) { ${body} }`;

const tap = "(qZ * kY + qY) * kX + qX";
const pixel = "(pZ * yY + pY) * yX + pX";
const volume = (of: string): string => `(${of}Z * ${of}Y * ${of}X)`;

/** The three shapes of a convolution, whichever of them is the result. */
const convolution =
  (
    name: Convolution,
    shapes: (
      out: CallOperand,
      a: CallOperand,
      b: CallOperand,
    ) => readonly [x: CallOperand, w: CallOperand, y: CallOperand],
    text: (w: Words) => string,
  ): Call["prepare"] =>
  (launch: CallLaunch, machine) => {
    const attrs = launch.attrs as Window;
    const geometry = geometryOf(name, launch);
    const tuned =
      launch.out.dtype === "f32"
        ? convolutionForm({ ...sizesOf(name, geometry), ...sidesOf[name], batches: geometry.groups }, machine)
        : undefined;
    if (tuned !== undefined) return tunedConvolution(name, launch, tuned, machine);
    const [x, w, y] = shapes(launch.out, launch.inputs[0]!, launch.inputs[1]!);
    return prepared(launch, machine, {
      name,
      count: sizeOf(launch.out.shape),
      numbers: {
        ...numbersOf(x.shape.slice(2), w.shape.slice(2), y.shape.slice(2), attrs),
        images: x.shape[0]!,
        groups: attrs.groups!,
        channels: w.shape[1]!,
        outputs: w.shape[0]! / attrs.groups!,
      },
      text,
    });
  };

/** y[n, o, p] = Σ over channels c of the group and taps q of x[n, c, p·stride − low + q·dilation] · w[o, c, q]. */
export const conv: Call = {
  epilogue: true,
  prepare: convolution(
    "conv",
    (out, x, w) => [x, w, out],
    ({ load, store }) => `
      ${cut("y", "p")}
      let o = rest % (groups * outputs);
      let n = rest / (groups * outputs);
      var sum = 0f;
      for (var c = 0u; c < channels; c++) {
        let plane = ((n * groups + o / outputs) * channels + c) * ${volume("x")};
        let weights = (o * channels + c) * ${volume("k")};
        ${loops("q", "k", inside(`sum += ${load(0, "plane + px")} * ${load(1, `weights + ${tap}`)};`))}
      }
      ${store("i", "sum")}`,
  ),
};

/** x[n, c, i] = Σ over outputs o of the group and taps q that lie on i of g[n, o, p] · w[o, c, q]. */
export const convInputGrad: Call = {
  epilogue: true,
  prepare: convolution(
    "convInputGrad",
    (out, g, w) => [out, w, g],
    ({ load, store }) => `
      ${cut("x", "o")}
      let c = rest % channels;
      let g = rest / channels % groups;
      let n = rest / (channels * groups);
      var sum = 0f;
      for (var o = g * outputs; o < (g + 1u) * outputs; o++) {
        let plane = (n * groups * outputs + o) * ${volume("y")};
        let weights = (o * channels + c) * ${volume("k")};
        ${loops("q", "k", meeting(`sum += ${load(0, `plane + ${pixel}`)} * ${load(1, `weights + ${tap}`)};`))}
      }
      ${store("i", "sum")}`,
  ),
};

/** w[o, c, q] = Σ over images n and places p of x[n, c, p·stride − low + q·dilation] · g[n, o, p]. */
export const convWeightGrad: Call = {
  epilogue: true,
  prepare: convolution(
    "convWeightGrad",
    (out, x, g) => [x, out, g],
    ({ load, store }) => `
      ${cut("k", "q")}
      let c = rest % channels;
      let o = rest / channels;
      var sum = 0f;
      for (var n = 0u; n < images; n++) {
        let plane = ((n * groups + o / outputs) * channels + c) * ${volume("x")};
        let gradients = (n * groups * outputs + o) * ${volume("y")};
        var part = 0f;
        ${loops("p", "y", inside(`part += ${load(0, "plane + px")} * ${load(1, `gradients + ${pixel}`)};`))}
        sum += part;
      }
      ${store("i", "sum")}`,
  ),
};

/** Poolings: x has the planes of the first operand named, y those of the other. */
const pooling =
  (
    name: string,
    shapes: (out: CallOperand, a: CallOperand) => readonly [x: CallOperand, y: CallOperand],
    text: (w: Words) => string,
  ): Call["prepare"] =>
  (launch, machine) => {
    const attrs = launch.attrs as Window;
    const [x, y] = shapes(launch.out, launch.inputs.at(-1)!);
    return prepared(launch, machine, {
      name,
      count: sizeOf(launch.out.shape),
      numbers: numbersOf(x.shape.slice(2), attrs.window!, y.shape.slice(2), attrs),
      text,
    });
  };

/** `best`: where in input 0 the greatest element of the window at p stands, the first of equals; the first NaN, if any. */
const greatest = ({ load }: Words): string => `
  let plane = rest * ${volume("x")};
  var best = 0u;
  var most = 0i;
  var any = false;
  ${loops("q", "k", inside(`let x = ${load(0, "plane + px")}; let key = select(select(w_order(x), 0i, x == 0f), 0x7fffffffi, w_nan(x)); if (!any || key > most) { best = plane + px; most = key; any = true; }`))}`;

const pick =
  (input: number) =>
  (w: Words): string =>
    `
    ${cut("y", "p")}
    ${greatest(w)}
    let found = ${w.load(input, "best")};
    ${w.store("i", "found")}`;

const fromInput = (out: CallOperand, x: CallOperand) => [x, out] as const;
const fromOutput = (out: CallOperand, g: CallOperand) => [out, g] as const;

export const maxPool: Call = { epilogue: true, prepare: pooling("maxPool", fromInput, pick(0)) };
export const maxPoolPick: Call = { epilogue: true, prepare: pooling("maxPoolPick", fromInput, pick(1)) };

/** The gradient of each window goes to its greatest element. */
export const maxPoolGrad: Call = {
  epilogue: true,
  prepare: pooling("maxPoolGrad", fromOutput, (w) => {
    const window = `{ ${greatest(w)} if (best == i) { sum += ${w.load(1, `rest * ${volume("y")} + ${pixel}`)}; } }`;
    return `
      ${cut("x", "o")}
      var sum = 0f;
      ${loops("q", "k", meeting(window))}
      ${w.store("i", "sum")}`;
  }),
};

export const sumPool: Call = {
  epilogue: true,
  prepare: pooling(
    "sumPool",
    fromInput,
    ({ load, store }) => `
    ${cut("y", "p")}
    let plane = rest * ${volume("x")};
    var sum = 0f;
    ${loops("q", "k", inside(`sum += ${load(0, "plane + px")};`))}
    ${store("i", "sum")}`,
  ),
};

export const sumPoolGrad: Call = {
  epilogue: true,
  prepare: pooling(
    "sumPoolGrad",
    fromOutput,
    ({ load, store }) => `
    ${cut("x", "o")}
    let plane = rest * ${volume("y")};
    var sum = 0f;
    ${loops("q", "k", meeting(`sum += ${load(0, `plane + ${pixel}`)};`))}
    ${store("i", "sum")}`,
  ),
};
