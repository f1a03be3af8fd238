// The report of a run on a GPU as text: Weft compared with PyTorch, and where Weft's time goes.
import { markdownTable, median } from "@weft/examples/internals";
import { isMissing } from "../measure.ts";
import { figure, times } from "../figures.ts";
import type { GpuReport, GpuRowReport, Made, Timed, WeftFigures } from "./report.ts";

const WEFT = "weft";

const figuresOf = (row: GpuRowReport | undefined, contender: string): Timed | undefined => {
  const found = row?.figures[contender];
  return found === undefined || isMissing<object>(found) ? undefined : (found as Timed);
};

/** Weft's speed divided by the other's: the median over rounds; in older reports of the medians. */
const ratio = ({ inTurns }: GpuReport, ours: Timed, other: Timed): number =>
  inTurns === true
    ? median(ours.samples.slice(0, other.samples.length).map((sample, round) => other.samples[round]! / sample))
    : other.step / ours.step;

/** One line per row, and a second one where operations per second are shown. */
function compared(report: GpuReport): string {
  const others = report.contenders.filter(({ name }) => name !== WEFT);
  const head = ["row", "unit", "Weft", ...others.flatMap(({ title }) => [title, "×"])];
  const body = report.rows.flatMap((row) => {
    const { name, unit, per, flop } = row;
    const ours = figuresOf(row, WEFT);
    const all = [ours, ...others.map((other) => figuresOf(row, other.name))];
    const cells = (text: (t: Timed) => string, compare: boolean): string[] =>
      all.flatMap((t, k) => {
        const cell = t === undefined ? "–" : text(t);
        if (k === 0) return [cell];
        return [cell, compare && t !== undefined && ours !== undefined ? times(ratio(report, ours, t)) : ""];
      });
    const scale = (unit === "µs" ? 1000 : 1) / per;
    const first = [name, unit, ...cells((t) => figure(t.step * scale), true)];
    if (flop === undefined) return [first];
    return [first, ["", "TFLOP/s", ...cells((t) => figure(flop / t.step / 1e9), false)]];
  });
  return markdownTable(head, body);
}

const count = (x: number): string => (Number.isInteger(x) ? String(x) : x.toFixed(2));
const madeText = (made: Made): string => {
  const some = Object.entries(made).filter(([, number]) => number !== 0);
  return some.length === 0 ? "0" : some.map(([name, number]) => `${number} ${name}`).join(", ");
};

/** Where the time of a Weft step goes, in microseconds. */
function broken({ rows }: GpuReport): string {
  const head = [
    "µs per step",
    "step",
    "host",
    "record",
    "encode",
    "device",
    "dispatches",
    "passes",
    "submits",
    "made late",
  ];
  const us = (ms: number): string => figure(ms * 1000);
  const body = rows.flatMap((row) => {
    const ours = figuresOf(row, WEFT) as WeftFigures | undefined;
    if (ours === undefined) return [];
    const { step, host, dispatches, passes, submits, late, breakdown: b } = ours;
    const parts = isMissing(b) ? ["–", "–", "–"] : [us(b.record), us(b.encode), b.device === 0 ? "–" : us(b.device)];
    return [[row.name, us(step), us(host), ...parts, count(dispatches), count(passes), count(submits), madeText(late)]];
  });
  return body.length === 0 ? "" : markdownTable(head, body);
}

/** Shortens long labels of merged dispatches, and replaces their separator, which would end a table cell. */
const short = (label: string): string => (label.length > 120 ? `${label.slice(0, 119)}…` : label).replaceAll("|", "‖");

/** The longest dispatches of each row. */
function longest({ rows }: GpuReport): string {
  return rows
    .flatMap((row) => {
      const ours = figuresOf(row, WEFT) as WeftFigures | undefined;
      if (ours === undefined || isMissing(ours.breakdown)) return [];
      const body = ours.breakdown.longest.map((d) => [short(d.label), count(d.count), figure(d.us)]);
      return body.length === 0 ? [] : [markdownTable([row.name, "a step", "µs"], body)];
    })
    .join("\n\n");
}

const missing = ({ rows }: GpuReport): string =>
  rows
    .flatMap(({ name, figures }) =>
      Object.entries(figures).flatMap(([contender, found]) =>
        isMissing<object>(found) ? [`- ${name} without ${contender}: ${found.missing}`] : [],
      ),
    )
    .join("\n");

export function text(report: GpuReport, detail: boolean): string {
  const { machine, adapter, contenders, absent, samples, inTurns } = report;
  const parts = [
    `${report.date}: ${machine.processor}, ${machine.cores} cores, ${machine.system}.`,
    [
      ...contenders.map(({ title, version, detail }) => `- ${title} ${version}: ${detail}`),
      ...Object.entries(absent).map(([name, reason]) => `- without ${name}: ${reason}`),
    ].join("\n"),
    adapter?.software === true ? "The adapter is a software driver: its times say nothing about a GPU." : "",
    inTurns === true
      ? `Medians of ${samples} rounds, in which each does a block of steps in turn, nothing read within a block; ` +
        "× is Weft's speed divided by the other's: the median of the ratios within a round."
      : `Medians of ${samples} blocks of steps, nothing read within a block; × is Weft's speed divided by the other's.`,
    compared(report),
    broken(report),
    adapter === undefined
      ? ""
      : "host: before waiting; record: operations, gradients, finding the plan; encode: arguments and commands; " +
        "device: every dispatch timed by itself (–: no timestamps); " +
        "made late: by the backend after the tenth step (wanted: 0).",
    detail ? longest(report) : "",
    missing(report),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}
