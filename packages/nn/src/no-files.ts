// `save` and `load` in the browser, which has no file system. A program that imports them can be type-checked and
// bundled for both platforms, and a call throws an error that says what to do in the browser instead.
import { UnsupportedError } from "@weft/tensor";
import type * as files from "./files.ts";

const refuse = (what: string, instead: string): never => {
  throw new UnsupportedError(
    `${what}: a page has no files. ${instead}. Outside a page, resolve @weft/nn with the condition "node"`,
  );
};

export const save: typeof files.save = async () =>
  refuse("save", "Take the bytes of await toBytes(model), and offer them as a download or keep them in IndexedDB");

export const load: typeof files.load = async () =>
  refuse("load", "Fetch the bytes of the file and call fromBytes(bytes, model)");

export const readMetadata: typeof files.readMetadata = async () =>
  refuse("readMetadata", "Fetch the bytes of the file and call readSafetensors(bytes)");
