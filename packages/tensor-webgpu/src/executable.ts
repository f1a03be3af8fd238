// A plan prepared for this device: its launches as dispatches, and the arguments of all of them in one image, into
// which each run fills addresses and numbers.
import { Fault, numberOf, type NumberArgument, type Plan, type PlanRun } from "@weft/kernel";
import type { Calls } from "./calls/call.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { dispatchOf, sideBySide, type Dispatch, type Places } from "./dispatch.ts";
import { WORKSPACE, type Stage } from "./forms/stage.ts";
import { SPARE, type Reader } from "./reader.ts";
import type { Block, Slab, Slabs } from "./slabs.ts";
import { stagesOf } from "./stages.ts";
import { headerWords, paddedWords } from "./translate/program.ts";

export interface Executable extends Places {
  /** How many times it has run. */
  runs: number;
  /** How many times it has run without its shared programs since the event loop last ran. */
  waits: number;
  readonly dispatches: readonly Dispatch[];
  /** The arguments of all dispatches. */
  readonly image: Int32Array<ArrayBuffer>;
  readonly floats: Float32Array;
  /** Triples: word in the image, slot, bytes to add. */
  readonly places: Int32Array;
  readonly numbers: readonly NumberArgument[];
  /** By node, the words that receive the number of its flag. */
  readonly flags: ReadonlyMap<number, readonly number[]>;
  /** Where each slot lies in this run; the last one is the workspace of launches with several stages. */
  readonly address: Float64Array;
  readonly slab: (Slab | undefined)[];
  /** Where they lay in the previous run, and how often that has changed. */
  readonly before: Float64Array;
  version: number;
  /** Bytes of the workspace. */
  readonly workspace: number;
}

/** Workspaces of launches that run at the same time begin at multiples of this many bytes. */
const APART = 256;

/** The stage with its workspace at `offset` bytes into `slot`. */
const inWorkspace = (stage: Stage, slot: number, offset: number): Stage => ({
  ...stage,
  places: stage.places.map((p) => (p.slot === WORKSPACE ? { ...p, slot, bytes: offset + p.bytes } : p)),
});

export function executableOf(plan: Plan, calls: Calls, machine: DeviceProfile, slabs: Slabs): Executable {
  const words: number[] = [];
  const places: number[] = [];
  const numbers: NumberArgument[] = [];
  const flags = new Map<number, number[]>();
  const slots = plan.slots.length;
  let workspace = 0;
  /** Appends the arguments of a stage at the next boundary: a dispatch of its own. */
  const alone = (stage: Stage): Dispatch => {
    const at = words.length;
    words.push(...stage.words);
    while (words.length % paddedWords(1) !== 0) words.push(0);
    for (const p of stage.places) {
      slabs.admit(plan.slots[p.slot]?.bytes ?? 0);
      places.push(at + p.word, p.slot, p.bytes);
    }
    for (const n of stage.numbers) numbers.push({ ...n, word: at + n.word });
    for (const f of stage.flags) flags.set(f.node, [...(flags.get(f.node) ?? []), at + f.word]);
    return dispatchOf([stage], stage.groups, at, words.length - at);
  };
  const dispatch = (stages: readonly Stage[]): Dispatch => {
    if (stages.length === 1) return alone(stages[0]!);
    const at = words.length;
    for (let i = headerWords(stages.length); i > 0; i--) words.push(0);
    let groups = 0;
    const each = stages.map((stage, i) => {
      words[at + i] = groups;
      groups += stage.groups;
      return alone(stage);
    });
    return dispatchOf(stages, groups, at, words.length - at, each);
  };
  const dispatches = plan.levels.flatMap((level) => {
    let used = 0;
    /** What runs at the same time: the first stages of all launches, then the second stages, and so on. */
    const rounds: Stage[][] = [[]];
    for (const launch of level) {
      const { stages, workspace: bytes } = stagesOf(launch, calls, machine);
      stages.forEach((stage, i) => (rounds[i] ??= []).push(bytes > 0 ? inWorkspace(stage, slots, used) : stage));
      used += Math.ceil(bytes / APART) * APART;
    }
    workspace = Math.max(workspace, used);
    return rounds.flatMap((stages) => sideBySide(stages, machine).map(dispatch));
  });
  slabs.admit(workspace);
  const image = Int32Array.from(words);
  return {
    runs: 0,
    waits: 0,
    dispatches,
    image,
    floats: new Float32Array(image.buffer),
    places: Int32Array.from(places),
    numbers,
    flags,
    address: new Float64Array(slots + 1),
    slab: Array.from({ length: slots + 1 }),
    before: new Float64Array(slots + 1),
    version: 0,
    workspace,
  };
}

/** Fills in addresses, numbers, and the flags that operations raise for an index out of range. */
export function fill(
  { image, floats, places, numbers, flags, address }: Executable,
  { needed, found }: PlanRun<Block>,
  reader: Reader,
): void {
  for (let i = 0; i < places.length; i += 3) image[places[i]!] = address[places[i + 1]!]! + places[i + 2]!;
  for (let i = 0; i < numbers.length; i++) {
    const n = numbers[i]!;
    const value = numberOf(n, needed);
    if (n.type === "f32") floats[n.word] = value;
    else image[n.word] = value;
  }
  if (flags.size > 0) reader.room(flags.size);
  for (const [place, words] of flags) {
    const node = needed[place]!;
    let flag = SPARE;
    if (node.open) {
      const fault = new Fault(node, undefined);
      found.set(node, fault);
      flag = reader.flag(fault);
    }
    for (const at of words) image[at] = flag;
  }
}
