// Which boxes were on a tape together, and which were found in a model. A box that is hidden in a closure can be
// detected only by the boxes that it shares a tape with.
import { context } from "@weft/tensor/internals";
import type { Param, State } from "./box.ts";
import type { Recorder } from "./tape.ts";

type AnyBox = Param | State;

interface Group {
  readonly refs: readonly WeakRef<AnyBox>[];
  /** How often it was compared with a tape. */
  looks: number;
}
const groups = new WeakMap<AnyBox, Group>();
/**
 * After so many full comparisons only a group's length and last box are compared: a loop has the same boxes on each
 * tape.
 */
const mostLooks = 16;
const found = new WeakSet<object>();

/** Notes that a box was read or assigned. A tape from another copy of this package may not track states. */
export function meet(box: AnyBox): void {
  const { met } = context;
  if (met !== undefined && !met.seen.has(box)) {
    met.seen.add(box);
    met.list.push(box);
  }
  if (box.kind === "state") (context.tape as Partial<Pick<Recorder, "states">> | undefined)?.states?.add(box as State);
}

/** Notes the boxes of a tape. */
export function metOnTape(boxes: readonly AnyBox[]): void {
  const { length } = boxes;
  if (length < 2) return;
  const before = groups.get(boxes[0]!);
  if (before?.refs.length === length) {
    const from = ++before.looks > mostLooks ? length - 1 : 0;
    let i = length - 1;
    while (i >= from && before.refs[i]!.deref() === boxes[i]) i--;
    if (i < from) return;
  }
  const group = { refs: boxes.map((box) => new WeakRef(box)), looks: before?.looks ?? 0 };
  for (const box of boxes) groups.set(box, group);
}

/** Notes that traversing a model found a box. */
export const markFound = (box: object): void => void found.add(box);

/** Whether traversing any model found a box. */
export const wasFound = (box: object): boolean => found.has(box);

/** The boxes that shared a tape with a box. */
export const companyOf = (box: AnyBox): AnyBox[] => (groups.get(box)?.refs ?? []).flatMap((ref) => ref.deref() ?? []);
