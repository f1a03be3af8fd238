// Saves a model over an old file, and is killed on the way: when so many bytes are written, or at a later stage.
import * as disk from "node:fs/promises";
import { replaceFile } from "../src/files.ts";
import { constant, Linear, toBytes } from "../src/index.node.ts";

const [path, stage] = process.argv.slice(2) as [string, string];
const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  throw new Error("still alive"); // SIGKILL cannot be caught
};
let left = Number(stage); // NaN for a stage, and more than any number of bytes
const killing = {
  ...disk,
  open: async (...args: Parameters<typeof disk.open>) => {
    const file = await disk.open(...args);
    const [write, sync] = [file.writeFile.bind(file), file.sync.bind(file)];
    file.writeFile = async (bytes) => {
      const given = bytes as Uint8Array;
      if (left <= given.length) {
        await write(given.subarray(0, left));
        die();
      }
      left -= given.length;
      await write(given);
    };
    file.sync = async () => {
      if (stage === "written") die();
      await sync();
    };
    return file;
  },
  rename: async (...[from, to]: Parameters<typeof disk.rename>) => {
    if (stage === "synced") die();
    await disk.rename(from, to);
    if (stage === "renamed") die();
  },
};
await replaceFile(path, [await toBytes(Linear(50, 40, { bias: false, init: constant(2) }))], killing);
console.log("saved");
