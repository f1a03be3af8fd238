// TypeScript in a worker of its own: completion, types on hover, and errors for the cells that are edited.
import { expose } from "comlink";
import { createWorker } from "@valtown/codemirror-ts/worker";
import ts from "typescript";
import { filesAbove, type Files } from "./above.ts";
import { environment } from "./environment.ts";

let files: Files = {};
const worker = createWorker(() => environment(ts, files));

export interface Checker extends ReturnType<typeof createWorker> {
  /** Loads the declarations. */
  open(url: string): Promise<void>;
  /** Says which cells stand above the one that is edited. */
  declareAbove(cells: readonly string[]): void;
}

const checker: Checker = {
  ...worker,
  async open(url) {
    files = (await (await fetch(url)).json()) as Files;
    await worker.initialize();
  },
  declareAbove(cells) {
    for (const [path, code] of Object.entries(filesAbove(ts, cells))) worker.updateFile({ path, code });
  },
};

expose(checker);
