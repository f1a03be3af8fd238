// Which form a product takes: a fixed table, so that runs repeat bit for bit. Its numbers are timings of one graphics
// processor; what decides is how many workgroups there are and how well an invocation uses what it has loaded.
import type { ProductForm } from "./product.ts";
import type { Machine } from "./stage.ts";
import { threadsOf, tileVectors, type Side, type Tiling } from "./tile.ts";
import { sharers, type Slicing } from "./slice.ts";

/** Sizes of a product and how its operands lie. */
export interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** How many products. */
  readonly batches: number;
  readonly a: Pick<Side, "along">;
  readonly b: Pick<Side, "along">;
}

/** A graphics processor, or a program on two or four cores in its place: that compiles slowly, and a workgroup costs it much. */
const isHardware = ({ threads }: Machine): boolean => threads >= 128;
/** Workgroups that run at once on a large processor. */
const CROWD = 128;
const crowdOf = (machine: Machine): number => (isHardware(machine) ? CROWD : 2);
/** Below so many multiplications the plain form serves. */
const TINY = 4096;
/** Results that small products have at most. */
const SMALL = 1 << 17;
/** What a second dispatch costs, in multiplications of one workgroup. */
const STAGE = 1 << 19;

type Shape = readonly [bm: number, bn: number, bk: number, tm: number, tn: number, efficiency: number];

/** Shapes by how fast an invocation multiplies with them where all is busy (128 x 256 is 1). */
const shapes: readonly Shape[] = [
  [128, 256, 16, 8, 16, 1],
  [128, 128, 8, 8, 8, 0.95],
  [64, 128, 8, 4, 8, 0.75],
  [128, 64, 8, 8, 4, 0.8],
  [64, 64, 16, 4, 4, 0.6],
  [32, 128, 16, 4, 4, 0.55],
  [32, 64, 16, 4, 8, 0.5],
  [64, 64, 8, 8, 8, 0.5],
  [32, 32, 16, 4, 4, 0.4],
];

/** Tilings for workgroups of this size; written out where a graphics processor compiles them. */
function tilingsFor(machine: Machine, sides: Pick<Sizes, "a" | "b">): (Tiling & { readonly efficiency: number })[] {
  const { threads, shared } = machine;
  const hardware = isHardware(machine);
  return shapes
    .map(([bm, bn, bk, tm, tn, efficiency]) => ({
      bm,
      bn,
      bk: hardware ? bk : 8,
      tm,
      tn,
      prefetch: true,
      unroll: hardware,
      turn: "components" as const,
      efficiency,
    }))
    .filter((t) => threadsOf(t) === threads && 16 * tileVectors(t, sides.a, sides.b) <= shared);
}

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

function slicingFor({ M, N, K, batches, a, b }: Sizes, { threads }: Machine): Slicing {
  const quads = Math.ceil(K / 4);
  const fitting = pieces
    .map(([rm, rn]): Slicing => ({
      rm,
      rn,
      order: a.along === "k" && b.along === "k" ? "k" : "column",
      written: 16,
    }))
    .filter((s) => sharers(s, threads) >= 1);
  const groups = (s: Slicing): number => Math.ceil(M / s.rm) * Math.ceil(N / s.rn) * batches;
  // The largest piece that keeps everything busy, or the smallest whose invocations all have work.
  return (
    fitting.find((s) => groups(s) >= 0.75 * CROWD) ??
    fitting.findLast((s) => sharers(s, threads) <= quads) ??
    fitting[0]!
  );
}

/** Undefined where the plain form serves. */
export function productForm(sizes: Sizes, machine: Machine): ProductForm | undefined {
  const { M, N, K, batches } = sizes;
  if (M * N * K * batches < TINY) return undefined;
  const tilings = tilingsFor(machine, sizes);
  if ((M * N * batches <= SMALL && isHardware(machine)) || tilings.length === 0)
    return { kind: "sliced", slicing: slicingFor(sizes, machine) };
  return { kind: "tiled", ...tilingFor(sizes, machine, Infinity) };
}

/** Below so many multiplications the plain form of a convolution serves: a tuned one is a program for one geometry. */
const CONVOLUTION = 1 << 15;

/** Undefined where the plain form serves: small ones, and groups of few channels, which leave tiles empty. */
export function convolutionForm(
  sizes: Sizes,
  machine: Machine,
): { readonly tiling: Tiling; readonly splits: number } | undefined {
  const { M, N, K, batches } = sizes;
  if (M * N * K * batches < CONVOLUTION || Math.min(M, N) < 4 || tilingsFor(machine, sizes).length === 0)
    return undefined;
  return tilingFor(sizes, machine, 64);
}

/** The tiling and the splits along k (at most `splits`) that take least time if workgroups run in crowds. */
function tilingFor(sizes: Sizes, machine: Machine, most: number): { readonly tiling: Tiling; readonly splits: number } {
  const { M, N, K, batches } = sizes;
  const crowd = crowdOf(machine);
  let best: { tiling: Tiling; splits: number; time: number } | undefined;
  for (const { efficiency, ...tiling } of tilingsFor(machine, sizes)) {
    const { bm, bn, bk } = tiling;
    const tiles = Math.ceil(M / bm) * Math.ceil(N / bn) * batches;
    const steps = Math.ceil(K / bk);
    for (
      let splits = 1;
      splits <= Math.min(isHardware(machine) ? most : 1, steps) && tiles * splits <= 4 * crowd;
      splits *= 2
    ) {
      const work = bm * bn * bk * Math.ceil(steps / splits);
      const time = (Math.ceil((tiles * splits) / crowd) * work) / efficiency + (splits > 1 ? STAGE : 0);
      if (best === undefined || time < best.time) best = { tiling, splits, time };
    }
    if (tiles > 4 * crowd) {
      const time = ((tiles / crowd) * bm * bn * bk * steps) / efficiency;
      if (best === undefined || time < best.time) best = { tiling, splits: 1, time };
    }
  }
  return best!;
}
