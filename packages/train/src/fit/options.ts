// Kinds of options that are objects: other options, metrics by name.
import type { ProgressOptions } from "@weft/data";
import { isTensor, type Tensor } from "@weft/tensor";
import { boolean, either, type OptionKind } from "@weft/tensor/internals";

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !(Symbol.iterator in x) && !isTensor(x);

/** Options inside options. `such` is an example. */
export const optionsKind = (such: string): OptionKind<any> => ({
  wanted: `options such as ${such}`,
  is: (x): x is unknown => isRecord(x),
});

export const progressKind: OptionKind<boolean | ProgressOptions<Tensor>> = either(
  boolean,
  optionsKind('{ label: "loss" }'),
);

export const metricsKind: OptionKind<any> = {
  wanted: "metrics by name, as in { accuracy: metrics.accuracy() },",
  is: (x): x is unknown => isRecord(x),
};
