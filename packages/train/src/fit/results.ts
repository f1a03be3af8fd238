// The numbers of an evaluation or an epoch by name, and their types.
import { ArgumentError, type Operand } from "@weft/tensor";
import { describe, quoted, refusePromise } from "@weft/tensor/internals";
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
const results = ["epoch", "steps", "loss", "interrupted", "valLoss"];

/** Reads metrics by name. With `validation` each has a second name, that of its result on the validation data. */
export function readMetrics<M extends Metrics<never, never>>(
  op: string,
  metrics: M | undefined,
  validation: boolean,
): [string, M[string]][] {
  const entries = Object.entries(metrics ?? {}) as [string, M[string]][];
  const taken = new Map(results.map((name) => [name, "that of another result"]));
  const owners = new Map<object, string>();
  for (const [name, metric] of entries) {
    if (metricParts.some((part) => typeof (metric as Partial<AnyMetric> | null)?.[part] !== "function"))
      throw new ArgumentError(
        `${op}: wanted metrics by name, as in { accuracy: metrics.accuracy() }, got ${describe(metric)} as ${name}` +
          (typeof metric === "object" && metric !== null
            ? `; a metric has the functions ${metricParts.join(", ")}`
            : ""),
      );
    const other = owners.get(metric);
    if (other !== undefined)
      throw new ArgumentError(
        `${op}: one metric has the names ${quoted(other)} and ${quoted(name)}; make a metric for each name`,
      );
    owners.set(metric, name);
    for (const own of validation ? [name, validationName(name)] : [name]) {
      const whose = own in Object.prototype ? "that of a property of every object" : taken.get(own);
      if (whose !== undefined)
        throw new ArgumentError(
          `${op}: a metric cannot have the name ${quoted(name)}` +
            `${own === name ? "" : `, and on the validation data ${quoted(own)}`}: it is ${whose}`,
        );
      taken.set(own, `that of the metric ${quoted(name)}${own === name ? "" : " on the validation data"}`);
    }
  }
  return entries;
}

type AnyMetric = Metric<unknown, never, never>;
type NamedMetrics = readonly (readonly [string, AnyMetric])[];
const metricParts = ["update", "result", "reset"] as const;

/** Metrics that collect batches now. */
const collecting = new WeakSet<object>();

/** Empties metrics for a pass through data, and returns a function that ends it: it empties them again, once. */
export function collect(op: string, metrics: NamedMetrics): () => void {
  for (const [name, metric] of metrics)
    if (collecting.has(metric))
      throw new ArgumentError(
        `${op}: the metric ${quoted(name)} is collecting other batches now, those of another fit, epochs or evaluate; ` +
          "make a metric for each",
      );
  const forget = (): void => metrics.forEach(([, metric]) => metric.reset());
  forget();
  for (const [, metric] of metrics) collecting.add(metric);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    for (const [, metric] of metrics) collecting.delete(metric);
    forget();
  };
}

/** Adds a batch to metrics. */
export function update(op: string, metrics: NamedMetrics, y: unknown, target: unknown): void {
  for (const [name, metric] of metrics) {
    const returned: unknown = metric.update(y as never, target as never);
    refusePromise(
      returned,
      `${op}: update of the metric ${quoted(name)} is asynchronous; keep tensors there, and read them in result()`,
    );
  }
}

/** Reads the results of metrics, by name, all at once. */
export async function resultsOf(metrics: NamedMetrics): Promise<Record<string, unknown>> {
  const read = metrics.map(async ([name, metric]) => [name, await metric.result()] as const);
  return Object.fromEntries(await Promise.all(read));
}
