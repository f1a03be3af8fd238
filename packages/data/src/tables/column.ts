// The columns of a table: which kinds there are, and how the fields of one are read.
import { byCodePoint } from "@weft/formats/internals";
import { describe, dtypeInfo } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import type { HostArray } from "../host-array.ts";

/** Numbers for names: `categories[data[i]]` is the name of item i, and -1 stands for a missing one. */
export interface Category extends HostArray<Int32Array> {
  readonly categories: readonly string[];
}

/** A column of numbers or of categories. */
export type Column = HostArray & { readonly categories?: readonly string[] };

/** How a column is read; a list of names is that of its categories. */
export type ColumnKind = "f32" | "f64" | "i32" | "category" | "string" | readonly string[];

/** What a column of a kind is. */
export type ColumnOf<K> = K extends "f32"
  ? HostArray<Float32Array>
  : K extends "f64"
    ? HostArray<Float64Array>
    : K extends "i32"
      ? HostArray<Int32Array>
      : K extends "string"
        ? readonly string[]
        : Category;

/** The fields of one column, with what messages say of them. */
export interface Fields {
  readonly name: string;
  readonly length: number;
  /** Field i without blanks around it; undefined if it is missing. */
  readonly at: (i: number) => string | undefined;
  /** Field i as it stands in the file. */
  readonly raw: (i: number) => string;
  /** The number of the row in the file, from 1. */
  readonly row: (i: number) => number;
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const infinite = /^[+-]?inf(?:inity)?$/i;

/** A field as a number; undefined if it is none. */
function parsed(field: string): number | undefined {
  if (decimal.test(field)) return Number(field);
  if (infinite.test(field)) return field.startsWith("-") ? -Infinity : Infinity;
  return /^nan$/i.test(field) ? NaN : undefined;
}

const wrong = ({ name, row, raw }: Fields, i: number, wanted: string): DataError =>
  new DataError(`csv: row ${row(i)} has ${JSON.stringify(raw(i).slice(0, 40))} as ${name}, wanted ${wanted}.`);

/** Floats; missing fields are NaN. */
function floats(fields: Fields, dtype: "f32" | "f64"): HostArray {
  const data = new dtypeInfo[dtype].array(fields.length);
  for (let i = 0; i < data.length; i++) {
    const field = fields.at(i);
    const x = field === undefined ? NaN : parsed(field);
    if (x === undefined) throw wrong(fields, i, "a number");
    data[i] = x;
    if (data[i] !== x && !Number.isFinite(data[i]) && x === x) throw wrong(fields, i, `a number that fits ${dtype}`);
  }
  return { data, shape: [data.length], dtype };
}

function integers(fields: Fields): HostArray {
  const data = new Int32Array(fields.length);
  for (let i = 0; i < data.length; i++) {
    const field = fields.at(i);
    if (field === undefined)
      throw wrong(fields, i, 'an integer (read the column as "f32", where missing ones are NaN)');
    const x = parsed(field);
    data[i] = x ?? 0;
    if (data[i] !== x) throw wrong(fields, i, "an integer that fits i32");
  }
  return { data, shape: [data.length], dtype: "i32" };
}

/** Categories in the order of their characters' codes, or those given. */
function categories(fields: Fields, given: readonly string[] | undefined): Category {
  const found = new Set<string>();
  if (given === undefined)
    for (let i = 0; i < fields.length; i++) {
      const field = fields.at(i);
      if (field !== undefined) found.add(field);
    }
  const names = given ?? [...found].sort(byCodePoint);
  const codes = new Map(names.map((name, code) => [name, code]));
  if (codes.size < names.length) {
    const twice = names.find((name, i) => names.indexOf(name) < i);
    throw new DataError(`csv: the categories of ${fields.name} have the name ${describe(twice)} twice.`);
  }
  const data = new Int32Array(fields.length);
  for (let i = 0; i < data.length; i++) {
    const field = fields.at(i);
    const code = field === undefined ? -1 : codes.get(field);
    if (code === undefined) throw wrong(fields, i, `one of its ${names.length} categories`);
    data[i] = code;
  }
  return { data, shape: [data.length], dtype: "i32", categories: [...names] };
}

/** The kind of a column that nobody named: numbers if all fields are, in f32 if their integers fit there. */
function inferred(fields: Fields): "f32" | "f64" | "category" {
  let kind: "f32" | "f64" = "f32";
  for (let i = 0; i < fields.length; i++) {
    const field = fields.at(i);
    if (field === undefined) continue;
    const x = parsed(field);
    if (x === undefined) return "category";
    const y = Math.fround(x);
    if (y !== x && (Number.isInteger(x) || !Number.isFinite(y)) && x === x) kind = "f64";
  }
  return kind;
}

/** Reads a column. */
export function readColumn(fields: Fields, kind: ColumnKind | undefined): Column | readonly string[] {
  const known = kind ?? inferred(fields);
  if (known === "f32" || known === "f64") return floats(fields, known);
  if (known === "i32") return integers(fields);
  if (known === "string") return Array.from({ length: fields.length }, (_, i) => fields.raw(i));
  return categories(fields, known === "category" ? undefined : known);
}
