// The numbers of an evaluation or an epoch by name, and their types.
import { ArgumentError, type Operand } from "@weft/tensor";
import { describe } from "@weft/tensor/internals";
import type { Metric } from "../metrics/metric.ts";

/** Metrics by the names that their results will have. */
export type Metrics<Y = Operand, Target = Operand> = Readonly<Record<string, Metric<unknown, Y, Target>>>;

type ResultOf<M> = M extends { result(): Promise<infer R> } ? R : never;

/** The results of metrics, by name. */
export type Results<M> = { readonly [K in keyof M]: ResultOf<M[K]> };

/** The results on the validation data: `accuracy` becomes `valAccuracy`. */
export type ValidationResults<M> = { readonly [K in keyof M & string as `val${Capitalize<K>}`]?: ResultOf<M[K]> };

export const validationName = (name: string): string => `val${name[0]?.toUpperCase() ?? ""}${name.slice(1)}`;

/** Names that results have beside those of metrics. */
const taken = new Set(["epoch", "steps", "loss", "interrupted", "valLoss"]);

export function readMetrics<M extends Metrics<never, never>>(
  op: string,
  metrics: M | undefined,
): [string, M[string]][] {
  const entries = Object.entries(metrics ?? {}) as [string, M[string]][];
  for (const [name, metric] of entries) {
    if (taken.has(name)) throw new ArgumentError(`${op}: a metric cannot have the name ${JSON.stringify(name)}`);
    if (typeof (metric as Partial<Metric> | null)?.update !== "function")
      throw new ArgumentError(
        `${op}: wanted metrics by name, as in { accuracy: metrics.accuracy() }, got ${describe(metric)} as ${name}`,
      );
  }
  return entries;
}

type AnyMetric = Metric<unknown, never, never>;

/** Reads the results of metrics, by name, all at once. A metric under several names gives its result to the first. */
export async function resultsOf(metrics: readonly (readonly [string, AnyMetric])[]): Promise<Record<string, unknown>> {
  const latest = new Map<AnyMetric, Promise<unknown>>();
  const read = async (metric: AnyMetric): Promise<unknown> => {
    const before = latest.get(metric);
    if (before !== undefined) {
      await before;
      metric.reset();
    }
    return metric.result();
  };
  const results = metrics.map(async ([name, metric]) => {
    const result = read(metric);
    latest.set(metric, result);
    return [name, await result] as const;
  });
  return Object.fromEntries(await Promise.all(results));
}
