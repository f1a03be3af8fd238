// From stages to dispatches: which stages run side by side in one, where their operands lie, and what is bound.
import type { Plan } from "@weft/kernel";
import type { DeviceProfile } from "./device-profile.ts";
import { sharedBytes, type Stage } from "./forms/stage.ts";
import type { Binding } from "./pipelines.ts";
import type { Slab } from "./slabs.ts";
import { headerWords, paddedWords } from "./translate/program.ts";

export interface Dispatch {
  /** They run side by side. */
  readonly stages: readonly Stage[];
  /** Workgroups. */
  readonly groups: number;
  /** Where its arguments begin in the image, and how many words they are. */
  readonly at: number;
  readonly words: number;
  /** Where each operand lay when the pipeline was chosen: it is chosen again only when that changes. */
  readonly last: number[];
  pipeline: GPUComputePipeline | undefined;
  group: GPUBindGroup | undefined;
  /** The generation of the arguments' buffer in `group`. */
  generation: number;
  /** The version of the places that `last` was last checked against. */
  version: number;
  /**
   * Where there are several stages: a dispatch for each. They share this dispatch once the plan has run several times
   * and all their slabs can be bound.
   */
  readonly alone: readonly Dispatch[];
}

export const dispatchOf = (
  stages: readonly Stage[],
  groups: number,
  at: number,
  words: number,
  alone: readonly Dispatch[] = [],
): Dispatch => ({
  stages,
  groups,
  at,
  words,
  last: [],
  pipeline: undefined,
  group: undefined,
  generation: 0,
  version: -1,
  alone,
});

/** The most stages in one dispatch: more would make too many different programs. */
const SIDE_BY_SIDE = 16;

/** Groups independent stages into dispatches, as far as arguments and workgroup memory allow. */
export function sideBySide(stages: readonly Stage[], machine: Pick<DeviceProfile, "arguments" | "shared">): Stage[][] {
  const dispatches: Stage[][] = [];
  let room = 0;
  for (const stage of stages) {
    const words = paddedWords(stage.words.length);
    const last = dispatches.at(-1);
    if (
      last !== undefined &&
      last.length < SIDE_BY_SIDE &&
      words <= room &&
      sharedBytes([...last, stage]) <= machine.shared
    )
      last.push(stage);
    else {
      dispatches.push([stage]);
      room = machine.arguments / 4 - headerWords(SIDE_BY_SIDE);
    }
    room -= words;
  }
  return dispatches;
}

/** Names the stages, each with its number of workgroups. */
export const labelOf = ({ stages }: Pick<Dispatch, "stages">): string =>
  stages.map((s) => `${s.name} (${s.groups})`).join(" | ");

/** The operations of the stages, without the sizes and tiles that their names end in. */
export const operationsOf = ({ stages }: Pick<Dispatch, "stages">): string =>
  stages.map(({ name }) => name.split(", ").map(withoutSizes).join(", ")).join(" | ");
const withoutSizes = (name: string): string => name.replace(/ [[\d].*/, "");

/** Bytes of the values that the stages read and write, each counted once. */
export function bytesOf({ stages }: Pick<Dispatch, "stages">, slots: Plan["slots"]): number {
  const seen = new Set(stages.flatMap(({ places }) => places.map(({ slot }) => slot)));
  return [...seen].reduce((n, slot) => n + (slots[slot]?.bytes ?? 0), 0); // a workspace has no slot
}

/** Where the slots of a plan lie during a run. */
export interface Places {
  readonly address: Float64Array;
  readonly slab: readonly (Slab | undefined)[];
  /** Changes when any slot moves. */
  readonly version: number;
}

const lies = ({ address, slab }: Places, slot: number): number =>
  slab[slot]!.index * 2 + (address[slot]! % 16 === 0 ? 0 : 1);

/** Whether operands lie differently than when the pipeline was chosen. */
export function moved(d: Dispatch, places: Places): boolean {
  if (d.version === places.version) return false;
  let k = 0;
  for (const s of d.stages) for (const { slot } of s.places) if (d.last[k++] !== lies(places, slot)) return true;
  d.version = places.version;
  return false;
}

/** Notes where the operands lie. */
export function settle(d: Dispatch, places: Places): void {
  d.last.length = 0;
  for (const s of d.stages) for (const { slot } of s.places) d.last.push(lies(places, slot));
  d.version = places.version;
}

/** The bodies for operands that lie so, and the slabs to bind. */
export function bindingOf({ stages }: Dispatch, { address, slab }: Places): Binding {
  const slabs: Slab[] = [];
  const members = stages.map(({ body, unaligned, places }) => ({
    body: places.every(({ slot }) => address[slot]! % 16 === 0) ? body : unaligned,
    bindings: places.map(({ slot }) => {
      const found = slabs.indexOf(slab[slot]!);
      return found >= 0 ? found : slabs.push(slab[slot]!) - 1;
    }),
  }));
  return { members, slabs, foreign: stages.some(({ foreign }) => foreign === true) };
}
