// A text cut into blocks: each row of the batch reads a stretch of its own, window by window.
import { ArgumentError } from "@weft/tensor";
import type { HostArray } from "@weft/data";
import { count } from "../format.ts";

/** Windows of a text, `[W, T, B]`: what is read, and what comes after each of it. */
export interface Blocks {
  readonly x: HostArray<Int32Array>;
  readonly y: HostArray<Int32Array>;
}

/**
 * Row b of window w reads the places b n + w T, …, of the text, where n = floor(length / B): the rows go on from window
 * to window. What is left over at the end is not used. `unit` is what a text is counted in: words, characters.
 */
export function blocksOf(ids: Int32Array, rows: number, steps: number, unit: string): Blocks {
  const stretch = Math.floor(ids.length / rows);
  const windows = Math.floor((stretch - 1) / steps);
  if (windows < 1)
    throw new ArgumentError(
      `${rows} rows of ${steps} ${unit} need ${count(rows * (steps + 1))} of them, and there are ${count(ids.length)}.`,
    );
  const block = (ahead: number): HostArray<Int32Array> => {
    const data = new Int32Array(windows * steps * rows);
    for (let at = 0; at < windows * steps; at++)
      for (let row = 0; row < rows; row++) data[at * rows + row] = ids[row * stretch + at + ahead]!;
    return { data, shape: [windows, steps, rows], dtype: "i32" };
  };
  return { x: block(0), y: block(1) };
}
