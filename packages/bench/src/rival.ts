// The side that measures: starts a contender's process, on a core a thread if `taskset` is available, and sends it
// requests.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Ended, Greeting, Missing, Prepared, Request, Sample } from "./contender.ts";

/** How a contender is started. */
export interface Command {
  readonly name: string;
  /** On how many threads, of several numbers in one run. */
  readonly threads?: number;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** A contender's process. Every answer is a promise; after the process has ended, the answer is the reason. */
export interface Rival {
  readonly name: string;
  readonly threads?: number;
  readonly greeting: Greeting;
  prepare(row: string, warmUp: number): Promise<Prepared | Missing>;
  run(row: string, steps: number): Promise<Sample | Missing>;
  end(row: string): Promise<Ended | Missing>;
  close(): void;
  /** Ends the process even if it is busy. */
  stop(): void;
}

const TASKSET = "taskset";

/** The numbers of a list such as 0-3,8. */
const listed = (list: string): number[] =>
  list.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number) as [number, number?];
    return Array.from({ length: last! - first + 1 }, (_, i) => first + i);
  });

/**
 * The cores that contenders share, as many as threads: those from the given one on, or the last that this process may
 * use; undefined without `taskset`.
 */
export function chooseCores(threads: number, named: number | undefined): readonly number[] | undefined {
  if (spawnSync(TASKSET, ["--version"]).status !== 0) return undefined;
  if (named !== undefined) return Array.from({ length: threads }, (_, i) => named + i);
  const allowed = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return listed(allowed ?? "0").slice(-threads);
}

export async function start(
  { name, threads, program, args, env }: Command,
  cores: readonly number[] | undefined,
): Promise<Rival> {
  const pinned = cores === undefined ? [program, ...args] : [TASKSET, "--cpu-list", cores.join(), program, ...args];
  const child = spawn(pinned[0]!, pinned.slice(1), { env: env ?? process.env, stdio: "pipe" });
  const waiting: ((answer: unknown) => void)[] = [];
  let errors = "";
  let ended: Missing | undefined;
  const end = (reason: string): void => {
    ended ??= { missing: reason };
    for (const answer of waiting.splice(0)) answer(ended);
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) waiting.shift()?.(JSON.parse(line));
  });
  child.stderr.on("data", (text: Buffer) => (errors = (errors + text.toString()).slice(-2000)));
  child.stdin.on("error", () => {}); // its end is reported by "close"
  child.on("error", (error) => end(error.message));
  child.on("close", (status) => end(errors.trim().split("\n").at(-1) || `${program} ended with status ${status}`));

  const answer = <T>(): Promise<T | Missing> =>
    new Promise((resolve) => (ended === undefined ? waiting.push(resolve as (a: unknown) => void) : resolve(ended)));
  const ask = <T>(request: Request): Promise<T | Missing> => {
    const answered = answer<T>();
    if (ended === undefined) child.stdin.write(`${JSON.stringify(request)}\n`);
    return answered;
  };
  const greeting = (await answer<Greeting>()) as Greeting;
  return {
    name,
    ...(threads === undefined ? {} : { threads }),
    greeting,
    prepare: (row, warmUp) => ask<Prepared>({ prepare: row, warmUp }),
    run: (row, steps) => ask<Sample>({ run: row, steps }),
    end: (row) => ask<Ended>({ end: row }),
    close: () => child.stdin.end(),
    stop() {
      end("stopped");
      child.kill("SIGKILL");
    },
  };
}
