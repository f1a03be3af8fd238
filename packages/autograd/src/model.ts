// A model is any tree of functions, objects, arrays, maps and sets; what it learns and keeps are the boxes found in it.
import { BRAND } from "@weft/tensor";
import type { Param, State } from "./box.ts";

/** A box and where it stands: field names, indices and keys, joined by points. */
export interface Place {
  readonly path: string;
  readonly box: Param | State;
}

const isBox = (x: object): x is Param | State => BRAND in x && !("interpreter" in x);

/** Tensors, typed arrays and interpreters are no part of the tree; nor is anything that is no container. */
const isLeaf = (x: object): boolean =>
  BRAND in x || ArrayBuffer.isView(x) || x instanceof ArrayBuffer || ("contract" in x && "backend" in x);

/** Every box below `model`, each once, in the order of discovery. */
export function boxes(model: unknown): Place[] {
  const found: Place[] = [];
  const seen = new Set<unknown>();
  const visit = (x: unknown, path: string): void => {
    if ((typeof x !== "object" && typeof x !== "function") || x === null || seen.has(x)) return;
    seen.add(x);
    if (isBox(x)) found.push({ path: path === "" ? "value" : path, box: x });
    else if (!isLeaf(x)) for (const [key, child] of children(x)) visit(child, path === "" ? key : `${path}.${key}`);
  };
  visit(model, "");
  return found;
}

function children(x: object): Iterable<readonly [string, unknown]> {
  if (x instanceof Map) return [...x].map(([key, value]) => [String(key), value]);
  if (x instanceof Set) return [...x].map((value, i) => [String(i), value]);
  return Object.entries(x);
}
