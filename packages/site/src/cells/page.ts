// What a cell can show beside text, for `import { show, table, image, curve, progressBar } from "@weft/site/page"`.
import { isTensor, type Tensor, type TypedArray } from "@weft/tensor";
import type { Display, ProgressState } from "@weft/data";
import { freshId, put, type Output } from "./output.ts";
import { colored, pictures } from "./pictures.ts";
import { asValue, formatted, shown } from "./printing.ts";

/** Shows values as the last expression of a cell is shown: tensors with their elements, shape and dtype. */
export function show(...values: readonly unknown[]): void {
  put(shown(values, asValue));
}

/**
 * Shows rows as a table. The columns are the fields of the first row, or those that are named.
 *
 * @example table([{ model: "MLP", accuracy: 0.97 }, { model: "LeNet", accuracy: 0.99 }])
 */
export function table(rows: readonly Readonly<Record<string, unknown>>[], columns = Object.keys(rows[0] ?? {})): void {
  const cell = (value: unknown): string => (typeof value === "number" ? short(value) : formatted([value]));
  put({
    kind: "table",
    columns: columns.map(String),
    rows: rows.map((row) => columns.map((column) => cell(row[column]))),
  });
}

const short = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4))));

export interface ImageOptions {
  /** A text under each picture. */
  readonly labels?: readonly unknown[];
  /** The values that are black and white: [0, 255] for bytes, otherwise [0, 1]. */
  readonly range?: readonly [black: number, white: number];
  /** Screen pixels for each pixel (2, or what makes a picture 56 pixels wide). */
  readonly scale?: number;
}

/** Pictures on the host, as data sets have them. */
export interface HostImages {
  readonly data: TypedArray;
  readonly shape: readonly number[];
}

/**
 * Shows a picture, or several in a grid: [height, width], [channels, height, width] or [n, channels, height, width], with
 * one channel (gray) or three (red, green, blue).
 *
 * @example image(x, { labels: ["seven", "two"] })
 */
export function image(x: Tensor | HostImages, { labels = [], range, scale }: ImageOptions = {}): void {
  const shape = pictures(x.shape);
  numeric("image", "scale", scale ?? 1);
  const output = (data: TypedArray): Output => ({
    kind: "images",
    width: shape.width,
    height: shape.height,
    pixels: colored(data, shape, range ?? (data instanceof Uint8Array ? [0, 255] : [0, 1])),
    labels: labels.map((label) => formatted([label])),
    scale: scale ?? Math.max(1, Math.round(56 / shape.width)),
  });
  put(isTensor(x) ? x.data().then(output) : output(x.data));
}

export interface CurveOptions {
  /** The name of what goes to the right ("step"). */
  readonly x?: string;
  /** Whether equal factors are equally high. */
  readonly log?: boolean;
}

export interface Curve {
  /** Adds a point of each line. */
  add(x: number, ...values: readonly number[]): void;
}

/**
 * A chart of one line, or of several, to which points are added while the cell runs.
 *
 * @example
 * const losses = curve("loss", { log: true });
 * for (const [step, loss] of [0.9, 0.5, 0.3].entries()) losses.add(step, loss);
 */
export function curve(names: string | readonly string[], { x = "step", log = false }: CurveOptions = {}): Curve {
  const id = freshId();
  put({
    kind: "curve",
    id,
    names: (typeof names === "string" ? [names] : names).map(String),
    x: String(x),
    log: log === true,
  });
  return {
    add(x, ...values) {
      [x, ...values].forEach((value, i) => numeric("curve.add", i === 0 ? "x" : `value ${i}`, value));
      put({ kind: "point", id, x, values });
    },
  };
}

/** What is drawn must be a number: a tensor is a common slip, and no message to the page can carry it. */
function numeric(operation: string, what: string, value: unknown): void {
  if (typeof value === "number") return;
  const given = isTensor(value) ? `a tensor ${value.dtype}[${value.shape.join(", ")}]` : formatted([value]);
  const advice = isTensor(value) ? "; read it first: await x.item()" : "";
  throw new TypeError(`${operation}: wanted a number as ${what}, got ${given}${advice}`);
}

/** Milliseconds between two drawings of a bar. */
const PAUSE = 50;

/**
 * Shows the progress of a loop in the page: `progress(steps, { display: progressBar() })`, with `progress` of
 * `@weft/data`.
 */
export function progressBar(): Display {
  const id = freshId();
  let next = 0;
  const draw = ({ name, count, total, seconds, message }: ProgressState): void => {
    const of = total === undefined ? String(count) : `${count}/${total}`;
    const text = [name, of, `${seconds().toFixed(1)} s`, message].filter(Boolean).join(" · ");
    put({ kind: "progress", id, text, part: total === undefined ? undefined : count / total });
  };
  return {
    update(state) {
      const now = performance.now();
      if (now < next) return;
      next = now + PAUSE;
      draw(state);
    },
    close: draw,
    log: (line) => put({ kind: "text", text: line, level: "log" }),
  };
}
