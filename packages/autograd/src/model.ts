// A model is any tree of functions, objects, arrays, maps and sets; what it learns and keeps are the boxes found in it.
import { BRAND } from "@weft/tensor/internals";
import type { Param, State } from "./box.ts";
import { markFound } from "./company.ts";
import { keeperOf, type Keeper, type NamedParam } from "./keeper.ts";

/** A box and where it stands: field names, indices and keys, joined by points. */
export interface NamedBox {
  readonly path: string;
  readonly box: Param | State;
  /** The other paths that lead to it: tied weights have several. */
  readonly aliases: readonly string[];
}

const isBox = (x: object): x is Param | State => BRAND in x && !("interpreter" in x);

/** Tensors, typed arrays and interpreters are no part of the tree; nor is anything that is no container. */
const isLeaf = (x: object): boolean =>
  BRAND in x || ArrayBuffer.isView(x) || x instanceof ArrayBuffer || ("contract" in x && "backend" in x);

/** How often parts that stand at several paths are walked through again: there may be more paths than memory. */
const mostAgain = 10_000;

/** Every box below `model`, each once, in the order of discovery. */
export function boxes(model: unknown): NamedBox[] {
  const places = walk(model);
  for (const { box } of places) markFound(box);
  return places;
}

/** The parameters among them. */
export const namedParams = (model: unknown): NamedParam[] =>
  boxes(model).flatMap(({ path, box }) => (box.kind === "param" ? [{ path, box: box as Param }] : []));

/** The boxes below a model, unnoticed; `meet` is told of each function and container, each once, and where it stands. */
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

/** What stands below a part of a model, by name. */
export function children(x: object): (readonly [string, unknown])[] {
  if (isLeaf(x)) return [];
  if (x instanceof Map) return [...x].map(([key, value]) => [String(key), value]);
  if (x instanceof Set) return [...x].map((value, i) => [String(i), value]);
  return Object.entries(keeperOf(x)?.parts() ?? x);
}

/** Everything below a model that keeps state for parameters, and where it stands. */
export function keepers(model: unknown): { readonly path: string; readonly keeper: Keeper }[] {
  const found: { path: string; keeper: Keeper }[] = [];
  walk(model, (part, path) => {
    const keeper = keeperOf(part);
    if (keeper !== undefined) found.push({ path, keeper });
  });
  return found;
}
