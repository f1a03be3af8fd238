// The report as text: Markdown tables, which read as well on a terminal.
import { isMissing, median, OURS, type Timing } from "./measure.ts";
import type { Report } from "./report.ts";
import type { Target } from "./rows/row.ts";

/** Three figures that mean something. */
export const figure = (x: number): string =>
  x >= 1000 ? Math.round(x).toLocaleString("en") : String(Number(x.toPrecision(3)));
export const times = (x: number): string =>
  `${x >= 100 ? Math.round(x).toLocaleString("en") : x.toPrecision(x < 1 ? 2 : 3)}×`;

/** A Markdown table whose columns line up; the first is text. */
export function lines(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, k) => Math.max(2, title.length, ...body.map((cells) => cells[k]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, k) => (k === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

const wanted = (target: Target | undefined, unit: string): string =>
  target === undefined ? "" : "below" in target ? `< ${target.below} ${unit}` : `≥ ${target.timesPyTorch}×`;

/** By which clock: the one on the wall, or the processor's, which stands still while others have the core. */
export type Clock = "wall" | "cpu";

/** One line a row: Weft's time, each other's time, and how many times the other's speed Weft's is. */
function rowTable({ rows, contenders }: Report, clock: Clock): string {
  const others = contenders.filter(({ name }) => name !== OURS);
  const head = ["row", "unit", "Weft", ...others.flatMap(({ title }) => [title, "×"]), "wanted"];
  const time = (timing: Timing): string => figure(timing[clock]) + (timing.rounds === 0 ? "¹" : "");
  const body = rows
    .filter(({ group }) => group !== "recording")
    .map(({ name, unit, target, timings }) => {
      const cells = (contender: string): string[] => {
        const timing = timings[contender];
        if (timing === undefined || isMissing<object>(timing)) return ["–", ""];
        const { ratio } = timing as Timing;
        return [time(timing as Timing), ratio === undefined ? "" : times(ratio[clock])];
      };
      const ours = timings[OURS];
      const mine = ours === undefined || isMissing<object>(ours) ? "–" : figure(ours[clock]);
      return [name, unit, mine, ...others.flatMap((other) => cells(other.name)), wanted(target, unit)];
    });
  return lines(head, body);
}

/** Seconds of 6,000 calls as prefixes grow, what each adds, and the two ratios. */
function recordingTable({ recording = {}, contenders }: Report, clock: Clock): string {
  const present = contenders.filter(({ name }) => recording[name] !== undefined);
  const seconds = (x: number): string => x.toFixed(3);
  const first = recording[present[0]!.name]!;
  const body = first.prefixes.map(({ what }, k) => [
    what,
    ...present.flatMap(({ name }) => {
      const { prefixes } = recording[name]!;
      const adds = prefixes[k]![clock] - (prefixes[k - 1]?.[clock] ?? 0);
      return [seconds(prefixes[k]![clock]), k >= first.prefixes.length - 2 ? "" : seconds(adds)];
    }),
  ]);
  const ratio = (of: "recording" | "backprop", title: string): string[] => [
    title,
    ...present.flatMap(({ name }) => [`${recording[name]![of][clock].toFixed(3)}×`, ""]),
  ];
  return lines(
    ["seconds of 6,000 calls", ...present.flatMap(({ title }) => [title, "adds"])],
    [...body, ratio("recording", "recording / forward"), ratio("backprop", "with backprop / forward")],
  );
}

/** What is to be said about rows, and what planning costs: the difference between two of them. */
function notes({ rows, contenders }: Report): string {
  const said = rows.flatMap(({ name, timings }) =>
    contenders.flatMap((contender) => {
      const timing = timings[contender.name];
      return timing !== undefined && "note" in timing ? [`- ${name}, ${contender.title}: ${timing.note}`] : [];
    }),
  );
  const [known, unknown] = ["planning-known", "planning-new"].map((row) => {
    const timing = rows.find(({ name }) => name === row)?.timings[OURS];
    return timing === undefined || isMissing<object>(timing) ? undefined : timing;
  });
  if (known !== undefined && unknown !== undefined)
    said.push(`- planning on a cache miss: ${figure(unknown.cpu - known.cpu)} µs a node (wanted: at most 2)`);
  return said.join("\n");
}

/** How much of the time by the clock Weft had the core. */
const share = ({ rows }: Report): number =>
  median(
    rows.flatMap(({ timings }) => {
      const ours = timings[OURS];
      return ours === undefined || isMissing<object>(ours) ? [] : [ours.cpu / ours.wall];
    }),
  );

export function text(report: Report, clock: Clock = "wall"): string {
  const { machine, contenders, absent, rows, rounds, block } = report;
  const bound = machine.core === null ? "not bound to a core" : `all on core ${machine.core}`;
  const [before, after] = machine.load.map((load) => load.toFixed(1));
  const parts = [
    `${report.date}: ${machine.processor}, ${machine.cores} cores (${bound}), ${machine.system}; load ${before} before, ${after} after.`,
    `Medians of ${rounds} rounds, blocks of ${block} ms, ${clock === "wall" ? "by the clock" : "processor time"}; × is how many times the other's speed Weft's is.`,
    share(report) < 0.9 && clock === "wall"
      ? `The machine was busy: Weft had its core ${Math.round(100 * share(report))} % of the time. See --clock cpu.`
      : "",
    contenders.map(({ title, version, detail }) => `- ${title} ${version}: ${detail}`).join("\n"),
    Object.entries(absent)
      .map(([name, reason]) => `- without ${name}: ${reason}`)
      .join("\n"),
  ];
  if (rows.some(({ group }) => group !== "recording")) parts.push(rowTable(report, clock));
  if (rows.some(({ timings }) => Object.values(timings).some((t) => "rounds" in t && t.rounds === 0)))
    parts.push("¹ One step: the first, if that is meant or took over a minute, else the second; no rounds.");
  parts.push(notes(report));
  if (report.recording !== undefined) parts.push(recordingTable(report, clock));
  return parts.filter((part) => part !== "").join("\n\n");
}
