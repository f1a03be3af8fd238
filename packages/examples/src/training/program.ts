// What `weft train` knows about a program, and what a program makes when it starts.
import type { Backend, Creation, Tensor } from "@weft/tensor";
import type { Vocabulary } from "@weft/data";
import type { Measured, Scalars, Values } from "@weft/train";
import type { Metrics } from "./metric-kinds.ts";
import type { OptionValues, ProgramOptions } from "./program-options.ts";
import type { Section } from "../report/page.ts";
import type { Vocabularies } from "./vocabularies.ts";
import type { WritingOptions } from "../text/writing.ts";

/** A system that `weft train` can train or measure. `program` makes one, with the types of its data and options. */
export interface Program<Data extends string = string, Options extends ProgramOptions = ProgramOptions> {
  /** What it is, as the subject of a sentence. */
  readonly title: string;
  /** What it learns, for `weft list`. */
  readonly about: string;
  /** How long all of it takes, on the CPU that `weft list` names; docs/results.md says how it was measured. */
  readonly time: string;
  /** What all of it reaches. */
  readonly reaches: string;
  /** The default number of epochs. */
  readonly epochs: number;
  /** What one of its epochs is ("epoch"): a measurement has rounds. */
  readonly round?: string;
  /** How many epochs there are between two evaluations (1). */
  readonly every?: number;
  /** About a minute's worth on two cores, for `--quick`. */
  readonly quick: Quick;
  /** The names of the data sets that it can learn from, its default first; none if it has its own. */
  readonly data?: readonly Data[];
  /** What it learns from, if there is no choice, for `weft list`. */
  readonly source?: string;
  /** What `--limit` limits: pictures, sentences. Without it there is no `--limit`. */
  readonly cases?: string;
  /** Options of its own. */
  readonly options?: Options;
  start(setting: Setting<Data, Options>): Promise<Learner>;
  /** The model of a file, built anew from its vocabularies, and what it answers to a text: for `weft predict --text`. */
  answers?(
    known: (name: string) => Vocabulary,
    setting: Pick<Setting<Data, Options>, "backend" | "quick" | "options">,
  ): Answerer;
  /** The model of a file, built anew, and what it draws: for `weft predict` of what draws pictures. */
  draws?(setting: Pick<Setting<Data, Options>, "backend" | "options">): Drawer;
}

interface Drawer {
  readonly model: object;
  /** So many pictures, `[N, 1, 28, 28]` or `[N, 784]`, with brightness from 0 to 1; the same each time. */
  readonly draw: (count: number) => Tensor;
}

/**
 * A program whose `start` sees the names of its data and the choices of its options as they are declared. The command
 * line refuses all others.
 */
export const program = <const Data extends string, const Options extends ProgramOptions>(
  declared: Program<Data, Options>,
): Program => declared;

interface Answerer {
  readonly model: object;
  /** Whether it goes on with the text, as long as is wanted. */
  readonly writes?: true;
  readonly answer: (text: string, how?: Pick<WritingOptions, "length" | "told">) => Promise<string>;
}

interface Quick {
  readonly epochs?: number;
  readonly steps?: number;
  readonly limit?: number;
}

/** What a program starts with. */
export interface Setting<Data extends string = string, Options extends ProgramOptions = ProgramOptions> {
  readonly backend: Backend & Creation;
  readonly seed: number;
  /** How many epochs the whole training has, for what changes on the way: a rate that falls to its end. */
  readonly epochs: number;
  /** The name of the data set. */
  readonly data: Data;
  /** How many cases it may use at most. */
  readonly limit: number;
  /** Whether less than all of it is wanted: a smaller model, where all of it takes long. */
  readonly quick: boolean;
  /** The values of its own options. */
  readonly options: OptionValues<Options>;
}

/** What a step gives: its loss, or numbers by name. */
export type Step = Measured | Values;
export const isValues = (step: Step): step is Values =>
  typeof step === "object" && typeof (step as { item?: unknown }).item !== "function";

/** Steps, and their number, where it is known. */
export type Steps = AsyncIterable<Step> & { readonly length?: number | undefined };

/** Steps of which there are so many. */
export const ofLength = <S extends AsyncIterable<Step>>(length: number, steps: S): S & { readonly length: number } =>
  Object.assign(steps, { length });

/** A program that has started: what learns, how it takes its steps, and what it can show. */
export interface Learner {
  /** What it learns from, for the first line of the output: `60,000 pictures of mnist`. */
  readonly from: string;
  /** What is left in a file. Without it (measurements), nothing is saved. */
  readonly model?: object;
  /** What one of its steps is ("step"): an episode. */
  readonly step?: string;
  /** What its numbers stand for, which is kept with it: words, characters, tags. Other data is refused later. */
  readonly vocabularies?: Vocabularies;
  /** What a saved training needs beside the model to go on: the optimizer, the batches. */
  readonly state?: object;
  /** Whether each step reads all of the data: then its loss falls smoothly, most of it at the beginning. */
  readonly fullBatch?: boolean;
  /** Begins an epoch: its steps, or what is left of them in a training that goes on, and how many that is. */
  readonly epoch: () => Steps;
  /** What it has learned from since it started, where steps differ: so many words. Its speed is given in them. */
  readonly counted?: { readonly of: string; readonly soFar: () => number };
  /**
   * Measures what was learned, the main result first. It must not change what is learned. What it keeps for later, it
   * keeps only if an epoch has just ended: `epoch` is its number, and undefined in the middle of one.
   */
  readonly evaluate: (epoch?: number) => Promise<Scalars>;
  /** What its numbers are, those of its steps and those that `evaluate` finds; the `loss` of a step is a loss. */
  readonly metrics?: Metrics;
  /** Whether there is nothing more to learn, whatever the number of epochs. */
  readonly finished?: () => boolean;
  /** A line for the terminal after each evaluation: what a writer writes by now. */
  readonly says?: () => Promise<string>;
  /** Other files that it leaves in its folder, by their names. */
  readonly files?: () => Readonly<Record<string, Uint8Array>>;
  /** What its report shows beside the curves. */
  readonly sections?: () => Promise<readonly Section[]>;
  /** What the main result is of, for the report: `of 10,000 new pictures right`. */
  readonly of?: string;
}
