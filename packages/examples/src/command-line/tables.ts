// `weft tables`: Knet's published tables, with Weft's figures on this machine.
import { cpus } from "node:os";
import { UnsupportedError, WeftError } from "@weft/tensor";
import { machineOf, openBackend, threadsOf, type BackendName } from "../backends.ts";
import { measurements, started, timed, type Done } from "../program-speed.ts";
import { here, tables, type Line, type Table } from "../published-tables.ts";
import { count, markdownTable, type Print } from "../format.ts";

export interface TablesOptions {
  /** Only rows whose name matches, that of the program or the one that is printed. */
  readonly rows: RegExp;
  readonly backend: BackendName;
  /** On how many threads, for the backend that has some; as many as it has by itself. */
  readonly threads?: number | undefined;
  /** How long a row is measured at most. */
  readonly seconds: number;
  /** All of it as one line of JSON. */
  readonly json: boolean;
}

/** What was found for a line, or why there is nothing. */
type Found = { readonly value: number; readonly unit: string; readonly steps: number; readonly of?: number } | Missing;
interface Missing {
  readonly missing: string;
}

/** The names of the rows that are measured. */
export const rowNames: readonly string[] = Object.keys(measurements);

/** The name of a line as it is printed. */
const printedName = ({ cells: [name] }: Line): string => String(name);
export const printedNames = tables.flatMap(({ lines }) =>
  lines.filter(({ row }) => row !== undefined).map(printedName),
);

export async function tablesCommand(options: TablesOptions, print: Print): Promise<void> {
  const { rows, backend, json } = options;
  const wanted = (line: Line): boolean =>
    line.row !== undefined &&
    (rows.test(line.row) || rows.test(printedName(line))) &&
    (line.backend === undefined || line.backend === backend);
  const measured = new Map<string, Done | Missing>();
  const opened = await openBackend(backend, 1, options.threads).catch((error: unknown) => {
    if (error instanceof UnsupportedError) return undefined; // then each row says why
    throw error;
  });
  const threads = opened && threadsOf(opened);
  const processor = cpus()[0]?.model.trim() ?? "an unknown processor";
  const machine = `${opened === undefined ? backend : machineOf(opened)}, ${processor}, Node ${process.versions.node}`;
  const all = [];
  const reasons: string[] = [];
  for (const table of tables) {
    const lines = table.lines.filter((line) => line.row === undefined || wanted(line));
    if (!lines.some(wanted)) continue;
    const filled: { cells: Line["cells"]; found?: Found }[] = [];
    for (const line of lines) {
      const { row, part, cells } = line;
      if (row === undefined) filled.push({ cells });
      else {
        const done = measured.get(row) ?? (await measure(row, options));
        measured.set(row, done);
        filled.push({ cells, found: "missing" in done ? done : figureOf(row, part, done) });
      }
    }
    if (json) all.push({ name: table.name, title: table.title, columns: table.columns, lines: filled.map(asJson) });
    else for (const line of linesOf(table, filled, reasons)) print(line);
  }
  if (json)
    return print(JSON.stringify({ date: new Date().toISOString().slice(0, 10), machine, threads, tables: all }));
  print(`Weft's figures: ${machine}. Only training is timed, no evaluation. ~ is the whole, as of part of its steps.`);
  reasons.forEach((reason, k) => print(`\n[${k + 1}] ${reason.replaceAll(/\n\s*/g, "\n    ")}`));
}

async function measure(row: string, { backend, threads, seconds }: TablesOptions): Promise<Done | Missing> {
  try {
    return await timed(await started(row, backend, threads), seconds, measurements[row]);
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    return { missing: error.message };
  }
}

function figureOf(row: string, part: string | undefined, { steps, seconds, counted, parts }: Done): Found {
  if (part !== undefined) return { value: 10 * parts[part]!, unit: "s", steps }; // its passes are of 600 calls
  const { steps: of } = measurements[row]!;
  if (of === undefined) return { value: counted / seconds, unit: "1/s", steps };
  return { value: (seconds / steps) * of, unit: "s", steps, of };
}

const asJson = ({ cells, found }: { readonly cells: Line["cells"]; readonly found?: Found }) => ({
  published: cells.filter((cell) => cell !== here),
  ...(found === undefined ? {} : { weft: found }),
});

/** Three digits, or all before the point. */
const digits = (x: number): string => (x >= 100 ? count(Math.round(x)) : x.toPrecision(3));

/** The table as Markdown; why figures are missing is added to the reasons, unless it is among them. */
function linesOf(
  { title, columns }: Table,
  lines: readonly { cells: Line["cells"]; found?: Found }[],
  reasons: string[],
): string[] {
  const numberOf = (reason: string): number => {
    const at = reasons.indexOf(reason);
    return at < 0 ? reasons.push(reason) : at + 1;
  };
  const cellOf = (found: Found | undefined): string => {
    if (found === undefined) return "";
    if ("missing" in found) return `[${numberOf(found.missing)}]`;
    return `${found.of !== undefined && found.steps < found.of ? "~" : ""}${digits(found.value)}`;
  };
  const body = lines.map(({ cells, found }) =>
    cells.map((cell) => (cell === here ? cellOf(found) : typeof cell === "number" ? count(cell) : cell)),
  );
  return [title, "", markdownTable(columns, body), ""];
}
