// Tables of text: comma-separated values, and other separators, to typed columns.
import { dsvFormat } from "d3-dsv";
import { ArgumentError } from "@weft/tensor";
import { anything, boolean, describe, either, list, readOptions, type OptionKind } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { readColumn, type Column, type ColumnKind, type ColumnOf } from "./column.ts";

export interface CsvOptions<C> {
  /** Which columns are read, and as what. All of them, if left out: as numbers where they are, else as categories. */
  readonly columns?: C;
  /** Whether the first row has the names of the columns (true); or the names, where no row has them. */
  readonly header?: boolean | readonly string[];
  /** What separates fields (","). */
  readonly delimiter?: string;
  /** Fields that are missing values: by default "", "NA", "NaN", "nan" and "null". */
  readonly missing?: readonly string[];
}

/** A character that separates fields. */
export const delimiterKind: OptionKind<string> = {
  wanted: 'one character such as "," or a tab',
  // The parser puts it into a regular expression, in brackets.
  is: (x): x is string => typeof x === "string" && x.length === 1 && !/["\r\n\]\\-]/.test(x),
};

const kinds = { columns: anything, header: either(boolean, list), delimiter: delimiterKind, missing: list };
const defaults = { header: true, delimiter: ",", missing: ["", "NA", "NaN", "nan", "null"] };
const columnKinds: readonly unknown[] = ["f32", "f64", "i32", "category", "string"];

/**
 * Reads a table of comma-separated values into columns, each an array of one number per row. They are sources for
 * `minibatch`, `split` and `standardize`.
 *
 * A column is `"f32"` or `"f64"` (missing values are NaN), `"i32"`, `"category"` (numbers, with the names as
 * `categories` in alphabetical order; missing values are -1) or `"string"`. A list of names is that of the categories:
 * read test data with `columns: { city: train.city.categories }`. Blanks around a field do not count, except in
 * strings. Fields may be quoted (`"a ""b"", c"`), rows end with LF or CRLF, and a byte order mark is skipped. So are empty
 * rows, if there is more than one column.
 *
 * Errors: DataError for a row with more or fewer fields, a field that is not what its column is read as, a name that
 * is missing or there twice, and a quote that is not closed.
 *
 * Source: RFC 4180; parsed by d3-dsv.
 *
 * @example
 * const text = "age,city,note\n31,Paris,\"a, b\"\n,Rome,c\n";
 * const { age, city } = csv(text, { columns: { age: "f32", city: "category" } });
 * [...age.data]; // [31, NaN]
 * [...city.data]; // [0, 1]
 * city.categories; // ["Paris", "Rome"]
 */
export function csv(text: string, options?: Omit<CsvOptions<undefined>, "columns">): Record<string, Column>;
export function csv<const C extends Readonly<Record<string, ColumnKind>>>(
  text: string,
  options: CsvOptions<C> & { readonly columns: C },
): { [K in keyof C]: ColumnOf<C[K]> };
export function csv(text: string, options?: CsvOptions<unknown>): unknown {
  const { columns, header, delimiter, missing } = readOptions("csv", options, kinds, defaults);
  if (typeof text !== "string") throw new ArgumentError(`csv: wanted the text of a table, got ${describe(text)}.`);
  const rows = rowsOf(text, delimiter);
  const first = rows[0];
  const names = Array.isArray(header)
    ? header.map(String)
    : header === true
      ? first?.fields
      : first?.fields.map((_, i) => `${i}`);
  if (names === undefined) throw new DataError("csv: there is no row in the table.");
  const body = (header === true ? rows.slice(1) : rows).filter(
    // In a table of one column, an empty row is a missing value.
    ({ fields }) => names.length === 1 || fields.length > 1 || fields[0] !== "",
  );
  for (const { fields, row } of body)
    if (fields.length !== names.length)
      throw new DataError(`csv: row ${row} has ${fields.length} fields, wanted ${names.length}.`);
  const places = new Map(names.map((name, i) => [name.trim(), i]));
  if (places.size < names.length) {
    const twice = names.find((name, i) => places.get(name.trim()) !== i)!;
    throw new DataError(
      `csv: two columns have the name ${JSON.stringify(twice.slice(0, 40))}. Pass the names as header.`,
    );
  }
  const none = new Set(missing.map(String));
  const read = (name: string, place: number, kind: ColumnKind | undefined): unknown => {
    const raw = (i: number): string => body[i]!.fields[place]!;
    const at = (i: number): string | undefined => {
      const field = raw(i).trim();
      return none.has(field) ? undefined : field;
    };
    return readColumn({ name, length: body.length, at, raw, row: (i) => body[i]!.row }, kind);
  };
  if (columns === undefined)
    return Object.fromEntries(Array.from(places, ([name, i]) => [name, read(name, i, undefined)]));
  return Object.fromEntries(
    wantedColumns(columns).map(([name, kind]) => {
      const place = places.get(name);
      if (place === undefined)
        throw new DataError(`csv: there is no column ${JSON.stringify(name)}, only ${some([...places.keys()])}.`);
      return [name, read(name, place, kind)];
    }),
  );
}

const some = (names: readonly string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(", ")} and ${names.length - 20} more` : names.join(", ");

function wantedColumns(columns: unknown): [string, ColumnKind][] {
  if (typeof columns !== "object" || columns === null || Array.isArray(columns))
    throw new ArgumentError(`csv: wanted an object of names and kinds as columns, got ${describe(columns)}.`);
  const wanted = Object.entries(columns);
  for (const [name, kind] of wanted)
    if (!columnKinds.includes(kind) && !(Array.isArray(kind) && kind.every((x) => typeof x === "string")))
      throw new ArgumentError(
        `csv: wanted ${columnKinds.join(", ")} or a list of categories as the kind of ${name}, got ${describe(kind)}.`,
      );
  return wanted as [string, ColumnKind][];
}

/** The rows, with their numbers. */
function rowsOf(text: string, delimiter: string): { fields: readonly string[]; row: number }[] {
  const content = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  let quotes = 0;
  for (let at = content.indexOf('"'); at >= 0; at = content.indexOf('"', at + 1)) quotes++;
  if (quotes % 2 === 1)
    throw new DataError("csv: a quote is not closed: the table is truncated, or a quote in a field is not doubled.");
  return dsvFormat(delimiter)
    .parseRows(content)
    .map((fields, i) => ({ fields, row: i + 1 }));
}
