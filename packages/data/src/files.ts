// Files of data sets: known by name, size and checksum, fetched from the first mirror that delivers them whole, and
// trusted only if the checksum matches.
import { anything, boolean, list, type OptionKinds } from "@weft/tensor/internals";
import { DataError } from "./data-error.ts";
import { beginning, type Display } from "./display.ts";
import { patience } from "./patience.ts";

/** A file as its publishers made it. */
export interface KnownFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** The files of a data set, and where they are published. */
export interface Publication {
  /** The folder's name in caches. */
  readonly set: string;
  /** Addresses that end in a slash, before the file's name. */
  readonly mirrors: readonly string[];
}

/**
 * `AbortSignal` where the program's `lib` or the types of Node have it: public declarations must not mention types that
 * may be missing.
 */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer T } }
  ? T
  : { readonly aborted: boolean };

export interface LoadOptions {
  /**
   * Where downloads are kept: a folder (by default `weft` in the user's cache folder), or false to keep nothing. In a
   * page, anything but false means the page's own cache.
   */
  readonly cache?: string | false;
  /** Aborts the download. */
  readonly signal?: Signal;
  /** Other addresses to download from, in the order to try them; each ends in a slash. */
  readonly mirrors?: readonly string[];
  /** False shows no progress of the download (true). */
  readonly progress?: boolean;
}

/** What `LoadOptions` may hold. */
export const loadOptions: OptionKinds<LoadOptions> = {
  cache: { wanted: "the name of a folder, or false", is: (x) => typeof x === "string" || x === false },
  signal: anything,
  mirrors: list,
  progress: boolean,
};

/** Returns the bytes of a known file, from wherever they are. */
export type FileSource = (file: KnownFile, from: Publication, options: LoadOptions) => Promise<Uint8Array<ArrayBuffer>>;

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

/** SHA-256 in hexadecimal. */
async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (globalThis.crypto?.subtle === undefined)
    throw new DataError("Checksums need crypto.subtle: serve the page over https or from localhost.");
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** What is wrong with the bytes of a file; undefined if nothing is. */
export async function problem(bytes: Uint8Array<ArrayBuffer>, file: KnownFile): Promise<string | undefined> {
  if (bytes.length !== file.bytes) return `expected ${file.bytes} bytes, found ${bytes.length}`;
  const found = await sha256(bytes);
  return found === file.sha256 ? undefined : `expected SHA-256 ${file.sha256}, found ${found}`;
}

/** Downloads a file from the first mirror that delivers it whole. Only bytes with the right checksum are returned. */
export async function download(
  file: KnownFile,
  from: Publication,
  options: LoadOptions,
  display: Display | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const tried: string[] = [];
  for (const mirror of options.mirrors ?? from.mirrors) {
    const address = mirror + file.name;
    try {
      const bytes = await get(address, file, options.signal, display);
      const wrong = await problem(bytes, file);
      if (wrong === undefined) return bytes;
      tried.push(`${address}: ${wrong}`);
    } catch (error) {
      options.signal?.throwIfAborted();
      tried.push(`${address}: ${reason(error)}`);
    }
  }
  throw new DataError(
    `${from.set}: could not download ${file.name}.\n${tried.map((line) => `  ${line}\n`).join("")}` +
      `Try again later, or put the file into a folder and set WEFT_DATA to that folder.`,
  );
}

/** The message of an error and of its cause, in which fetch hides the reason. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? `${error.message} (${cause.message})` : error.message;
}

/** Canceling a broken stream fails, too; its own error is thrown anyway. */
const ignore = (): void => undefined;

async function get(
  address: string,
  file: KnownFile,
  signal: AbortSignal | undefined,
  display: Display | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const waiting = patience(signal);
  const state = beginning(file.name, file.bytes, "bytes");
  try {
    const response = await fetch(address, { signal: waiting.signal });
    if (!response.ok || response.body === null) {
      response.body?.cancel().catch(ignore);
      throw new DataError(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    }
    const bytes = new Uint8Array(file.bytes);
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return bytes.subarray(0, state.count);
      if (state.count + value.length > bytes.length) {
        reader.cancel().catch(ignore);
        throw new DataError(`expected ${file.bytes} bytes, found more`);
      }
      bytes.set(value, state.count);
      state.count += value.length;
      waiting.came(value.length);
      display?.update(state);
    }
  } finally {
    waiting.end();
    display?.close(state);
  }
}

/** Unpacks gzip, and no more than `limit` bytes of it. */
export async function gunzip(
  packed: Uint8Array<ArrayBuffer>,
  limit: number,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(limit);
  let length = 0;
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return out.subarray(0, length);
      if (length + value.length > limit) {
        await reader.cancel();
        throw new DataError(`${name} unpacks to more than ${limit} bytes: it is not the published file.`);
      }
      out.set(value, length);
      length += value.length;
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${name} cannot be unpacked: ${reason(error)}. It is truncated or damaged: download it again.`);
  }
}
