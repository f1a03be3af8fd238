// From launches to dispatches: what a launch runs and with which arguments, which launches stand side by side in one
// dispatch, and where their operands are bound.
import { layout, type KernelLaunch, type NumberArgument } from "@weft/kernel";
import { UnsupportedError } from "@weft/tensor";
import { epilogueOf } from "./forms/epilogue.ts";
import { join } from "./forms/join.ts";
import type { DeviceTraits, Stage } from "./forms/stage.ts";
import type { Binding } from "./pipelines.ts";
import type { Slab } from "./slabs.ts";
import { sum } from "./forms/product.ts";
import { bodyOf } from "./translate/kernel.ts";
import { groupsOf, inFours, partsOf, resultsOf, slicesOf, splitting, termsOf } from "./translate/partition.ts";
import { headerWords, paddedWords, type Body } from "./translate/program.ts";

/** What one launch (or one stage of a call) runs, before its place among the arguments is known. Words count from its own. */
export interface Work {
  /** What it does, for messages and profiles. */
  readonly name: string;
  readonly body: Body;
  /** The same for operands that do not lie at multiples of 16 bytes. */
  readonly unaligned: Body;
  readonly groups: number;
  readonly words: readonly number[];
  readonly places: readonly { readonly word: number; readonly slot: number; readonly bytes: number }[];
  readonly numbers: readonly NumberArgument[];
  /** Words that get the numbers of operations which may meet an index out of range, and their nodes. */
  readonly marks: readonly { readonly word: number; readonly node: number }[];
  /** The slot of each operand. */
  readonly slots: readonly number[];
}

/** One launch within a dispatch. */
export interface Part extends Work {
  /** Where its arguments begin in the image, in words. */
  readonly at: number;
}

export interface Dispatch {
  readonly parts: readonly Part[];
  readonly groups: number;
  /** Where its arguments begin in the image, and how many words they are. */
  readonly at: number;
  readonly words: number;
  /** How each operand lay when the pipeline was chosen: it is chosen again only when that changes. */
  readonly last: number[];
  pipeline: GPUComputePipeline | undefined;
  group: GPUBindGroup | undefined;
  /** Of the arguments' buffer in `group`. */
  generation: number;
  /** The version of the places for which `last` was found to hold. */
  version: number;
  /** Each part by itself. Parts share a dispatch when the plan has proved to come again, and all their slabs can be bound. */
  readonly alone: readonly Dispatch[];
}

/** What runs one after the other for a launch, and the bytes of workspace in which it hands on. */
export interface Works {
  readonly works: readonly Work[];
  readonly workspace: number;
}

/** Terms of a result are counted in words, in steps of up to four a workgroup. */
const TERMS = 2 ** 32 - 2 ** 12;

/** Parts that one invocation adds for each result. */
const FEW = 16;

/** What the forms of kernels depend on. */
type KernelMachine = Pick<DeviceTraits, "threads" | "subgroups">;

/** A reduction of much to little is split, and a second dispatch adds the parts, which begin `offset` bytes into `workspace`. */
export function worksOfKernel(
  launch: KernelLaunch,
  machine: KernelMachine & { readonly targetWorkgroups: number },
  workspace: number,
  offset: number,
): Works {
  const { kernel, words, name, after } = launch;
  const { threads, subgroups } = machine;
  const all = termsOf(kernel, words);
  if (all > TERMS)
    throw new UnsupportedError(`${name}: ${all} terms of one result are more than WebGPU counts (${TERMS})`);
  const slices = slicesOf(kernel, words, threads);
  const wanted = partsOf(kernel, slices, words, machine);
  if (wanted === 1) return { works: [workOfKernel(launch, machine)], workspace: 0 };
  const terms = Math.ceil(all / wanted);
  const parts = Math.ceil(all / terms);
  const results = resultsOf(kernel, words);
  const groups = groupsOf(kernel, slices, words, threads);
  const body = bodyOf(kernel, slices, threads, { split: true, subgroups });
  const first: Work = {
    name: `${name} in parts`,
    body,
    unaligned: body,
    groups: groups * parts,
    words: [...words, 0, groups, terms, results],
    places: [...launch.places, { word: layout.words(kernel) + splitting.workspace, slot: workspace, bytes: offset }],
    numbers: launch.numbers,
    marks: [],
    slots: [...launch.places.map((p) => p.slot), workspace],
  };
  const out = { ...resultOf(launch), shape: [results], strides: [1] };
  const second =
    parts > FEW ? join(out, after, parts, threads) : sum({ out, after: after && { launch: after } }, parts, threads);
  return { works: [first, workOfStage(second, name, -1, workspace, offset)], workspace: 4 * parts * results };
}

/** Results are given out in blocks of `block`, if that is given. */
export function workOfKernel(launch: KernelLaunch, { threads, subgroups }: KernelMachine, block?: number): Work {
  const { kernel, words, after } = launch;
  const slices = slicesOf(kernel, words, threads);
  const four = block === undefined && inFours(launch);
  const groups = four
    ? Math.ceil(resultsOf(kernel, words) / (4 * threads))
    : groupsOf(kernel, slices, words, threads, block);
  const epilogue = epilogueOf(after, resultOf(launch));
  const body = bodyOf(kernel, slices, threads, {
    epilogue,
    block,
    subgroups,
    ...(four ? { four: "beside" } : {}),
  });
  const behind = layout.words(kernel);
  const places = [...launch.places, ...(after?.places.map((p) => ({ ...p, word: behind + p.word })) ?? [])];
  return {
    name: after === undefined ? launch.name : `${launch.name} then ${after.name}`,
    body,
    unaligned: four ? bodyOf(kernel, slices, threads, { four: "apart" }) : body,
    groups,
    words: [...words, ...(after?.words ?? [])],
    places,
    numbers: [...launch.numbers, ...(after?.numbers.map((n) => ({ ...n, word: behind + n.word })) ?? [])],
    marks: [],
    slots: places.map((p) => p.slot),
  };
}

/** Where the first result of a kernel goes. */
function resultOf({ kernel, places }: KernelLaunch) {
  const write = places.find((p) => p.write)!;
  const { dtype } = kernel.operands.find((o) => o.use === "write")!;
  return { slot: write.slot, bytes: write.bytes, dtype };
}

/** A stage of a call. Its workspace begins `offset` bytes into slot `workspace`. */
export function workOfStage(stage: Stage, op: string, node: number, workspace: number, offset: number): Work {
  const { name, body, unaligned, groups, operands, numbers, mark, epilogue } = stage;
  const first = operands.length + numbers.length;
  const after = epilogue?.launch;
  const places = [
    ...operands.map((o, word) => ({ word, slot: o?.slot ?? workspace, bytes: o?.bytes ?? offset })),
    ...(after?.places.map((p) => ({ ...p, word: first + p.word })) ?? []),
  ];
  return {
    name: name.startsWith(op) ? name : `${op} ${name}`,
    body,
    unaligned,
    groups,
    words: [...operands.map(() => 0), ...numbers, ...(after?.words ?? [])],
    places,
    numbers: after?.numbers.map((n) => ({ ...n, word: first + n.word })) ?? [],
    marks: mark === undefined ? [] : [{ word: mark, node }],
    slots: places.map((p) => p.slot),
  };
}

export interface BatchLimits {
  /** Launches that stand side by side at most: more would make too many different programs. */
  readonly members: number;
  /** Words of arguments. */
  readonly words: number;
  /** Bytes of workgroup memory. */
  readonly shared: number;
}

/** Bytes of workgroup memory of a program that runs all of these. */
export const sharedBytes = (works: readonly Work[]): number =>
  4 * Math.max(...works.map(({ body }) => body.scratch)) + 16 * Math.max(...works.map(({ body }) => body.vectors ?? 0));

/** Independent work shares dispatches, as far as arguments and workgroup memory allow. */
export function batchesOf(level: readonly Work[], limits: BatchLimits): Work[][] {
  const batches: Work[][] = [];
  let room = 0;
  for (const work of level) {
    const words = paddedWords(work.words.length);
    const batch = batches.at(-1);
    if (
      batch !== undefined &&
      batch.length < limits.members &&
      words <= room &&
      sharedBytes([...batch, work]) <= limits.shared
    )
      batch.push(work);
    else {
      batches.push([work]);
      room = limits.words - headerWords(limits.members);
    }
    room -= words;
  }
  return batches;
}

/** What the parts do, each with its number of workgroups. */
export const labelOf = ({ parts }: Pick<Dispatch, "parts">): string =>
  parts.map((p) => `${p.name} (${p.groups})`).join(" | ");

/** Parts side by side. */
export const dispatchOf = (parts: readonly Part[], groups: number, at: number, words: number): Dispatch => ({
  parts,
  groups,
  at,
  words,
  last: [],
  pipeline: undefined,
  group: undefined,
  generation: 0,
  version: -1,
  alone: parts.length === 1 ? [] : parts.map((p) => dispatchOf([p], p.groups, p.at, paddedWords(p.body.words))),
});

/** Where the slots of a plan lie at a run. */
export interface Places {
  readonly address: Float64Array;
  readonly slab: readonly (Slab | undefined)[];
  /** Changes when a slot lies elsewhere. */
  readonly version: number;
}

const lies = ({ address, slab }: Places, slot: number): number =>
  slab[slot]!.index * 2 + (address[slot]! % 16 === 0 ? 0 : 1);

/** Whether an operand lies otherwise than when the pipeline was chosen. */
export function moved(d: Dispatch, places: Places): boolean {
  if (d.version === places.version) return false;
  let k = 0;
  for (const p of d.parts) for (const slot of p.slots) if (d.last[k++] !== lies(places, slot)) return true;
  d.version = places.version;
  return false;
}

/** Notes how the operands lie. */
export function settle(d: Dispatch, places: Places): void {
  d.last.length = 0;
  for (const p of d.parts) for (const slot of p.slots) d.last.push(lies(places, slot));
  d.version = places.version;
}

/** The bodies for how the operands lie. */
export const bodiesFor = (parts: readonly Part[], { address }: Places): Body[] =>
  parts.map((p) => (p.slots.every((slot) => address[slot]! % 16 === 0) ? p.body : p.unaligned));

export function bindingOf(parts: readonly Part[], { slab }: Places): Binding {
  const slabs: Slab[] = [];
  const bindings = parts.map((p) =>
    p.slots.map((slot) => {
      const found = slabs.indexOf(slab[slot]!);
      return found >= 0 ? found : slabs.push(slab[slot]!) - 1;
    }),
  );
  return { slabs, bindings };
}
