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

/** The state at the beginning. */
export function beginning(
  name: string | undefined,
  total?: number,
  unit: ProgressState["unit"] = "items",
): ProgressState & { total: number | undefined } {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  return { name, count: 0, total: known(total), unit, seconds, message: "" };
}

const clock = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  const tail = String(s % 60).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
};

const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));
const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const WIDTH = 20;

/** A bar of 20 characters, drawn to an eighth of one. */
export function bar(part: number): string {
  const filled = Math.round(Math.min(Math.max(part, 0), 1) * WIDTH * 8);
  return ("█".repeat(filled >> 3) + eighths[filled & 7]!).padEnd(WIDTH);
}

/**
 * One line: `digits ▕█████     ▏ 25% 150/600 [0:03<0:12, 51.2/s] loss 0.2345`. Elapsed time, estimated total time,
 * and items per second (or seconds per item). Without a total there is neither a bar nor an estimate.
 */
export function text(state: ProgressState, drawn: boolean): string {
  const { name, count, total, unit } = state;
  const seconds = state.seconds();
  const of = unit === "bytes" ? mega : String;
  const rate = seconds > 0 ? count / seconds : 0;
  const speed =
    unit === "bytes"
      ? `${mega(rate)} MB/s`
      : rate >= 1 || rate === 0
        ? `${digits(rate)}/s`
        : `${digits(1 / rate)} s each`;
  const parts: string[] = name === undefined ? [] : [name];
  if (total !== undefined && total > 0) {
    const part = count / total;
    if (drawn) parts.push(`▕${bar(part)}▏`);
    parts.push(`${Math.floor(100 * Math.min(part, 1))}%`.padStart(4).trimStart());
  }
  const amount = total === undefined ? of(count) : `${of(count)}/${of(total)}`;
  parts.push(unit === "bytes" ? `${amount} MB` : amount);
  const whole = total !== undefined && rate > 0 ? `<${clock(total / rate)}` : "";
  parts.push(`[${clock(seconds)}${whole}, ${speed}]`);
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
