// How far something has come, as a line of text; and the plain lines that are shown where nothing can be redrawn.

/** How far a loop or a download has come. */
export interface ProgressState {
  /** What it is, where that has to be said. */
  readonly name: string | undefined;
  /** Items (or bytes) so far. */
  count: number;
  /** How many there will be, where that is known. */
  readonly total: number | undefined;
  readonly unit: "items" | "bytes";
  /** Seconds since the beginning. */
  readonly seconds: () => number;
  /** What the loop has to say: `loss 0.1234`. */
  message: string;
}

/** Shows how far something has come. */
export interface Display {
  /** Called after each item: decides by itself how often something is drawn. */
  update(stand: ProgressState): void;
  /** Called once, at the end, however it came about. */
  close(stand: ProgressState): void;
  /** Writes a line that stays, beside what is redrawn. */
  log?(line: string): void;
}

/** Where text goes: `process.stderr` is one. */
export interface TextStream {
  write: (text: string) => unknown;
  readonly isTTY?: boolean | undefined;
}

/** A stand at its beginning. */
export function beginning(
  name: string | undefined,
  total: number | undefined,
  unit: ProgressState["unit"] = "items",
): ProgressState {
  const start = performance.now();
  const known = total !== undefined && Number.isFinite(total) ? total : undefined;
  return { name, count: 0, total: known, unit, seconds: () => (performance.now() - start) / 1000, message: "" };
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

/** A bar 20 wide, drawn to an eighth of a character. */
export function bar(part: number): string {
  const filled = Math.round(Math.min(Math.max(part, 0), 1) * WIDTH * 8);
  return ("█".repeat(filled >> 3) + eighths[filled & 7]!).padEnd(WIDTH);
}

/**
 * One line: `digits ▕█████     ▏ 25% 150/600 [0:03<0:12, 51.2/s] loss 0.2345`. Time so far, time in all as it looks now,
 * and items in a second (or seconds for an item). Without a total there is neither bar nor time in all.
 */
export function text(stand: ProgressState, drawn: boolean): string {
  const { name, count, total, unit } = stand;
  const seconds = stand.seconds();
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
  if (stand.message !== "") parts.push(stand.message);
  return parts.join(" ");
}

/** Plain lines for logs: at the first item, then every so many seconds, and at the end. */
export function lines(write: (line: string) => void, seconds: number): Display {
  let shown = -1;
  let next = 0;
  const print = (stand: ProgressState): void => {
    shown = stand.count;
    next = stand.seconds() + seconds;
    write(text(stand, false));
  };
  return {
    update(stand) {
      if (stand.seconds() >= next || shown === -1) print(stand);
    },
    close(stand) {
      if (stand.count !== shown || stand.message !== "") print(stand);
    },
    log: write,
  };
}
