// Everything that a run on a graphics processor has found, as it is written with `--out`.
import type { GpuRow } from "./rows.ts";
import type { ProfiledDispatch, WebGpuInfo } from "@weft/tensor-webgpu";
import type { Missing } from "../contender.ts";
import type { Named } from "../report.ts";

/** What the backend made since some moment: nothing, once a step repeats. */
export interface Made {
  readonly plans: number;
  readonly kernels: number;
  readonly pipelines: number;
  readonly bindGroups: number;
  readonly slabs: number;
}

/** Where the time of one step goes; milliseconds. */
export interface Breakdown {
  /** The host's: recording operations and finding their plan, and encoding commands. */
  readonly record: number;
  readonly encode: number;
  /** The device's, every dispatch timed by itself; 0 where it has no timestamps. */
  readonly device: number;
  /** The same encoding where every dispatch is timed, which is slower. */
  readonly encodeTimed: number;
  /** Steps that this is the mean of. */
  readonly steps: number;
  /** The dispatches that took longest: counts and microseconds of one step. */
  readonly longest: readonly ProfiledDispatch[];
}

/** Milliseconds a step. */
export interface Timed {
  /** The median of the samples, each the mean over the row's steps. */
  readonly step: number;
  readonly samples: readonly number[];
  /** The very first step, which compiles. */
  readonly first: number;
}

/** Weft's figures of a row. */
export interface WeftFigures extends Timed {
  /** What the host did before it waited. */
  readonly host: number;
  readonly dispatches: number;
  readonly passes: number;
  readonly submits: number;
  /** Made after the tenth step, and of that while it was timed. */
  readonly late: Made;
  readonly lateTimed: Made;
  /** Steps before the first that was timed. */
  readonly warmUp: number;
  /** What the last step returned, its last element. */
  readonly value: number;
  readonly breakdown: Breakdown | Missing;
}

export interface GpuRowReport extends Omit<GpuRow, "weft"> {
  /** Weft's figures are those of this row. */
  readonly beside?: string;
  /** By contender: Weft, and PyTorch in each of its modes. */
  readonly figures: Readonly<Record<string, WeftFigures | Timed | Missing>>;
}

export interface GpuReport {
  readonly date: string;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly system: string;
    readonly node: string;
    readonly webgpu: string;
  };
  /** The adapter that Weft ran on. */
  readonly adapter?: WebGpuInfo;
  readonly trusted: boolean;
  readonly samples: number;
  readonly contenders: readonly Named[];
  /** Who was looked for and not found, with the reason. */
  readonly absent: Readonly<Record<string, string>>;
  readonly rows: readonly GpuRowReport[];
}
