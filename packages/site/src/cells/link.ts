// A link that carries changed code.
import { carriedBy, withFragment, withoutFragment } from "./fragment.ts";

interface Changeable {
  readonly original: string;
  code: string;
}

const name = "code";
/** No page has so many cells: a link must not make a million. */
const MOST = 200;

/** The address of the page with the cells as they are. */
export function linkTo(address: string, cells: readonly Changeable[]): string {
  const changed = cells.flatMap(({ code, original }, i) => (code === original ? [] : [[i, code] as const]));
  return changed.length === 0 ? withoutFragment(address) : withFragment(address, name, changed);
}

let last: { readonly fragment: string; readonly code: ReadonlyMap<number, string> } | undefined;

/** The code that a fragment carries, by the place of the cell; nothing if it carries none. Each cell asks for it. */
export function codeIn(fragment: string): ReadonlyMap<number, string> {
  if (last?.fragment !== fragment) last = { fragment, code: unpacked(fragment) };
  return last.code;
}

function unpacked(fragment: string): ReadonlyMap<number, string> {
  const found = carriedBy(fragment, name);
  const isPlace = (x: unknown): boolean => Number.isInteger(x) && Number(x) >= 0 && Number(x) < MOST;
  const isPair = (x: unknown): x is [number, string] =>
    Array.isArray(x) && x.length === 2 && isPlace(x[0]) && typeof x[1] === "string";
  return new Map(Array.isArray(found) ? found.filter(isPair) : []);
}
