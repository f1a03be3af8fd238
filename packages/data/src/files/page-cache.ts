// Files in a page: from the page's own cache, or downloaded into it. Its user may also put them there.
import { problem, type Bytes, type FileSource, type LoadOptions, type Publication } from "./files.ts";

const CACHE = "weft-data";

const store = async ({ cache }: LoadOptions): Promise<Cache | undefined> =>
  cache === false || globalThis.caches === undefined ? undefined : await caches.open(CACHE);

const address = (set: string, name: string): string => `/${CACHE}/${set}/${name}`;

/** A source of files that looks in the page's cache, if there is one. */
export const pageCache: FileSource = {
  place: "on a server of your own",
  async find(file, from, options) {
    const kept = await (await store(options))?.match(address(from.set, file.name));
    if (kept === undefined) return undefined;
    const bytes = new Uint8Array(await kept.arrayBuffer());
    return (await problem(bytes, file)) === undefined ? bytes : undefined; // a damaged one is downloaded again
  },
  async keep(file, from, options, bytes) {
    const to = await store(options);
    await to?.put(address(from.set, file.name), new Response(bytes)).catch(() => undefined); // full: downloaded again next time
  },
};

/** The files of a data set in the page's cache, by their published names. */
export const filesInPage = ({ set, files = [] }: Publication) => ({
  names: files.map(({ name }) => name),
  async has(name: string): Promise<boolean> {
    return (await (await caches.open(CACHE)).match(address(set, name))) !== undefined;
  },
  /** Keeps a file, unless it is another than the published one: returns what is wrong with it then. */
  async put(name: string, bytes: Bytes): Promise<string | undefined> {
    const file = files.find((one) => one.name === name);
    const wrong =
      file === undefined ? "no file of this set, as it is published, has this name" : await problem(bytes, file);
    if (wrong === undefined) await (await caches.open(CACHE)).put(address(set, name), new Response(bytes));
    return wrong;
  },
  async remove(name: string): Promise<void> {
    await (await caches.open(CACHE)).delete(address(set, name));
  },
});
