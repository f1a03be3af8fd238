// The training that was saved in a folder: what was wanted of it, and where it stands.
import { stat } from "node:fs/promises";
import { readMetadata } from "@weft/nn";
import { DataError } from "@weft/data";
import { filesIn } from "../training/output-folder.ts";
import { wantedIn } from "./request.ts";

/** Where a training stands. */
export interface Standing {
  readonly epoch: number;
  readonly step: number;
  readonly finished: boolean;
}

/** What the training in a folder was to do, and where it stands; undefined if there is none. */
export async function trainingIn(folder: string) {
  const { training } = filesIn(folder);
  const facts = await stat(training).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
  });
  if (facts === undefined) return undefined;
  const metadata = await readMetadata(training);
  const known = wantedIn(metadata, training);
  if (known === undefined) return undefined;
  const [epoch, step] = [metadata["epoch"], metadata["step"]].map(Number) as [number, number];
  if (![epoch, step].every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new DataError(
      `${training}: it does not say at which epoch and step it is. It was changed after it was saved.`,
    );
  return { ...known, epoch, step, finished: metadata["finished"] === true, saved: facts.mtimeMs };
}
