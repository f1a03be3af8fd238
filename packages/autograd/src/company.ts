// Which boxes were on a tape together, and which ones somebody has found in a model. A box that a closure hides shows itself by its
// company on tapes alone.
import { context } from "@weft/tensor";
import type { Param, State } from "./box.ts";
import type { Recorder } from "./tape.ts";

type Cell = Param | State;

const groups = new WeakMap<Cell, readonly WeakRef<Cell>[]>();
const found = new WeakSet<object>();

/** Notes on the current tape that a state was read or assigned. A tape of another copy of this package may know of no states. */
export const meetState = (box: State): void =>
  void (context.tape as Partial<Pick<Recorder, "states">> | undefined)?.states?.add(box);

/** Notes the boxes of a tape. A loop has the same on each: then there is nothing to do. */
export function metOnTape(boxes: readonly Cell[]): void {
  const { length } = boxes;
  if (length < 2) return;
  const before = groups.get(boxes[0]!);
  if (before?.length === length && before[length - 1]!.deref() === boxes[length - 1]) return;
  const group = boxes.map((box) => new WeakRef(box));
  for (const box of boxes) groups.set(box, group);
}

/** Notes that a walk through a model has found a box. */
export const markFound = (box: object): void => void found.add(box);

/** Whether a walk through any model has found a box. */
export const wasFound = (box: object): boolean => found.has(box);

/** The boxes that shared a tape with one. */
export const companyOf = (box: Cell): Cell[] => (groups.get(box) ?? []).flatMap((ref) => ref.deref() ?? []);
