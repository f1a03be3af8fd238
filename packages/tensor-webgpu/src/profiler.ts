// Where the time of a program goes: every dispatch in a pass of its own, between two timestamps of the device. Slower
// than an ordinary run, in which all dispatches of a flush share a pass.
import { labelOf, type Dispatch } from "./dispatch.ts";
import { mapToRead, usage } from "./constants.ts";
import type { ProfileReport } from "./report.ts";

/** The most queries in one query set. */
const QUERIES = 4096;

interface Taken {
  readonly labels: readonly string[];
  readonly times: GPUBuffer;
}

export class Profiler {
  readonly #device: GPUDevice;
  readonly #timed: boolean;
  #queries: GPUQuerySet | undefined;
  #resolved: GPUBuffer | undefined;
  #taken: Taken[] = [];
  #untimed: string[] = [];
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
  ): void {
    for (const chunk of chunksOf(dispatches, QUERIES / 2)) {
      chunk.forEach((d, i) => {
        const pass = encoder.beginComputePass(this.#timed ? { timestampWrites: this.#stamps(i) } : {});
        encodeOne(pass, d);
        pass.end();
      });
      const labels = chunk.map(labelOf);
      if (this.#timed) this.#taken.push({ labels, times: this.#collect(encoder, chunk.length) });
      else this.#untimed.push(...labels);
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

  /** What has run since the last report. */
  async report(): Promise<ProfileReport> {
    const [taken, untimed, encode, flushes] = [this.#taken, this.#untimed, this.#encode, this.#flushes];
    [this.#taken, this.#untimed, this.#encode, this.#flushes] = [[], [], 0, 0];
    const found = new Map<string, { count: number; us: number }>();
    const add = (label: string, us: number): void => {
      const entry = found.get(label);
      if (entry === undefined) found.set(label, { count: 1, us });
      else {
        entry.count++;
        entry.us += us;
      }
    };
    for (const label of untimed) add(label, 0);
    for (const { labels, times } of taken) {
      await times.mapAsync(mapToRead);
      const stamps = new BigUint64Array(times.getMappedRange().slice(0));
      times.destroy();
      labels.forEach((label, i) => add(label, Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e3));
    }
    const dispatches = [...found].map(([label, entry]) => ({ label, ...entry })).toSorted((a, b) => b.us - a.us);
    return { encode, flushes, dispatches };
  }
}

const chunksOf = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
