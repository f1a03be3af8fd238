// What all wrappers of loops share: they check what they wrap, can be iterated or awaited, and read what is measured.
import { wrapping } from "@weft/optim/internals";
import type { Run } from "@weft/optim";
import { ArgumentError } from "@weft/tensor";
import { describe, wantIterable, type OptionKind } from "@weft/tensor/internals";

/** Anything to iterate over, such as `minimize(…)` or another wrapper. */
export type Steps<T> = Iterable<T> | AsyncIterable<T>;

/** A number, or a tensor of one element; undefined: nothing was measured. */
export type Measured = number | { item(): Promise<number | bigint | boolean> } | undefined;

/** What is measured at an item; `step` counts items from 1. */
export type Monitor<T> = (item: T, step: number) => Measured | Promise<Measured>;

/** A run with as many items as the one that it wraps. */
export interface Wrapped<T> extends Run<T> {
  /** The number of items, if it is known. */
  readonly length: number | undefined;
}

/** Refuses what cannot be iterated over. */
export const checkSteps = (op: string, steps: unknown): void =>
  wantIterable(op, "steps to iterate over, such as minimize(…)", steps);

/**
 * A run that iterates as `iterate` does, with as many items as `steps` has. Where it checks items later than it yields
 * them, `check` resolves when all so far are checked.
 */
export function wrapped<T>(
  op: string,
  steps: Steps<T>,
  iterate: () => AsyncIterator<T>,
  check?: () => Promise<void>,
): Wrapped<T> {
  checkSteps(op, steps);
  const length = (): number | undefined => {
    const { length } = steps as { length?: unknown };
    return typeof length === "number" ? length : undefined;
  };
  return ofLength(length, wrapping(op, steps, iterate, check));
}

/** A run with that number of items. It cannot be assigned: a file that is loaded into a tree with the run must not. */
export const ofLength = <T>(length: () => number | undefined, run: Run<T>): Wrapped<T> =>
  Object.defineProperty(run as Wrapped<T>, "length", { get: length, enumerable: true });

/**
 * The number that was measured. If it is a tensor, reading it begins now: the tensor may be released afterwards. `cure`
 * says in messages what to do.
 */
export function numberOf(
  op: string,
  measured: Measured | Promise<Measured>,
  cure: string = "",
): Promise<number | undefined> {
  return measured instanceof Promise ? measured.then((x) => read(op, x, cure)) : read(op, measured, cure);
}

/** What to do where items are no numbers. */
export const monitorIt = "; say what to measure: { monitor: (item) => … }";

async function read(op: string, x: unknown, cure: string): Promise<number | undefined> {
  if (x === undefined || typeof x === "number") return x;
  if (typeof (x as { item?: unknown } | null)?.item === "function")
    return Number(await (x as Exclude<Measured, number | undefined>).item());
  throw new ArgumentError(`${op}: wanted numbers or tensors of one element, got ${describe(x)}${cure}`);
}

/** Whether less or more is better. */
export type Mode = "min" | "max";

/** A model, or a tree of them. */
export const treeKind: OptionKind<object> = {
  wanted: "a model, or an object such as { model, optimizer }",
  is: (x): x is object => (typeof x === "object" && x !== null) || typeof x === "function",
};
