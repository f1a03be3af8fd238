// Gzip, unpacked by the platform, and published files in it.
import { DataError } from "../data-error.ts";
import { obtain } from "./download.ts";
import { reason, type Bytes, type FileSource, type KnownFile, type LoadOptions, type Publication } from "./files.ts";

/** A file in gzip. */
export interface PackedFile extends KnownFile {
  /** How many bytes it unpacks to at most. */
  readonly unpacked: number;
}

/** The unpacked bytes of a file, downloaded if it is not there. */
export async function obtainUnpacked(
  source: FileSource,
  file: PackedFile,
  from: Publication,
  options: LoadOptions,
): Promise<Bytes> {
  return await gunzip(await obtain(source, file, from, options), file.unpacked, file.name);
}

/** Unpacks gzip, and no more than `limit` bytes of it. */
export async function gunzip(packed: Bytes, limit: number, name: string): Promise<Bytes> {
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
