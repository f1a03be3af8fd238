// How the values of a tensor are distributed.
import { isTensor, type Tensor } from "@weft/tensor";

export interface Histogram {
  readonly least: number;
  readonly most: number;
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
  /** The upper edge of each interval, and how many values are in it. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

const intervals = 30;

/** The finite values in intervals of equal width. */
export async function histogramOf(values: Tensor | ArrayLike<number>): Promise<Histogram> {
  const given = isTensor(values) ? await values.data() : values;
  const x = Float64Array.from(given as ArrayLike<number>, Number).filter(Number.isFinite);
  const least = x.reduce((a, b) => Math.min(a, b), x.length === 0 ? 0 : Infinity);
  const most = x.reduce((a, b) => Math.max(a, b), x.length === 0 ? 0 : -Infinity);
  const width = (most - least) / intervals;
  const counts = new Array<number>(intervals).fill(0);
  for (const value of x) counts[Math.min(intervals - 1, Math.floor((value - least) / width) || 0)]!++;
  return {
    least,
    most,
    count: x.length,
    sum: x.reduce((a, b) => a + b, 0),
    squares: x.reduce((a, b) => a + b * b, 0),
    edges: counts.map((_, k) => (k === intervals - 1 ? most : least + (k + 1) * width)),
    counts,
  };
}
