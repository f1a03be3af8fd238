// Tables of text: what is read from them, what is written, and what is refused.
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError, ShapeError } from "@weft/tensor";
import {
  DataError,
  csv,
  matrix,
  minibatch,
  split,
  toCsv,
  type Category,
  type Column,
  type HostArray,
} from "@weft/data";

const text =
  'age,city,id,note\r\n31,Paris,7," a, ""b"""\r\n NA ,Rome,-2,\r\n\r\n4.5e1,Paris,2147483647,"two\nlines"\r\n';
const columns = { age: "f32", city: "category", id: "i32", note: "string" } as const;

describe("csv", () => {
  test("reads columns of each kind, typed", () => {
    const table = csv(text, { columns });
    expectTypeOf(table).toEqualTypeOf<{
      readonly age: HostArray<Float32Array>;
      readonly city: Category;
      readonly id: HostArray<Int32Array>;
      readonly note: readonly string[];
    }>();
    expect(table).toEqual({
      age: { data: Float32Array.of(31, NaN, 45), shape: [3], dtype: "f32" },
      city: { data: Int32Array.of(0, 1, 0), shape: [3], dtype: "i32", categories: ["Paris", "Rome"] },
      id: { data: Int32Array.of(7, -2, 2147483647), shape: [3], dtype: "i32" },
      note: [' a, "b"', "", "two\nlines"],
    });
  });

  test("categories are in the order of their code points", () => {
    const { word } = csv("word\n👍\nＡ\na\n", { columns: { word: "category" } });
    expect([word.categories, [...word.data]]).toEqual([
      ["a", "Ａ", "👍"],
      [2, 1, 0],
    ]);
  });

  test("finds the kinds by itself: numbers, large integers, names", () => {
    const table = csv("a,b,c,d\n1,16777217,x,\n.5,NaN,-1,\n-Inf,2.,NA,\n");
    expectTypeOf(table).toEqualTypeOf<Record<string, Column>>();
    expect(Object.values(table).map(({ dtype, data }) => [dtype, ...data])).toEqual([
      ["f32", 1, 0.5, -Infinity],
      ["f64", 16777217, NaN, 2],
      ["i32", 1, 0, -1],
      ["f32", NaN, NaN, NaN],
    ]);
    expect(table["c"]!.categories).toEqual(["-1", "x"]);
    expect(csv("a\n1e300\n")["a"]).toEqual({ data: Float64Array.of(1e300), shape: [1], dtype: "f64" });
  });

  test("categories that are given, and missing ones", () => {
    const read = (t: string) => csv(t, { columns: { city: ["Rome", "Paris"] } }).city;
    expect(read("city,x\nParis,1\n?,2\n".replace("?", "")).data).toEqual(Int32Array.of(1, -1));
    expect(() => read("city,x\nOslo,1\n")).toThrow(
      new DataError('csv: row 2 has "Oslo" as city, wanted one of its 2 categories.'),
    );
    expect(csv("a,b\n?,1\n0,2\n", { missing: ["?"] })["a"]!.data).toEqual(Float32Array.of(NaN, 0));
  });

  test("separators, headers, a byte order mark, one column, no rows", () => {
    expect(csv("\uFEFFa;b\n1;2", { delimiter: ";" })["b"]!.data).toEqual(Float32Array.of(2));
    expect(Object.keys(csv("1\t2\n3\t4", { delimiter: "\t", header: false }))).toEqual(["0", "1"]);
    expect(csv("1,2\n3,4", { header: ["x", "y"] })["y"]!.data).toEqual(Float32Array.of(2, 4));
    expect(csv("x\n1\n\n3\n")["x"]!.data).toEqual(Float32Array.of(1, NaN, 3));
    expect(csv("x,y\n")["y"]).toEqual({ data: new Float32Array(0), shape: [0], dtype: "f32" });
  });

  test("names that objects have already are names like others", () => {
    const table = csv("__proto__,constructor,toString\n1,2,3\n");
    expect(Object.keys(table)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getOwnPropertyDescriptor(table, "__proto__")!.value.data).toEqual(Float32Array.of(1));
    expect(Object.getPrototypeOf(table)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["data"]).toBe(undefined);
    const [half] = split(table, [1]);
    expect(Object.keys(half)).toEqual(["__proto__", "constructor", "toString"]);
    expect([...minibatch(table, 1)][0]!.map((x) => x.data[0])).toEqual([1, 2, 3]);
    expect(() => csv("a\n1\n", { columns: { constructor: "f32" } as never })).toThrow(
      new DataError('csv: there is no column "constructor", only a.'),
    );
  });

  test("a table of many columns", () => {
    const n = 50_000;
    const names = Array.from({ length: n }, (_, i) => `c${i}`).join(",");
    const table = csv(`${names}\n${"1,".repeat(n - 1)}2`);
    expect([Object.keys(table).length, table[`c${n - 1}`]!.data[0]]).toEqual([n, 2]);
    expect(() => csv(`${names}\n1`)).toThrow(new DataError(`csv: row 2 has 1 fields, wanted ${n}.`));
  });

  test.each<[new (m: string) => Error, string, () => unknown]>([
    [DataError, "csv: row 3 has 3 fields, wanted 2.", () => csv("a,b\n1,2\n1,2,3\n")],
    [DataError, "csv: row 4 has 1 fields, wanted 2.", () => csv("a,b\n\n1,2\n1\n")],
    [DataError, "csv: there is no row in the table.", () => csv("")],
    [
      DataError,
      "csv: a quote is not closed: the table is truncated, or a quote in a field is not doubled.",
      () => csv('a,b\n1,"2\n3,4\n'),
    ],
    [DataError, 'csv: two columns have the name "a". Pass the names as header.', () => csv("a,b, a\n1,2,3\n")],
    [DataError, 'csv: row 2 has "0x10" as a, wanted a number.', () => csv("a\n0x10\n", { columns: { a: "f32" } })],
    [
      DataError,
      'csv: row 2 has "1e39" as a, wanted a number that fits f32.',
      () => csv("a\n1e39\n", { columns: { a: "f32" } }),
    ],
    [
      DataError,
      'csv: row 2 has "1.5" as a, wanted an integer that fits i32.',
      () => csv("a\n1.5\n", { columns: { a: "i32" } }),
    ],
    [
      DataError,
      'csv: row 2 has "2147483648" as a, wanted an integer that fits i32.',
      () => csv("a\n2147483648\n", { columns: { a: "i32" } }),
    ],
    [
      DataError,
      'csv: row 3 has "" as a, wanted an integer (read the column as "f32", where missing ones are NaN).',
      () => csv("a,b\n1,1\n,1\n", { columns: { a: "i32" } }),
    ],
    [DataError, 'csv: there is no column "c", only a, b.', () => csv("a,b\n1,1\n", { columns: { c: "i32" } })],
    [ArgumentError, "csv: wanted the text of a table, got Uint8Array.", () => csv(new Uint8Array(1) as never)],
    [
      ArgumentError,
      'csv: wanted one character such as "," or a tab as delimiter, got "-"',
      () => csv("a-b", { delimiter: "-" }),
    ],
    [
      ArgumentError,
      'csv: wanted f32, f64, i32, category, string or a list of categories as the kind of a, got "int".',
      () => csv("a\n1", { columns: { a: "int" as never } }),
    ],
    [
      DataError,
      'csv: the categories of a have the name "x" twice.',
      () => csv("a\nx\n", { columns: { a: ["x", "x"] } }),
    ],
  ])("%o: %s", (kind, message, make) => expect(make).toThrow(new kind(message)));
});

describe("toCsv", () => {
  test("gives back what was read", () => {
    const table = csv(text, { columns });
    expect(csv(toCsv(table), { columns })).toEqual(table);
    expect(csv(toCsv(table, { delimiter: ";" }), { columns, delimiter: ";" })).toEqual(table);
    expect(toCsv({})).toBe("");
  });

  test("numbers in the fewest digits that give them back", () => {
    const values = Float32Array.of(0.1, 1 / 3, 1e-45, 3.4028235e38, 16777216, -0, -0.5, Infinity, 1e10);
    const written = toCsv({ values });
    expect(written).toBe("values\n0.1\n0.33333334\n1e-45\n3.4028235e+38\n16777216\n-0\n-0.5\nInfinity\n10000000000");
    expect(csv(written, { columns: { values: "f32" } }).values.data).toEqual(values);
    expect(toCsv({ x: Float64Array.of(0.1), y: { data: Uint8Array.of(3), shape: [1], dtype: "u8", scale: 0.5 } })).toBe(
      "x,y\n0.1,1.5",
    );
  });

  test("refuses what is no column", () => {
    expect(() => toCsv({ x: [1, 2], y: [1] })).toThrow(new ShapeError("toCsv: y has 1 rows, x has 2."));
    expect(() => toCsv({ x: { data: new Float32Array(4), shape: [2, 2], dtype: "f32" } })).toThrow(
      new ShapeError("toCsv: x is f32[2,2], wanted one number per row."),
    );
    expect(() => toCsv([[1]] as never)).toThrow(ArgumentError);
  });
});

test("matrix puts columns side by side", () => {
  const bytes: HostArray = { data: Uint8Array.of(0, 255), shape: [2], dtype: "u8", scale: 1 / 255 };
  expect(matrix([[1, 2], bytes])).toEqual({ data: Float32Array.of(1, 0, 2, 1), shape: [2, 2], dtype: "f32" });
  expect(matrix([Float64Array.of(0.1), [1]]).dtype).toBe("f64");
  expect(() => matrix([[1, 2], [1]])).toThrow(
    new ShapeError("matrix: column 1 is f32[1], wanted columns [N] of one length."),
  );
  expect(() => matrix([])).toThrow(new ArgumentError("matrix: wanted at least one column, got none."));
});
