// Measures a row of the GPU table: every side prepares it, then all of them do a block of steps in turn, round after
// round, so that what else happens on the machine affects all of them, and a ratio is taken within a round.
import type { Missing } from "../contender.ts";
import { isMissing } from "../measure.ts";
import type { Timed } from "./report.ts";
import type { GpuRow } from "./rows.ts";

export interface Settings {
  /** The number of rounds: timed blocks of steps. */
  readonly samples: number;
  /** Milliseconds of warm-up: the device's clock rate takes time to rise. */
  readonly warmUp: number;
}

/** A row that a side has prepared and warmed up. */
export interface Ready {
  /** Milliseconds per step of a block of the row's steps, after one that is not timed: others had the device before. */
  block(): Promise<number | Missing>;
  /** Releases the row. What it says of these blocks, in at most so many seconds. */
  end(samples: readonly number[], seconds: number): Promise<Timed>;
}

/** Weft, or PyTorch in one of its modes. */
export interface Side {
  readonly name: string;
  /** Seconds for the preparation. */
  readonly patience: number;
  prepare(row: GpuRow, settings: Settings): Promise<Ready | Missing>;
  /** Ends it: it took too long. */
  stop(): void;
}

export const LATE: Missing = { missing: "no time left" };

/** The answer, or a note that it took too long. */
export async function within<T>(answer: Promise<T>, seconds: number): Promise<T | Missing> {
  if (seconds === Infinity) return answer;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Missing>((resolve) => {
    timer = setTimeout(() => resolve(LATE), 1000 * Math.max(0, seconds));
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

interface Entry {
  readonly side: Side;
  readonly ready: Ready;
  readonly samples: number[];
  lost?: Missing;
}

/** Tells what was found of each side. `left` says how many seconds there are. */
export async function inTurns(
  row: GpuRow,
  sides: readonly Side[],
  settings: Settings,
  left: () => number,
  found: (name: string, figures: Timed | Missing) => void,
): Promise<void> {
  const entries: Entry[] = [];
  for (const side of sides) {
    const ready = await within(side.prepare(row, settings), Math.min(side.patience, left()));
    if (ready === LATE) side.stop();
    if (isMissing(ready)) found(side.name, ready);
    else entries.push({ side, ready, samples: [] });
  }
  for (let round = 0; round < settings.samples; round++)
    for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
      if (entry.lost !== undefined) continue;
      const sample = left() <= 0 ? LATE : await within(entry.ready.block(), left());
      if (typeof sample === "number") entry.samples.push(sample);
      else entry.lost = sample;
      if (sample === LATE) entry.side.stop();
    }
  for (const { side, ready, samples, lost } of entries) {
    const figures = await ready.end(samples, left());
    found(side.name, samples.length === 0 || (lost !== undefined && lost !== LATE) ? lost! : figures);
  }
}
