// How fast the programs of the published tables are.
import { seed as startNumbering } from "@weft/nn";
import { openBackend, type BackendName } from "./backends.ts";
import { isValues, type Learner, type Program, type Step } from "./training/program.ts";
import { programs, type ProgramName } from "./programs.ts";

/** A program, as a row of the tables has it. */
export interface Measurement {
  readonly program: ProgramName;
  readonly data?: string;
  readonly options?: Readonly<Record<string, true>>;
  /** The steps of the whole training, whose seconds are meant; without it, how much is done in a second. */
  readonly steps?: number;
  /** It is measured for this number of steps at least: each is one of several that are compared. */
  readonly least?: number;
}

/** By the names of the rows. */
export const measurements: Readonly<Record<string, Measurement>> = {
  linreg: { program: "linreg", steps: 10_000 },
  softmax: { program: "softmax", data: "mnist", steps: 6000 },
  mlp: { program: "mlp", data: "mnist", steps: 6000 },
  lenet: { program: "lenet", data: "mnist", steps: 600 },
  charlm: { program: "charlm", steps: 16 },
  rnnlm: { program: "rnnlm" },
  tagger: { program: "tagger" },
  "tagger-chars": { program: "tagger", options: { chars: true } },
  treenn: { program: "treenn" },
  vgg: { program: "vgg", data: "cifar10", steps: 7810 },
  gru: { program: "gru", steps: 1170 },
  resnet50: { program: "resnet50" },
  opcost: { program: "opcost", data: "mnist", least: 3 * 9 },
};

/** A program of a row, ready for its first step; on the CPU on so many threads. */
export async function started(row: string, backendName: BackendName, threads?: number): Promise<Learner> {
  const { program: name, data, options = {} } = measurements[row]!;
  const program: Program = programs[name];
  const backend = await openBackend(backendName, 1, threads);
  startNumbering(1);
  const { epochs } = program;
  return program.start({ backend, seed: 1, epochs, data: data ?? "", limit: Infinity, quick: false, options });
}

/** Its steps, epoch after epoch. */
export async function* stepsOf(learner: Learner): AsyncGenerator<Step, never> {
  for (;;) yield* learner.epoch();
}

/** What a program did while it was measured. */
export interface Done {
  readonly steps: number;
  readonly seconds: number;
  /** How many words, trees or pictures it worked through, if it counts them. */
  readonly counted: number;
  /** What its steps measured themselves: the median of each of its parts. */
  readonly parts: Readonly<Record<string, number>>;
}

/**
 * Times steps for so many seconds, but no more than there are in all, after a quarter of the time for kernels and the
 * JIT compiler. Evaluations are not part of it.
 */
export async function timed(
  learner: Learner,
  seconds: number,
  { least = 1, steps: most = Infinity }: Pick<Measurement, "least" | "steps"> = {},
): Promise<Done> {
  const steps = stepsOf(learner);
  await take(steps, seconds / 4, { least, most }, () => {});
  const parts: Record<string, number[]> = {};
  const before = learner.counted?.soFar() ?? 0;
  const begin = performance.now();
  const taken = await take(steps, seconds, { least, most }, (item) => {
    if (isValues(item))
      for (const [name, value] of Object.entries(item)) if (typeof value === "number") (parts[name] ??= []).push(value);
  });
  return {
    steps: taken,
    seconds: (performance.now() - begin) / 1000,
    counted: (learner.counted?.soFar() ?? 0) - before,
    parts: Object.fromEntries(Object.entries(parts).map(([name, all]) => [name, median(all)])),
  };
}

/** Takes steps until the time is over; the loss of the last is read, so that all of them are computed. */
async function take(
  steps: AsyncIterator<Step, never>,
  seconds: number,
  { least, most }: { readonly least: number; readonly most: number },
  seen: (step: Step) => void,
): Promise<number> {
  const end = performance.now() + 1000 * seconds;
  for (let taken = 1; ; taken++) {
    const { value: item } = await steps.next();
    seen(item);
    if (taken < least || (taken < most && performance.now() < end)) continue;
    if (!isValues(item) && typeof item === "object") await item.item();
    return taken;
  }
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
