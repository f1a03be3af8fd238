// Knet's published tables, with the speeds that were measured here.
import { here, markdownTable, tables, type Line } from "@weft/examples/internals";
import { figure, times } from "./figures.ts";
import { isMissing, isOurs, OURS, type Clock, type Timing } from "./measure.ts";
import type { Report } from "./report.ts";

/** Each table with a measured line: as it was published, with Weft's figure, those of the others, and the ratios. */
export function publishedTables({ rows, contenders, backend = "cpu" }: Report, clock: Clock): string[] {
  /** The column of the tables is Weft's, on the least threads. */
  const first = contenders.find(isOurs);
  const others = contenders.filter((contender) => contender !== first);
  const rowOf = ({ row: name, backend: only = backend }: Line) =>
    only === backend ? rows.find(({ line }) => line !== undefined && line === name) : undefined;

  const cellsOf = (line: Line): string[] => {
    const row = rowOf(line);
    const timingOf = (contender: string): Timing | undefined => {
      const timing = row?.timings[contender];
      return timing === undefined || isMissing<object>(timing) ? undefined : (timing as Timing);
    };
    /** In the unit of the line: seconds of the whole, or how many a second. */
    const speed = (timing: Timing | undefined): string => {
      if (row === undefined || timing === undefined) return row === undefined ? "" : "–";
      const value = row.whole === undefined ? 1e6 / timing[clock] : (timing[clock] * row.whole) / 1000;
      return figure(value) + (timing.rounds === 0 ? "¹" : "");
    };
    return [
      ...line.cells.map((cell) =>
        cell === here ? speed(timingOf(first?.name ?? OURS)) : typeof cell === "number" ? figure(cell) : cell,
      ),
      ...others.flatMap((other) => {
        const timing = timingOf(other.name);
        if (isOurs(other)) return [speed(timing)];
        return [speed(timing), timing?.ratio === undefined ? "" : times(timing.ratio[clock])];
      }),
    ];
  };
  const added = others.flatMap((other) => [`${other.title} ${other.version}, here`, ...(isOurs(other) ? [] : ["×"])]);
  return tables.flatMap(({ title, columns, lines: all }) => {
    const shown = all.filter((line) => line.row === undefined || rowOf(line) !== undefined);
    if (shown.every((line) => line.row === undefined)) return [];
    return [title, markdownTable([...columns, ...added], shown.map(cellsOf))]; // prettier-ignore
  });
}
