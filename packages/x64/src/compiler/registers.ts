// Which locals live in registers: a linear scan over the intervals in which they hold something. Where there are too few
// registers, those that are used least, for their length, lie on the stack.
import type { Local, Type } from "@weft/kernel/machine";
import type { Interval } from "./liveness.ts";

/** The register of each local that has one. */
export type Assignment = ReadonlyMap<number, number>;

/** Registers are of two kinds: those of integers, and all others. */
export type Bank = "general" | "vector";
export const bankOf = (type: Type): Bank => (type === "i32" ? "general" : "vector");

export function assign(
  intervals: readonly Interval[],
  locals: readonly Local[],
  registers: { readonly [B in Bank]: readonly number[] },
): Assignment {
  const assigned = new Map<number, number>();
  for (const bank of ["general", "vector"] as const) {
    const free = [...registers[bank]];
    let active: Interval[] = [];
    for (const interval of intervals) {
      if (bankOf(locals[interval.local]!.type) !== bank) continue;
      active = active.filter((other) => {
        if (other.last >= interval.first) return true;
        free.push(assigned.get(other.local)!);
        return false;
      });
      const register = free.pop();
      if (register !== undefined) {
        assigned.set(interval.local, register);
        active.push(interval);
        continue;
      }
      const least = active.reduce((a, b) => (worth(b) < worth(a) ? b : a), interval);
      if (least === interval) continue;
      assigned.set(interval.local, assigned.get(least.local)!);
      assigned.delete(least.local);
      active = [...active.filter((other) => other !== least), interval];
    }
  }
  return assigned;
}

/** What a register saves, for how long it is taken. */
const worth = ({ weight, first, last }: Interval): number => weight / (last - first + 1);
