// The few numbers of a device that decide which form is chosen.

/** The traits by which forms are chosen. */
export interface DeviceTraits {
  /** Invocations in a workgroup, the same in every dispatch. */
  readonly threads: number;
  /** Bytes of memory that a workgroup may have. */
  readonly shared: number;
  /** Invocations in a subgroup, the same for all; 0 where there are no subgroups, or their size is unknown. */
  readonly subgroups: number;
  /** Whether writing one component of a vector leaves the others alone, in slabs and in tiles. */
  readonly vectors: boolean;
  /**
   * Workgroups that keep the device busy: with tiled products, with sliced ones, and with reductions that are split.
   */
  readonly targetWorkgroups: { readonly tiles: number; readonly slices: number; readonly reductions: number };
}

/**
 * A large graphics processor of 132 multiprocessors (docs/benchmarks.md); reductions wait for memory, so two on each.
 */
export const hardware = { threads: 256, targetWorkgroups: { tiles: 132, slices: 132, reductions: 264 } } as const;

/** A software driver on two or four cores: it compiles slowly, and each workgroup is expensive. */
export const software = { threads: 64, targetWorkgroups: { tiles: 2, slices: 132, reductions: 1 } } as const;

export const isHardware = ({ threads }: Pick<DeviceTraits, "threads">): boolean => threads >= 128;
/** Loops with this many rounds or fewer are unrolled. */
export const writtenFor = (machine: Pick<DeviceTraits, "threads">): number => (isHardware(machine) ? 16 : 1);
