// A short training of a program at work on small data, and whether it can be resumed.
import { readFileSync } from "node:fs";
import { seed } from "@weft/nn";
import type { Backend, Creation } from "@weft/tensor";
import { expect } from "vitest";
import { openBackend, type BackendName } from "../src/backends.ts";
import { filesIn, learn, type Learned } from "../src/learning.ts";
import type { Learner } from "../src/program.ts";
import { trainingReport } from "../src/report/training.ts";
import { temporaryFolder } from "./session.ts";

/** Starts a program with the backend. */
export type Start = (backend: Backend & Creation) => Learner | Promise<Learner>;

export interface Short {
  readonly steps: number;
  readonly on?: BackendName;
  readonly folder?: string;
  readonly resume?: boolean;
}

const display = { update: () => {}, close: () => {} };

/** So many steps with seed 1. */
export async function learned(start: Start, { steps, on = "cpu", resume = false, ...more }: Short) {
  const { folder = temporaryFolder() } = more;
  const backend = await openBackend(on, 1);
  seed(1);
  const learner = await start(backend);
  const how = { backend, folder, epochs: 1000, every: 1000, steps, resume, display };
  return { ...(await learn(learner, how)), learner } satisfies Learned & { learner: Learner };
}

/** Stopped after `stop` steps and resumed, it has the same files and losses as if it had not been stopped. */
export async function expectResumes(start: Start, stop: number, steps: number): Promise<void> {
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  const { record } = await learned(start, { steps, folder: whole });
  await learned(start, { steps: stop, folder: parts });
  const resumed = await learned(start, { steps, folder: parts, resume: true });
  expect(resumed.taken).toBe(steps - stop);
  expect(resumed.record.losses).toEqual(record.losses);
  for (const file of ["model", "training"] as const)
    expect(readFileSync(filesIn(parts)[file]).equals(readFileSync(filesIn(whole)[file])), file).toBe(true);
}

/** The page with what the report shows beside the curves. */
export async function sectionsOf(learner: Learner): Promise<string> {
  const sections = (await learner.sections?.()) ?? [];
  return trainingReport({ title: "", result: ["", ""], facts: [], losses: [], evaluations: [], sections });
}
