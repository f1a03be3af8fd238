// The results of a run on a GPU, as written with `--out`.
import type { GpuRow } from "./rows.ts";
import type { ProfiledDispatch, WebGpuInfo } from "@weft/tensor-webgpu";
import type { Missing } from "../contender.ts";
import type { Named } from "../report.ts";

/** What the backend created since a given moment: nothing, once steps repeat. */
export interface Made {
  readonly plans: number;
  readonly kernels: number;
  readonly pipelines: number;
  readonly bindGroups: number;
  readonly slabs: number;
}

/** Where the time of one step goes; milliseconds. */
export interface Breakdown {
  /** On the host: recording operations and finding their plan, and encoding commands. */
  readonly record: number;
  readonly encode: number;
  /** On the device, every dispatch timed by itself; 0 if it has no timestamps. */
  readonly device: number;
  /** The same encoding where every dispatch is timed, which is slower. */
  readonly encodeTimed: number;
  /** The number of steps averaged. */
  readonly steps: number;
  /** The longest dispatches: counts and microseconds per step. */
  readonly longest: readonly ProfiledDispatch[];
}

/** Milliseconds per step. */
export interface Timed {
  /** The median of the samples, one a round, each the mean over the row's steps. */
  readonly step: number;
  readonly samples: readonly number[];
  /** The very first step, which compiles. */
  readonly first: number;
}

/** Weft's figures of a row. */
export interface WeftFigures extends Timed {
  /** The time of the host before it waits. */
  readonly host: number;
  readonly dispatches: number;
  readonly passes: number;
  readonly submits: number;
  /** Created after the tenth step, and the part of that while steps were timed. */
  readonly late: Made;
  readonly lateTimed: Made;
  /** Steps before the first timed one. */
  readonly warmUp: number;
  /** The last element of the last step's result. */
  readonly value: number;
  readonly breakdown: Breakdown | Missing;
}

export interface GpuRowReport extends Omit<GpuRow, "weft"> {
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
  /** Contenders took turns; in older reports each did all of its blocks one after the other. */
  readonly inTurns?: true;
  readonly contenders: readonly Named[];
  /** Contenders that are missing, with the reason. */
  readonly absent: Readonly<Record<string, string>>;
  readonly rows: readonly GpuRowReport[];
}
