// Which boxes were on a tape together, and which ones somebody has found in a model. A box that a closure hides shows itself by its
// company on tapes alone.
import { context } from "@weft/tensor";
import type { Param, State } from "./box.ts";
import type { Recorder } from "./tape.ts";

type Cell = Param | State;

const groups = new WeakMap<Cell, readonly WeakRef<Cell>[]>();
const found = new WeakSet<object>();

/** Notes that a box was read or assigned. A tape of another copy of this package may know of no states. */
export function meet(box: Cell): void {
  const { met } = context;
  if (met !== undefined && !met.seen.has(box)) {
    met.seen.add(box);
    met.list.push(box);
  }
  if (box.kind === "state") (context.tape as Partial<Pick<Recorder, "states">> | undefined)?.states?.add(box as State);
}

/** Notes the boxes of a tape. A loop has the same on each: then there is nothing to do. */
export function metOnTape(boxes: readonly Cell[]): void {
  const { length } = boxes;
  if (length < 2) return;
  const before = groups.get(boxes[0]!);
  if (before?.length === length && boxes.every((box, i) => before[i]!.deref() === box)) return;
  const group = boxes.map((box) => new WeakRef(box));
  for (const box of boxes) groups.set(box, group);
}

/** Notes that a walk through a model has found a box. */
export const markFound = (box: object): void => void found.add(box);

/** Whether a walk through any model has found a box. */
export const wasFound = (box: object): boolean => found.has(box);

/** The boxes that shared a tape with one. */
export const companyOf = (box: Cell): Cell[] => (groups.get(box) ?? []).flatMap((ref) => ref.deref() ?? []);
