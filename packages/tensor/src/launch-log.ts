// What backends note of the launches that they run while someone measures: the contract between them and `profile`.

/** One launch: a kernel or a call, which runs one operation or several merged ones. */
export interface TimedLaunch {
  /** The operations. */
  readonly name: string;
  /** The backend. */
  readonly device: string;
  /** Milliseconds, on the clock of `performance.now()`. */
  readonly start: number;
  /** Microseconds on the device; 0 where that cannot be measured. */
  readonly us: number;
  /** Bytes of the values that it reads and writes, each counted once. */
  readonly bytes: number;
}

export interface LaunchLog {
  readonly launches: TimedLaunch[];
  /** For devices that know times only later: what to ask when all has been launched. */
  readonly later: Set<(log: LaunchLog) => Promise<readonly TimedLaunch[]>>;
}

/** Notes a launch in each log. */
export function note(logs: Iterable<LaunchLog>, launch: TimedLaunch): void {
  for (const { launches } of logs) launches.push(launch);
}
