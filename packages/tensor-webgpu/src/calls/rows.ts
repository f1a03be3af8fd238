// What is done to rows, one dispatch each: softmax, its logarithm, cross-entropy and their gradients. A row is shared by as many
// invocations as it has work for, a subgroup where there are some: they keep what they have of it, unless it is too long.
import { sizeOf, type CallLaunch, type Rowwise } from "@weft/kernel";
import type { CrossEntropyAttrs, StandardizeAttrs } from "@weft/tensor";
import type { AxisAttrs } from "@weft/tensor/internals";
import { isHardware, type DeviceTraits } from "../forms/device-traits.ts";
import type { Stage, Words } from "../forms/stage.ts";
import { functionOf } from "../translate/function.ts";
import { butterfly } from "../translate/subgroups.ts";
import { constant } from "../translate/scalar.ts";
import { longSum } from "./long-sum.ts";
import { around, prepared, type Call } from "./call.ts";

/** The element at a place of the row: of input `of`, or of what was kept under that name. */
type Element = (of: number | string) => string;

/** What the text of a row is written with; `row`, `slice`, `first` and the numbers are in scope. */
interface RowWords extends Words {
  /** Statements that name `name`, the sum or maximum over the row of a value at each place. */
  readonly over: (name: string, fold: "sum" | "max", value: (x: Element) => string) => string;
  /** Statements for each place `j` of the row. */
  readonly each: (text: (x: Element) => string) => string;
  /** Statements that make a value at each place an element by this name: computed once, where rows fit registers. */
  readonly keep: (name: string, value: (x: Element) => string) => string;
  readonly exp: (x: string) => string;
  readonly log: (x: string) => string;
}

interface RowForm {
  readonly name: string;
  /** So many inputs have rows; labels come behind them. */
  readonly elements: number;
  readonly checksIndices?: boolean;
  /** Distinguishes texts, besides the name. */
  readonly variant?: string;
  readonly text: (words: RowWords) => string;
}

/** Rows of one length, which may lie along any axis. */
interface Rows {
  readonly rows: number;
  readonly n: number;
  /** The distance of neighbors in a row. */
  readonly inner: number;
}

const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));

/** Elements of a row that an invocation keeps in registers, at most: the text says each of them by itself. */
const keptBy = (machine: DeviceTraits): number => (isHardware(machine) ? 32 : 8);

/** How many invocations share a row: those of a subgroup, if they can keep it; else more, if it is long. */
function sharers(n: number, machine: DeviceTraits): number {
  const { threads, subgroups } = machine;
  const wanted = powerOfTwo(Math.ceil(n / 4));
  return Math.min(wanted, n <= subgroups * keptBy(machine) ? subgroups : threads);
}

/** A stage in which each workgroup has `block` rows. */
function stageOfRows(
  launch: CallLaunch,
  { rows, n, inner }: Rows,
  block: number,
  machine: DeviceTraits,
  form: RowForm,
): Stage {
  const { threads } = machine;
  const share = Math.min(powerOfTwo(n), 2 ** Math.floor(Math.log2(threads / block)));
  const each = Math.ceil(n / share);
  const kept = each <= keptBy(machine) ? each : undefined;
  const subgroups = share > 1 ? machine.subgroups : 0;
  return prepared(launch, machine, {
    name: `${form.name}${form.variant ?? ""} ${block}x${share}${kept === undefined ? "" : `x${kept}`} ${subgroups}`,
    checksIndices: form.checksIndices ?? false,
    numbers: { rows, n, inner },
    groups: Math.ceil(rows / block),
    scratch: share === 1 || share <= subgroups ? 0 : threads,
    subgroups: subgroups > 0,
    functions: (name) => `${functionOf(`${name}_exp`, "exp")}\n${functionOf(`${name}_log`, "log")}\n`,
    text: (w) => `
      let slice = lane % ${share}u;
      let row = group * ${block}u + lane / ${share}u;
      let live = lane / ${share}u < ${block}u && row < rows;
      let first = row / inner * (n * inner) + row % inner;
      ${kept === undefined ? "" : loaded(w, kept, share, form.elements)}
      ${form.text(rowWords(w, share, subgroups, kept))}`,
  }).stages[0]!;
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, u) => u);

/** Names of the elements that an invocation keeps: of each, its place in the row and whether it is there. */
const loaded = (w: Words, kept: number, share: number, inputs: number): string =>
  upTo(kept)
    .map(
      (u) => `
      let j${u} = slice + ${u * share}u;
      let in${u} = live && j${u} < n;
      ${upTo(inputs)
        .map((k) => `var x${k}_${u} = 0f; if (in${u}) { x${k}_${u} = ${w.load(k, `first + j${u} * inner`)}; }`)
        .join("\n")}`,
    )
    .join("");

/** Elements are kept in registers, so many an invocation, or else loaded whenever they are needed. */
function rowWords(w: Words, share: number, subgroups: number, kept: number | undefined): RowWords {
  const fold = { sum: (a: string, b: string) => `${a} + ${b}`, max: (a: string, b: string) => `w_max(${a}, ${b})` };
  const neutral = { sum: "0f", max: constant(-Infinity, "f32") };
  /** Values that are computed anew at each place. */
  const values = new Map<string, (x: Element) => string>();
  const anew: Element = (of) =>
    typeof of === "number" ? w.load(of, "first + j * inner") : `(${values.get(of)!(anew)})`;
  const register =
    (u: number): Element =>
    (of) =>
      `${typeof of === "number" ? `x${of}` : of}_${u}`;
  const each: RowWords["each"] = (text) =>
    kept === undefined
      ? `if (live) { for (var j = slice; j < n; j += ${share}u) { ${text(anew)} } }`
      : upTo(kept)
          .map((u) => `if (in${u}) { let j = j${u}; ${text(register(u))} }`)
          .join("\n");
  return {
    ...w,
    each,
    keep: (name, value) => {
      if (kept !== undefined)
        return upTo(kept)
          .map((u) => `let ${name}_${u} = ${value(register(u))};`)
          .join("\n");
      values.set(name, value);
      return "";
    },
    exp: (x) => `${w.at.name}_exp(${x})`,
    log: (x) => `${w.at.name}_log(${x})`,
    over: (name, op, value) =>
      [
        ...(op === "sum" && kept === undefined
          ? [longSum(name, "f32", (add) => each((x) => add(value(x))))]
          : [`var ${name} = ${neutral[op]};`, each((x) => `${name} = ${fold[op](name, value(x))};`)]),
        joined(w, name, fold[op], share, subgroups),
      ].join("\n"),
  };
}

/** Statements that fold what the sharers of a row have, for all of them; `share` neighbors, a power of two. */
function joined(
  w: Words,
  name: string,
  fold: (a: string, b: string) => string,
  share: number,
  subgroups: number,
): string {
  if (share === 1) return "";
  const word = (index: string): string => `bitcast<f32>(${w.at.scratch(index)})`;
  const put = (index: string): string => `${w.at.scratch(index)} = bitcast<u32>(${name});`;
  if (subgroups === 0)
    return `
      workgroupBarrier(); ${put("lane")} workgroupBarrier();
      for (var h = ${share / 2}u; h > 0u; h >>= 1u) {
        if (slice < h) { ${w.at.scratch("lane")} = bitcast<u32>(${fold(word("lane"), word("lane + h"))}); }
        workgroupBarrier();
      }
      ${name} = ${word("lane - slice")};`;
  const within = butterfly(name, fold, Math.min(share, subgroups));
  if (share <= subgroups) return within;
  return `
    ${within}
    workgroupBarrier();
    if (lane % ${subgroups}u == 0u) { ${put(`lane / ${subgroups}u`)} }
    workgroupBarrier();
    ${name} = ${word(`(lane - slice) / ${subgroups}u`)};
    for (var h = 1u; h < ${share / subgroups}u; h++) { ${name} = ${fold(name, word(`(lane - slice) / ${subgroups}u + h`))}; }`;
}

/** A call whose rows lie along an axis of its first input. */
function rowCall<Attrs>(
  axisOf: (launch: CallLaunch<Attrs>) => number,
  local: readonly number[],
  formOf: (launch: CallLaunch<Attrs>) => RowForm,
): Call<Attrs> {
  const rowsOf = (launch: CallLaunch<Attrs>): Rows => {
    const { outer, size, inner } = around(launch.inputs[0]!.shape, axisOf(launch));
    return { rows: outer * inner, n: size, inner };
  };
  return {
    epilogue: true,
    prepare: (launch, machine) => {
      const all = rowsOf(launch);
      const block = Math.max(1, Math.floor(machine.threads / sharers(all.n, machine)));
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

const axis = ({ attrs }: CallLaunch<AxisAttrs>): number => attrs.axis;

/** Largest element `most`, exponentials `power` and their sum `total`, in the softmax's sense. */
const sums = (w: RowWords): string => `
  ${w.over("most", "max", (x) => x(0))}
  ${w.keep("power", (x) => w.exp(`${x(0)} - most`))}
  ${w.over("total", "sum", (x) => x("power"))}`;

const put = (w: RowWords, value: (x: Element) => string): string =>
  w.each((x) => `let y = ${value(x)}; ${w.store("first + j * inner", "y")}`);

export const softmax: Call<AxisAttrs> = rowCall(axis, [0], () => ({
  name: "softmax",
  elements: 1,
  text: (w) => `${sums(w)} ${put(w, (x) => `w_div(${x("power")}, total)`)}`,
}));

export const logSoftmax: Call<AxisAttrs> = rowCall(axis, [0], () => ({
  name: "logSoftmax",
  elements: 1,
  text: (w) => `${sums(w)} let log = ${w.log("total")}; ${put(w, (x) => `(${x(0)} - most) - log`)}`,
}));

export const softmaxGrad: Call<AxisAttrs> = rowCall(axis, [0, 1], () => ({
  name: "softmaxGrad",
  elements: 2,
  text: (w) => `
    ${w.over("total", "sum", (x) => `${x(1)} * ${x(0)}`)}
    ${put(w, (x) => `(${x(1)} - total) * ${x(0)}`)}`,
}));

export const logSoftmaxGrad: Call<AxisAttrs> = rowCall(axis, [0, 1], () => ({
  name: "logSoftmaxGrad",
  elements: 2,
  text: (w) => `${w.over("total", "sum", (x) => x(1))} ${put(w, (x) => `${x(1)} - ${w.exp(x(0))} * total`)}`,
}));

/** Names `scale`, and makes `y`, the standardized element, an element. */
const standard = (w: RowWords, eps: number): string => `
  ${w.over("sum", "sum", (x) => x(0))}
  let mean = sum / f32(n);
  ${w.over("squares", "sum", (x) => `(${x(0)} - mean) * (${x(0)} - mean)`)}
  let scale = w_div(1f, sqrt(squares / f32(n) + ${constant(eps, "f32")}));
  ${w.keep("z", (x) => `(${x(0)} - mean) * scale`)}`;

const last = ({ inputs }: CallLaunch): number => inputs[0]!.shape.length - 1;
const epsOf = ({ attrs }: CallLaunch<StandardizeAttrs>): number => attrs.eps;

export const standardize: Call<StandardizeAttrs> = rowCall(last, [0], (launch: CallLaunch<StandardizeAttrs>) => ({
  name: "standardize",
  variant: ` ${epsOf(launch)}`,
  elements: 1,
  text: (w) => `${standard(w, epsOf(launch))} ${put(w, (x) => x("z"))}`,
}));

export const standardizeGrad: Call<StandardizeAttrs> = rowCall(
  last,
  [0, 1],
  (launch: CallLaunch<StandardizeAttrs>) => ({
    name: "standardizeGrad",
    variant: ` ${epsOf(launch)}`,
    elements: 2,
    text: (w) => `
    ${standard(w, epsOf(launch))}
    ${w.over("along", "sum", (x) => x(1))}
    ${w.over("across", "sum", (x) => `${x(1)} * ${x("z")}`)}
    ${put(w, (x) => `(${x(1)} - along / f32(n) - ${x("z")} * (across / f32(n))) * scale`)}`,
  }),
);

/** Names `label`, `ignored` and whether the label is none (`astray`). */
const labeled = (w: RowWords, { ignoreIndex }: CrossEntropyAttrs): string => `
  var label = 0i;
  if (live) { label = ${w.load(1, "row")}; }
  let ignored = ${ignoreIndex === undefined ? "false" : `label == ${constant(ignoreIndex, "i32")}`};
  let astray = !ignored && (label < 0i || u32(label) >= n);
  if (live && slice == 0u && astray) { ${w.outOfRange} }`;

/** A row with a label; `smoothing` is the share of its target that is spread over all classes. */
const labelCall = (name: string, text: (w: RowWords, smoothing: number) => string): Call<CrossEntropyAttrs> =>
  rowCall<CrossEntropyAttrs>(
    () => 1,
    [0, 1],
    ({ attrs }) => ({
      name,
      elements: 1,
      variant: ` ${attrs.ignoreIndex} ${attrs.labelSmoothing}`,
      checksIndices: true,
      text: (w) => `${labeled(w, attrs)} ${sums(w)} ${text(w, attrs.labelSmoothing)}`,
    }),
  );

/** With z = x − max x and L = log Σ eᶻ: (1 − s)·(L − z[label]) + s·(L − mean z). */
export const crossEntropy: Call<CrossEntropyAttrs> = labelCall("crossEntropy", (w, s) => {
  const smooth = `${constant(1 - s, "f32")} * own + ${constant(s, "f32")} * (log - mean / f32(n))`;
  return `
    ${s === 0 ? "" : w.over("mean", "sum", (x) => `(${x(0)} - most)`)}
    if (live && slice == 0u) {
      let log = ${w.log("total")};
      var loss = ${constant(NaN, "f32")};
      if (ignored) { loss = 0f; }
      else if (!astray) {
        let own = log - (${w.load(0, "first + u32(label) * inner")} - most);
        loss = ${s === 0 ? "own" : smooth};
      }
      ${w.store("row", "loss")}
    }`;
});

/** softmax − target. */
export const crossEntropyGrad: Call<CrossEntropyAttrs> = labelCall("crossEntropyGrad", (w, s) =>
  w.each(
    (x) => `
    var y = w_div(${x("power")}, total)${s === 0 ? "" : ` - ${constant(s, "f32")} / f32(n)`};
    if (!astray && j == u32(label)) { y -= ${constant(1 - s, "f32")}; }
    if (ignored) { y = 0f; }
    ${w.store("first + j * inner", "y")}`,
  ),
);
