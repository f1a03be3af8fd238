// How many rows a batch has, however its parts are nested.
import { areLengths } from "@weft/data/internals";
import { isTensor } from "@weft/tensor";

/**
 * How many rows a batch has: as many as lengths of sequences, if it has such; else the length of the target's first axis,
 * since inputs may have others first, as time; if it has none, that of the first input that has one, else 1. Of a target
 * (or an input) that is a list, an object or a map it is that of the first tensor in it that has an axis.
 */
export function rowsOf(batch: readonly unknown[]): number {
  const lengths = [...shapedIn(batch)].find(areLengths);
  for (const part of [lengths, batch.at(-1), ...batch]) {
    const rows = rowsIn(part);
    if (rows !== undefined) return rows;
  }
  return 1;
}

/** A tensor, or another array that has a shape. */
interface Shaped {
  readonly shape: readonly number[];
}

function rowsIn(part: unknown): number | undefined {
  for (const { shape } of shapedIn(part)) if (shape.length > 0) return shape[0];
  const { length } = (part ?? {}) as { readonly length?: unknown };
  return typeof part === "object" && typeof length === "number" ? length : undefined;
}

/** What has a shape in lists, plain objects, maps and sets. */
function* shapedIn(x: unknown, seen: Set<object> = new Set()): Generator<Shaped> {
  if (typeof x !== "object" || x === null || ArrayBuffer.isView(x) || seen.has(x)) return;
  seen.add(x);
  if (isTensor(x) || Array.isArray((x as Partial<Shaped>).shape)) yield x as Shaped;
  else if (Array.isArray(x) || x instanceof Set || x instanceof Map)
    for (const part of x.values()) yield* shapedIn(part, seen);
  else if ([Object.prototype, null].includes(Object.getPrototypeOf(x) as object | null))
    for (const part of Object.values(x)) yield* shapedIn(part, seen);
}
