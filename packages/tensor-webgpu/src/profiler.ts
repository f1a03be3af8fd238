// Where the time of a program goes: every dispatch in a pass of its own, between two timestamps of the device. Slower
// than an ordinary run, in which all dispatches of a flush share a pass.
import type { Plan } from "@weft/kernel";
import type { TimedLaunch } from "@weft/tensor";
import { context, note, type LaunchLog } from "@weft/tensor/internals";
import { bytesOf, labelOf, operationsOf, type Dispatch } from "./dispatch.ts";
import { mapToRead, usage } from "./constants.ts";
import type { ProfileReport } from "./report.ts";

/** The most queries in one query set. */
const QUERIES = 4096;

/** What is known of a dispatch when it is encoded. */
type Launched = Omit<TimedLaunch, "us">;

/** Dispatches that were encoded together. */
interface Taken {
  readonly labels: readonly string[];
  /** For a log: each dispatch, encoded at `start`. */
  readonly launched: readonly Launched[];
  /** Who has yet to be told: logs, or undefined for `report`. */
  readonly untold: Set<LaunchLog | undefined>;
  /** Reads two timestamps each; undefined on a device that has none. */
  readonly stamps: (() => Promise<BigUint64Array>) | undefined;
}

const launchedOf = (d: Dispatch, slots: Plan["slots"], start: number): Launched => ({
  name: operationsOf(d),
  device: "@weft/tensor-webgpu",
  start,
  bytes: bytesOf(d, slots),
});

/** Notes dispatches whose times are not measured. */
export function untimed(logs: Iterable<LaunchLog>, dispatches: readonly Dispatch[], slots: Plan["slots"]): void {
  const start = performance.now();
  for (const d of dispatches) note(logs, { ...launchedOf(d, slots, start), us: 0 });
}

/** Reads the timestamps of a buffer, in nanoseconds, when first asked. Then it is destroyed. */
function stampsOf(times: GPUBuffer): () => Promise<BigUint64Array> {
  const read = async (): Promise<BigUint64Array> => {
    await times.mapAsync(mapToRead);
    const stamps = new BigUint64Array(times.getMappedRange().slice(0));
    times.destroy();
    return stamps;
  };
  let stamps: Promise<BigUint64Array> | undefined;
  return () => (stamps ??= read());
}

export class Profiler {
  readonly #device: GPUDevice;
  readonly #timed: boolean;
  #queries: GPUQuerySet | undefined;
  #resolved: GPUBuffer | undefined;
  #taken: Taken[] = [];
  #encode = 0;
  #flushes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#timed = device.features.has("timestamp-query");
  }

  now(): number {
    return performance.now();
  }

  /** Called when a flush that began at `since` has been sent. */
  ran(since: number): void {
    this.#encode += performance.now() - since;
    this.#flushes++;
  }

  /** Encodes dispatches, each in a pass of its own. */
  encode(
    encoder: GPUCommandEncoder,
    dispatches: readonly Dispatch[],
    encodeOne: (pass: GPUComputePassEncoder, d: Dispatch) => void,
    slots: Plan["slots"],
  ): void {
    const { logs } = context;
    for (const log of logs ?? []) log.later.add(this.#told);
    const start = performance.now();
    for (const chunk of chunksOf(dispatches, QUERIES / 2)) {
      chunk.forEach((d, i) => {
        const pass = encoder.beginComputePass(this.#timed ? { timestampWrites: this.#stamps(i) } : {});
        encodeOne(pass, d);
        pass.end();
      });
      this.#taken.push({
        labels: chunk.map(labelOf),
        launched: logs === undefined ? [] : chunk.map((d) => launchedOf(d, slots, start)),
        untold: new Set(logs ?? [undefined]),
        stamps: this.#timed ? stampsOf(this.#collect(encoder, chunk.length)) : undefined,
      });
    }
  }

  #stamps(i: number): GPUComputePassTimestampWrites {
    this.#queries ??= this.#device.createQuerySet({ type: "timestamp", count: QUERIES });
    return { querySet: this.#queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
  }

  #collect(encoder: GPUCommandEncoder, dispatches: number): GPUBuffer {
    const bytes = dispatches * 16;
    this.#resolved ??= this.#device.createBuffer({ size: QUERIES * 8, usage: usage.queryResolve | usage.copySource });
    const times = this.#device.createBuffer({ size: bytes, usage: usage.mapRead | usage.copyTarget });
    encoder.resolveQuerySet(this.#queries!, 0, 2 * dispatches, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, times, 0, bytes);
    return times;
  }

  /** Takes what was encoded for a log, or for none. */
  #take(log: LaunchLog | undefined): Taken[] {
    const taken = this.#taken.filter(({ untold }) => untold.delete(log));
    this.#taken = this.#taken.filter(({ untold }) => untold.size > 0);
    return taken;
  }

  /** Tells a log what was encoded for it. The first dispatch began when it was encoded; the device times the others. */
  readonly #told = async (log: LaunchLog): Promise<TimedLaunch[]> => {
    const launches: TimedLaunch[] = [];
    let origin: { readonly host: number; readonly device: bigint } | undefined;
    for (const { launched, stamps: read } of this.#take(log)) {
      const stamps = await read?.();
      for (const [i, launch] of launched.entries()) {
        if (stamps === undefined) {
          launches.push({ ...launch, us: 0 });
          continue;
        }
        const [begin, end] = [stamps[2 * i]!, stamps[2 * i + 1]!];
        origin ??= { host: launch.start, device: begin };
        const start = origin.host + Number(begin - origin.device) / 1e6;
        launches.push({ ...launch, start, us: Number(end - begin) / 1e3 });
      }
    }
    return launches;
  };

  /** What has run since the last report. */
  async report(): Promise<ProfileReport> {
    const [taken, encode, flushes] = [this.#take(undefined), this.#encode, this.#flushes];
    [this.#encode, this.#flushes] = [0, 0];
    const found = new Map<string, { count: number; us: number }>();
    const add = (label: string, us: number): void => {
      const entry = found.get(label);
      if (entry === undefined) found.set(label, { count: 1, us });
      else {
        entry.count++;
        entry.us += us;
      }
    };
    for (const { labels, stamps: read } of taken) {
      const stamps = await read?.();
      labels.forEach((label, i) => add(label, stamps ? Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e3 : 0));
    }
    const dispatches = [...found].map(([label, entry]) => ({ label, ...entry })).toSorted((a, b) => b.us - a.us);
    return { encode, flushes, dispatches };
  }
}

const chunksOf = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
