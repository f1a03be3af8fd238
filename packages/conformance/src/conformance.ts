// What every backend must do, as a list of cases: each sample's values and gradients against the reference, on tensors
// and on views, merged and unmerged, with kernels and with fallbacks, without a leak.
import type { Backend } from "@weft/tensor";
import { knownGap, type Case } from "./case.ts";
import { compare, ofGradient, tolerances } from "./comparison.ts";
import { answer, type Answer, type Question } from "./evaluation.ts";
import { countedCases } from "./counted.ts";
import { golden, type GoldenOptions } from "./golden.ts";
import { indexCases } from "./indices.ts";
import { openSync } from "./reference.ts";
import {
  dataOf,
  differentiable,
  hash,
  results,
  upload,
  viewsOf,
  type Collection,
  type Family,
  type Sample,
} from "./sample.ts";
import { collections, type SampleName } from "./samples.ts";

/** Opens a backend with its own kind of options. */
export type Open = (options?: any) => Promise<Backend>;

type Views = "each" | "one" | "another" | "none";

export interface SampleOptions {
  /** Names of samples that are known to fail, each with a reason. If all samples of a name pass, the run fails. */
  readonly gaps?: Readonly<Record<string, string>>;
  /**
   * Options to open the backend with, by name: with and without merging, say. Views and fallbacks run with the first.
   */
  readonly settings?: Readonly<Record<string, object>>;
  /** Every sample on each kind of view (the default), on one kind, which depends on its name, on another, or on none. */
  readonly views?: Views;
  /** Whether the backend computes in f64, too. */
  readonly double?: boolean;
  /** How many storages are alive; not needed for a backend with `stats().live` or `live()`. */
  readonly live?: (backend: Backend) => number;
}

export interface ConformanceOptions extends SampleOptions {
  readonly gaps?: { readonly [N in SampleName]?: string };
  /** Like `gaps`, for golden cases and functions. */
  readonly goldenGaps?: GoldenOptions["skip"];
  /** Functions of other packages that golden files name; cases of functions that are missing here are left out. */
  readonly functions?: GoldenOptions["functions"];
}

interface Counting {
  stats?: () => { readonly live: number };
  live?: () => number;
}
const countLive = (backend: Backend): number => {
  const counting = backend as Counting;
  const count = counting.stats?.().live ?? counting.live?.();
  if (count === undefined) throw new Error(`${backend.name} does not count its storages; pass the option live`);
  return count;
};

const question = (
  backend: Backend,
  family: Family,
  name: string,
  sample: Sample,
  order: 0 | 1 | 2,
  double: boolean,
): Question => ({
  name: `${family} ${name} ${sample.name}`,
  upload: () => upload(backend, sample, double),
  call: (...xs) => results(sample, xs),
  asked: differentiable(sample),
  order,
});

/** The reference's answer for a sample, computed once. */
const known = new Map<string, Promise<Answer>>();
function wanted(family: Family, name: string, sample: Sample, order: 0 | 1 | 2, double: boolean): Promise<Answer> {
  const key = `${family} ${name} ${sample.name} ${order} ${double}`;
  let found = known.get(key);
  if (found === undefined) {
    const reference = openSync();
    known.set(key, (found = answer(reference, question(reference, family, name, sample, order, double))));
  }
  return found;
}

interface Subject {
  readonly open: () => Promise<Backend>;
  readonly live: (backend: Backend) => number;
  readonly double: boolean;
}

/** One sample on one backend. */
const sampleCase = (subject: Subject, family: Family, name: string, sample: Sample, order: 0 | 1 | 2): Case => ({
  name: `${name}: ${sample.name}`,
  run: async () => {
    const { double } = subject;
    const backend = await subject.open();
    const before = subject.live(backend);
    const got = await answer(backend, question(backend, family, name, sample, order, double));
    const reference = await wanted(family, name, sample, order, double);
    const tolerance = sample.tolerance ?? tolerances[family];
    for (const what of ["outputs", "gradients", "seconds"] as const) {
      const label = { outputs: "result", gradients: "gradient of input", seconds: "second derivative of input" }[what];
      if (got[what].length !== reference[what].length)
        throw new Error(`wanted ${reference[what].length} ${what}, got ${got[what].length}`);
      reference[what].forEach((w, i) => {
        const place = what === "outputs" ? i : differentiable(sample)[i]!;
        compare(`${label} ${place}`, got[what][i]!, w, what === "outputs" ? tolerance : ofGradient(tolerance));
      });
    }
    dataOf(sample).forEach((data, i) => {
      const { shape, dtype } = got.inputs[i]!;
      compare(
        `input ${i}, which must stay as it was,`,
        got.inputs[i]!,
        { data, shape, dtype },
        { relative: 0, absolute: 0, sums: false },
      );
    });
    const after = subject.live(backend);
    if (after !== before) throw new Error(`wanted as many storages alive as before, got ${after - before} more`);
  },
});

/** The same samples on views. */
function onViews(sample: Sample, views: Views): readonly Sample[] {
  const all = viewsOf(sample);
  if (views === "each" || all.length === 0) return all;
  return views === "none" ? [] : [all[(hash(sample.name) + (views === "one" ? 0 : 1)) % all.length]!];
}

function cases(
  subject: Subject,
  all: readonly Collection[],
  gaps: Readonly<Record<string, string>>,
  views: Views,
): Case[] {
  // Random numbers are made in f32.
  const some = subject.double ? all.filter(({ family }) => family !== "random") : all;
  return some.flatMap(({ family, samples }) =>
    Object.entries(samples).flatMap(([name, list]) => {
      const own = list.flatMap((sample) => [
        sampleCase(subject, family, name, sample, sample.order === 1 ? 1 : 2),
        ...(family === "random" ? [] : onViews(sample, views)).map((view) =>
          sampleCase(subject, family, name, view, 1),
        ),
      ]);
      const reason = gaps[name];
      return reason === undefined ? own : [knownGap(name, reason, own)];
    }),
  );
}

/** Opens once, when the first case runs. */
function once(open: () => Promise<Backend>): () => Promise<Backend> {
  let opened: Promise<Backend> | undefined;
  return () => (opened ??= open());
}

/** The backend without kernels for fused operations: their fallbacks run. */
const withoutFused = async (backend: Promise<Backend>): Promise<Backend> =>
  Object.assign(await backend, { runFused: () => undefined });

const byDefault = { plain: {} };

/** Samples in each setting, on views, with fallbacks, in f64; and what else is tested on the backends that are opened. */
function suite(
  name: string,
  open: Open,
  list: readonly Collection[],
  { live = countLive, settings = byDefault, views = "each", double = false, gaps = {} }: SampleOptions,
  more: (subject: Subject) => readonly Case[] = () => [],
): Case[] {
  const titled = (title: string, all: readonly Case[]): Case[] =>
    all.map((c) => ({ ...c, name: `${name}, ${title}: ${c.name}` }));
  const main = Object.entries(settings).flatMap(([title, setting], i) => {
    const subject = { open: once(() => open(setting)), live, double: false };
    return titled(title, [...cases(subject, list, gaps, i === 0 ? views : "none"), ...more(subject)]);
  });
  const [first] = Object.values(settings);
  const bare = { open: once(() => withoutFused(open(first))), live, double: false };
  const exact = { open: once(() => open({})), live, double: true };
  return [
    ...main,
    ...titled("fallbacks", fallbackCases(bare, list, gaps)),
    ...(double ? titled("f64", [...cases(exact, list, gaps, "none"), ...more(exact)]) : []),
  ];
}

/**
 * Samples of a package with functions of its own on a backend, as cases for a test runner: as `conformance` runs those
 * of `@weft/tensor`.
 *
 * @example
 * for (const { name, run } of samplesOn("nn on tensor-cpu", open, collections, { settings })) test(name, run);
 */
export const samplesOn = (name: string, open: Open, list: readonly Collection[], options: SampleOptions = {}): Case[] =>
  suite(name, open, list, options);

/**
 * Everything that a backend must do, as cases for a test runner. `open` opens it with its own kind of options.
 *
 * @example
 * for (const { name, run } of conformance("tensor-cpu", open, { gaps, settings })) test(name, run);
 */
export const conformance = (name: string, open: Open, options: ConformanceOptions = {}): Case[] =>
  suite(name, open, collections, options, (subject) => {
    const { goldenGaps: skip, functions } = options;
    const ofPyTorch = golden(subject.open, { skip, functions, known: true, double: subject.double });
    if (subject.double) return ofPyTorch;
    return [...ofPyTorch, ...indexCases(subject.open), ...countedCases(subject.open, subject.live)];
  });

/** What is fused, through fallbacks. */
const fallbackCases = (subject: Subject, list: readonly Collection[], gaps: Readonly<Record<string, string>>): Case[] =>
  list
    .filter(({ family }) => family === "fused")
    .flatMap(({ family, samples }) =>
      Object.entries(samples)
        .filter(([name]) => !(name in gaps))
        .flatMap(([name, all]) =>
          all.map((sample) => sampleCase(subject, family, name, sample, sample.order === 1 ? 1 : 2)),
        ),
    );
