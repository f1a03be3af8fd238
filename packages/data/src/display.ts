// Progress as a line of text, and the plain lines that are shown where nothing can be redrawn.

/** The progress of a loop or a download. */
export interface ProgressState {
  /** Shown before the bar, if given. */
  readonly name: string | undefined;
  /** Items (or bytes) so far. */
  count: number;
  /** How many there will be, if known. */
  readonly total: number | undefined;
  readonly unit: "items" | "bytes";
  /** Seconds since the beginning. */
  readonly seconds: () => number;
  /**
   * Items (bytes) a second; undefined while it is not known. An item that a loop has just got may still have to be worked
   * on, so in a running loop it is what was done since the first one came.
   */
  readonly speed: () => number | undefined;
  /** Text that the loop adds: `loss 0.1234`. */
  message: string;
}

/** Shows progress. */
export interface Display {
  /** Called after each item; decides how often to draw. */
  update(state: ProgressState): void;
  /** Called once, however the loop ends. */
  close(state: ProgressState): void;
  /** Writes a line that stays. */
  log?(line: string): void;
}

/** Where text goes, such as `process.stderr`. */
export interface TextStream {
  write: (text: string) => unknown;
  readonly isTTY?: boolean | undefined;
}

/** A total that can be shown. */
export const known = (total: number | undefined): number | undefined =>
  total !== undefined && Number.isFinite(total) ? total : undefined;

/** The state at the beginning; `since` is from when on, and from which count, its speed is. */
export function beginning(
  name: string | undefined,
  total?: number,
  unit: ProgressState["unit"] = "items",
): ProgressState & { total: number | undefined; since: { readonly count: number; readonly at: number } } {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  return {
    name,
    count: 0,
    total: known(total),
    unit,
    seconds,
    since: { count: 0, at: 0 },
    speed() {
      const [done, took] = [this.count - this.since.count, seconds() - this.since.at];
      return done > 0 && took > 0 ? done / took : undefined;
    },
    message: "",
  };
}

const clock = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  const tail = String(s % 60).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
};

const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));

const speedOf = (rate: number, unit: ProgressState["unit"]): string => {
  if (unit === "bytes") return `${(rate / 1e6).toFixed(1)} MB/s`;
  return rate >= 1 ? `${digits(rate)}/s` : `${digits(1 / rate)} s each`;
};

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const WIDTH = 20;

/** A bar of 20 characters, drawn to an eighth of one. */
export function bar(part: number): string {
  const filled = Math.round(Math.min(Math.max(part, 0), 1) * WIDTH * 8);
  return ("█".repeat(filled >> 3) + eighths[filled & 7]!).padEnd(WIDTH);
}

/**
 * One line: `digits ▕█████     ▏ 25% 150/600 [0:03<0:12, 51.2/s] loss 0.2345`. Elapsed time, estimated total time,
 * and items per second (or seconds per item), as far as they are known. Without a total there is neither a bar nor an
 * estimate.
 */
export function text(state: ProgressState, drawn: boolean): string {
  const { name, count, total, unit } = state;
  const seconds = state.seconds();
  const [divisor, prefix] = (total ?? count) < 1e6 ? [1e3, "k"] : [1e6, "M"];
  const of = unit === "bytes" ? (bytes: number) => (bytes / divisor).toFixed(1) : String;
  const rate = state.speed();
  const parts: string[] = name === undefined ? [] : [name];
  if (total !== undefined && total > 0) {
    const part = count / total;
    if (drawn) parts.push(`▕${bar(part)}▏`);
    parts.push(`${Math.floor(100 * Math.min(part, 1))}%`.padStart(4).trimStart());
  }
  const amount = total === undefined ? of(count) : `${of(count)}/${of(total)}`;
  parts.push(unit === "bytes" ? `${amount} ${prefix}B` : amount);
  const whole = total !== undefined && rate !== undefined ? `<${clock(total / rate)}` : "";
  parts.push(`[${clock(seconds)}${whole}${rate === undefined ? "" : `, ${speedOf(rate, unit)}`}]`);
  if (state.message !== "") parts.push(state.message);
  return parts.join(" ");
}

/** Plain lines for logs: at the first item, then every `seconds` seconds, and at the end. */
export function lines(write: (line: string) => void, seconds: number): Display {
  let shown = -1;
  let next = 0;
  const print = (state: ProgressState): void => {
    shown = state.count;
    next = state.seconds() + seconds;
    write(text(state, false));
  };
  return {
    update(state) {
      if (state.count === state.total) return; // its end writes it, with the last number
      if (state.seconds() >= next || shown === -1) print(state);
    },
    close(state) {
      if (state.count !== shown || state.message !== "") print(state);
    },
    log: write,
  };
}
