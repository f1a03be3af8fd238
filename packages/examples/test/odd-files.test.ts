// Names of a training's files that are those of something else: pipes, folders and links. Nothing waits for a pipe, and
// nothing is written outside of the folder.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "@weft/data";
import { Linear, save } from "@weft/nn";
import { open } from "@weft/tensor-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { learn } from "../src/training/training.ts";
import { filesIn } from "../src/training/output-folder.ts";
import { TrainingRecord } from "../src/training/training-record.ts";
import { temporaryFolder, weft } from "./session.ts";

const train = (folder: string, ...more: string[]) =>
  weft("train", "softmax", "--limit", "100", "--epochs", "2", "--out", folder, ...more);

/** A training that was stopped after a step. */
const begun = mkdtempSync(join(tmpdir(), "weft-examples-"));
beforeAll(async () => {
  expect(await train(begun, "--steps", "1")).toMatchObject({ code: 0, err: "" });
});
afterAll(() => rmSync(begun, { recursive: true, force: true }));

/** The same in a folder of its own. */
function copied(): string {
  const folder = temporaryFolder();
  cpSync(begun, folder, { recursive: true });
  return folder;
}

const names = ["model.safetensors", "training.safetensors", "metrics.jsonl", "report.html", "training.lock"];

const pipe = (path: string): void => void execFileSync("mkfifo", [path]);
const notAFile = (path: string): string =>
  `weft: ${path} is not a file: move it away, or train into another folder with --out <folder>.`;

describe.skipIf(process.platform === "win32").each(names)("%s", (name) => {
  test.each([
    ["a pipe", pipe],
    ["a folder", (path: string): void => mkdirSync(path)],
  ] as const)("that is %s ends a resumed training and a new one at once", async (_, make) => {
    const folder = copied();
    const path = join(folder, name);
    rmSync(path, { force: true });
    make(path);
    expect(await weft("train", "--resume", folder)).toEqual({ code: 1, out: "", err: notAFile(path) });
    expect(await train(folder, "--overwrite")).toEqual({ code: 1, out: "", err: notAFile(path) });
  });

  test("that is a link is refused, and where it leads is left alone", async () => {
    const [folder, elsewhere] = [copied(), join(temporaryFolder(), "mine")];
    const path = join(folder, name);
    writeFileSync(elsewhere, "mine");
    if (existsSync(path)) cpSync(path, elsewhere);
    const before = readFileSync(elsewhere);
    rmSync(path, { force: true });
    symlinkSync(elsewhere, path);
    for (const words of [
      ["--resume", folder],
      ["softmax", "--limit", "100", "--out", folder, "--overwrite"],
    ])
      expect(await weft("train", ...words)).toEqual({
        code: 1,
        out: "",
        err: `weft: ${path} is a link, and training writes into its folder alone: move it away, or train into another folder with --out <folder>.`,
      });
    expect(readFileSync(elsewhere).equals(before)).toBe(true);
  });
});

test.skipIf(process.platform === "win32")("a model that is a pipe is refused, too", async () => {
  const path = join(temporaryFolder(), "model.safetensors");
  pipe(path);
  expect(await weft("predict", path)).toEqual({
    code: 1,
    out: "",
    err: `weft: ${path} is not a file: name a model.`,
  });
});

test.skipIf(process.platform === "win32")("a link in the place of the new record is not followed", async () => {
  const [folder, elsewhere] = [temporaryFolder(), join(temporaryFolder(), "mine")];
  const { metrics } = filesIn(folder);
  writeFileSync(elsewhere, "mine");
  symlinkSync(elsewhere, `${metrics}.new`);
  await TrainingRecord.open(metrics, 0, () => expect.fail("nothing was lost"));
  expect(readFileSync(elsewhere, "utf8")).toBe("mine");
  expect(readFileSync(metrics, "utf8")).toBe("");
});

test.skipIf(process.platform === "win32")("a link in the place of drawings is not followed", async () => {
  const [folder, elsewhere] = [temporaryFolder(), join(temporaryFolder(), "mine")];
  expect(await weft("train", "vae", "--limit", "100", "--steps", "1", "--out", folder)).toMatchObject({ code: 0 });
  writeFileSync(elsewhere, "mine");
  symlinkSync(elsewhere, join(folder, "drawings.png"));
  expect(await weft("predict", folder)).toMatchObject({ code: 0, err: "" });
  expect(readFileSync(elsewhere, "utf8")).toBe("mine");
});

test("drawings that cannot be written are named, and what to do", async () => {
  const folder = temporaryFolder();
  expect(await weft("train", "vae", "--limit", "100", "--steps", "1", "--out", folder)).toMatchObject({ code: 0 });
  const drawings = join(folder, "drawings.png");
  mkdirSync(drawings);
  const { code, out, err } = await weft("predict", folder);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err.split("\n")).toHaveLength(1);
  expect(err.startsWith(`weft: ${drawings} could not be written: `)).toBe(true);
  expect(err.endsWith(". Copy the model into a folder where files can be written, and name it there.")).toBe(true);
});

test("a folder among the pictures is named", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "a.png"));
  const out = join(temporaryFolder(), "out");
  expect((await weft("train", "resnet50", "--pictures", folder, "--out", out)).err).toBe(
    `weft: ${join(folder, "a.png")} is not a file, wanted a picture: move it away.`,
  );
});

test.each([
  ["epoch", 99],
  ["epoch", 1e15],
  ["step", 99],
] as const)("a training whose %s was made %d is refused", async (name, value) => {
  const folder = temporaryFolder();
  const { training } = filesIn(folder);
  const backend = await open({ seed: 1 });
  const model = Linear(1, 1);
  const at = { step: 7, epoch: 2, [name]: value };
  await save(training, { model, random: backend.stream, at }, { step: 7, epoch: 2 });
  const learner = { from: "nothing", model, async *epoch() {}, evaluate: async () => ({ loss: 0 }) };
  const display = { update: () => {}, close: () => {} };
  const was = { step: 7, epoch: 2 }[name];
  await expect(learn(learner, { backend, folder, epochs: 10, resume: true, display })).rejects.toThrow(
    new DataError(
      `${training}: its ${name} is ${value} in one place and ${was} in another. It was changed after it was saved.`,
    ),
  );
});

test("a training that fails at once leaves no folder behind", async () => {
  const folder = join(temporaryFolder(), "weft-out", "shakespeare");
  expect(await weft("train", "shakespeare", "--text", join(folder, "none"), "--out", folder)).toMatchObject({
    code: 1,
  });
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(join(folder, ".."))).toBe(false);
  mkdirSync(folder, { recursive: true }); // one that was there stays
  expect(await weft("train", "shakespeare", "--text", join(folder, "none"), "--out", folder)).toMatchObject({
    code: 1,
  });
  expect(existsSync(folder)).toBe(true);
});
