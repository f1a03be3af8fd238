// What is done to rows, one dispatch each: softmax, its logarithm, cross-entropy and their gradients. A row is shared by as many
// invocations as it has work for; they walk over it once for every quantity that all of it is needed for.
import type { CallLaunch, Rowwise } from "@weft/kernel";
import type { Machine, Stage } from "../forms/stage.ts";
import { functionOf } from "../translate/function.ts";
import { constant } from "../translate/scalar.ts";
import { around, prepared, sizeOf, type Call, type Words } from "./call.ts";

/** What the text of a row is written with; `row`, `slice`, `first` and the numbers are in scope. */
interface RowWords extends Words {
  /** Statements that name `name`, the sum or maximum over the row of an expression of `j`, the place in the row. */
  readonly over: (name: string, fold: "sum" | "max", value: string) => string;
  /** Statements for each place `j` of the row. */
  readonly each: (text: string) => string;
  /** Element `j` of an input with rows. */
  readonly element: (k: number) => string;
  readonly exp: (x: string) => string;
  readonly log: (x: string) => string;
}

interface RowForm {
  readonly name: string;
  readonly marks?: boolean;
  /** Distinguishes texts, besides the name. */
  readonly variant?: string;
  readonly text: (words: RowWords) => string;
}

/** Rows of one length, which may lie along any axis. */
interface Rows {
  readonly rows: number;
  readonly n: number;
  /** The distance of neighbours in a row. */
  readonly inner: number;
}

const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));

/** How many invocations share a row. */
const sharers = (n: number, threads: number): number => Math.min(threads, powerOfTwo(Math.ceil(n / 4)));

/** A stage in which each workgroup has `block` rows. */
function stageOfRows(
  launch: CallLaunch,
  { rows, n, inner }: Rows,
  block: number,
  machine: Machine,
  form: RowForm,
): Stage {
  const { threads } = machine;
  const share = Math.min(powerOfTwo(n), 2 ** Math.floor(Math.log2(threads / block)));
  return prepared(launch, machine, {
    name: `${form.name}${form.variant ?? ""} ${block}x${share}`,
    marks: form.marks ?? false,
    numbers: { rows, n, inner },
    groups: Math.ceil(rows / block),
    scratch: share > 1 ? threads : 0,
    functions: (name) => `${functionOf(`${name}_exp`, "exp")}\n${functionOf(`${name}_log`, "log")}\n`,
    text: (w) => `
      let slice = lane % ${share}u;
      let row = group * ${block}u + lane / ${share}u;
      let live = lane / ${share}u < ${block}u && row < rows;
      let first = row / inner * (n * inner) + row % inner;
      ${form.text(rowWords(w, share))}`,
  }).stages[0]!;
}

function rowWords(w: Words, share: number): RowWords {
  const each = (text: string): string => `if (live) { for (var j = slice; j < n; j += ${share}u) { ${text} } }`;
  const fold = { sum: (a: string, b: string) => `${a} + ${b}`, max: (a: string, b: string) => `w_max(${a}, ${b})` };
  const neutral = { sum: "0f", max: constant(-Infinity, "f32") };
  const here = w.at.scratch("lane");
  return {
    ...w,
    each,
    element: (k) => w.load(k, "first + j * inner"),
    exp: (x) => `${w.at.name}_exp(${x})`,
    log: (x) => `${w.at.name}_log(${x})`,
    over: (name, op, value) =>
      [
        `var ${name} = ${neutral[op]};`,
        each(`${name} = ${fold[op](name, value)};`),
        ...(share === 1
          ? []
          : [
              `workgroupBarrier(); ${here} = bitcast<u32>(${name}); workgroupBarrier();`,
              `for (var h = ${share / 2}u; h > 0u; h >>= 1u) {`,
              `if (slice < h) { ${here} = bitcast<u32>(${fold[op](`bitcast<f32>(${here})`, `bitcast<f32>(${w.at.scratch("lane + h")})`)}); }`,
              "workgroupBarrier(); }",
              `${name} = bitcast<f32>(${w.at.scratch("lane - slice")});`,
            ]),
      ].join("\n"),
  };
}

/** A call whose rows lie along an axis of its first input. */
function rowCall(
  axisOf: (launch: CallLaunch) => number,
  local: readonly number[],
  formOf: (launch: CallLaunch) => RowForm,
): Call {
  const rowsOf = (launch: CallLaunch): Rows => {
    const { outer, size, inner } = around(launch.inputs[0]!.shape, axisOf(launch));
    return { rows: outer * inner, n: size, inner };
  };
  return {
    epilogue: true,
    prepare: (launch, machine) => {
      const all = rowsOf(launch);
      const block = Math.max(1, Math.floor(machine.threads / sharers(all.n, machine.threads)));
      return { stages: [stageOfRows(launch, all, block, machine, formOf(launch))], workspace: 0 };
    },
    rowwise: (launch): Rowwise | undefined => {
      const { shape } = launch.inputs[0]!;
      return axisOf(launch) === 1 && shape.length === 2 && sizeOf(shape) <= CHAINED && shape[0]! > 1
        ? { rows: shape[0]!, local }
        : undefined;
    },
    byRows: (launch, rows, machine) => stageOfRows(launch, rowsOf(launch), rows, machine, formOf(launch)),
  };
}

/** Elements that a link of a chain may have. */
const CHAINED = 1 << 17;

const axis = ({ attrs }: CallLaunch): number => (attrs as { axis: number }).axis;

/** Largest element and sum of exponentials, in the softmax's sense. */
const sums = (w: RowWords): string => `
  ${w.over("most", "max", w.element(0))}
  ${w.over("total", "sum", w.exp(`${w.element(0)} - most`))}`;

const put = (w: RowWords, value: string): string => w.each(`let y = ${value}; ${w.store("first + j * inner", "y")}`);

export const softmax: Call = rowCall(axis, [0], () => ({
  name: "softmax",
  text: (w) => `${sums(w)} ${put(w, `w_div(${w.exp(`${w.element(0)} - most`)}, total)`)}`,
}));

export const logSoftmax: Call = rowCall(axis, [0], () => ({
  name: "logSoftmax",
  text: (w) => `${sums(w)} let log = ${w.log("total")}; ${put(w, `(${w.element(0)} - most) - log`)}`,
}));

export const softmaxGrad: Call = rowCall(axis, [0, 1], () => ({
  name: "softmaxGrad",
  text: (w) => `
    ${w.over("total", "sum", `${w.element(1)} * ${w.element(0)}`)}
    ${put(w, `(${w.element(1)} - total) * ${w.element(0)}`)}`,
}));

export const logSoftmaxGrad: Call = rowCall(axis, [0, 1], () => ({
  name: "logSoftmaxGrad",
  text: (w) => `${w.over("total", "sum", w.element(1))} ${put(w, `${w.element(1)} - ${w.exp(w.element(0))} * total`)}`,
}));

interface CrossEntropyAttrs {
  readonly ignoreIndex: number | undefined;
  readonly labelSmoothing: number;
}

/** Names `label`, `ignored` and whether the label is none (`astray`). */
const labelled = (w: RowWords, { ignoreIndex }: CrossEntropyAttrs): string => `
  var label = 0i;
  if (live) { label = ${w.load(1, "row")}; }
  let ignored = ${ignoreIndex === undefined ? "false" : `label == ${constant(ignoreIndex, "i32")}`};
  let astray = !ignored && (label < 0i || u32(label) >= n);
  if (live && slice == 0u && astray) { ${w.mark} }`;

const variant = ({ ignoreIndex, labelSmoothing }: CrossEntropyAttrs): string => ` ${ignoreIndex} ${labelSmoothing}`;

/** With z = x − max x and L = log Σ eᶻ: (1 − s)·(L − z[label]) + s·(L − mean z). */
export const crossEntropy: Call = rowCall(
  () => 1,
  [0, 1],
  ({ attrs }) => {
    const a = attrs as CrossEntropyAttrs;
    const s = a.labelSmoothing;
    const smooth = (x: string): string =>
      `${constant(1 - s, "f32")} * ${x} + ${constant(s, "f32")} * (log - mean / f32(n))`;
    return {
      name: "crossEntropy",
      variant: variant(a),
      marks: true,
      text: (w) => `
      ${labelled(w, a)}
      ${sums(w)}
      ${s === 0 ? "" : w.over("mean", "sum", `(${w.element(0)} - most)`)}
      if (live && slice == 0u) {
        let log = ${w.log("total")};
        var loss = ${constant(NaN, "f32")};
        if (ignored) { loss = 0f; }
        else if (!astray) {
          let own = log - (${w.load(0, "first + u32(label) * inner")} - most);
          loss = ${s === 0 ? "own" : smooth("own")};
        }
        ${w.store("row", "loss")}
      }`,
    };
  },
);

/** softmax − target. */
export const crossEntropyGrad: Call = rowCall(
  () => 1,
  [0, 1],
  ({ attrs }) => {
    const a = attrs as CrossEntropyAttrs;
    const s = a.labelSmoothing;
    return {
      name: "crossEntropyGrad",
      variant: variant(a),
      marks: true,
      text: (w) => `
      ${labelled(w, a)}
      ${sums(w)}
      ${w.each(`
        var y = w_div(${w.exp(`${w.element(0)} - most`)}, total)${s === 0 ? "" : ` - ${constant(s, "f32")} / f32(n)`};
        if (!astray && j == u32(label)) { y -= ${constant(1 - s, "f32")}; }
        if (ignored) { y = 0f; }
        ${w.store("first + j * inner", "y")}`)}`,
    };
  },
);
