// What the numbers of a program are, which says how they are written and drawn.
import { count, percent, rate } from "../format.ts";

/**
 * A loss is drawn beside those of the steps, so it is of their kind. Shares, such as accuracies, are written in percent and
 * drawn in one chart. The best so far hides how a training went on, and is not drawn.
 */
export type Metric = "loss" | "share" | "speed" | "best";

/** By name; numbers that are not among them are none of these. */
export type Metrics = Readonly<Record<string, Metric>>;

/** What is drawn in one chart: the shares, else each by itself. */
export const chartOf = (name: string, metrics: Metrics): string => (metrics[name] === "share" ? "share" : name);

/** A number in words: shares in percent, everything else with four decimals, if it has some. */
export function said(value: number, metric: Metric | undefined): string {
  if (metric === "share") return percent(value);
  if (metric === "speed") return rate(value);
  return Number.isInteger(value) ? count(value) : value.toFixed(4);
}
