// What a cell threw, as something to show: it may be anything, so nothing here may throw in turn.
import { CellSyntaxError, stateInMessage } from "./compile.ts";
import type { Output } from "./output.ts";
import { formatted } from "./printing.ts";

type Failure = Extract<Output, { kind: "error" }>;

const lines = new WeakMap<Error, number>();

/** Reads something of an unknown error. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const asText = (value: unknown): string => attempt(() => formatted([value])) ?? "a value that cannot be shown";

/** Notes the line of the cell that an error comes from. */
export function withLine(error: unknown, file: string): Error {
  const thrown = attempt(() => (error instanceof Error ? error : undefined)) ?? new Error(asText(error));
  const stack = attempt(() => String(thrown.stack)) ?? "";
  const line = new RegExp(`${file.replaceAll(".", String.raw`\.`)}:(\\d+)`).exec(stack)?.[1];
  if (line !== undefined) lines.set(thrown, Number(line));
  return thrown;
}

/** An error of the cell that runs as `file`, as output. */
export function failure(error: unknown, file: string): Failure {
  const given = attempt(() => (error as Error).name);
  const name = typeof given === "string" && given !== "" ? given : "Error";
  const told = attempt(() => (error as Error).message);
  const text = typeof told === "string" ? told : asText(told);
  // A call whose mistake showed later: its line is worth more than that where somebody looked.
  const site = sites(file).exec(text)?.[1];
  const message = withoutFiles(text.replaceAll(stateInMessage, "").replace(sites(file), "")); // engines quote compiled code
  const line =
    error instanceof CellSyntaxError ? error.line : site === undefined ? lines.get(error as Error) : Number(site);
  return { kind: "error", name, message, line };
}

/** Where a message of the library says that a function was called in that file. */
const sites = (file: string): RegExp =>
  new RegExp(String.raw`, called at (?:[^()]*\()?[^\s()]*${file.replaceAll(".", String.raw`\.`)}:(\d+):\d+\)?`);

/** A text that names lines of cells as the reader knows them. */
const withoutFiles = (text: string): string =>
  text.replaceAll(/called at (?:[^()]*\()?[^\s()]*weft-cell-\d+\.js:(\d+):\d+\)?/g, "called in line $1 of its cell");
