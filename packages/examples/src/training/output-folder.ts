// The folder of a training: one training at a time is in it, and nothing that it should not replace is replaced.
import { readFileSync, rmSync } from "node:fs";
import { access, constants, link, lstat, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import { ArgumentError } from "@weft/tensor";
import { FileError, readMetadata } from "@weft/nn";

export const filesIn = (folder: string) => ({
  model: join(folder, "model.safetensors"),
  training: join(folder, "training.safetensors"),
  metrics: join(folder, "metrics.jsonl"),
  report: join(folder, "report.html"),
  lock: join(folder, "training.lock"),
});

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const missing = (error: unknown): undefined => {
  if (codeOf(error) !== "ENOENT") throw error;
};

/**
 * Refuses a folder in which a name of ours is that of something else than a file: nothing comes out of a pipe, a folder
 * cannot be read, and a link leads out of the folder.
 */
export async function refuseOddFiles(folder: string): Promise<void> {
  for (const file of Object.values(filesIn(folder))) {
    const found = await lstat(file).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") throw error;
    });
    if (found === undefined || found.isFile()) continue;
    const what = found.isSymbolicLink() ? "a link, and training writes into its folder alone" : "not a file";
    throw new FileError(`${file} is ${what}: move it away, or train into another folder with --out <folder>.`);
  }
}

/** Writes a file anew: what has its name is replaced, and a link not followed. */
export async function writeAnew(file: string, data: string | Uint8Array): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, data, { flag: "wx" });
}

/** Takes a folder for this training alone, and returns what gives it back. */
export async function lock(folder: string): Promise<() => void> {
  await refuseOddFiles(folder);
  const file = filesIn(folder).lock;
  const here = await realpath(folder);
  const since = new Date().toISOString();
  const own = JSON.stringify({ pid: process.pid, host: hostname(), since, folder: here });
  for (let left = 3; ; left--) {
    const taken = await writeFile(file, own, { flag: "wx" }).then(
      () => true,
      async (cause: unknown) => {
        if (codeOf(cause) === "EEXIST") return false;
        await rm(file, { force: true }); // it may have been made, and not written
        throw new FileError(`nothing can be written to ${folder}: ${(cause as Error).message}`, { cause });
      },
    );
    if (taken) break;
    const other = await readFile(file, "utf8").catch(missing);
    if (other === undefined && left > 0) continue; // it has ended just now
    if (left === 0 || !isLeftBehind(other!, here)) throw new ArgumentError(refusal(folder, other));
    await takeAway(file, other!);
  }
  return () => {
    try {
      if (readFileSync(file, "utf8") === own) rmSync(file);
    } catch (error) {
      missing(error);
    }
  };
}

/** Runs a training that has its folder for itself. */
export async function alone<T>(folder: string, train: (release: () => void) => Promise<T>): Promise<T> {
  const release = await lock(folder);
  return train(release).finally(release);
}

/** Who has a folder, and which, as its lock says. */
function holderOf(text: string | undefined) {
  try {
    const { pid, host, since, folder } = JSON.parse(text!) as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || Number(pid) < 1 || typeof host !== "string") return undefined;
    return { pid: Number(pid), host, since: Date.parse(String(since)), folder };
  } catch {
    return undefined; // it is being written, or was cut off
  }
}

/** Whether the process that took the folder is gone. Of another machine, nobody here can tell. */
function isLeftBehind(text: string, folder: string): boolean {
  const holder = holderOf(text);
  if (holder === undefined) return false;
  if (holder.folder !== folder) return true; // it is a copy of a folder
  if (holder.host !== hostname()) return false;
  const { pid, since } = holder;
  if (since < Date.now() - 1000 * uptime()) return true; // the machine has started anew
  if (pid === process.pid) return since < performance.timeOrigin; // in a container, a number comes again
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

/** Removes a lock that was left behind, unless another training has just taken its place. */
async function takeAway(file: string, text: string): Promise<void> {
  const aside = `${file}.${process.pid}`;
  const moved = await rename(file, aside).then(() => true, missing);
  if (moved !== true) return;
  if ((await readFile(aside, "utf8")) !== text) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

function refusal(folder: string, text: string | undefined): string {
  const holder = holderOf(text);
  const who = holder === undefined ? "" : ` (process ${holder.pid} on ${holder.host})`;
  return (
    `another training is at work in ${folder}${who}: wait for its end, or begin elsewhere with --out <folder>. ` +
    `If there is none, delete ${filesIn(folder).lock}.`
  );
}

/** Refuses a folder that cannot be written to, or with `overwrite: false` has files that should not be replaced: others than ours. */
export async function refuseForeignFiles(folder: string, overwrite: boolean): Promise<void> {
  const { model, training, metrics, report } = filesIn(folder);
  const others: string[] = [];
  for (const [file, isOurs] of [
    [model, isSaved],
    [training, isSaved],
    [metrics, isRecord],
    [report, isReport],
  ] as const) {
    const found = await lstat(file).catch(missing);
    if (found !== undefined && !overwrite && !(await isOurs(file)))
      others.push(file.slice(folder.length).replace(/^[\\/]/, ""));
  }
  if (others.length > 0)
    throw new ArgumentError(
      `${folder} has files that weft train did not write: ${others.join(", ")}. ` +
        "Train into another folder with `--out <folder>`, or replace them with `--overwrite`.",
    );
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new FileError(`nothing can be written to ${folder}: ${(cause as Error).message}`, { cause });
  });
}

const isSaved = async (file: string): Promise<boolean> =>
  readMetadata(file).then(
    ({ weft }) => weft !== undefined,
    () => false,
  );
const isRecord = async (file: string): Promise<boolean> => /^({"step":|$)/.test(await readFile(file, "utf8"));
const isReport = async (file: string): Promise<boolean> => (await readFile(file, "utf8")).includes("Made by Weft");
