// Updates in place: an output may reuse the storage of a leaf that nothing else needs, if the launch that writes the
// output is the last to read the leaf and reads each element where it writes. Not before the last call that may throw
// has run: what boxes are rolled back to would be gone.
import { layout } from "../language.ts";
import { epilogueOf, touched, type KernelLaunch, type Launch, type Link, type Slot } from "./plan.ts";
import { checkOf } from "../graph/fault.ts";
import { codeOf, indicesOfCode, type AnyOp } from "../graph/operation.ts";
import { isRowMajor } from "../graph/view.ts";
import type { TraitsOf } from "./traits.ts";

/** `slot` (an output) may reuse the storage of `leaf` (an index into the plan's leaves). */
export interface Donation {
  readonly slot: number;
  readonly leaf: number;
  /** Whether it is written before the last call has checked its indices. */
  readonly early: boolean;
}

/** The elementwise kernel of a launch: itself, or the epilogue of a call or a reduction. */
const mapOf = (launch: Link): KernelLaunch | undefined =>
  launch.kind === "kernel" && launch.kernel.reduced === 0 ? launch : epilogueOf(launch);

export function donationsOf(
  slots: readonly Slot[],
  levels: readonly (readonly Launch[])[],
  traits: TraitsOf,
  mayThrow: (op: AnyOp) => boolean = () => false,
): Donation[] {
  const donations: Donation[] = [];
  if (!slots.some((s) => s.kind === "output")) return donations;
  const last = lastReaders(slots, levels);
  const leaves = slots.filter((s) => s.kind === "leaf");
  const taken = new Set<number>();
  const unchecked = untilChecked(levels);
  const throwing = levels.findLastIndex((level) => level.some((l) => l.kind === "call" && mayThrow(l.op)));
  for (const [i, level] of levels.entries()) {
    if (i <= throwing) continue;
    const early = i < unchecked;
    for (const launch of level) {
      // In a chain one workgroup may write what another still reads.
      if (launch.kind === "chain") continue;
      const kernel = mapOf(launch);
      if (launch.kind === "call" && traits(launch.op).inPlace === true) {
        const x = launch.inputs[0]!;
        const { slot } = launch.outs[0];
        const given = slots[slot]!.kind === "output" && slots[x.slot]!.kind === "leaf";
        const whole = given && x.bytes === 0 && slots[x.slot]!.bytes === slots[slot]!.bytes;
        const once = launch.inputs.filter((i) => i.slot === x.slot).length === 1;
        if (whole && once && kernel === undefined && isRowMajor(x.shape, x.strides) && last.get(x.slot) === launch) {
          taken.add(x.slot);
          donations.push({ slot, leaf: leaves.indexOf(slots[x.slot]!), early });
        }
      }
      if (kernel === undefined) continue;
      const own = kernel === launch ? [] : ownSlots(launch);
      for (const write of kernel.places) {
        if (!write.write || write.bytes !== 0 || slots[write.slot]!.kind !== "output") continue;
        // A launch that writes where its epilogue writes would overwrite the leaf before the epilogue reads it.
        if (own.includes(write.slot)) continue;
        for (const read of kernel.places) {
          const leaf = slots[read.slot]!;
          if (leaf.kind !== "leaf" || read.bytes !== 0 || leaf.bytes !== slots[write.slot]!.bytes) continue;
          if (taken.has(leaf.index) || last.get(leaf.index) !== launch || !sameWalk(kernel, read.word, write.word))
            continue;
          if (own.includes(leaf.index)) continue;
          taken.add(leaf.index);
          donations.push({ slot: write.slot, leaf: leaves.indexOf(leaf), early });
          break;
        }
      }
    }
  }
  return donations;
}

/**
 * After how many levels all indices are checked. Most are checked again in the backward pass: the first check counts.
 */
function untilChecked(levels: readonly (readonly Launch[])[]): number {
  const seen = new Set<string>();
  let count = 0;
  levels.forEach((level, i) => {
    for (const launch of level) {
      if (launch.kind !== "call") continue;
      const { op, attrs, inputs } = launch;
      const indices = indicesOfCode(codeOf(op));
      if (indices === undefined) continue;
      const { slot, bytes, shape, strides } = inputs[indices.operand]!;
      const key = `${checkOf(indices, inputs, attrs)} ${slot} ${bytes} ${shape} ${strides}`;
      if (!seen.has(key)) count = i + 1;
      seen.add(key);
    }
  });
  return count;
}

/** The slots that a call or reduction touches without its epilogue. */
function ownSlots(launch: Link): number[] {
  const slots: number[] = [];
  touched({ ...launch, after: undefined }, (slot) => slots.push(slot));
  return slots;
}

/** For each leaf the launch that reads it last; undefined if several launches of one level do. */
function lastReaders(slots: readonly Slot[], levels: readonly (readonly Launch[])[]): Map<number, Launch | undefined> {
  const last = new Map<number, Launch | undefined>();
  const levelOf = new Map<number, number>();
  levels.forEach((level, i) => {
    for (const launch of level) {
      const note = (slot: number, write: boolean): void => {
        if (write || slots[slot]!.kind !== "leaf") return;
        const alone = levelOf.get(slot) !== i || last.get(slot) === launch;
        last.set(slot, alone ? launch : undefined);
        levelOf.set(slot, i);
      };
      touched(launch, note);
    }
  });
  return last;
}

/** Whether two operands of a launch have the same strides and dtype. */
function sameWalk({ kernel, words }: KernelLaunch, a: number, b: number): boolean {
  const dtypeAt = (word: number) => kernel.operands[(word - layout.operand(kernel, 0)) / (1 + kernel.rank)]!.dtype;
  if (dtypeAt(a) !== dtypeAt(b)) return false;
  for (let l = 1; l <= kernel.rank; l++) if (words[a + l] !== words[b + l]) return false;
  return true;
}
