// How the results of a kernel, and the terms of a reduction, are divided among workgroups and their invocations.
import { dtypeInfo } from "@weft/tensor/internals";
import { layout, type Kernel, type KernelLaunch } from "@weft/kernel";

/** How many invocations share one result of a reduction: a power of two, at most those of a workgroup. 1 for a map. */
export type Slices = number;

/**
 * Results are given out in blocks of this size, each to as many workgroups as it needs; then the next block follows.
 */
export type Block = number | undefined;

/** Workgroups per block. */
const groupsOfBlock = (block: number, slices: Slices, threads: number): number => Math.ceil((block * slices) / threads);

/** Argument words of a split reduction: the workspace's address, workgroups per part, terms per part, results. */
export const splitting = { workspace: 0, groups: 1, terms: 2, results: 3, words: 4 } as const;

/** How many results a launch with these arguments has. */
export function resultsOf(kernel: Kernel, words: ArrayLike<number>): number {
  const kept = kernel.rank - kernel.reduced;
  let n = kept === 0 ? 1 : words[layout.end]! - words[layout.begin]!;
  for (let l = 1; l < kept; l++) n *= words[layout.size(l)]!;
  return n;
}

/** The workgroups that they need. */
export function groupsOf(
  kernel: Kernel,
  slices: Slices,
  words: ArrayLike<number>,
  threads: number,
  block?: Block,
): number {
  const n = resultsOf(kernel, words);
  if (block === undefined) return Math.ceil((n * slices) / threads);
  return Math.ceil(n / block) * groupsOfBlock(block, slices, threads);
}

/**
 * Into how many parts each reduction is split, so that the wanted number of workgroups is reached; 1 where it already
 * is.
 */
export function partsOf(
  kernel: Kernel,
  slices: Slices,
  words: ArrayLike<number>,
  threads: number,
  targetWorkgroups: number,
): number {
  const [sum] = kernel.reductions;
  if (sum?.fn !== "sum" || kernel.code[sum.value]!.type !== "f32") return 1;
  const results = resultsOf(kernel, words);
  const groups = Math.ceil((results * slices) / threads);
  // A part has at least eight terms per invocation: fewer would not pay for the second dispatch.
  return Math.max(
    1,
    Math.min(Math.floor(targetWorkgroups / groups), Math.floor(termsOf(kernel, words) / (8 * slices))),
  );
}

/** How many terms each result of a reduction has. */
export function termsOf(kernel: Kernel, words: ArrayLike<number>): number {
  let n = 1;
  for (let l = kernel.rank - kernel.reduced; l < kernel.rank; l++)
    n *= l === 0 ? words[layout.end]! - words[layout.begin]! : words[layout.size(l)]!;
  return n;
}

/** Elements that keep a device busy if every invocation takes four of them. */
const MANY = 2 ** 18;

/**
 * How a reduction is cut: along rows, neighboring invocations read neighboring elements of one row; across, of one
 * column.
 */
export function slicesOf(kernel: Kernel, words: ArrayLike<number>, threads: number): Slices {
  if (kernel.reduced === 0) return 1;
  const kept = kernel.rank - kernel.reduced;
  const [results, terms] = [resultsOf(kernel, words), termsOf(kernel, words)];
  const below = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(n, 1)));
  // Where there are many rows, an invocation takes a few terms of one: joining costs time, too.
  if (kernel.lanes >= kept) return Math.min(threads, below(results * terms < MANY ? terms : terms / 4));
  const columns = Math.min(2 * below(Math.max(results - 1, 1)), 32, threads);
  return Math.min(threads / columns, below(terms / 4));
}

/** The most functions of a map whose invocations take four elements: with more, memory is no longer the limit. */
const SMALL = 40;

/**
 * Whether an invocation of a map takes four neighbors: every operand is contiguous along the last loop, in whole groups
 * of four that begin at multiples of four elements. One-byte elements are then written as words, which needs no
 * atomics. Two-byte elements are excluded.
 */
export function inFours({ kernel, words, places }: Pick<KernelLaunch, "kernel" | "words" | "places">): boolean {
  const { rank, reduced, lanes, operands, code } = kernel;
  const last = rank - 1;
  if (rank === 0 || reduced > 0 || lanes !== last) return false;
  const size = last === 0 ? words[layout.end]! - words[layout.begin]! : words[layout.size(last)]!;
  const narrow = operands.some((o) => o.use === "write" && dtypeInfo[o.dtype].bytes === 1);
  if (size % 4 !== 0 || (!narrow && code.filter((c) => c.kind === "apply").length > SMALL)) return false;
  return operands.every((o, k) => {
    if (o.use === "index" || (o.use === "read" && o.step === "still")) return true;
    const { bytes } = dtypeInfo[o.dtype];
    if (o.step !== "unit" || bytes === 2) return false;
    const base = layout.operand(kernel, k);
    const whole = (n: number): boolean => n % (4 * bytes) === 0;
    for (let l = 0; l < last; l++) if (!whole(words[base + 1 + l]!)) return false;
    return whole(places.find((p) => p.word === base)!.bytes);
  });
}
