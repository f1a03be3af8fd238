// The folder of a training: one training at a time, and what others put there stays.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Linear, save } from "@weft/nn";
import { expect, test } from "vitest";
import { filesIn, lock } from "../src/training/output-folder.ts";
import { temporaryFolder, weft } from "./session.ts";

const train = (folder: string, ...more: string[]) =>
  weft("train", "softmax", "--limit", "100", "--epochs", "1", "--out", folder, ...more);

test("a second training in a folder is refused, and one after the first is not", async () => {
  const folder = temporaryFolder();
  const release = await lock(folder);
  const refused = {
    code: 1,
    out: "",
    err:
      `weft: another training is at work in ${folder} (process ${process.pid} on ${hostname()}): wait for its end, or ` +
      `begin elsewhere with --out <folder>. If there is none, delete ${filesIn(folder).lock}.`,
  };
  expect(await train(folder)).toEqual(refused);
  expect(await train(folder, "--overwrite")).toEqual(refused);
  expect(existsSync(filesIn(folder).model)).toBe(false);
  release();
  expect(await train(folder)).toMatchObject({ code: 0, err: "" });
  expect(existsSync(filesIn(folder).lock)).toBe(false);
  const again = await lock(folder);
  expect((await weft("train", "--resume", folder, "--epochs", "2")).err).toBe(refused.err);
  again();
});

test("of many that begin at once, one gets the folder", async () => {
  const folder = temporaryFolder();
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => lock(folder)));
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("a lock that was left behind does not count", async () => {
  const folder = temporaryFolder();
  const file = filesIn(folder).lock;
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const holder = { pid: child.pid!, host: hostname(), since: new Date().toISOString(), folder };
  const gone = [
    holder, // its process is gone
    { ...holder, pid: process.pid, since: "2001-01-01T00:00:00.000Z" }, // of another process with our number
    { ...holder, pid: process.ppid, since: "2001-01-01T00:00:00.000Z" }, // from before the machine was started
    { ...holder, pid: process.ppid, folder: "/elsewhere" }, // the folder was copied
  ];
  for (const left of gone) {
    writeFileSync(file, JSON.stringify(left));
    // Of two that find it at once, one gets the folder.
    const both = await Promise.allSettled([lock(folder), lock(folder)]);
    const [one, ...more] = both.flatMap((found) => (found.status === "fulfilled" ? [found.value] : []));
    expect(more).toEqual([]);
    one!();
    expect(existsSync(file)).toBe(false);
  }
  for (const there of [
    JSON.stringify({ ...holder, pid: process.ppid }), // a process that is there
    JSON.stringify({ ...holder, host: "elsewhere" }), // nobody here can tell
    "", // just being written
    "null",
    '{"pid":0}',
  ]) {
    writeFileSync(file, there);
    await expect(lock(folder)).rejects.toThrow(`another training is at work in ${folder}`);
    expect(readFileSync(file, "utf8")).toBe(there);
  }
});

const others: Record<string, (path: string) => unknown> = {
  "model.safetensors": (path) => save(path, Linear(1, 1), { epoch: 1 }),
  "training.safetensors": (path) => writeFileSync(path, "mine"),
  "metrics.jsonl": (path) => writeFileSync(path, '{"mine":1}\n'),
  "report.html": (path) => writeFileSync(path, "<p>mine</p>"),
};

test.each(Object.keys(others))("%s of somebody else is not replaced without a word", async (name) => {
  const folder = temporaryFolder();
  await others[name]!(join(folder, name));
  const before = readFileSync(join(folder, name));
  expect(await train(folder)).toEqual({
    code: 1,
    out: "",
    err:
      `weft: ${folder} has files that weft train did not write: ${name}. ` +
      "Train into another folder with `--out <folder>`, or replace them with `--overwrite`.",
  });
  expect(readFileSync(join(folder, name)).equals(before)).toBe(true);
  expect(await train(folder, "--overwrite")).toMatchObject({ code: 0, err: "" });
});

test("a folder in the place of a file is found before anything is deleted", async () => {
  const folder = temporaryFolder();
  await train(folder);
  const model = readFileSync(filesIn(folder).model);
  const report = join(folder, "report.html");
  rmSync(report);
  mkdirSync(report);
  for (const more of [[], ["--overwrite"]]) {
    const err = `weft: ${report} is not a file: move it away, or train into another folder with --out <folder>.`;
    expect(await train(folder, ...more)).toEqual({ code: 1, out: "", err });
  }
  expect(readFileSync(filesIn(folder).model).equals(model)).toBe(true);
  expect(existsSync(filesIn(folder).lock)).toBe(false);
});

test.runIf(existsSync("/proc"))("a folder where none can be made is an error", async () => {
  expect(await train("/proc/x/y")).toMatchObject({
    code: 1,
    err: expect.stringMatching(
      /^weft: the folder .* cannot be made: ENOENT: .*mkdir '\/proc\/x'\. Name another one with --out\.$/,
    ),
  });
});
