// Lines along an axis, and how the invocations of a workgroup share them: neighbors take neighboring elements of one
// line where these are adjacent in memory, else neighboring lines.
import { linesAlong, type CallLaunch } from "@weft/kernel";
import type { AxisAttrs } from "@weft/tensor/internals";
import type { DeviceTraits } from "../forms/device-traits.ts";

export interface Lines {
  readonly count: number;
  readonly size: number;
  /** The stride within a line. */
  readonly inner: number;
}

export function linesOf({ inputs, attrs }: CallLaunch<AxisAttrs>): Lines {
  const { outer, size, inner } = linesAlong(inputs[0]!.shape, attrs.axis);
  return { count: outer * inner, size, inner };
}

export interface Shared {
  /** Distinguishes texts. */
  readonly name: string;
  /** Invocations per line, a power of two. */
  readonly sharers: number;
  /** How far apart these are in their workgroup. */
  readonly step: number;
  readonly groups: number;
  /**
   * Statements for a workgroup that name `line`, `slice`, whether the line exists (`live`), and where it begins
   * (`first`).
   */
  readonly text: (group: string) => string;
}

export function share({ count, size, inner }: Lines, { threads }: DeviceTraits): Shared {
  const all = 2 ** Math.floor(Math.log2(threads));
  const sharers = Math.min(all, 2 ** Math.ceil(Math.log2(Math.max(1, size / 4))));
  const each = all / sharers;
  const along = inner === 1;
  const step = along ? 1 : each;
  return {
    name: `${each}x${sharers}${along ? "" : " across"}`,
    sharers,
    step,
    groups: Math.ceil(count / each),
    text: (group) => `
      let own = ${along ? `lane / ${sharers}u` : `lane % ${each}u`};
      let slice = ${along ? `lane % ${sharers}u` : `lane / ${each}u`};
      let line = (${group}) * ${each}u + own;
      let live = lane < ${all}u && line < count;
      let first = line / inner * size * inner + line % inner;`,
  };
}
