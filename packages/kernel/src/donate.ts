// Updates in place: an output may take the storage of a leaf that nothing else needs any more, when the launch that writes
// it is the last to read the leaf, and reads each element where it writes.
import { layout } from "./language.ts";
import type { KernelLaunch, Launch, Slot } from "./plan.ts";

/** `slot` (an output) may take the place of `leaf` (among the plan's leaves). */
export interface Donation {
  readonly slot: number;
  readonly leaf: number;
}

export function donationsOf(slots: readonly Slot[], levels: readonly (readonly Launch[])[]): Donation[] {
  const readers = new Map<number, Set<Launch>>();
  for (const launch of levels.flat()) for (const slot of readBy(launch)) readers.set(slot, (readers.get(slot) ?? new Set()).add(launch));
  const levelOf = new Map(levels.flatMap((level, i) => level.map((launch) => [launch, i] as const)));
  const taken = new Set<number>();
  const donations: Donation[] = [];
  const leaves = slots.filter((s) => s.kind === "leaf");
  for (const launch of levels.flat()) {
    const kernel = launch.kind === "kernel" ? launch : launch.after?.launch;
    if (kernel === undefined || kernel.kernel.reduced > 0) continue;
    for (const write of kernel.places) {
      const slot = slots[write.slot]!;
      if (!write.write || slot.kind !== "output" || write.bytes !== 0) continue;
      // A call that writes where its epilogue will write would overwrite the leaf before the epilogue reads it.
      if (launch.kind === "call" && launch.out.slot === slot.index) continue;
      const leaf = leaves.find(
        (l) =>
          l.bytes === slot.bytes &&
          !taken.has(l.index) &&
          isLast(launch, readers.get(l.index), levelOf) &&
          (launch.kind === "kernel" || launch.inputs.every((x) => x.slot !== l.index)) &&
          kernel.places.filter((p) => p.slot === l.index).length === 1 &&
          kernel.places.some((p) => p.slot === l.index && p.bytes === 0 && sameWalk(kernel, p.word, write.word)),
      );
      if (leaf === undefined) continue;
      taken.add(leaf.index);
      donations.push({ slot: slot.index, leaf: leaves.indexOf(leaf) });
    }
  }
  return donations;
}

function readBy(launch: Launch): number[] {
  if (launch.kind === "kernel") return launch.places.filter((p) => !p.write).map((p) => p.slot);
  return [...launch.inputs.map((x) => x.slot), ...(launch.after?.launch.places.filter((p) => !p.write).map((p) => p.slot) ?? [])];
}

const isLast = (launch: Launch, readers: Set<Launch> | undefined, levelOf: Map<Launch, number>): boolean =>
  readers !== undefined && readers.has(launch) && [...readers].every((r) => r === launch || levelOf.get(r)! < levelOf.get(launch)!);

/** Whether two operands of a launch step through memory alike, in elements of one size. */
function sameWalk({ kernel, words }: KernelLaunch, a: number, b: number): boolean {
  const dtypeAt = (word: number) => kernel.operands[(word - layout.operand(kernel, 0)) / (1 + kernel.rank)]!.dtype;
  if (dtypeAt(a) !== dtypeAt(b)) return false;
  for (let l = 1; l <= kernel.rank; l++) if (words[a + l] !== words[b + l]) return false;
  return true;
}
