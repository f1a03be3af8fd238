// `save` and `load` in a page, which has no files: a program that imports them can be checked and bundled for both places, and a
// call says what a page does instead.
import { UnsupportedError } from "@weft/tensor";
import type * as files from "./files.ts";

const refuse = (what: string, instead: string): never => {
  throw new UnsupportedError(
    `${what}: there are no files in a page. ${instead}. If this is not a page, have @weft/nn resolved with the condition "node".`,
  );
};

export const save: typeof files.save = async () =>
  refuse("save", "Take the bytes of await toBytes(model), and offer them as a download or keep them in IndexedDB");

export const load: typeof files.load = async () =>
  refuse("load", "Fetch the bytes of the file and call fromBytes(bytes, model)");

export const readMetadata: typeof files.readMetadata = async () =>
  refuse("readMetadata", "Fetch the bytes of the file and call readSafetensors(bytes)");
