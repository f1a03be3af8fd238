// Kernels as stages. A reduction of much to little is split among workgroups, and a second stage adds their parts.
import { layout, type KernelLaunch } from "@weft/kernel";
import { UnsupportedError } from "@weft/tensor";
import { bodyOf } from "../translate/kernel.ts";
import { groupsOf, inFours, partsOf, resultsOf, slicesOf, splitting, termsOf } from "../translate/partition.ts";
import type { DeviceTraits } from "./device-traits.ts";
import { epilogueOf } from "./epilogue.ts";
import { join } from "./join.ts";
import { sum } from "./product.ts";
import { named, shifted, WORKSPACE, type Stage, type Staged } from "./stage.ts";

/** The most terms of a result: they are counted in a word, in steps of up to four per workgroup. */
const TERMS = 2 ** 32 - 2 ** 12;

/** The most parts per result that one invocation adds. */
const FEW = 16;

/** What the stages of kernels depend on. */
type KernelMachine = Pick<DeviceTraits, "threads" | "subgroups">;

export function stagesOfKernel(
  launch: KernelLaunch,
  machine: KernelMachine & Pick<DeviceTraits, "targetWorkgroups">,
): Staged {
  const { kernel, words, name, after } = launch;
  const { threads, subgroups, targetWorkgroups } = machine;
  const all = termsOf(kernel, words);
  if (all > TERMS)
    throw new UnsupportedError(`${name}: ${all} terms of one result are more than WebGPU counts (${TERMS})`);
  const slices = slicesOf(kernel, words, threads);
  const wanted = partsOf(kernel, slices, words, threads, targetWorkgroups.reductions);
  if (wanted === 1) return { stages: [stageOfKernel(launch, machine)], workspace: 0 };
  const terms = Math.ceil(all / wanted);
  const parts = Math.ceil(all / terms);
  const results = resultsOf(kernel, words);
  const groups = groupsOf(kernel, slices, words, threads);
  const body = bodyOf(kernel, slices, threads, { split: true, subgroups });
  const first: Stage = {
    name: `${name} in parts`,
    body,
    unaligned: body,
    groups: groups * parts,
    words: [...words, 0, groups, terms, results],
    places: [...launch.places, { word: layout.words(kernel) + splitting.workspace, slot: WORKSPACE, bytes: 0 }],
    numbers: launch.numbers,
    flags: [],
  };
  const out = { ...resultOf(launch), shape: [results], strides: [1] };
  const second = (parts > FEW ? join : sum)(out, after, parts, machine);
  return { stages: [first, named(name, second)], workspace: 4 * parts * results };
}

/** With `block`, results are given out in blocks of that size. */
export function stageOfKernel(launch: KernelLaunch, { threads, subgroups }: KernelMachine, block?: number): Stage {
  const { kernel, words, after } = launch;
  const slices = slicesOf(kernel, words, threads);
  const four = block === undefined && inFours(launch);
  const groups = four
    ? Math.ceil(resultsOf(kernel, words) / (4 * threads))
    : groupsOf(kernel, slices, words, threads, block);
  const epilogue = epilogueOf(after, resultOf(launch));
  const body = bodyOf(kernel, slices, threads, { epilogue, block, subgroups, ...(four ? { four: "beside" } : {}) });
  const first = layout.words(kernel);
  return {
    name: after === undefined ? launch.name : `${launch.name} then ${after.name}`,
    body,
    unaligned: four ? bodyOf(kernel, slices, threads, { four: "apart" }) : body,
    groups,
    words: [...words, ...(after?.words ?? [])],
    places: [...launch.places, ...shifted(first, after?.places)],
    numbers: [...launch.numbers, ...shifted(first, after?.numbers)],
    flags: [],
  };
}

/** Where the first result of a kernel goes. */
function resultOf({ kernel, places }: KernelLaunch) {
  const write = places.find((p) => p.write)!;
  const { dtype } = kernel.operands.find((o) => o.use === "write")!;
  return { slot: write.slot, bytes: write.bytes, dtype };
}
