// Files in a page: from the page's own cache, or downloaded into it.
import { problem, type FileSource, type LoadOptions, type Publication, type PublishedFile } from "./files.ts";

const store = async ({ cache }: LoadOptions): Promise<Cache | undefined> =>
  cache === false || globalThis.caches === undefined ? undefined : await caches.open("weft-data");

const key = (file: PublishedFile, from: Publication): string => `/weft-data/${from.set}/${file.name}`;

/** A source of files that looks in the page's cache, if there is one. */
export const pageCache: FileSource = {
  async find(file, from, options) {
    const kept = await (await store(options))?.match(key(file, from));
    if (kept === undefined) return undefined;
    const bytes = new Uint8Array(await kept.arrayBuffer());
    return (await problem(bytes, file)) === undefined ? bytes : undefined; // a damaged one is downloaded again
  },
  async keep(file, from, options, bytes) {
    const to = await store(options);
    await to?.put(key(file, from), new Response(bytes)).catch(() => undefined); // full: downloaded again next time
  },
};
