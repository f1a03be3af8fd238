// How many items come of data, as far as they say so.

/** The keys under which batches and positions of the data package have what it needs of them. */
const VISIT: unique symbol = Symbol.for("weft.data.visit");
const PASSES: unique symbol = Symbol.for("weft.data.passes");

interface Source {
  readonly length?: unknown;
  /** Where the data are, if they can be resumed. */
  readonly position?: { readonly [PASSES]?: { next(): number } };
}

/** With which batch the next loop over data begins: 0, if no position was assigned. */
export const firstOf = (data: object): number => (data as Source).position?.[PASSES]?.next() ?? 0;

/**
 * How many items come in a loop that begins with the item `first`. The length of batches is that of a whole pass; what
 * else has a length says how much comes.
 */
export function comingOf(data: object, first: number): number | undefined {
  const { length } = data as Source;
  if (typeof length !== "number") return undefined;
  return VISIT in data ? Math.max(length - first, 0) : length;
}
