// The machine that forms are chosen for, in the few numbers that decide.

/** What forms are chosen by. */
export interface DeviceTraits {
  /** Invocations in a workgroup, the same in every dispatch. */
  readonly threads: number;
  /** Bytes of memory that a workgroup may have. */
  readonly shared: number;
  /** Invocations in a subgroup, the same for all; 0 where there are no subgroups, or their size is not known. */
  readonly subgroups: number;
  /** Whether writing one component of a vector leaves the others alone, in slabs and in tiles. */
  readonly vectors: boolean;
  /** Workgroups that keep it busy, by what they do: tiled and sliced products, and reductions that are split. */
  readonly targetWorkgroups: { readonly tiles: number; readonly slices: number; readonly reductions: number };
}

/** A large graphics processor of 132 multiprocessors (docs/benchmarks.md); reductions wait for memory, two on each. */
export const hardware = { threads: 256, targetWorkgroups: { tiles: 132, slices: 132, reductions: 264 } } as const;

/** A program on two or four cores in its place: it compiles slowly, and a workgroup costs it much. */
export const software = { threads: 64, targetWorkgroups: { tiles: 2, slices: 132, reductions: 1 } } as const;

export const isHardware = ({ threads }: Pick<DeviceTraits, "threads">): boolean => threads >= 128;
/** Rounds of a walk that are written out; more are a loop. */
export const writtenFor = (machine: Pick<DeviceTraits, "threads">): number => (isHardware(machine) ? 16 : 1);
