// Places in the arena: values that live between two launches of one plan share memory when their lives do not meet.
import type { Slot } from "./plan.ts";

/** Arena offsets are multiples of this. */
export const ALIGN = 64;

export interface Life {
  readonly slot: Slot;
  /** First and last launch that touches it. */
  first: number;
  last: number;
}

/** Gives every slot an offset (first fit over the free stretches, in order of birth) and returns the bytes needed. */
export function layOut(lives: readonly Life[]): number {
  const order = lives.toSorted((a, b) => a.first - b.first);
  // Stretches in use, ordered by offset.
  let used: { start: number; end: number; last: number }[] = [];
  let total = 0;
  for (const { slot, first, last } of order) {
    used = used.filter((u) => u.last >= first);
    const bytes = Math.ceil(Math.max(slot.bytes, 1) / ALIGN) * ALIGN;
    let start = 0;
    let at = 0;
    for (; at < used.length; at++) {
      if (used[at]!.start - start >= bytes) break;
      start = Math.max(start, used[at]!.end);
    }
    used.splice(at, 0, { start, end: start + bytes, last });
    slot.offset = start;
    total = Math.max(total, start + bytes);
  }
  return total;
}
