// Weft's side: steps are submitted one after another without reads in between, like a training loop that reads its loss
// now and then. The clock stops when the last step's result is on the host. A second backend, which times every
// dispatch, shows where the time goes.
import { median } from "@weft/examples/internals";
import { reshape, scope, slice, type Tensor } from "@weft/tensor";
import { flush, visitTensors } from "@weft/tensor/internals";
import { open, type OpenOptions, type WebGpuBackend, type WebGpuStats } from "@weft/tensor-webgpu";
import type { Missing } from "../contender.ts";
import { OURS } from "../measure.ts";
import { stored } from "../rows/row.ts";
import type { Work } from "../rows/tasks.ts";
import type { Breakdown, Made, WeftFigures } from "./report.ts";
import { LATE, within, type Ready, type Settings, type Side } from "./rounds.ts";

/** After so many steps everything that a step needs exists. */
const SETTLED = 10;
/** How long to wait, in milliseconds, for compilation that goes on after the warm-up. */
const PATIENCE = 10_000;
const LONGEST = 8;

type Making = (backend: WebGpuBackend) => Work;

interface Block {
  readonly wall: number;
  readonly host: number;
  readonly value: number;
}

/**
 * Does the work and returns a promise of its last element, which resolves when the device has done everything before.
 */
const awaited = (work: Work): Promise<number> =>
  scope(async () => {
    let last: Tensor | undefined;
    visitTensors(scope(work), (x) => (last = x));
    flush();
    // One element, a view of the result: copying a whole matrix to the host would take longer than computing it.
    return slice(reshape(last!, [-1]), { starts: [last!.size - 1] }).item();
  });

/** Runs steps without waiting in between, and returns the milliseconds per step. */
async function block(work: Work, steps: number): Promise<Block> {
  const start = performance.now();
  for (let i = 1; i < steps; i++) stored(work);
  const end = awaited(work);
  const host = performance.now() - start;
  const value = await end;
  return { wall: (performance.now() - start) / steps, host: host / steps, value };
}

const countsMade = ["plans", "kernels", "pipelines", "bindGroups", "slabs"] as const;
const difference = <Name extends keyof WebGpuStats>(names: readonly Name[], from: WebGpuStats, to: WebGpuStats) =>
  Object.fromEntries(names.map((name) => [name, to[name] - from[name]])) as Record<Name, number>;
const anything = (made: Made): boolean => Object.values(made).some((count) => count !== 0);

/** Repeats until the time is over and nothing new is created any more. Returns the number of steps. */
async function warm(backend: WebGpuBackend, work: Work, each: number, time: number, most: number): Promise<number> {
  const steps = Math.max(1, Math.min(most, Math.round(time / 4 / each)));
  const start = performance.now();
  let count = 0;
  for (let busy = true; busy;) {
    const before = backend.stats();
    await block(work, steps);
    count += steps;
    const elapsed = performance.now() - start;
    const after = backend.stats();
    // Programs may be compiled in the background.
    const unsettled = after.compiling > 0 || anything(difference(countsMade, before, after));
    busy = elapsed < time || (time > 0 && elapsed < PATIENCE && unsettled);
  }
  return count;
}

const reason = (error: unknown): Missing => ({ missing: String(error).split("\n")[0]! });

/** Weft as a side of the table. It opens a backend for each row, so that rows do not share memory. */
export const weftSide = (options: OpenOptions): Side => ({
  name: OURS,
  patience: Infinity,
  async prepare({ weft, steps }, settings) {
    const backend = await open(options);
    return prepared(backend, weft, steps, options, settings).catch((error: unknown) => {
      backend.destroy();
      return reason(error);
    });
  },
  stop() {},
});

async function prepared(
  backend: WebGpuBackend,
  making: Making,
  steps: number,
  options: OpenOptions,
  settings: Settings,
): Promise<Ready> {
  const work = making(backend);
  const first = (await block(work, 1)).wall;
  const { wall } = await block(work, SETTLED - 1);
  const tenth = backend.stats();
  const warmUp = await warm(backend, work, wall, settings.warmUp, steps);
  const begun = backend.stats();
  const blocks: Block[] = [];
  return {
    async block() {
      try {
        await block(work, 1);
        const timed = await block(work, steps);
        if (!Number.isFinite(timed.value)) return { missing: `computed ${timed.value}` };
        blocks.push(timed);
        return timed.wall;
      } catch (error) {
        return reason(error);
      }
    },
    async end(samples, seconds) {
      const ended = backend.stats();
      backend.destroy();
      const counts = difference(["dispatches", "passes", "submits"], begun, ended);
      const all = (steps + 1) * blocks.length;
      const host = median(blocks.map((b) => b.host));
      const profiled = () => broken(making, host, Math.min(steps, 100), options, settings.warmUp / 5).catch(reason);
      return {
        step: median(samples),
        samples,
        first,
        host,
        dispatches: counts.dispatches / all,
        passes: counts.passes / all,
        submits: counts.submits / all,
        late: difference(countsMade, tenth, ended),
        lateTimed: difference(countsMade, begun, ended),
        warmUp: SETTLED + warmUp,
        value: blocks.at(-1)?.value ?? NaN,
        breakdown: seconds > 0 ? await within(profiled(), seconds) : LATE,
      } satisfies WeftFigures;
    },
  };
}

/**
 * What the host does before it encodes does not depend on the profile, so it is measured there; encoding is the rest of
 * what the host does in an ordinary run.
 */
async function broken(
  making: Making,
  host: number,
  steps: number,
  options: OpenOptions,
  time: number,
): Promise<Breakdown> {
  const backend = await open({ ...options, profile: true });
  try {
    const work = making(backend);
    await block(work, 1);
    const { wall } = await block(work, SETTLED - 1);
    await warm(backend, work, wall, time, steps);
    await backend.profile();
    const ran = await block(work, steps);
    const { encode, dispatches } = await backend.profile();
    const record = Math.max(0, ran.host - encode / steps);
    return {
      record,
      encode: Math.max(0, host - record),
      device: dispatches.reduce((sum, { us }) => sum + us, 0) / 1000 / steps,
      encodeTimed: encode / steps,
      steps,
      longest: dispatches
        .slice(0, LONGEST)
        .map(({ label, count, us }) => ({ label, count: count / steps, us: us / steps })),
    };
  } finally {
    backend.destroy();
  }
}
