// The classes that a split keeps in proportion.
import { ArgumentError } from "@weft/tensor";
import { describe, list, type OptionKind } from "@weft/tensor/internals";
import { byClass } from "../batches/samplers.ts";
import { isHostArray, type HostArray } from "../host-array.ts";

/** The class of each item: a list of any values, or the name of the field that has them. */
export type Classes = ArrayLike<string | number | boolean> | HostArray | string;

export const classesKind: OptionKind<Classes> = {
  wanted: "a list of labels, or the name of the field that has them,",
  is: (x): x is Classes => typeof x === "string" || isHostArray(x) || list.is(x),
};

/** The items of each class, or all items as one if nothing is kept in proportion. */
export function strata(op: string, data: unknown, items: number, classes: Classes | undefined): readonly number[][] {
  if (classes === undefined) return [Array.from({ length: items }, (_, i) => i)];
  const found: unknown =
    typeof classes !== "string"
      ? classes
      : typeof data === "object" && data !== null && Object.hasOwn(data, classes)
        ? (data as Record<string, unknown>)[classes]
        : undefined;
  const labels = isHostArray(found) ? found.data : found;
  if (!list.is(labels))
    throw new ArgumentError(
      `${op}: wanted labels on the host as stratify, got ${typeof classes === "string" ? `the name ${JSON.stringify(classes)} of ${describe(found)}` : describe(found)}.`,
    );
  if (labels.length !== items)
    throw new ArgumentError(`${op}: stratify has ${labels.length} labels, the data have ${items} items.`);
  const members = byClass(labels);
  if (items > 1 && members.length === items)
    throw new ArgumentError(
      `${op}: the ${items} labels of stratify are all different, so there are no classes to keep in proportion. ` +
        "Make classes of numbers first, such as Math.floor(x / 10), or leave stratify out.",
    );
  return members;
}
