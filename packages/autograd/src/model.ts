// A model is any tree of functions, objects, arrays, maps and sets. Its parameters and states are the boxes found in
// it.
import { BRAND } from "@weft/tensor/internals";
import type { Param, State } from "./box.ts";
import { markFound } from "./company.ts";
import { keeperOf, type Keeper, type NamedParam } from "./keeper.ts";

/** A box and its path: field names, indices and keys, joined by dots. */
export interface NamedBox {
  readonly path: string;
  readonly box: Param | State;
  /** The other paths that lead to it: tied weights have several. */
  readonly aliases: readonly string[];
}

/** All paths that lead to a box. */
export const namesOf = ({ path, aliases }: NamedBox): string[] => [path, ...aliases];

/** Boxes by all of their paths. */
export const byName = (places: readonly NamedBox[]): Map<string, Param | State> =>
  new Map(places.flatMap((place) => namesOf(place).map((name) => [name, place.box] as const)));

const isBox = (x: object): x is Param | State => BRAND in x && !("interpreter" in x);

/** Tensors, buffers and interpreters are not traversed. */
const isLeaf = (x: object): boolean =>
  BRAND in x || ArrayBuffer.isView(x) || x instanceof ArrayBuffer || ("contract" in x && "backend" in x);

/** How often parts at several paths are traversed again: the number of paths may grow exponentially. */
const mostAgain = 10_000;

/** Every box of a model, each once, in the order of discovery. */
export function boxes(model: unknown): NamedBox[] {
  const places = walk(model);
  for (const { box } of places) markFound(box);
  return places;
}

/** The parameters among them. */
export const namedParams = (model: unknown): NamedParam[] =>
  boxes(model).flatMap(({ path, box }) => (box.kind === "param" ? [{ path, box: box as Param }] : []));

/**
 * Like `boxes`, without marking them as found; `meet` is called with each function and container, once each, and its
 * path.
 */
export function walk(model: unknown, meet?: (part: object, path: string) => void): NamedBox[] {
  const found = new Map<object, NamedBox & { readonly aliases: string[] }>();
  const seen = new Set<object>();
  const open = new Set<object>();
  let again = 0;
  const visit = (x: unknown, path: string): void => {
    if ((typeof x !== "object" && typeof x !== "function") || x === null) return;
    if (isBox(x)) {
      const at = path === "" ? "value" : path;
      const place = found.get(x);
      if (place === undefined) found.set(x, { path: at, box: x, aliases: [] });
      else place.aliases.push(at);
      return;
    }
    if (isLeaf(x) || open.has(x) || (seen.has(x) && again++ >= mostAgain)) return;
    if (!seen.has(x)) meet?.(x, path);
    seen.add(x);
    open.add(x);
    for (const [key, child] of children(x)) visit(child, path === "" ? key : `${path}.${key}`);
    open.delete(x);
  };
  visit(model, "");
  return [...found.values()];
}

/** The direct children of a part of a model, by name. */
export function children(x: object): (readonly [string, unknown])[] {
  if (isLeaf(x)) return [];
  if (x instanceof Map) return [...x].map(([key, value]) => [String(key), value]);
  if (x instanceof Set) return [...x].map((value, i) => [String(i), value]);
  return Object.entries(keeperOf(x)?.parts() ?? x);
}

/** Every keeper in a model, with its path. */
export function keepers(model: unknown): { readonly path: string; readonly keeper: Keeper }[] {
  const found: { path: string; keeper: Keeper }[] = [];
  walk(model, (part, path) => {
    const keeper = keeperOf(part);
    if (keeper !== undefined) found.push({ path, keeper });
  });
  return found;
}
