// Operations that work row by row, one dispatch each: their kernels are written in the kernel language, once for all
// backends. As many invocations share a row as it has work for, a subgroup where the device has them. They keep its
// elements in registers unless it is too long.
import {
  linesAlong,
  nameOf,
  rowProgram,
  type CallLaunch,
  type RowOperation,
  type RowProgram,
  type Rowwise,
  type V,
} from "@weft/kernel";
import type { RowKernel } from "@weft/tensor";
import { rowAxis, sizeOf } from "@weft/tensor/internals";
import { isHardware, type DeviceTraits } from "../forms/device-traits.ts";
import type { Stage, Words } from "../forms/stage.ts";
import { given, rowFunctions, rowText, type Element, type FoldType, type RowWords } from "../translate/rows.ts";
import { butterfly } from "../translate/subgroups.ts";
import { constant } from "../translate/scalar.ts";
import { longSum } from "./long-sum.ts";
import { prepared, type Call } from "./call.ts";

/** Rows of one length, along any axis. */
interface Rows {
  readonly rows: number;
  readonly n: number;
  /** The stride within a row. */
  readonly inner: number;
}

const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));

/** The most elements of a row that an invocation keeps in registers: the text has a variable for each of them. */
const keptBy = (machine: DeviceTraits): number => (isHardware(machine) ? 32 : 8);

/** How many invocations share a row: a subgroup, if it can keep the row in registers; more for a long row. */
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
  program: RowProgram,
): Stage {
  const { threads } = machine;
  const share = Math.min(powerOfTwo(n), 2 ** Math.floor(Math.log2(threads / block)));
  const each = Math.ceil(n / share);
  const kept = each <= keptBy(machine) ? each : undefined;
  const subgroups = share > 1 ? machine.subgroups : 0;
  const words = program.numbers.flatMap((number, slot) =>
    number.kind === "given" ? [[given({ slot }), number.type === "f32" ? bitsOf(number.value) : number.value]] : [],
  );
  return prepared(launch, machine, {
    name: `${nameOf(launch.op)} ${block}x${share}${kept === undefined ? "" : `x${kept}`} ${subgroups}`,
    code: program.key,
    checksIndices: program.outOfRange !== undefined,
    numbers: { rows, n, inner, ...Object.fromEntries(words) },
    groups: Math.ceil(rows / block),
    scratch: share === 1 || share <= subgroups ? 0 : threads,
    subgroups: subgroups > 0,
    functions: (prefix) => rowFunctions(program, prefix),
    text: (w) => `
      let slice = lane % ${share}u;
      let row = group * ${block}u + lane / ${share}u;
      let live = lane / ${share}u < ${block}u && row < rows;
      let first = row / inner * (n * inner) + row % inner;
      ${rowText(program, rowWords(w, program, share, subgroups, kept))}`,
  }).stages[0]!;
}

const bitsOf = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;

const upTo = (n: number): number[] => Array.from({ length: n }, (_, u) => u);

const sums = (a: string, b: string): string => `${a} + ${b}`;
const folds = {
  f32: {
    sum: { fold: sums, neutral: "0f" },
    max: { fold: (a: string, b: string) => `w_max(${a}, ${b})`, neutral: constant(-Infinity, "f32") },
  },
  i32: {
    sum: { fold: sums, neutral: "0i" },
    max: { fold: (a: string, b: string) => `max(${a}, ${b})`, neutral: constant(-0x80000000, "i32") },
  },
} as const;

/** Each invocation keeps `kept` elements in registers; if undefined, they are loaded whenever they are needed. */
function rowWords(
  w: Words,
  { code, operands, results }: RowProgram,
  share: number,
  subgroups: number,
  kept: number | undefined,
): RowWords {
  const at: RowWords["at"] = (k, place) => w.load(k, operands[k] === "column" ? place : `first + ${place} * inner`);
  /** Values that are computed anew at each position. */
  const values = new Map<V, (x: Element) => string>();
  const anew: Element = (v) => {
    const c = code[v]!;
    return c.kind === "load" ? at(c.operand, "j") : c.kind === "affine" ? "i32(j)" : `(${values.get(v)!(anew)})`;
  };
  const register =
    (u: number): Element =>
    (v) =>
      code[v]!.kind === "affine" ? `i32(j${u})` : `v${v}_${u}`;
  const each: RowWords["each"] = (text) =>
    kept === undefined
      ? `if (live) { for (var j = slice; j < n; j += ${share}u) { ${text(anew)} } }`
      : upTo(kept)
          .map((u) => `if (in${u}) { let j = j${u}; ${text(register(u))} }`)
          .join("\n");
  /**
   * Statements that load the elements that an invocation keeps: the position of each in the row, and whether it exists.
   */
  const loaded = upTo(kept ?? 0).flatMap((u) => [
    `let j${u} = slice + ${u * share}u; let in${u} = live && j${u} < n;`,
    ...code.map((c, v) =>
      c.kind === "load" && operands[c.operand] !== "scalar"
        ? `var v${v}_${u} = ${constant(0, c.type)}; if (in${u}) { v${v}_${u} = ${at(c.operand, `j${u}`)}; }`
        : "",
    ),
  ]);
  return {
    name: w.at.name,
    start: loaded.join("\n"),
    each,
    keep: (v, value) => {
      if (kept !== undefined)
        return upTo(kept)
          .map((u) => `let v${v}_${u} = ${value(register(u))};`)
          .join("\n");
      values.set(v, value);
      return "";
    },
    over: (name, op, type, value) => {
      const { fold, neutral } = folds[type][op];
      return [
        ...(op === "sum" && kept === undefined
          ? [longSum(name, type, (add) => each((x) => add(value(x))))]
          : [`var ${name} = ${neutral};`, each((x) => `${name} = ${fold(name, value(x))};`)]),
        joined(w, name, type, fold, share, subgroups),
      ].join("\n");
    },
    at,
    scalar: (k) => w.load(k, "row"),
    store: (r, value) => {
      const place = results[r]!.kind === "row" ? "first + j * inner" : "row";
      // The epilogue of an only result is a part of `store`.
      return r === 0 ? w.store(place, value) : w.put(operands.length + r, place, value);
    },
    once: (text) => `if (live && slice == 0u) { ${text} }`,
    outOfRange: w.outOfRange,
  };
}

/** Statements that fold the parts of all that share a row, for all of them; `share` neighbors, a power of two. */
function joined(
  w: Words,
  name: string,
  type: FoldType,
  fold: (a: string, b: string) => string,
  share: number,
  subgroups: number,
): string {
  if (share === 1) return "";
  const word = (index: string): string => `bitcast<${type}>(${w.at.scratch(index)})`;
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
    for (var h = 1u; h < ${share / subgroups}u; h++) {
      ${name} = ${fold(name, word(`(lane - slice) / ${subgroups}u + h`))};
    }`;
}

/** The call of an operation that has a row kernel. */
export function rowCall<A>(op: RowOperation, kernel: RowKernel<A>): Call<A> {
  const axisOf = ({ inputs, attrs }: CallLaunch<A>): number => rowAxis(op.name, kernel, attrs, inputs[0]!.shape);
  const rowsOf = (launch: CallLaunch<A>): Rows => {
    const { outer, size, inner } = linesAlong(launch.inputs[0]!.shape, axisOf(launch));
    return { rows: outer * inner, n: size, inner };
  };
  const stageFor = (launch: CallLaunch<A>, block: number, machine: DeviceTraits): Stage => {
    const [operand, result] = [launch.inputs, launch.outs].map((all) => all.map(({ dtype }) => dtype));
    const program = rowProgram(op, kernel, launch.attrs, { operand: operand!, result: result! });
    return stageOfRows(launch, rowsOf(launch), block, machine, program);
  };
  return {
    dtypes: ["f32", "i32"], // labels and lengths are integers
    epilogue: true,
    prepare: (launch, machine) => {
      const block = Math.max(1, Math.floor(machine.threads / sharers(rowsOf(launch).n, machine)));
      return { stages: [stageFor(launch, block, machine)], workspace: 0 };
    },
    rowwise: (launch): Rowwise | undefined => {
      const { shape } = launch.inputs[0]!;
      if (axisOf(launch) !== 1 || shape.length !== 2 || sizeOf(shape) > CHAINED || shape[0]! < 2) return undefined;
      return { rows: shape[0]!, local: kernel.operands.flatMap((kind, k) => (kind === "column" ? [] : [k])) };
    },
    byRows: stageFor,
  };
}

/** The most elements of a link of a chain. */
const CHAINED = 1 << 17;
