// Files in a page: from the page's own cache, or downloaded into it.
import { download, problem, type FileSource } from "./files.ts";

/** A source of files that looks in the page's cache, if there is one, and then downloads. */
export const pageCache: FileSource = async (file, from, options) => {
  const store = options.cache === false || globalThis.caches === undefined ? undefined : await caches.open("weft-data");
  const key = `/weft-data/${from.set}/${file.name}`;
  const kept = await store?.match(key);
  if (kept !== undefined) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if ((await problem(bytes, file)) === undefined) return bytes; // a damaged one is downloaded again
  }
  const bytes = await download(file, from, options, undefined);
  await store?.put(key, new Response(bytes)).catch(() => undefined); // full: downloaded again next time
  return bytes;
};
