// Which form a product takes: a fixed table, so that runs repeat bit for bit. Its numbers were timed on one graphics
// processor (docs/benchmarks.md). What decides is how many workgroups there are, how often an invocation reuses what it
// has loaded, and how much of the tiles lies beyond the edges.
import { courseLength, courseOf, type Course } from "./gather.ts";
import type { ProductForm } from "./product.ts";
import { isHardware, writtenFor, type DeviceTraits } from "./device-traits.ts";
import { threadsOf, tileVectors, type Side, type Tiling } from "./tile.ts";
import { sharers, type Slicing } from "./slice.ts";

/** Sizes of a product, and how its operands lie. */
export interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** How many products. */
  readonly batches: number;
  readonly a: Pick<Side, "along">;
  readonly b: Pick<Side, "along">;
}

/**
 * Sums along k longer than `k` lose digits: they are split, as long as all results together have at most `parts` parts.
 */
const LONG = { k: 2048, each: 1024, parts: 1 << 22 } as const;

/** Below this many multiplications the plain form serves. */
const TINY = 4096;
/** Small products: the most results, and the longest k. */
const SMALL = { results: 1 << 17, k: 2048 } as const;

// Times are in multiplications of an otherwise idle multiprocessor (240,000 per microsecond).
/** The cost of a second dispatch, and of each element of a part that it adds. */
const STAGE = 1 << 19;
const PART = 1;
/** How long a step waits for memory, with the next one prefetched and without. */
const WAIT = { prefetch: 60_000, single: 100_000 } as const;
/** The cost of gathering an element from an image, by the index along which its neighbors lie. */
const GATHER = { row: 20, k: 80 } as const;

type Shape = readonly [bm: number, bn: number, tm: number, tn: number];

/**
 * By the elements of the result that an invocation keeps: the share of the peak, and how many workgroups run side by
 * side.
 */
const kept = (tm: number, tn: number): { readonly efficiency: number; readonly side: number } =>
  tm * tn >= 128
    ? { efficiency: 0.88, side: 1 }
    : tm * tn >= 64
      ? { efficiency: 0.74, side: 2 }
      : tm * tn >= 32
        ? { efficiency: 0.63, side: 3 }
        : { efficiency: 0.47, side: 4 };

interface Candidate {
  readonly tiling: Tiling;
  /** How many steps it takes along k. */
  readonly steps: number;
  /** The cost of the elements that are gathered in a step. */
  readonly gathered: number;
}

const tilingOf = ([bm, bn, tm, tn]: Shape, bk: number, prefetch: boolean, machine: DeviceTraits): Tiling => ({
  bm,
  bn,
  bk: isHardware(machine) ? bk : 8,
  tm,
  tn,
  // Texts are short for software drivers, which compile slowly.
  prefetch: prefetch && isHardware(machine),
  unroll: isHardware(machine),
  transpose: "components",
});

/** Whether a tiling suits this device: most invocations work, and workgroup memory holds what is staged. */
const suits = (t: Tiling, { a, b }: Pick<Sizes, "a" | "b">, machine: DeviceTraits): boolean =>
  threadsOf(t) <= machine.threads &&
  threadsOf(t) * 4 >= machine.threads &&
  16 * tileVectors(t, a, b) <= machine.shared &&
  (isHardware(machine) || t.tm * t.tn <= 16);

/** For products of matrices in memory; the shorter steps are for devices with little workgroup memory. */
const matrixShapes: readonly (readonly [shape: Shape, bk: number])[] = [
  [[128, 256, 8, 16], 16],
  [[128, 128, 8, 8], 16],
  [[128, 128, 8, 8], 8],
  [[64, 128, 4, 8], 16],
  [[128, 64, 8, 4], 16],
  [[64, 64, 4, 4], 16],
  [[32, 128, 4, 4], 16],
  [[64, 64, 8, 8], 8],
  [[32, 64, 4, 8], 16],
  [[32, 32, 4, 4], 16],
];

const matrixCandidates = (sizes: Sizes, machine: DeviceTraits): Candidate[] =>
  matrixShapes
    .map(([shape, bk]) => tilingOf(shape, bk, true, machine))
    .filter((t) => threadsOf(t) === machine.threads && suits(t, sizes, machine))
    .map((tiling) => ({ tiling, steps: Math.ceil(sizes.K / tiling.bk), gathered: 0 }));

/** For convolutions and gradients of images. */
const imageShapes: readonly Shape[] = [
  [128, 128, 8, 8],
  [64, 256, 8, 8],
  [64, 128, 4, 8],
  [64, 64, 4, 4],
  [32, 128, 4, 4],
  [20, 128, 4, 4],
  [20, 256, 4, 8],
  [32, 32, 4, 4],
];
/** Step sizes for this many channels or outputs: those that overshoot least, with one tap per step where possible. */
function stepsFor(inner: number, taps: number): readonly number[] {
  const all = [20, 25, 16, 28, 12, 10, 8].map((bk) => courseOf(inner, taps, bk));
  const length = (c: Course): number => courseLength(c) * (c.walk === "flat" ? 1.3 : 1);
  const least = Math.min(...all.map(length));
  return all.filter((c) => length(c) <= 1.03 * least).map((c) => c.bk);
}

/** For gradients of weights. The odd ones fit windows of 9 taps. */
const weightShapes: readonly (readonly [shape: Shape, bk: number, prefetch: boolean])[] = [
  [[128, 128, 8, 8], 16, true],
  [[104, 152, 8, 8], 16, true],
  [[64, 128, 4, 8], 16, true],
  [[52, 152, 4, 8], 16, true],
  [[64, 64, 4, 4], 16, true],
  [[64, 32, 4, 4], 32, false],
  [[32, 32, 4, 4], 32, false],
];

/** Pieces from large to small. */
const pieces: readonly (readonly [rm: number, rn: number])[] = [
  [64, 64],
  [32, 64],
  [32, 32],
  [16, 32],
  [16, 16],
  [8, 16],
  [8, 8],
];

function slicingFor({ M, N, K, batches, a, b }: Sizes, machine: DeviceTraits): Slicing {
  const { threads, targetWorkgroups } = machine;
  const quads = Math.ceil(K / 4);
  const fitting = pieces
    .map(([rm, rn]): Slicing => ({
      rm,
      rn,
      order: a.along === "k" && b.along === "k" ? "k" : "column",
      written: writtenFor(machine),
    }))
    .filter((s) => sharers(s, threads) >= 1);
  const groups = (s: Slicing): number => Math.ceil(M / s.rm) * Math.ceil(N / s.rn) * batches;
  // The largest piece that keeps the device well busy; else the largest that keeps it busy; else one whose invocations
  // all work.
  return (
    fitting.find((s) => s.rm >= 16 && groups(s) >= 1.4 * targetWorkgroups.slices) ??
    fitting.find((s) => groups(s) >= 0.75 * targetWorkgroups.slices) ??
    fitting.findLast((s) => sharers(s, threads) <= quads) ??
    fitting[0]!
  );
}

/** Undefined where the plain form serves. */
export function productForm(sizes: Sizes, machine: DeviceTraits): ProductForm | undefined {
  const { M, N, K, batches } = sizes;
  if (M * N * K * batches < TINY) return undefined;
  const candidates = matrixCandidates(sizes, machine);
  const small = M * N * batches <= SMALL.results && K <= SMALL.k;
  if (!machine.vectors || (small && isHardware(machine)) || candidates.length === 0)
    return { kind: "sliced", slicing: slicingFor(sizes, machine) };
  return { kind: "tiled", ...best(sizes, candidates, machine) };
}

/**
 * Below this many multiplications the plain form of a convolution serves: a tuned one is a program for one geometry.
 */
const CONVOLUTION = 1 << 15;

/** A convolution as a product: `inner` is what k runs along besides `taps`, undefined for the gradient of weights. */
export interface ConvolutionSizes extends Sizes {
  readonly inner: number | undefined;
  readonly taps: number;
}

/** Undefined where the plain form serves: small convolutions, and groups of few channels, which leave tiles empty. */
export function convolutionForm(
  sizes: ConvolutionSizes,
  machine: DeviceTraits,
): { readonly tiling: Tiling; readonly splits: number } | undefined {
  const { M, N, K, batches, inner, taps } = sizes;
  if (!machine.vectors || M * N * K * batches < CONVOLUTION || Math.min(M, N) < 4) return undefined;
  const candidates =
    inner === undefined
      ? weightShapes.map(([shape, bk, prefetch]): Candidate => {
          const tiling = tilingOf(shape, bk, prefetch, machine);
          return { tiling, steps: Math.ceil(K / tiling.bk), gathered: GATHER.k * tiling.bn * tiling.bk };
        })
      : imageShapes.flatMap((shape) =>
          stepsFor(inner, taps).map((bk): Candidate => {
            const tiling = tilingOf(shape, bk, false, machine);
            const steps = courseLength(courseOf(inner, taps, tiling.bk)) / tiling.bk;
            return { tiling, steps, gathered: GATHER.row * tiling.bn * tiling.bk };
          }),
        );
  const suitable = candidates.filter(({ tiling }) => suits(tiling, sizes, machine));
  return suitable.length === 0 ? undefined : best(sizes, suitable, machine);
}

/** The fastest tiling and number of splits along k, if as many workgroups run at once as the device is meant to. */
function best(
  { M, N, K, batches }: Sizes,
  candidates: readonly Candidate[],
  machine: DeviceTraits,
): { readonly tiling: Tiling; readonly splits: number } {
  const { tiles: targetWorkgroups } = machine.targetWorkgroups;
  const least =
    K <= LONG.k ? 1 : Math.max(1, Math.min(Math.ceil(K / LONG.each), Math.floor(LONG.parts / (M * N * batches))));
  let found: { tiling: Tiling; splits: number; time: number } | undefined;
  for (const { tiling, steps, gathered } of candidates) {
    const { bm, bn, bk, tm, tn, prefetch } = tiling;
    const tiles = Math.ceil(M / bm) * Math.ceil(N / bn) * batches;
    const { efficiency, side } = kept(tm, tn);
    // Invocations that only stage do no arithmetic.
    const working = Math.min(1, Math.sqrt(threadsOf(tiling) / machine.threads));
    const work = (bm * bn * bk) / (efficiency * working) + gathered;
    const wait = WAIT[prefetch ? "prefetch" : "single"];
    // Enough splits for one, two or four rounds of workgroups.
    const choices = isHardware(machine) ? [1, 2, 4].map((c) => Math.floor((c * targetWorkgroups) / tiles)) : [];
    for (const splits of new Set([Math.min(least, steps), ...choices.filter((c) => c > least && c <= steps)])) {
      const each = Math.ceil(steps / splits);
      const rounds = Math.ceil((tiles * splits) / targetWorkgroups);
      const together = Math.min(rounds, side);
      const step = Math.max(together * work, work + wait);
      const sum = splits > 1 ? STAGE + splits * M * N * batches * PART : 0;
      // Large products need not wait for the last round.
      const time = (rounds > 4 * side ? (tiles * splits) / targetWorkgroups : rounds) * each * (step / together) + sum;
      if (found === undefined || time < found.time) found = { tiling, splits, time };
    }
  }
  const { tiling, splits } = found!;
  return { tiling, splits };
}
