// The results of a run, as written with `--json`.
import { median, type BackendName } from "@weft/examples/internals";
import type { Sample } from "./contender.ts";
import type { RowResult } from "./measure.ts";
import { isMissing, ratios } from "./measure.ts";
import { CALLS } from "./rows/recording.ts";
import type { RowFacts } from "./rows/row.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** The cores that all contenders ran on, if they were bound: their numbers. Older reports have one. */
  readonly core: string | number | null;
  /** Threads of each contender, or the numbers of them that were measured in turns: 1 in older reports. */
  readonly threads?: number | readonly number[];
  readonly system: string;
  /** Load averages over a minute, before and after: they show what else ran. */
  readonly load: readonly [before: number, after: number];
}

export interface Named {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly detail: string;
  /** Where several numbers of threads were measured. */
  readonly threads?: number;
}

export interface Report {
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly block: number;
  /** Where the programs of the published tables ran. */
  readonly backend?: BackendName;
  readonly contenders: readonly Named[];
  /** Contenders that are missing, with the reason. */
  readonly absent: Readonly<Record<string, string>>;
  readonly rows: readonly (Pick<RowResult, "timings"> & ReportedRow)[];
  /** The costs of recording, by contender; absent if their rows were not measured. */
  readonly recording?: Readonly<Record<string, RecordingCost>>;
}

type ReportedRow = Pick<RowFacts, "name" | "what" | "unit" | "target" | "group" | "line" | "whole">;

/** In seconds for 6,000 calls, medians over rounds. */
export interface RecordingCost {
  readonly prefixes: readonly { readonly what: string; readonly wall: number; readonly cpu: number }[];
  /** Relative to the whole forward computation: medians of the ratios within a round. */
  readonly recording: { readonly wall: number; readonly cpu: number };
  readonly backprop: { readonly wall: number; readonly cpu: number };
}

export const facts = ({
  row: { name, what, unit, target, group, line, whole },
  timings,
}: RowResult): Report["rows"][number] => ({
  name,
  what,
  unit,
  ...(target === undefined ? {} : { target }),
  ...(group === undefined ? {} : { group }),
  ...(line === undefined ? {} : { line }),
  ...(whole === undefined ? {} : { whole }),
  timings,
});

/** The costs of recording, for each contender that has all the rows for it. */
export function recordingCosts(results: readonly RowResult[], names: readonly string[]): Report["recording"] {
  const rows = results.filter(({ row }) => row.group === "recording");
  const costs: Record<string, RecordingCost> = {};
  for (const name of names) {
    const timings = rows.map((result) => result.timings[name]).filter((t) => t !== undefined && !isMissing<object>(t));
    if (rows.length < 3 || timings.length < rows.length) continue;
    const samples = rows.map((result) => result.samples[name]!);
    const seconds = (all: readonly Sample[], of: keyof Sample): number =>
      (median(all.map((sample) => sample[of])) * CALLS) / 1000;
    const [forward, taped, backward] = samples.slice(-3) as [
      (typeof samples)[0],
      (typeof samples)[0],
      (typeof samples)[0],
    ];
    const both = (later: typeof forward): RecordingCost["recording"] => ({
      wall: ratios(forward, later, "wall"),
      cpu: ratios(forward, later, "cpu"),
    });
    costs[name] = {
      prefixes: rows.map(({ row }, k) => ({
        what: row.what,
        wall: seconds(samples[k]!, "wall"),
        cpu: seconds(samples[k]!, "cpu"),
      })),
      recording: both(taped),
      backprop: both(backward),
    };
  }
  return Object.keys(costs).length === 0 ? undefined : costs;
}
