// Columns as the text of a table.
import { dsvFormat } from "d3-dsv";
import { ArgumentError, ShapeError } from "@weft/tensor";
import { describe, readOptions } from "@weft/tensor/internals";
import { readArray, isHostArray, show, valueAt, type Numbers } from "../host-array.ts";
import { delimiterKind } from "./csv.ts";
import type { Column } from "./column.ts";

export interface ToCsvOptions {
  /** What separates fields (","). */
  readonly delimiter?: string;
}

/**
 * Columns as a table of comma-separated values, with their names in the first row: numbers in the fewest digits that
 * give them back, categories as their names, NaN and missing categories as empty fields.
 *
 * Errors: ShapeError for columns that are not `[N]`, or of different lengths.
 *
 * @example
 * toCsv({ x: Float32Array.of(0.1, NaN), note: ["a, b", "c"] }).split("\n"); // ["x,note", "0.1,\"a, b\"", ",c"]
 */
export function toCsv(
  columns: Readonly<Record<string, Column | Numbers | readonly string[]>>,
  options?: ToCsvOptions,
): string {
  const { delimiter } = readOptions("toCsv", options, { delimiter: delimiterKind }, { delimiter: "," });
  if (typeof columns !== "object" || columns === null || Array.isArray(columns))
    throw new ArgumentError(`toCsv: wanted an object of columns, got ${describe(columns)}.`);
  const texts = Object.entries(columns).map(([name, column]) => [name, textOf(name, column)] as const);
  const length = texts[0]?.[1].length ?? 0;
  const other = texts.find(([, fields]) => fields.length !== length);
  if (other !== undefined)
    throw new ShapeError(`toCsv: ${other[0]} has ${other[1].length} rows, ${texts[0]![0]} has ${length}.`);
  const rows = Array.from({ length }, (_, i) => texts.map(([, fields]) => fields[i]!));
  return dsvFormat(delimiter).formatRows([texts.map(([name]) => name), ...rows]);
}

const isStrings = (x: unknown): x is readonly string[] =>
  Array.isArray(x) && x.every((text) => typeof text === "string");

function textOf(name: string, column: Column | Numbers | readonly string[]): readonly string[] {
  if (isStrings(column)) return column;
  const x = readArray(column, "toCsv", name);
  if (x.shape.length !== 1) throw new ShapeError(`toCsv: ${name} is ${show(x)}, wanted one number per row.`);
  const names = isHostArray(column) && "categories" in column ? column.categories : undefined;
  const value = valueAt(x, Array.isArray(names) ? 1 : x.scale);
  return Array.from(x.data, (_, i) =>
    Array.isArray(names) ? String(names[value(i)] ?? "") : numeral(value(i), x.dtype === "f64"),
  );
}

/** The fewest digits that give a number back. */
function numeral(x: number, double: boolean): string {
  if (Number.isNaN(x)) return "";
  if (Object.is(x, -0)) return "-0";
  if (double || Math.fround(x) !== x) return String(x);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(x.toPrecision(digits));
    if (Math.fround(short) === x) return String(short);
  }
  return String(Number(x.toPrecision(9)));
}
