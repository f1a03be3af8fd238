// The side that is measured: a process that prepares the steps of rows, repeats them on request and reports how long
// they took. Requests and answers are lines of JSON, so a contender can be written in any language (pytorch/contender.py is
// one).
import { createInterface } from "node:readline";
import type { TimedStep } from "./rows/row.ts";

/** A framework, with an implementation of each row that it supports. */
export interface Contender {
  readonly title: string;
  readonly version: string;
  readonly detail: string;
  readonly rows: ReadonlyMap<string, () => TimedStep | Promise<TimedStep>>;
}

/** The first line from a contender: what it is, or why it is missing. */
export type Greeting = { readonly title: string; readonly version: string; readonly detail: string } | Missing;
export interface Missing {
  readonly missing: string;
}

/** Of a row that a contender does not know. */
export const NOT_IMPLEMENTED = "not implemented";

/** Requests to a contender, one per line. */
export type Request =
  | { readonly prepare: string; readonly warmUp: number }
  | { readonly run: string; readonly steps: number }
  | { readonly end: string };

/** The answer to `prepare`, in milliseconds per step: the first step, which may compile, and one at the end. */
export interface Prepared {
  readonly first: number;
  readonly each: Sample;
  /** How many operations a step does, if the row does not say so. */
  readonly per?: number;
}

/** The answer to `end`. */
export interface Ended {
  readonly ended: string;
  readonly note?: string;
}

/** The answer to `run`: the time of one step in milliseconds, wall-clock and processor time. */
export interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

/** After a first step that takes so many milliseconds, no other is made. */
const SLOW = 60_000;

async function repeat(step: TimedStep, steps: number): Promise<Sample> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < steps; i++) {
    const done = step.run();
    if (done !== undefined) await done;
  }
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { wall: wall / steps, cpu: (user + system) / 1000 / steps };
}

async function warm(step: TimedStep, time: number): Promise<Prepared> {
  let each = await repeat(step, 1);
  const first = each.wall;
  if (first > SLOW || time === 0) return { first, each };
  const start = performance.now();
  each = await repeat(step, 1);
  while (performance.now() - start < time)
    each = await repeat(step, Math.min(1000, Math.max(1, Math.round(time / 4 / each.wall))));
  return { first, each };
}

/** Serves one contender on standard input and output until input ends. */
export async function serve(open: () => Promise<Contender>): Promise<void> {
  console.log = console.error; // standard output is for answers only
  const say = (answer: Greeting | Prepared | Sample | Ended): void => {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  };
  const reason = (error: unknown): Missing => ({ missing: String(error).split("\n")[0]! });
  let contender: Contender;
  try {
    contender = await open();
  } catch (error) {
    say(reason(error));
    return;
  }
  const { title, version, detail, rows } = contender;
  say({ title, version, detail });
  const steps = new Map<string, TimedStep>();
  const answer = async (request: Request): Promise<Prepared | Sample | Ended | Missing> => {
    if ("prepare" in request) {
      const make = rows.get(request.prepare);
      if (make === undefined) return { missing: NOT_IMPLEMENTED };
      const step = await make();
      steps.set(request.prepare, step);
      const { per } = step;
      const prepared = await warm(step, request.warmUp);
      await step.begin?.();
      return { ...prepared, ...(per === undefined ? {} : { per }) };
    }
    if ("run" in request) return repeat(steps.get(request.run)!, request.steps);
    const note = steps.get(request.end)?.end?.();
    steps.delete(request.end);
    return { ended: request.end, ...(typeof note === "string" ? { note } : {}) };
  };
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      say(await answer(JSON.parse(line) as Request));
    } catch (error) {
      say(reason(error));
    }
  }
  process.exit(0);
}
