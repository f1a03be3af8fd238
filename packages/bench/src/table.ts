// The report as text: Markdown tables, which are also readable on a terminal.
import { markdownTable, median } from "@weft/examples/internals";
import { NOT_IMPLEMENTED } from "./contender.ts";
import { figure, times } from "./figures.ts";
import { isMissing, isOurs, OURS, type Clock, type Timing } from "./measure.ts";
import { publishedTables } from "./published-tables.ts";
import type { Report } from "./report.ts";
import type { Target } from "./rows/row.ts";

const wanted = (target: Target | undefined, unit: string): string =>
  target === undefined ? "" : "below" in target ? `< ${target.below} ${unit}` : `≥ ${target.timesPyTorch}×`;

type RowTiming = Report["rows"][number]["timings"][string];

/** Neither of the costs of recording nor of the published tables, which are tables of their own. */
const isPlain = ({ group, line }: Report["rows"][number]): boolean => group !== "recording" && line === undefined;

/** One line per row: Weft's time, each other contender's time, and Weft's speed relative to the other's. */
function rowTable({ rows, contenders }: Report, clock: Clock): string {
  const ours = contenders.filter(isOurs);
  const others = contenders.filter((contender) => !isOurs(contender));
  const titles = ours.length === 0 ? ["Weft"] : ours.map(({ title }) => title);
  const head = ["row", "unit", ...titles, ...others.flatMap(({ title }) => [title, "×"]), "wanted"];
  const time = (timing: Timing): string => figure(timing[clock]) + (timing.rounds === 0 ? "¹" : "");
  const body = rows.filter(isPlain).map(({ name, unit, target, timings }) => {
    const cells = (contender: string): string[] => {
      const timing = timings[contender];
      if (timing === undefined || isMissing<object>(timing)) return ["–", ""];
      const { ratio } = timing as Timing;
      return [time(timing as Timing), ratio === undefined ? "" : times(ratio[clock])];
    };
    const weft = ours.length === 0 ? ["–"] : ours.map((one) => cells(one.name)[0]!);
    return [name, unit, ...weft, ...others.flatMap((other) => cells(other.name)), wanted(target, unit)];
  });
  return markdownTable(head, body);
}

/** Seconds for 6,000 calls of growing prefixes, what each step adds, and the two ratios. */
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
  return markdownTable(
    ["seconds of 6,000 calls", ...present.flatMap(({ title }) => [title, "adds"])],
    [...body, ratio("recording", "recording / forward"), ratio("backprop", "with backprop / forward")],
  );
}

/** What there is to say of a figure: fewer rounds than others have, the contender's note, why there is none. */
function remarks(timing: RowTiming | undefined, rounds: number): string[] {
  if (timing === undefined || (isMissing<object>(timing) && timing.missing === NOT_IMPLEMENTED)) return [];
  if (isMissing<object>(timing)) return [`not measured: ${timing.missing}`];
  const said = timing.note === undefined ? [] : [timing.note];
  const fewer = timing.rounds > 0 && timing.rounds < rounds; // of a single step the footnote speaks
  return fewer ? [...said, `${timing.rounds} ${timing.rounds === 1 ? "round" : "rounds"}, since a step is slow`] : said;
}

/** Notes on rows, and the cost of planning: the difference between two of them. */
function notes({ rows, contenders, rounds }: Report): string {
  const list = rows.flatMap(({ name, timings }) =>
    contenders.flatMap((contender) =>
      remarks(timings[contender.name], rounds).map((remark) => `- ${name}, ${contender.title}: ${remark}`),
    ),
  );
  const [known, unknown] = ["planning-known", "planning-new"].map((row) => {
    const timing = rows.find(({ name }) => name === row)?.timings[contenders.find(isOurs)?.name ?? OURS];
    return timing === undefined || isMissing<object>(timing) ? undefined : timing;
  });
  if (known !== undefined && unknown !== undefined)
    list.push(`- planning on a cache miss: ${figure(unknown.cpu - known.cpu)} µs per node (wanted: at most 2)`);
  return list.join("\n");
}

/** The fraction of wall-clock time in which Weft had the core. */
const share = ({ rows, contenders }: Report): number =>
  median(
    rows.flatMap(({ timings }) => {
      const ours = timings[contenders.find(isOurs)?.name ?? OURS];
      return ours === undefined || isMissing<object>(ours) ? [] : [ours.cpu / ours.wall];
    }),
  );

export function text(report: Report, clock: Clock = "wall"): string {
  const { machine, contenders, absent, rows, rounds, block } = report;
  const threads = Math.max(...[machine.threads ?? 1].flat());
  const bound =
    machine.core === null
      ? "not bound to a core"
      : `all on ${threads === 1 ? "core" : `${threads} threads on cores`} ${machine.core}`;
  const [before, after] = machine.load.map((load) => load.toFixed(1));
  const parts = [
    `${report.date}: ${machine.processor}, ${machine.cores} cores (${bound}), ${machine.system}; ` +
      `load ${before} before, ${after} after.`,
    `Medians of ${rounds} rounds, blocks of ${block} ms, ${clock === "wall" ? "wall-clock" : "processor"} time; ` +
      "× is Weft's speed divided by the other's: the median of the ratios within a round.",
    share(report) < 0.9 && clock === "wall"
      ? `The machine was busy: Weft had its core ${Math.round(100 * share(report))} % of the time. See --clock cpu.`
      : "",
    contenders.map(({ title, version, detail }) => `- ${title} ${version}: ${detail}`).join("\n"),
    Object.entries(absent)
      .map(([name, reason]) => `- without ${name}: ${reason}`)
      .join("\n"),
  ];
  if (rows.some(isPlain)) parts.push(rowTable(report, clock));
  parts.push(...publishedTables(report, clock));
  if (rows.some(({ timings }) => Object.values(timings).some((t) => "rounds" in t && t.rounds === 0)))
    parts.push("¹ A single step: the first, if the row measures that or it took over a minute, else the second.");
  parts.push(notes(report));
  if (report.recording !== undefined) parts.push(recordingTable(report, clock));
  return parts.filter((part) => part !== "").join("\n\n");
}
