// Measures rows: in every round each contender runs a block of steps, one after the other, so that other load on the
// machine affects all of them, and a ratio is taken within a round.
import { median } from "@weft/examples/internals";
import type { Missing, Sample } from "./contender.ts";
import type { Rival } from "./rival.ts";
import type { RowFacts } from "./rows/row.ts";

export interface Settings {
  readonly rounds: number;
  /** The target duration of a block of steps, in milliseconds. */
  readonly block: number;
  /** The duration of the warm-up before the first round, in milliseconds. */
  readonly warmUp: number;
}

/** A contender's time for one operation of a row, in the row's unit. */
export interface Timing {
  /** Medians over rounds of wall-clock and processor time, and the least wall-clock time. */
  readonly wall: number;
  readonly cpu: number;
  readonly least: number;
  /** The very first step, which may compile. */
  readonly first: number;
  /**
   * The number of rounds; 0 if there was only a single step: the first, if that is what the row measures or it took a
   * minute, else the second.
   */
  readonly rounds: number;
  /** The contender's note at the end of the row. */
  readonly note?: string;
  /** Weft's speed relative to this contender's: medians over rounds. */
  readonly ratio?: { readonly wall: number; readonly cpu: number };
}

/** Wall-clock time, or processor time, which stands still while other processes have the core. */
export type Clock = "wall" | "cpu";

export interface RowResult {
  readonly row: RowFacts;
  /** By contender; the reason if it does not support the row. */
  readonly timings: Readonly<Record<string, Timing | Missing>>;
  /** Each round of each contender that took part. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
}

/** The contender that the others are compared with. */
export const OURS = "weft";
/** Whether it is that contender, on whatever number of threads. */
export const isOurs = ({ name, threads }: { readonly name: string; readonly threads?: number }): boolean =>
  name === (threads === undefined ? OURS : `${OURS}-${threads}`);

/** Slower steps (in milliseconds) take part in the first two rounds only; slower than the second limit, in none. */
const SLOW = 2500;
const ENDLESS = 12_000;

interface Entry {
  readonly row: RowFacts;
  readonly rival: Rival;
  readonly first: number;
  readonly each: Sample;
  steps: number;
  rounds: number;
  readonly per: number;
  note?: string;
  readonly samples: Sample[];
}

export const isMissing = <T extends object>(answer: T | Missing): answer is Missing => "missing" in answer;

/** Measures one group of rows. */
export async function measure(
  group: readonly RowFacts[],
  rivals: readonly Rival[],
  settings: Settings,
): Promise<RowResult[]> {
  const entries: Entry[] = [];
  const missing = new Map<RowFacts, Record<string, Missing>>(group.map((row) => [row, {}]));
  for (const row of group)
    for (const rival of rivals) {
      const warmUp = row.once === true ? 0 : settings.warmUp * (row.warmUp ?? 1);
      const prepared = await rival.prepare(row.name, warmUp);
      if (isMissing(prepared)) missing.get(row)![rival.name] = prepared;
      else {
        const { first, each, per = row.per ?? 1 } = prepared;
        const rounds =
          row.once === true || each.wall > ENDLESS
            ? 0
            : each.wall > SLOW
              ? Math.min(2, settings.rounds)
              : settings.rounds;
        const steps = Math.max(1, Math.round(settings.block / each.wall));
        entries.push({ row, rival, first, each, steps, rounds, per, samples: [] });
      }
    }
  for (const row of group.filter(({ inStep }) => inStep === true)) {
    const all = entries.filter((entry) => entry.row === row && entry.rounds > 0);
    const [steps, rounds] = [Math.max(...all.map((e) => e.steps)), Math.min(...all.map((e) => e.rounds))];
    for (const entry of all) Object.assign(entry, { steps, rounds });
  }
  for (let round = 0; round < settings.rounds; round++) {
    const inTurn = round % 2 === 0 ? entries : entries.toReversed();
    for (const { row, rival, rounds, steps, samples } of inTurn) {
      if (round >= rounds) continue;
      const sample = await rival.run(row.name, steps);
      if (isMissing(sample)) missing.get(row)![rival.name] = sample;
      else samples.push(sample);
    }
  }
  for (const entry of entries) {
    const ended = await entry.rival.end(entry.row.name);
    if (!isMissing(ended) && ended.note !== undefined) entry.note = ended.note;
  }
  return group.map((row) => {
    const measured = entries.filter((entry) => entry.row === row);
    /** Each is compared with ours on as many threads. */
    const beside = ({ rival: { threads } }: Entry) =>
      measured.find(({ rival }) => isOurs(rival) && rival.threads === threads);
    return {
      row,
      timings: Object.fromEntries([
        ...measured.map((entry) => [entry.rival.name, timing(entry, beside(entry))]),
        ...Object.entries(missing.get(row)!),
      ]) as RowResult["timings"],
      samples: Object.fromEntries(measured.map(({ rival, samples }) => [rival.name, samples])),
    };
  });
}

/** Ratios within rounds: the second's time divided by the first's. */
export const ratios = (first: readonly Sample[], second: readonly Sample[], of: keyof Sample): number =>
  median(first.slice(0, second.length).map((sample, round) => second[round]![of] / sample[of]));

function timing({ row, rival, first, each, per, note, samples }: Entry, ours: Entry | undefined): Timing {
  const scale = (row.unit === "µs" ? 1000 : 1) / per;
  const all = samples.length === 0 ? [each] : samples;
  const walls = all.map(({ wall }) => wall * scale);
  const compared = ours !== undefined && !isOurs(rival) && ours.samples.length > 0;
  return {
    wall: median(walls),
    cpu: median(all.map(({ cpu }) => cpu * scale)),
    least: Math.min(...walls),
    first: first * scale,
    rounds: samples.length,
    ...(note === undefined ? {} : { note }),
    ...(compared ? { ratio: { wall: ratios(ours.samples, all, "wall"), cpu: ratios(ours.samples, all, "cpu") } } : {}),
  };
}
