// Housing and Iris, from files of the same form made here.
import { describe, expect, test } from "vitest";
import { DataError, standardize } from "@weft/data";
import { housingFrom, parseTable } from "../../src/sets/housing.ts";
import { irisFrom } from "../../src/sets/iris.ts";
import { serving, utf8 } from "./serving.ts";

describe("housing", () => {
  const table = "  1 2 3 4 5 6 7 8 9 10 11 12 13  24.0\n 3 2 1 4 5 6 7 8 9 10 11 12 13 21.5\n\n";
  const source = serving(() => utf8(table));

  test("gives inputs and targets", async () => {
    const { inputs, targets } = await housingFrom(source)();
    expect([inputs.shape, targets.shape]).toEqual([
      [2, 13],
      [2, 1],
    ]);
    expect([...inputs.data.subarray(0, 3), ...inputs.data.subarray(13, 16)]).toEqual([1, 2, 3, 3, 2, 1]);
    expect([...targets.data]).toEqual([24, 21.5]);
  });

  test("refuses a signal that is none, and mirrors without a final slash", async () => {
    for (const signal of [5, {}, new AbortController()])
      await expect(housingFrom(source)({ signal: signal as never })).rejects.toThrow(
        "housing: wanted a signal, such as new AbortController().signal, as signal, got",
      );
    for (const mirrors of ["https://a.example/", ["https://a.example"], [5]])
      await expect(housingFrom(source)({ mirrors: mirrors as never })).rejects.toThrow(
        "housing: wanted a list of addresses that end in a slash as mirrors, got",
      );
  });

  test("standardized, each column has mean 0 and deviation 1; one that never changes is 0", async () => {
    const { inputs } = await housingFrom(source)({ standardize: true });
    const half = Math.fround(Math.SQRT1_2);
    expect([...inputs.data.subarray(0, 3), ...inputs.data.subarray(13, 16)]).toEqual([-half, 0, half, half, 0, -half]);
    const tenths = serving(() => utf8(`${"0.1 ".repeat(14)}\n`.repeat(3)));
    expect([...(await housingFrom(tenths)({ standardize: true })).inputs.data]).toEqual(new Array(39).fill(0));
    const two = { data: Float64Array.of(1, 10, 2, 20, 6, 60), shape: [3, 2], dtype: "f64" as const };
    const { data: columns } = standardize(two).apply(two);
    expect(columns[0]! + columns[2]! + columns[4]!).toBeCloseTo(0, 12);
    expect((columns[0]! ** 2 + columns[2]! ** 2 + columns[4]! ** 2) / 2).toBeCloseTo(1, 12);
    expect(columns[1]).toBeCloseTo(columns[0]!, 12);
  });

  test("refuses other tables", () => {
    expect(() => parseTable("1 2\n3\n", 2)).toThrow(
      new DataError("parseTable: line 2 of the table has 1 fields, wanted 2."),
    );
    expect(() => parseTable("1 x\n", 2, "a.data")).toThrow(
      new DataError('parseTable: line 1 of a.data has "x", wanted a number.'),
    );
  });
});

describe("iris", () => {
  const read = (text: string) => irisFrom(serving(() => utf8(text)))();

  test("gives a table, the labels of its rows, and names", async () => {
    const table = await read("5.1,3.5,1.4,0.2,Iris-setosa\n7,3.2,4.7,1.4,Iris-versicolor\n\n");
    expect(table).toEqual({
      inputs: { data: Float32Array.of(5.1, 3.5, 1.4, 0.2, 7, 3.2, 4.7, 1.4), shape: [2, 4], dtype: "f32" },
      labels: { data: Int32Array.of(0, 1), shape: [2], dtype: "i32" },
      columns: ["sepal length", "sepal width", "petal length", "petal width"],
      classes: ["Iris-setosa", "Iris-versicolor", "Iris-virginica"],
    });
  });

  test.each([
    [
      "another species",
      "5.1,3.5,1.4,0.2,Rosa\n",
      'line 1: expected four lengths and a species of Iris, found "5.1,3.5,1.4,0.2,Rosa"',
    ],
    [
      "too few lengths",
      "5.1,3.5,1.4,Iris-setosa\n",
      'line 1: expected four lengths and a species of Iris, found "5.1,3.5,1.4,Iris-setosa"',
    ],
    [
      "a length that is none",
      "5.1,3.5,1.4,,Iris-setosa\n",
      'line 1: expected four lengths and a species of Iris, found "5.1,3.5,1.4,,Iris-setosa"',
    ],
    ["half a line", "5.1,3.5,1.4,0.2,Iris-setosa\n5.1,3", "expected a line's end at its end, found none"],
    ["nothing", "\n", "expected lines, found none"],
  ])("refuses %s", async (_, text, problem) => {
    await expect(read(text)).rejects.toThrow(
      new DataError(
        `iris: iris.data: ${problem}. It is not the published file: delete it, and it is downloaded again.`,
      ),
    );
  });
});
