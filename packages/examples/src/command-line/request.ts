// What is wanted of a program. It stands in the metadata of its files, so that a training goes on with the same, and so
// that the model can be built anew.
import { basename, join } from "node:path";
import { DataError } from "@weft/data";
import type { Metadata } from "@weft/nn";
import { backendNames, type BackendName } from "../backends.ts";
import type { Program } from "../training/program.ts";
import { isProgram, programs, type ProgramName } from "../programs.ts";

export interface Wanted {
  readonly data?: string | undefined;
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly seed?: number | undefined;
  readonly backend?: BackendName | undefined;
  /** Uses no more cases than this. */
  readonly limit?: number | undefined;
  /** A minute's worth. */
  readonly quick?: boolean | undefined;
  /** The program's own options. */
  readonly options?: Readonly<Record<string, string | true | undefined>>;
}

const whole =
  (least: number) =>
  (x: unknown): boolean =>
    Number.isSafeInteger(x) && (x as number) >= least;

/** Whether a value can be wanted of a program, by its name in `Wanted`. */
const kinds: Readonly<Record<keyof Wanted, (x: unknown, program: Program) => boolean>> = {
  data: (x, { data = [] }) => typeof x === "string" && data.includes(x),
  epochs: whole(1),
  steps: whole(1),
  seed: whole(0),
  backend: (x) => backendNames.some((name) => name === x),
  limit: whole(1),
  quick: (x) => typeof x === "boolean",
  options: (x, { options = {} }) =>
    isRecord(x) &&
    Object.entries(x).every(([name, value]) => {
      const known = Object.hasOwn(options, name) ? options[name] : undefined;
      if (known?.value === undefined) return known !== undefined && value === true;
      return typeof value === "string" && known.choices?.includes(value) !== false;
    }),
};

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

const isWanted = (x: unknown, program: Program): x is Wanted =>
  isRecord(x) &&
  (program.data === undefined || x["data"] !== undefined) && // each training says what it learns from
  Object.entries(x).every(([name, value]) => Object.hasOwn(kinds, name) && kinds[name as keyof Wanted](value, program));

/** The command that repeats it, with all that it was given and the seed. */
export function commandOf(name: ProgramName, wanted: Wanted): string {
  const { quick, options = {}, seed = 1, ...others } = wanted;
  const given = [...Object.entries({ ...others, seed }), ...Object.entries(options)];
  const words = given.flatMap(([option, value]) => {
    if (value === undefined) return [];
    return value === true ? [`--${option}`] : [`--${option} ${quoted(String(value))}`];
  });
  return ["weft train", name, ...(quick === true ? ["--quick"] : []), ...words].join(" ");
}

/** A word of a command line. */
const quoted = (text: string): string => (/^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Where its files go, if nothing else is said: a folder for each data set and each choice of options. */
export function folderOf(name: ProgramName, { data, options = {} }: Wanted): string {
  const known: Program = programs[name];
  const chosen = Object.entries(options).flatMap(([option, value]) => {
    if (value === undefined || value === known.options?.[option]?.default) return [];
    return value === true ? [option] : [option, basename(value).replaceAll(/[^\w.-]+/g, "-")];
  });
  return join("weft-out", [name, ...(data === undefined ? [] : [data]), ...chosen].join("-"));
}

/** As metadata of a file, beside the name of the program. */
export const asNotes = (weft: ProgramName, wanted: Wanted): Metadata => ({ weft, wanted: JSON.stringify(wanted) });

/** The program that a file is of, and what was wanted of it; undefined if the file does not say. */
export function wantedIn(
  { weft, wanted }: Metadata,
  file: string,
): { readonly name: ProgramName; readonly wanted: Wanted } | undefined {
  if (!isProgram(weft) || typeof wanted !== "string") return undefined;
  const broken = (cause?: unknown): DataError =>
    new DataError(`${file}: what was wanted of ${weft} cannot be read. It was changed after it was saved.`, { cause });
  let read: unknown;
  try {
    read = JSON.parse(wanted);
  } catch (cause) {
    throw broken(cause);
  }
  if (!isWanted(read, programs[weft])) throw broken();
  return { name: weft, wanted: read };
}
