// Trees: tensors in arrays and plain objects. Arguments and results may be trees.
import { isTensor, type Box, type Tensor } from "@weft/tensor";
import { alias, BRAND, visitTensors } from "@weft/tensor/internals";

type Leaf = Tensor | Box;

const isLeaf = (value: object): value is Leaf => (value as Partial<Leaf>)[BRAND] !== undefined;

const kept = (other: unknown): unknown => other;

/** The same tree with every tensor and box replaced; everything else is kept, or replaced by what `g` makes of it. */
export function mapTree(value: unknown, f: (x: Leaf) => unknown, g: (other: unknown) => unknown = kept): unknown {
  if (typeof value !== "object" || value === null) return g(value);
  if (isLeaf(value)) return f(value);
  if (Array.isArray(value)) return value.map((v) => mapTree(v, f, g));
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== Object.prototype && prototype !== null) return g(value);
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, mapTree(v, f, g)]));
}

/** Every tensor and box of a tree, in the order of `mapTree`. */
export function leavesOf(value: unknown): Leaf[] {
  const found: Leaf[] = [];
  mapTree(value, (x) => found.push(x));
  return found;
}

/**
 * The same value, with another handle in place of a tensor that was given or that occurs twice, so that each can be
 * released separately. If there is no such tensor, the value itself.
 */
export function distinct<T>(value: T, given: readonly Tensor[]): T {
  if (isTensor(value)) return (given.includes(value) ? alias(value) : value) as T;
  let seen = new Set(given);
  let twice = false;
  visitTensors(value, (x) => {
    twice ||= seen.has(x);
    seen.add(x);
  });
  if (!twice) return value;
  seen = new Set(given);
  return mapTree(value, (x) => {
    if (!("interpreter" in x)) return x;
    const y = seen.has(x) ? alias(x) : x;
    seen.add(x);
    return y;
  }) as T;
}
