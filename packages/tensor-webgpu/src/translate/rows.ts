// The code of a row kernel as WGSL: what is the same for a row is computed once; what is done to each element is a
// function of the elements and of the row's values.
import type { RowProgram, V } from "@weft/kernel";
import { partOf, valueOf, type Part } from "./function.ts";
import { constant } from "./scalar.ts";

/** The WGSL of a value at an element: of a load, of the position in the row, or of what was kept. */
export type Element = (v: V) => string;

/** What sums and maxima over a row are computed in: masks are counted as integers. */
export type FoldType = "f32" | "i32";

/** What the text of a row is written with. `row`, `rows`, `n` and `live` (whether the row exists) are in scope. */
export interface RowWords {
  /** The body's name; names of its functions begin with it. */
  readonly name: string;
  /** Statements that come first. */
  readonly start: string;
  /** Statements that name `name`, the sum or maximum of a value over the row. */
  readonly over: (name: string, fold: "sum" | "max", type: FoldType, value: (x: Element) => string) => string;
  /** Statements for each position of the row. */
  readonly each: (text: (x: Element) => string) => string;
  /** Statements that keep a value of each position: computed once where rows fit in registers. */
  readonly keep: (v: V, value: (x: Element) => string) => string;
  /** The element of an operand at a position, and the number that an operand has for the row. */
  readonly at: (operand: number, place: string) => string;
  readonly scalar: (operand: number) => string;
  /** A statement that writes an element of a result: within `each`, or, as the row's number, within `once`. */
  readonly store: (result: number, value: string) => string;
  /** Statements that one invocation of the row runs. */
  readonly once: (text: string) => string;
  /** A statement for an index that is out of range. */
  readonly outOfRange: string;
}

/** The values of a program that are the same for a whole row. */
const ofRows = ({ code, operands }: RowProgram): ReadonlySet<V> => {
  const found = new Set<V>();
  code.forEach((c, v) => {
    if (c.kind === "apply" ? c.args.every((a) => found.has(a)) : c.kind !== "affine") found.add(v);
    if (c.kind === "load" && operands[c.operand] !== "scalar") found.delete(v);
  });
  return found;
};

/** Functions for what is done to each element, by value: what is folded, kept or written. */
function partsOf(program: RowProgram): ReadonlyMap<V, Part> {
  const { code, passes, results } = program;
  const kept = new Set(passes.flatMap(({ keeps }) => keeps));
  const ofRow = ofRows(program);
  const roots = passes.flatMap(({ keeps, folds, stores }) => [
    ...keeps,
    ...folds.flatMap(({ value, at }) => (at === undefined ? [value] : [])),
    ...stores.map((r) => results[r]!.value),
  ]);
  return new Map(roots.map((v) => [v, partOf(code, v, (a) => kept.has(a) || ofRow.has(a))]));
}

/** The functions that the text calls. */
export const rowFunctions = (program: RowProgram, name: string): string =>
  [...partsOf(program)].map(([v, part]) => part.text(`${name}_v${v}`)).join("\n");

export function rowText(program: RowProgram, w: RowWords): string {
  const { code, numbers, results, passes, outOfRange } = program;
  const parts = partsOf(program);
  const ofRow = ofRows(program);
  const kept = new Set<V>();
  const lines = ["let none = rows >> 31u;", w.start];
  const said = new Set<V>();
  /**
   * Names a value of the row, `v1` and so on, and the values that it depends on; results of folds have names already.
   */
  const say = (v: V): void => {
    const c = code[v]!;
    if (said.has(v)) return;
    said.add(v);
    if (c.kind === "apply") c.args.forEach(say);
    if (c.kind === "load") return void lines.push(optional(v, "live", w.scalar(c.operand)));
    if (c.kind !== "number") return void lines.push(`let v${v} = ${valueOf(code, v)!};`);
    const { kind } = numbers[c.slot]!;
    if (kind === "length") lines.push(`let v${v} = i32(n);`);
    if (kind === "given") lines.push(`let v${v} = ${c.type === "f32" ? `bitcast<f32>(${given(c)})` : given(c)};`);
  };
  const optional = (v: V, where: string, value: string): string =>
    `var v${v} = ${constant(0, code[v]!.type)}; if (${where}) { v${v} = ${value}; }`;
  /** Value v at a position of the row; the row's values in it are named first. */
  const walk = (v: V): ((x: Element) => string) => {
    if (kept.has(v)) return (x) => x(v);
    if (ofRow.has(v)) {
      say(v);
      return () => `v${v}`;
    }
    const { params, rounds } = parts.get(v)!;
    for (const p of params) if (ofRow.has(p)) say(p);
    return (x) => {
      const names = params.map((p) => (ofRow.has(p) ? `v${p}` : x(p)));
      return `${w.name}_v${v}(${[...(rounds ? ["none"] : []), ...names].join(", ")})`;
    };
  };

  for (const { keeps, folds, stores } of passes) {
    for (const v of keeps) {
      lines.push(w.keep(v, walk(v)));
      kept.add(v);
    }
    for (const { number, fn, value, at } of folds) {
      if (at === undefined) {
        lines.push(w.over(`v${number}`, fn, code[value]!.type === "i32" ? "i32" : "f32", walk(value)));
        continue;
      }
      say(at.place);
      lines.push(optional(number, `live && u32(v${at.place}) < n`, w.at(at.operand, `u32(v${at.place})`)));
    }
    for (const r of stores) {
      const value = walk(results[r]!.value);
      lines.push(w.each((x) => `let y = ${value(x)}; ${w.store(r, "y")}`));
    }
  }
  const last = results.map(({ kind, value }, r) => {
    if (kind === "row") return "";
    say(value);
    return w.store(r, `v${value}`);
  });
  if (outOfRange !== undefined) {
    say(outOfRange);
    last.push(`if (v${outOfRange}) { ${w.outOfRange} }`);
  }
  return [...lines, w.once(last.join("\n"))].join("\n");
}

/** The name of an argument, an i32. */
export const given = ({ slot }: { readonly slot: number }): string => `given${slot}_`;
