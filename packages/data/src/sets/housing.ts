// Boston housing: 506 districts, 13 numbers about each, and the price of a home there.
import type { Shape } from "@weft/tensor";
import { boolean, readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { obtain } from "../files/download.ts";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import type { HostArray } from "../host-array.ts";
import { standardize } from "../parts/standardize.ts";

const file = {
  name: "housing.data",
  bytes: 49_082,
  sha256: "baadf72995725d76efe787b664e1f083388c79ba21ef9a7990d87f774184735a",
};
const published: Publication = {
  set: "housing",
  mirrors: ["https://archive.ics.uci.edu/ml/machine-learning-databases/housing/"],
  terms: "none stated",
};

/** What a model is given, and what it should predict. */
export interface Regression {
  /** `[N, 13]`: CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT. */
  readonly inputs: HostArray<Float32Array>;
  /** `[N, 1]`: MEDV, the median value of a home in thousands of dollars. */
  readonly targets: HostArray<Float32Array>;
}

export interface HousingOptions extends LoadOptions {
  /** Scales each input column to mean 0 and standard deviation 1 (of a sample: divided by n - 1) (default: false). */
  readonly standardize?: boolean;
}

export interface Housing {
  /**
   * Boston housing: 13 numbers about each of 506 districts, and the median value of a home there. 49 kB are downloaded
   * the first time. One of the columns is built on the share of Black residents; several libraries withdrew the set for
   * that reason. Here it serves to reproduce published timings.
   *
   * Terms: none stated.
   *
   * Source: D. Harrison, D. L. Rubinfeld, "Hedonic prices and the demand for clean air", 1978.
   *
   * @example
   * const { inputs, targets } = await housing({ standardize: true });
   */
  (options?: HousingOptions): Promise<Regression>;
}

/** `housing` on a source of files. */
export const housingFrom =
  (source: FileSource): Housing =>
  async (given) => {
    const kinds = { ...loadOptions, standardize: boolean };
    const { standardize: standard, ...options } = readOptions("housing", given, kinds, { standardize: false });
    const table = parseTable(new TextDecoder().decode(await obtain(source, file, published, options)), 14, file.name);
    const rows = table.length / 14;
    const inputs = { data: table.filter((_, i) => i % 14 < 13), shape: [rows, 13], dtype: "f64" } as const;
    const targets = table.filter((_, i) => i % 14 === 13);
    const { data } = standard ? standardize(inputs).apply(inputs) : inputs;
    return { inputs: narrowed(data, [rows, 13]), targets: narrowed(targets, [rows, 1]) };
  };

const narrowed = (data: Float64Array, shape: Shape): HostArray<Float32Array> => ({
  data: Float32Array.from(data),
  shape,
  dtype: "f32",
});

/** Parses lines of `columns` numbers separated by blanks. */
export function parseTable(text: string, columns: number, name = "the table"): Float64Array {
  const lines = text.split("\n").map((line) => line.trim());
  const rows = lines.flatMap((line, at) => {
    if (line === "") return [];
    const fields = line.split(/\s+/);
    if (fields.length !== columns)
      throw new DataError(`parseTable: line ${at + 1} of ${name} has ${fields.length} fields, wanted ${columns}.`);
    return fields.map((field) => {
      const x = Number(field);
      // As f32, in which it is stored: larger numbers would become infinite.
      if (!Number.isFinite(Math.fround(x)))
        throw new DataError(`parseTable: line ${at + 1} of ${name} has "${field.slice(0, 40)}", wanted a number.`);
      return x;
    });
  });
  return Float64Array.from(rows);
}
