// Iris: 150 flowers of three species, four lengths of each.
import { readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import type { HostArray } from "../host-array.ts";
import { linesOf, obtainRead, textOf, wrongLine } from "./form.ts";

const file = {
  name: "iris.data",
  bytes: 4_551,
  sha256: "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0",
};
const published: Publication = {
  set: "iris",
  mirrors: ["https://archive.ics.uci.edu/ml/machine-learning-databases/iris/"],
  terms: "CC BY 4.0",
};

/** Rows of numbers and their labels. */
export interface LabeledTable {
  /** `[N, 4]`: the columns are named in `columns`. */
  readonly inputs: HostArray<Float32Array>;
  /** `[N]`, classes from 0. */
  readonly labels: HostArray<Int32Array>;
  readonly columns: readonly string[];
  /** The name of each class. */
  readonly classes: readonly string[];
}

const columns = ["sepal length", "sepal width", "petal length", "petal width"];
const classes = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"];

export interface Iris {
  /**
   * Iris: sepal and petal of 150 flowers in cm, 50 of each of three species, in this order. 5 kB are downloaded the first
   * time. Rows 35 and 38 differ from Fisher's paper, as they do in every copy of this file.
   *
   * Terms: CC BY 4.0 (UCI).
   *
   * Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", 1936.
   *
   * @example
   * const { inputs, labels, classes } = await iris();
   * inputs.shape; // [150, 4]
   * classes[labels.data[149]]; // "Iris-virginica"
   * const batches = minibatch([inputs, labels], 10, { backend, shuffle: true });
   */
  (options?: LoadOptions): Promise<LabeledTable>;
}

/** `iris` on a source of files. */
export const irisFrom =
  (source: FileSource): Iris =>
  async (given) => {
    const options = readOptions("iris", given, loadOptions, {});
    return await obtainRead("iris", source, file, published, options, parse);
  };

function parse(bytes: Uint8Array): LabeledTable {
  const rows = linesOf(textOf(bytes)).filter((line) => line !== ""); // the published file ends in an empty line
  if (rows.length === 0) throw new DataError("expected lines, found none");
  const labels = new Int32Array(rows.length);
  const numbers = rows.flatMap((line, at) => {
    const fields = line.split(",");
    const lengths = fields.slice(0, -1).map(Number);
    labels[at] = classes.indexOf(fields.at(-1)!);
    if (fields.length !== 5 || labels[at] < 0 || !fields.slice(0, -1).every((field) => /^\d+(\.\d+)?$/.test(field)))
      return wrongLine(at, "four lengths and a species of Iris", line);
    return lengths;
  });
  return {
    inputs: { data: Float32Array.from(numbers), shape: [rows.length, 4], dtype: "f32" },
    labels: { data: labels, shape: [rows.length], dtype: "i32" },
    columns,
    classes,
  };
}
