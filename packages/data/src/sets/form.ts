// The form of published files: text, its lines, and what happens where a file is of another form.
import { FormatError } from "@weft/formats";
import { DataError } from "../data-error.ts";
import { obtain } from "../files/download.ts";
import type { FileSource, LoadOptions, Publication, PublishedFile } from "../files/files.ts";

const isForm = (error: unknown): error is DataError | FormatError =>
  error instanceof DataError || error instanceof FormatError;

/** Reads the file of a set; where it has another form, the error names it and says what to do. */
export function reading<T>(set: string, file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isForm(cause)) throw cause;
    const problem = cause.message.replace(/\.$/, "");
    throw new DataError(
      `${set}: ${file}: ${problem}. It is not the published file: delete it, and it is downloaded again.`,
      { cause },
    );
  }
}

/** Obtains a published file and reads it. */
export async function obtainRead<T>(
  set: string,
  source: FileSource,
  file: PublishedFile,
  from: Publication,
  options: LoadOptions,
  read: (bytes: Uint8Array) => T,
): Promise<T> {
  const bytes = await obtain(source, file, from, options);
  return reading(set, file.name, () => read(bytes));
}

/** What is wrong with the form of a file, by trying to read it; undefined if nothing is. */
export function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (isForm(error)) return error.message;
    throw error;
  }
}

/** The text of a file in UTF-8, without a byte order mark. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError("expected text in UTF-8, found other bytes", { cause });
  }
}

/** The lines of a text, which ends with one; lines may end in CR LF. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  if (lines.pop() !== "") throw new DataError("expected a line's end at its end, found none");
  if (lines.length === 0) throw new DataError("expected lines, found none");
  return lines;
}

/** Refuses a line. */
export function wrongLine(at: number, expected: string, found: string): never {
  throw new DataError(`line ${at + 1}: expected ${expected}, found ${JSON.stringify(found.slice(0, 60))}`);
}
