// What the reader changed survives a reload: it is kept for the page, as long as its tab is open.
import { codeIn } from "./link.ts";

interface Changeable {
  readonly original: string;
  readonly code: string;
}

interface Kept {
  /** The fragment of the link that brought code, if one did: another link brings its own. */
  readonly fragment: string;
  /** Changed cells by their places, each with the page's code: where that is another one now, the change is dropped. */
  readonly cells: readonly (readonly [place: number, original: string, code: string])[];
}

const keyOf = (path: string): string => `weft-cells:${path}`;
const linked = (fragment: string): string => (codeIn(fragment).size > 0 ? fragment : "");

/** Keeps what is changed on a page. */
export function keep(storage: Storage, path: string, fragment: string, cells: readonly Changeable[]): void {
  const changed = cells.flatMap(({ original, code }, i) => (code === original ? [] : [[i, original, code] as const]));
  const kept: Kept = { fragment: linked(fragment), cells: changed };
  try {
    if (changed.length === 0) storage.removeItem(keyOf(path));
    else storage.setItem(keyOf(path), JSON.stringify(kept));
  } catch {
    // A full or forbidden storage keeps nothing, and the page works without.
  }
}

/** The code that cells begin with: what is kept of the page, or else what a link brings; `original` by place. */
export class Begun {
  readonly #kept: Kept | undefined;
  readonly #carried: ReadonlyMap<number, string>;
  /** That of the link that brought code, if one did. */
  readonly fragment: string;

  constructor(storage: Storage, path: string, fragment: string) {
    const kept = read(storage, path);
    const isOther = codeIn(fragment).size > 0 && kept?.fragment !== fragment;
    this.#kept = isOther ? undefined : kept;
    this.fragment = this.#kept?.fragment ?? linked(fragment);
    this.#carried = codeIn(this.fragment);
  }

  /** The places of the cells whose code a link brought, though it may have been changed since. */
  get linked(): number[] {
    return [...this.#carried.keys()];
  }

  /** The code of a cell, whose code on the page is the original; undefined if it is just that. */
  code(place: number, original: string): string | undefined {
    const found = this.#kept?.cells.find(([i, page]) => i === place && page === original);
    return found?.[2] ?? (this.#kept === undefined ? this.#carried.get(place) : undefined);
  }

  /** The number of cells with the last one that has such code. */
  get cells(): number {
    const places = this.#kept === undefined ? [...this.#carried.keys()] : this.#kept.cells.map(([place]) => place);
    return Math.max(0, ...places.map((place) => place + 1));
  }
}

function read(storage: Storage, path: string): Kept | undefined {
  try {
    const { fragment, cells } = JSON.parse(storage.getItem(keyOf(path)) ?? "{}") as Kept;
    return Array.isArray(cells) ? { fragment, cells } : undefined;
  } catch {
    return undefined;
  }
}
