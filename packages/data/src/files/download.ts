// Downloads: from the first mirror that delivers a file whole, and kept where the source of files keeps them.
import { DataError } from "../data-error.ts";
import { beginning, type Display } from "../display.ts";
import {
  described,
  problem,
  reason,
  type Bytes,
  type FileSource,
  type LoadOptions,
  type Publication,
  type PublishedFile,
  type Signal,
} from "./files.ts";
import { patience, throwIfAborted } from "./patience.ts";

/** The bytes of a file, downloaded if they are not there. */
export async function obtain(
  source: FileSource,
  file: PublishedFile,
  from: Publication,
  options: LoadOptions,
): Promise<Bytes> {
  const found = await source.find(file, from, options);
  if (found !== undefined) return found;
  const bytes = await download(source, file, from, options);
  await source.keep(file, from, options, bytes);
  return bytes;
}

/** Downloads a file from the first mirror that delivers it whole. Only bytes without a problem are returned. */
async function download(
  source: FileSource,
  file: PublishedFile,
  from: Publication,
  options: LoadOptions,
): Promise<Bytes> {
  const display = options.progress === false ? undefined : source.display?.();
  const tried: string[] = [];
  for (const mirror of options.mirrors ?? from.mirrors) {
    const address = mirror + file.name;
    try {
      const bytes = await get(address, file, options.signal, display);
      const wrong = await problem(bytes, file);
      if (wrong === undefined) return bytes;
      tried.push(`${address}: ${wrong}`);
    } catch (error) {
      throwIfAborted(options.signal);
      tried.push(`${address}: ${reason(error)}`);
    }
  }
  const missing = await missingWith(source, file, from, options);
  const lines = [
    `${from.set}: could not download ${file.name}. Try again later, or put ` +
      `${missing.length === 1 ? "a copy" : `copies of ${missing.length} files`} ${source.place}.`,
    ...tried.map((line) => `  ${line}.`),
    ...missing.map((one) => described(one, from)),
    (await source.instead?.(file, from)) ?? [],
    "A program may name another address with { mirrors }.",
  ];
  throw new DataError(lines.flat().join("\n"));
}

/** A file and the others of its data set that are not there either. */
async function missingWith(
  source: FileSource,
  file: PublishedFile,
  from: Publication,
  options: LoadOptions,
): Promise<PublishedFile[]> {
  const isRead = async (other: PublishedFile): Promise<boolean> =>
    (await source.find(other, from, options).catch(() => undefined)) !== undefined; // a damaged one is none
  const missing = [file];
  for (const other of from.files ?? []) {
    if (other.name === file.name) continue;
    if (!(await (source.has?.(other, from, options) ?? isRead(other)))) missing.push(other);
  }
  return missing;
}

/** Canceling a broken stream fails, too; its own error is thrown anyway. */
const ignore = (): void => undefined;

async function get(
  address: string,
  file: PublishedFile,
  signal: Signal | undefined,
  display: Display | undefined,
): Promise<Bytes> {
  const waiting = patience(signal);
  const [size, most] = "sha256" in file ? [file.bytes, file.bytes] : [undefined, file.atMost];
  const state = beginning(file.name, size, "bytes");
  try {
    const response = await fetch(address, { signal: waiting.signal });
    if (!response.ok || response.body === null) {
      response.body?.cancel().catch(ignore);
      throw new DataError(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    }
    let bytes = new Uint8Array(size ?? Math.min(most, 2 ** 20));
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return bytes.subarray(0, state.count);
      const count = state.count + value.length;
      if (count > most) {
        reader.cancel().catch(ignore);
        throw new DataError(`expected ${size ?? `at most ${most}`} bytes, found more`);
      }
      if (count > bytes.length) {
        const longer = new Uint8Array(Math.min(most, Math.max(count, 2 * bytes.length)));
        longer.set(bytes.subarray(0, state.count));
        bytes = longer;
      }
      bytes.set(value, state.count);
      state.count = count;
      waiting.came(value.length);
      display?.update(state);
    }
  } finally {
    waiting.end();
    display?.close(state);
  }
}
