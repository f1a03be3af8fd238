// The layout of the arena: values that live only between launches of one plan share memory if their lifetimes do not
// overlap.
import type { Slot } from "./plan.ts";

/** Arena offsets are multiples of this. */
const ALIGN = 64;

export interface Life {
  readonly slot: Slot;
  /** The first and the last level that touch it. */
  first: number;
  last: number;
}

interface Stretch {
  start: number;
  end: number;
}

/**
 * Gives every slot an offset and returns the bytes needed. Slots are placed in order of birth, each in the smallest
 * free stretch that holds it, and freed after its last launch. The arena may consist of blocks of `most` bytes (a
 * multiple of the alignment): no slot and no free stretch crosses a block boundary.
 */
export function layOut(lives: readonly Life[], most = Infinity): number {
  const births = lives.toSorted((a, b) => a.first - b.first);
  const deaths = lives.toSorted((a, b) => a.last - b.last);
  const free: Stretch[] = [];
  let total = 0;
  let dead = 0;
  for (const { slot, first } of births) {
    for (; deaths[dead]!.last < first; dead++) freeSlot(free, deaths[dead]!.slot, most);
    const bytes = roomOf(slot);
    let best = -1;
    for (let i = 0; i < free.length; i++) {
      const room = free[i]!.end - free[i]!.start;
      if (room >= bytes && (best < 0 || room < free[best]!.end - free[best]!.start)) best = i;
    }
    const stretch = free[best];
    if (stretch === undefined) {
      // The last stretch may reach the end: then it grows, as far as its block does.
      const last = free.at(-1);
      const grows = last?.end === total && total % most !== 0;
      const start = grows ? last.start : total;
      const boundary = (Math.floor(start / most) + 1) * most;
      if (start + bytes <= boundary) {
        if (grows) free.pop();
        slot.offset = start;
      } else {
        // The rest of the block stays free.
        if (grows) last.end = boundary;
        else if (total % most !== 0) free.push({ start: total, end: boundary });
        slot.offset = total % most === 0 ? total : boundary;
      }
      total = slot.offset + bytes;
    } else {
      slot.offset = stretch.start;
      stretch.start += bytes;
      if (stretch.start === stretch.end) free.splice(best, 1);
    }
  }
  return total;
}

const roomOf = (slot: Slot): number => Math.ceil(Math.max(slot.bytes, 1) / ALIGN) * ALIGN;

/** Frees the stretch of a slot: the list stays in order of address, and free neighbors are joined. */
function freeSlot(free: Stretch[], slot: Slot, most: number): void {
  const start = slot.offset;
  const end = start + roomOf(slot);
  let [low, high] = [0, free.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (free[middle]!.start < start) low = middle + 1;
    else high = middle;
  }
  const before = start % most === 0 ? undefined : free[low - 1];
  const after = end % most === 0 ? undefined : free[low];
  if (before?.end === start) {
    before.end = end;
    if (after?.start === end) {
      before.end = after.end;
      free.splice(low, 1);
    }
  } else if (after?.start === end) after.start = start;
  else free.splice(low, 0, { start, end });
}
