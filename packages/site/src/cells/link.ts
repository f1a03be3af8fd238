// A link that carries changed code.
import { pack, unpack } from "./fragment.ts";

interface Changeable {
  readonly original: string;
  code: string;
}

const prefix = "#code=";
/** No page has so many cells: a link must not make a million. */
const MOST = 200;

/** The address of the page with the cells as they are. */
export function linkTo(address: string, cells: readonly Changeable[]): string {
  const changed = cells.flatMap(({ code, original }, i) => (code === original ? [] : [[i, code] as const]));
  const url = address.replace(/#.*$/, "");
  return changed.length === 0 ? url : `${url}${prefix}${pack(changed)}`;
}

/** The code that a fragment carries, by the place of the cell; nothing if it carries none. */
export function codeIn(fragment: string): ReadonlyMap<number, string> {
  const found = fragment.startsWith(prefix) ? unpack(fragment.slice(prefix.length)) : undefined;
  const isPlace = (x: unknown): boolean => Number.isInteger(x) && Number(x) >= 0 && Number(x) < MOST;
  const isPair = (x: unknown): x is [number, string] =>
    Array.isArray(x) && x.length === 2 && isPlace(x[0]) && typeof x[1] === "string";
  return new Map(Array.isArray(found) ? found.filter(isPair) : []);
}
