// Names for what is in nested dicts and lists: the keys and positions that lead to it, with dots between, as PyTorch
// names parameters.
import { quoted } from "@weft/tensor/internals";
import { FormatError } from "../format-error.ts";
import { isContainer, type Container } from "../pickle/depth.ts";
import { isPart } from "./globals.ts";
import { View } from "./tensors.ts";

/** Throws a FormatError about a file of PyTorch. */
export const fail = (problem: string): never => {
  throw new FormatError(`pt: ${problem}`);
};

/** Keys or positions, with what is there. */
const partsOf = (x: Container): Iterable<readonly [unknown, unknown]> =>
  x instanceof Set ? [...x].entries() : x.entries();

/** A key as a part of a name. */
const nameOf = (key: unknown): string =>
  key === null || ["string", "number", "bigint", "boolean"].includes(typeof key)
    ? String(key)
    : fail("a dict with tensors has a key that is neither a text nor a number");

/** Tensors and other values by name. Values may be shared, so names could be many more than there are values. */
export function byName(
  root: unknown,
  length: number,
): { readonly tensors: Map<string, View>; readonly values: Map<string, unknown> } {
  const tensors = new Map<string, View>();
  const values = new Map<string, unknown>();
  const known = new Map<Container, boolean>();
  /** Whether there are tensors in it. Pickles are not nested deeply (see `unpickled`). */
  const hasTensors = (x: unknown): boolean => {
    if (isPart(x)) return fail("a part of PyTorch stands in place of a value");
    if (!isContainer(x)) return x instanceof View;
    const found = known.get(x);
    if (found !== undefined) return found;
    let some = false;
    for (const [, part] of partsOf(x)) some = hasTensors(part) || some;
    known.set(x, some);
    return some;
  };
  let room = 64 * length + 2 ** 16;
  const add = (name: string, x: unknown): void => {
    room -= name.length + 8;
    if (room < 0) fail("the same values are in so many places that the names are longer than the file");
    if (isContainer(x) && (x === root || hasTensors(x))) {
      for (const [key, part] of partsOf(x)) add(name === "" ? nameOf(key) : `${name}.${nameOf(key)}`, part);
      return;
    }
    if (tensors.has(name) || values.has(name)) fail(`two values are named ${quoted(name)}`);
    if (x instanceof View) tensors.set(name, x);
    else values.set(name, x);
  };
  hasTensors(root);
  add("", root);
  return { tensors, values };
}
