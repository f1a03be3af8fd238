// Short trainings of a program on data made in a test: their losses, what they measure, and whether they resume.
import { params, place, seed } from "@weft/nn";
import type { Backend, Creation } from "@weft/tensor";
import { expect } from "vitest";
import { openBackend, type BackendName } from "../src/backends.ts";
import { learn, type Learned } from "../src/training/training.ts";
import type { Learner } from "../src/training/program.ts";
import type { TrainingRecord } from "../src/training/training-record.ts";
import { trainingReport } from "../src/report/training.ts";
import type { Matrix } from "./plain.ts";
import { savedIn, temporaryFolder } from "./session.ts";

/** Starts a program with the backend. */
export type Start = (backend: Backend & Creation) => Learner | Promise<Learner>;

/** How long it trains: as many epochs, each of them evaluated, or steps, with one evaluation at the end. */
interface Length {
  readonly epochs?: number;
  readonly steps?: number;
  readonly folder?: string;
  readonly resume?: boolean;
  readonly saveEvery?: number;
}

const display = { update: () => {}, close: () => {} };

/** Trains from seed 1 on. */
export async function trained(start: Start, length: Length, on: BackendName = "cpu") {
  const backend = await openBackend(on, 1);
  seed(1);
  const learner = await start(backend);
  const folder = length.folder ?? temporaryFolder();
  const { epochs = Infinity } = length;
  const learned = await learn(learner, {
    backend,
    display,
    ...length,
    epochs,
    every: epochs === Infinity ? 1000 : 1,
    folder,
  });
  return { ...learned, learner, folder, losses: lossesIn(learned.record).map(({ value }) => value) };
}

/**
 * A training that is interrupted after a step, and one that is killed after it and has saved after each step, end with the
 * files of one that was left alone, byte for byte.
 */
export async function expectResumes(start: Start, step: number, length: Length): Promise<void> {
  const whole = await trained(start, length);
  const begun = await trained(start, { ...length, steps: step });
  expect(begun.losses).toHaveLength(step);
  const left = temporaryFolder();
  const saving = { ...length, folder: left, saveEvery: 0 };
  await expect(trained(async (backend) => killedAfter(step, await start(backend)), saving)).rejects.toThrow("killed");
  for (const [folder, how] of [
    [begun.folder, length],
    [left, saving],
  ] as const) {
    const { losses, taken } = await trained(start, { ...how, folder, resume: true });
    expect(taken).toBe(whole.step - step);
    expect(losses).toEqual(whole.losses);
    for (const name of ["model.safetensors", "training.safetensors"])
      expect(savedIn(folder, name).equals(savedIn(whole.folder, name)), name).toBe(true);
  }
}

/** The learner, until it has taken so many steps. */
function killedAfter(steps: number, learner: Learner): Learner {
  let taken = 0;
  return {
    ...learner,
    async *epoch() {
      for await (const item of learner.epoch()) {
        if (taken++ === steps) throw new Error("killed");
        yield item;
      }
    },
  };
}

type Ended = Partial<Pick<Learned, "record">> & { readonly learner: Learner };

/** The noted losses of the steps, each with its step. */
export const lossesIn = (record: TrainingRecord) => record.losses()["loss"] ?? [];

/** The mean of the last losses. */
export const lastMean = (losses: readonly number[], n: number): number =>
  losses.slice(-n).reduce((a, b) => a + b) / Math.min(n, losses.length);

/** The report that a training leaves; without its record, only with what the program shows beside the curves. */
export const reportOn = async ({ learner, record }: Ended): Promise<string> =>
  trainingReport({
    title: "Test",
    result: ["1", "of all"],
    facts: [],
    losses: record?.losses(learner.metrics) ?? {},
    metrics: learner.metrics,
    fullBatch: learner.fullBatch,
    evaluations: record?.evaluations ?? [],
    sections: (await learner.sections?.()) ?? [],
  });

/** The parameters that a training begins with, by their paths in the model: lists of rows, in float64. */
export async function firstWeights(start: Start): Promise<(path: string) => Matrix> {
  const backend = await openBackend("cpu", 1);
  seed(1);
  const { model } = await start(backend);
  await place(model!, backend);
  const found = new Map<string, Matrix>();
  const paths: string[] = [];
  const all = params(model!, (_, path) => paths.push(path) > 0);
  for (const [at, p] of all.entries()) {
    const data = Array.from((await p.value.data()) as Float32Array);
    const width = p.shape.at(-1)!;
    found.set(
      paths[at]!,
      Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width)),
    );
  }
  return (path) => found.get(path) ?? expect.fail(`no parameter ${path}; there are ${[...found.keys()]}`);
}
