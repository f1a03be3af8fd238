// What writes files, in the browser, which has none. A program that imports it can be type-checked and bundled for both
// platforms, and a call throws an error that says what to do in the browser instead.
import { UnsupportedError } from "@weft/tensor";
import type { CheckpointsFunction } from "./checkpoints.ts";
import type * as folder from "./folder.ts";
import type * as files from "./log/files.ts";

const refuse = (what: string, instead: string): never => {
  throw new UnsupportedError(
    `${what}: a page has no files. ${instead}. Outside a page, resolve @weft/train with the condition "node".`,
  );
};

export const checkpoints: CheckpointsFunction = () =>
  refuse(
    "checkpoints",
    "Take the bytes of await toBytes({ model, optimizer }) now and then, and keep them in IndexedDB",
  );

export const jsonl: typeof files.jsonl = () => refuse("jsonl", "Pass logTo an object with scalars(step, values)");

export const tensorBoard: typeof files.tensorBoard = () =>
  refuse("tensorBoard", "Pass logTo an object with scalars(step, values)");

export const makeFolder: typeof folder.makeFolder = () =>
  refuse("makeFolder", "Keep what you would write there in IndexedDB");
