// A model as a table: every parameter and state with its shape, dtype and number of values.
import { printable, sizeOf } from "@weft/tensor/internals";
import { boxes } from "./tree.ts";

/**
 * A table of a model's parameters and state as text: path, shape, dtype and number of values, with the total number of
 * parameters.
 *
 * @example
 * console.log(summary(model));
 */
export function summary(model: unknown): string {
  const rows = boxes(model).map(({ path, box }) => ({
    cells: [
      printable(path, 120).replaceAll("\n", "\\n"),
      `${box.dtype}[${box.shape.join(", ")}]`,
      box.kind,
      sizeOf(box.shape).toLocaleString("en-US"),
    ],
    learned: box.kind === "param" ? sizeOf(box.shape) : 0,
  }));
  const lines = [["name", "value", "kind", "count"], ...rows.map(({ cells }) => cells)];
  const width = [0, 1, 2, 3].map((k) => Math.max(...lines.map((line) => line[k]!.length)));
  const text = lines.map((line) =>
    line.map((cell, k) => (k === 3 ? cell.padStart(width[k]!) : cell.padEnd(width[k]!))).join("  "),
  );
  const total = rows.reduce((n, { learned }) => n + learned, 0);
  return `${text.join("\n")}\n${total.toLocaleString("en-US")} parameters`;
}
