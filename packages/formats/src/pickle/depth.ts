// How deeply values are nested. What contains itself, or is nested so deeply that code which goes through it could not
// come back, is refused: while it is made, before it takes much memory, and exactly at the end.
import type { Input } from "./input.ts";

/** Deeper than any data is. */
const deepest = 100;

/** What has other values in it. */
export type Container = readonly unknown[] | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>;

export const isContainer = (x: unknown): x is Container => Array.isArray(x) || x instanceof Map || x instanceof Set;

const partsOf = (x: Container): readonly unknown[] =>
  Array.isArray(x) ? x : x instanceof Map ? [...x.keys(), ...x.values()] : [...x];

/** How deeply values are nested at least, while they are made. What is added to a part later, only the end sees. */
export class Heights {
  readonly #heights = new WeakMap<Container, number>();
  readonly #input: Input;

  constructor(input: Input) {
    this.#input = input;
  }

  /** Notes that a container has these items, and refuses it if it is too deep then. */
  holds(container: Container, items: Iterable<unknown>): void {
    const before = this.#heights.get(container) ?? 1;
    let height = before;
    for (const item of items) if (isContainer(item)) height = Math.max(height, (this.#heights.get(item) ?? 1) + 1);
    if (height === before) return;
    if (height > deepest) this.#input.fail("it is nested too deeply");
    this.#heights.set(container, height);
  }
}

/** Refuses what contains itself, and what is nested so deeply that code which goes through it could not come back. */
export function checkDepth(value: unknown, input: Input): void {
  if (!isContainer(value)) return;
  const heights = new Map<object, number>();
  const open = [{ at: value, parts: partsOf(value), next: 0, height: 1 }];
  heights.set(value, Infinity);
  while (open.length > 0) {
    const last = open.at(-1)!;
    if (last.height > deepest || open.length > deepest) input.fail("it is nested too deeply");
    if (last.next === last.parts.length) {
      open.pop();
      heights.set(last.at, last.height);
      const around = open.at(-1);
      if (around !== undefined) around.height = Math.max(around.height, last.height + 1);
      continue;
    }
    const part = last.parts[last.next++];
    if (!isContainer(part)) continue;
    const height = heights.get(part);
    if (height === Infinity) input.fail("a value contains itself");
    if (height !== undefined) last.height = Math.max(last.height, height + 1);
    else {
      heights.set(part, Infinity);
      open.push({ at: part, parts: partsOf(part), next: 0, height: 1 });
    }
  }
}
