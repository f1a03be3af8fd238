// The charts of a report, drawn by Observable Plot as plain SVG: no script runs when the page is opened.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Noted } from "../training/training-record.ts";

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** A chart as text. Inside HTML, SVG needs no namespace; without it the page contains no URL at all. */
function drawn(options: Plot.PlotOptions): string {
  const svg = Plot.plot({ document, style: { fontSize: "12px", background: "none" }, ...options });
  return svg.outerHTML.replaceAll(/ xmlns(:\w+)?="[^"]*"/g, "");
}

const hue = { main: "#3b76b8", wrong: "#d1572b" };
/** Those of the curves in one chart. */
const hues = [hue.main, hue.wrong, "#3c8f5a", "#8a5ab8"] as const;

/** The label of an axis, centered and clear of the ticks. */
const below = { labelAnchor: "center", labelArrow: "none", labelOffset: 38 } as const;

interface Point {
  readonly x: number;
  readonly y: number;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;

/** At most `most` points: each is the mean of its neighbors. A step is at its middle, and the end of the last is `perUnit`. */
function thinned(values: readonly Noted[], most: number, perUnit: number): Point[] {
  const width = Math.max(1, Math.ceil(values.length / most));
  return Array.from({ length: Math.ceil(values.length / width) }, (_, i) => {
    const part = values.slice(i * width, (i + 1) * width);
    return { x: mean(part.map(({ step }) => step - 0.5)) / perUnit, y: mean(part.map(({ value }) => value)) };
  });
}

/** A moving mean over about `span` values on both sides of each. */
const smoothed = (values: readonly number[], span: number): number[] =>
  values.map((_, i) => mean(values.slice(Math.max(0, i - span), i + span + 1)));

/** Round numbers from `least` to `most`: …, 0.1, 0.2, 0.5, 1, …; fewer per decade where there are many decades. */
function steps(least: number, most: number): number[] {
  const decades = Math.log10(most / least);
  const leading = decades > 4 ? [1] : decades > 2 ? [1, 3] : [1, 2, 5];
  const powers = Array.from({ length: 40 }, (_, i) => i - 20);
  const all = powers.flatMap((power) => leading.map((m) => Number(`${m}e${power}`)));
  return all.filter((x) => x >= least && x <= most);
}

interface LossCurveOptions {
  /** How many steps an epoch has; undefined before the first one is over: then the axis is of steps. */
  readonly perEpoch: number | undefined;
  /** Losses after evaluations, by name. */
  readonly evaluated?: Readonly<Record<string, readonly ResultPoint[]>>;
}

/**
 * Losses over epochs, on a logarithmic axis: those of every step, by name, as moving means, and what evaluations found.
 */
export function lossCurve(
  losses: Readonly<Record<string, readonly Noted[]>>,
  { perEpoch, evaluated = {} }: LossCurveOptions,
): string {
  const curves = Object.entries(losses).map(([name, values]) => {
    const raw = thinned(values, 600, perEpoch ?? 1).filter(({ y }) => y > 0);
    const ys = raw.map(({ y }) => y);
    const smooth = smoothed(ys, Math.ceil(raw.length / 60)).map((y, i) => ({ x: raw[i]!.x, y }));
    return { name, raw, line: smooth, dots: [] as Point[] };
  });
  for (const [name, points] of Object.entries(evaluated)) {
    const line = points.map(({ epoch, value }) => ({ x: epoch, y: value })).filter(({ y }) => y > 0);
    curves.push({ name, raw: [], line, dots: line });
  }
  const ys = curves.flatMap(({ raw, dots }) => [...raw, ...dots]).map(({ y }) => y);
  const [least, most] = [Math.min(...ys), Math.max(...ys)];
  const several = curves.length > 1;
  return drawn({
    ariaLabel: several ? `The ${curves.map(({ name }) => name).join(", the ")}` : "The loss of every step",
    width: 640,
    height: 300,
    marginLeft: 56,
    marginBottom: 44,
    ...(several ? { marginRight: 120 } : {}),
    x: { label: perEpoch === undefined ? "step" : "epoch", nice: true, ...below },
    y: { label: "loss", type: "log", grid: true, tickFormat: "~g", ticks: steps(least, most) },
    marks: curves.flatMap(({ name, raw, line, dots }, k) => {
      const stroke = hues[k % hues.length]!;
      return [
        Plot.line(raw, { x: "x", y: "y", stroke, strokeOpacity: several ? 0.25 : 0.4 }),
        Plot.line(line, { x: "x", y: "y", stroke, strokeWidth: 2.5 }),
        Plot.dot(dots, { x: "x", y: "y", fill: stroke, r: 4 }),
        ...(several ? [named(line, name, stroke)] : []),
      ];
    }),
  });
}

/** The name of a curve, at its end. */
const named = (line: readonly Point[], name: string, fill: string) =>
  Plot.text(line.slice(-1), { x: "x", y: "y", text: () => name, fill, dx: 8, textAnchor: "start" });

/** The error of every step, for a long run that converges early: both axes are logarithmic. */
export function errorCurve(errors: readonly Noted[]): string {
  const shown = new Set(Array.from({ length: 201 }, (_, i) => Math.round(errors.length ** (i / 200))));
  const points = Array.from(shown, (place) => errors[place - 1]!).map(({ step, value }) => ({ x: step, y: value }));
  const [least, most] = errors.reduce(([a, b], { value }) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity] as const); // oxfmt-ignore
  return drawn({
    ariaLabel: "The error, step by step",
    width: 640,
    height: 300,
    marginLeft: 56,
    marginBottom: 44,
    x: { label: "step", type: "log", tickFormat: ",", ticks: [1, 10, 100, 1e3, 1e4, 1e5, 1e6], ...below },
    y: { label: "error", type: "log", grid: true, tickFormat: "~g", ticks: steps(least, most) },
    marks: [Plot.line(points, { x: "x", y: "y", stroke: hue.main, strokeWidth: 2.5 })],
  });
}

/** The return of every episode and the mean of the last 100, with a line at the mean that is wanted. */
export function returnCurve(returns: readonly number[], wanted: number): string {
  const points = returns.map((y, i) => ({ x: i + 1, y }));
  const means = points.slice(99).map(({ x }) => {
    const part = returns.slice(x - 100, x);
    return { x, y: part.reduce((a, b) => a + b, 0) / part.length };
  });
  return drawn({
    ariaLabel: "The return of every episode",
    width: 640,
    height: 300,
    marginLeft: 56,
    marginBottom: 44,
    x: { label: "episode", ...below },
    y: { label: "return", grid: true, domain: [0, Math.max(wanted, ...returns)] },
    marks: [
      Plot.ruleY([wanted], { stroke: hue.wrong, strokeDasharray: "4 4" }),
      Plot.dot(points, { x: "x", y: "y", fill: hue.main, fillOpacity: 0.4, r: 2 }),
      Plot.line(means, { x: "x", y: "y", stroke: hue.main, strokeWidth: 2.5 }),
    ],
  });
}

export interface ResultPoint {
  readonly epoch: number;
  readonly value: number;
}

/** Results of one kind after each evaluation, by name. */
export function resultCurve(
  results: Readonly<Record<string, readonly ResultPoint[]>>,
  said: (value: number) => string,
): string {
  const all = Object.entries(results);
  const points = all[0]?.[1] ?? [];
  const last = points.at(-1)?.epoch ?? 1;
  const several = all.length > 1;
  return drawn({
    ariaLabel: `The ${all.map(([name]) => name).join(", the ")} after each evaluation`,
    width: 640,
    height: 230,
    marginLeft: 56,
    marginBottom: 44,
    marginTop: 28,
    ...(several ? { marginRight: 130 } : {}),
    inset: 12,
    x: {
      label: "epoch",
      ticks: points.length > 12 || last > 12 ? 10 : points.map(({ epoch }) => epoch),
      tickFormat: "~s",
      ...below,
    },
    y: { label: several ? "" : (all[0]?.[0] ?? ""), grid: true, ticks: 4, tickFormat: ".4~g" },
    marks: all.flatMap(([name, points], k) => {
      const stroke = hues[k % hues.length]!;
      return [
        Plot.line(points, { x: "epoch", y: "value", stroke, strokeWidth: 2.5 }),
        Plot.dot(points, {
          x: "epoch",
          y: "value",
          fill: stroke,
          r: 4,
          title: ({ epoch, value }: ResultPoint) => `epoch ${epoch}: ${said(value)}`,
        }),
        Plot.text(points.slice(-1), {
          x: "epoch",
          y: "value",
          text: ({ value }: ResultPoint) => said(value),
          dy: -12,
          fontWeight: "bold",
        }),
        ...(several
          ? [named(points.map(({ epoch, value }) => ({ x: epoch, y: value })), name, stroke)] // prettier-ignore
          : []),
      ];
    }),
  });
}

/** How often each label (row) was predicted as each class (column), by the names of the classes. */
export function confusionMatrix(counts: readonly (readonly number[])[], names: readonly string[]): string {
  const long = Math.max(...names.map((name) => name.length));
  const room = 25 + 7 * long; // for the names
  const axis = { domain: names, tickSize: 0, labelAnchor: "center", labelArrow: "none" } as const;
  const most = Math.max(5, ...counts.flatMap((row, i) => row.filter((_, j) => j !== i)));
  const cells = counts.flatMap((row, label) => {
    const total = row.reduce((a, b) => a + b, 0) || 1;
    return row.map((count, guess) => {
      const right = label === guess;
      const share = right ? count / total : Math.sqrt(count / most);
      return {
        label: names[label]!,
        guess: names[guess]!,
        count,
        right,
        strength: count === 0 ? 0.03 : 0.15 + 0.75 * share,
      };
    });
  });
  type TableCell = (typeof cells)[number];
  const place = { x: "guess", y: "label" };
  return drawn({
    ariaLabel: "Confusion matrix",
    width: 520 + room,
    height: 490 + room,
    marginLeft: 16 + room,
    marginTop: 12 + room,
    padding: 0.06,
    x: { axis: "top", label: "taken for", tickRotate: long > 4 ? -60 : 0, ...axis },
    y: { label: "is", ...axis },
    marks: [
      Plot.cell(cells, {
        ...place,
        fill: ({ right, count }: TableCell) => (count === 0 ? "currentColor" : right ? hue.main : hue.wrong),
        fillOpacity: "strength",
        rx: 3,
        title: ({ label, guess, count }: TableCell) =>
          label === guess ? `${label}: right ${count} times` : `${label} taken for ${guess}: ${count} times`,
      }),
      Plot.text(
        cells.filter(({ count }) => count > 0),
        { ...place, text: "count", fill: ({ strength }: TableCell) => (strength > 0.55 ? "white" : "currentColor") },
      ),
    ],
  });
}

/** The predictions of a regression against the true values. */
export function scatter(truth: ArrayLike<number>, predictions: ArrayLike<number>, unit: string): string {
  const points = Array.from(truth, (x, i) => ({ x, y: predictions[i]! }));
  const ends = points.flatMap(({ x, y }) => [x, y]);
  const line = [Math.min(...ends), Math.max(...ends)].map((x) => ({ x, y: x }));
  return drawn({
    ariaLabel: "The model's predictions against the true values",
    width: 560,
    height: 500,
    marginLeft: 56,
    marginBottom: 44,
    grid: true,
    x: { label: `true, ${unit}`, ...below },
    y: { label: `model, ${unit}` },
    marks: [
      Plot.line(line, { x: "x", y: "y", stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 4" }),
      Plot.dot(points, { x: "x", y: "y", fill: hue.main, fillOpacity: 0.55, r: 3 }),
    ],
  });
}
