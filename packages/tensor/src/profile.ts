// Where the time of a program goes: the launches of all backends while a function runs, as a table and as a trace.
import { context } from "./context.ts";
import type { LaunchLog, TimedLaunch } from "./launch-log.ts";
import { callable, readValue } from "./options.ts";
import { flush } from "./scope.ts";

/** All launches of a profile that ran the same operations. */
export interface ProfiledOperation {
  readonly name: string;
  readonly calls: number;
  /** Microseconds in total. */
  readonly us: number;
  /** Bytes of the values that were read and written, in total. */
  readonly bytes: number;
}

/** See the function `profile`. As text it is a table. */
export interface Profile<R = unknown> {
  /** What the function returned. */
  readonly result: R;
  /** Milliseconds that it took, with all that it launched. */
  readonly wall: number;
  /** In the order in which they began. */
  readonly launches: readonly TimedLaunch[];
  /** The longest first. */
  readonly operations: readonly ProfiledOperation[];
  /** The launches as JSON that ui.perfetto.dev and Chrome's chrome://tracing open. */
  trace(): string;
  toString(): string;
}

const now = (): number => (globalThis as unknown as { performance: { now(): number } }).performance.now();

function summed(launches: readonly TimedLaunch[]): ProfiledOperation[] {
  const found = new Map<string, { name: string; calls: number; us: number; bytes: number }>();
  for (const { name, us, bytes } of launches) {
    let entry = found.get(name);
    if (entry === undefined) found.set(name, (entry = { name, calls: 0, us: 0, bytes: 0 }));
    entry.calls++;
    entry.us += us;
    entry.bytes += bytes;
  }
  return [...found.values()].toSorted((a, b) => b.us - a.us);
}

/** The format of Chrome's traces: complete events (`X`) in microseconds, a process for each device. */
function traceOf(launches: readonly TimedLaunch[]): string {
  const devices = [...new Set(launches.map(({ device }) => device))];
  const origin = launches[0]?.start ?? 0;
  return JSON.stringify({
    displayTimeUnit: "ns",
    traceEvents: [
      ...devices.map((name, pid) => ({ ph: "M", name: "process_name", pid, tid: 0, args: { name } })),
      ...launches.map(({ name, device, start, us, bytes }) => ({
        ph: "X",
        name,
        cat: "launch",
        pid: devices.indexOf(device),
        tid: 0,
        ts: (start - origin) * 1000,
        dur: us,
        args: { bytes },
      })),
    ],
  });
}

const fixed = (n: number, digits: number): string =>
  n.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

function tableOf(operations: readonly ProfiledOperation[], launches: readonly TimedLaunch[], wall: number): string {
  const total = operations.reduce((n, { us }) => n + us, 0);
  const rows = operations.map(({ name, calls, us, bytes }) => [
    name.length > 60 ? `${name.slice(0, 59)}…` : name,
    fixed(calls, 0),
    fixed(us, 1),
    total === 0 ? "" : `${fixed((100 * us) / total, 1)}%`,
    fixed(bytes / 1e6, 3),
    us === 0 ? "" : fixed(bytes / us / 1e3, 2),
  ]);
  const lines = [["operation", "calls", "µs", "share", "MB", "GB/s"], ...rows];
  const width = lines[0]!.map((_, k) => Math.max(...lines.map((line) => line[k]!.length)));
  const text = lines.map((line) =>
    line.map((cell, k) => (k === 0 ? cell.padEnd(width[k]!) : cell.padStart(width[k]!))).join("  "),
  );
  text.push(`${fixed(launches.length, 0)} launches in ${fixed(total / 1000, 3)} ms, of ${fixed(wall, 3)} ms in all`);
  const devices = new Set(launches.map(({ device }) => device));
  for (const device of devices)
    if (launches.every((launch) => launch.device !== device || launch.us === 0))
      text.push(`${device} measured no times: open it with { profile: true }, on a device that has timestamps`);
  return text.join("\n");
}

/**
 * Calls f, which may be asynchronous, and returns a promise of where the time went: every launch of every backend, with
 * its operations (merged ones share a launch), microseconds and bytes; as text a table by operation, and by `trace()` a
 * file for ui.perfetto.dev. What f leaves pending and a handle needs runs before the end, and what else runs before the
 * promise settles counts as well, also for calls around this one. The CPU is timed by the
 * clock, WebGPU by timestamps of the device if the backend was opened with `{ profile: true }`. Run f once before, so
 * that nothing has to be compiled.
 *
 * @example
 * const x = rand([100, 100]);
 * const report = await profile(() => sum(matmul(x, x)));
 * console.log(`${report}`); // a line for each operation
 * report.trace().startsWith("{"); // true
 */
export async function profile<R>(f: () => R): Promise<Profile<Awaited<R>>> {
  readValue("profile", "what is called", f, callable);
  const log: LaunchLog = { launches: [], later: new Set() };
  const begun = now();
  let result: Awaited<R>;
  try {
    flush();
    (context.logs ??= new Set()).add(log);
    result = await f();
    flush();
  } finally {
    context.logs?.delete(log);
    if (context.logs?.size === 0) context.logs = undefined;
  }
  const told = await Promise.all([...log.later].map((ask) => ask(log)));
  const wall = now() - begun;
  const launches = [...log.launches, ...told.flat()].toSorted((a, b) => a.start - b.start);
  const operations = summed(launches);
  return {
    result,
    wall,
    launches,
    operations,
    trace: () => traceOf(launches),
    toString: () => tableOf(operations, launches, wall),
  };
}
