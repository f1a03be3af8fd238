// Files of data sets: known by name, size and checksum, or by their form where editions change, and trusted only after
// that check.
import { hex } from "@weft/formats/internals";
import { boolean, type OptionKind, type OptionKinds } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import type { Display } from "../display.ts";

interface Named {
  readonly name: string;
  /** The name of the published file, where that is another one: an archive that this one is in. */
  readonly publishedAs?: string;
}

/** A file that never changes. */
export interface KnownFile extends Named {
  readonly bytes: number;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** A file that is published in ever new editions: its form is checked. */
export interface Edition extends Named {
  /** More than any edition has. */
  readonly atMost: number;
  /** What is wrong with the form of a file; undefined if nothing is. */
  readonly problem: (bytes: Uint8Array) => string | undefined;
  /** An edition that is known: a file of its size has its content, whose form is not checked. */
  readonly known?: Omit<KnownFile, keyof Named>;
}

export type PublishedFile = KnownFile | Edition;

/** The files of a data set, and where they are published. */
export interface Publication {
  /** The folder's name in caches. */
  readonly set: string;
  /** Addresses that end in a slash, before the file's name. */
  readonly mirrors: readonly string[];
  /** Under what terms it may be used, in a few words for messages. */
  readonly terms: string;
  /** All of its files, if it has several: where one cannot be had, whoever looks for it needs the others, too. */
  readonly files?: readonly PublishedFile[];
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

/**
 * Signals of other realms and of polyfills count: only `aborted` is needed. Not of Signal: its name would stand in
 * declarations, as AbortSignal, which a program's `lib` may lack.
 */
export const signalKind: OptionKind<any> = {
  wanted: "a signal, such as new AbortController().signal,",
  is: (x): x is Signal =>
    typeof x === "object" && typeof (x as { readonly aborted?: unknown } | null)?.aborted === "boolean",
};

/** What `LoadOptions` may hold. */
export const loadOptions: OptionKinds<LoadOptions> = {
  cache: { wanted: "the name of a folder, or false", is: (x) => typeof x === "string" || x === false },
  signal: signalKind,
  mirrors: {
    wanted: "a list of addresses that end in a slash",
    is: (x): x is readonly string[] => Array.isArray(x) && x.every((y) => typeof y === "string" && y.endsWith("/")),
  },
  progress: boolean,
};

export type Bytes = Uint8Array<ArrayBuffer>;

/** Where files are, and where downloads are kept. */
export interface FileSource {
  /** The bytes of a file that is there; a damaged copy of an earlier download does not count. */
  readonly find: (file: PublishedFile, from: Publication, options: LoadOptions) => Promise<Bytes | undefined>;
  /** Whether a file of its size is there, without reading it. */
  readonly has?: (file: PublishedFile, from: Publication, options: LoadOptions) => Promise<boolean>;
  readonly keep: (file: PublishedFile, from: Publication, options: LoadOptions, bytes: Bytes) => Promise<void>;
  /** What lies where a file that is not there was looked for: it in another form or at another place; undefined if nothing does. */
  readonly instead?: (file: PublishedFile, from: Publication) => Promise<string | undefined>;
  /** Where copies of files can be put, for messages: "into a folder and ...". */
  readonly place: string;
  /** Shows the progress of a download. */
  readonly display?: () => Display;
}

/** What is wrong with the checksum of a file; undefined if nothing is. */
async function wrongSum(bytes: Bytes, sha256: string): Promise<string | undefined> {
  if (globalThis.crypto?.subtle === undefined)
    throw new DataError("Checksums need crypto.subtle: serve the page over https or from localhost.");
  const found = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  return found === sha256 ? undefined : `expected SHA-256 ${sha256}, found ${found}`;
}

/** What is wrong with the size of a file; undefined if nothing is. */
export function wrongSize(bytes: number, file: PublishedFile): string | undefined {
  if ("sha256" in file) return bytes === file.bytes ? undefined : `expected ${file.bytes} bytes, found ${bytes}`;
  return bytes <= file.atMost ? undefined : `expected at most ${file.atMost} bytes, found ${bytes}`;
}

/** What is wrong with the bytes of a file; undefined if nothing is. */
export async function problem(bytes: Bytes, file: PublishedFile): Promise<string | undefined> {
  const wrong = wrongSize(bytes.length, file);
  if (wrong !== undefined) return wrong;
  if ("sha256" in file) return await wrongSum(bytes, file.sha256);
  return bytes.length === file.known?.bytes ? await wrongSum(bytes, file.known.sha256) : file.problem(bytes);
}

const identity = (file: PublishedFile): string => {
  if ("sha256" in file) return `${file.bytes} bytes, SHA-256 ${file.sha256}`;
  const { known, atMost } = file;
  return known === undefined
    ? `at most ${atMost} bytes; editions differ`
    : `${known.bytes} bytes, SHA-256 ${known.sha256}; other editions differ`;
};

/** What whoever looks for a file must know: its size, its checksum, where it is published, and the terms. */
export function described(file: PublishedFile, { mirrors, terms }: Publication): string {
  const address = mirrors[0]! + (file.publishedAs ?? file.name);
  return `${file.name} (${identity(file)}) is published at ${address}. Terms: ${terms}.`;
}

/** The message of an error and of its cause, in which fetch hides the reason. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? `${error.message} (${cause.message})` : error.message;
}
