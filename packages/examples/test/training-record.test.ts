// The record of a training: what it takes back from its file, and a file that can no longer be written.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileError, readMetadata } from "@weft/nn";
import { expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { run } from "../src/command-line/command.ts";
import { TrainingRecord } from "../src/training/training-record.ts";
import { lossesIn } from "./runs.ts";
import { lines, temporaryFolder, weft } from "./session.ts";

const never = (): void => expect.fail("nothing was lost");

test.each([
  ["{", "is not JSON"],
  ["null", "is not an object"],
  ["[1]", "is not an object"],
  ["5", "is not an object"],
  ['{"loss":1}', "has no step"],
  ['{"step":"1","loss":1}', "has no step"],
  ['{"step":0,"loss":1}', "has no step"],
  ['{"step":1.5,"loss":1}', "has no step"],
  ['{"step":1,"loss":"<script>"}', "has no number as loss"],
  ['{"step":1,"loss":null}', "has no number as loss"],
  ['{"step":1,"text":"x"}', "has no number as text"],
])("the line %s is refused", async (line, what) => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  writeFileSync(path, `{"step":1,"time":1,"loss":2}\n${line}\n`);
  await expect(TrainingRecord.open(path, 9, never)).rejects.toThrow(
    new FileError(`${path}, line 2 ${what}. Delete the file to go on without the earlier curves.`),
  );
});

test("numbers that JSON lacks are taken back", async () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  writeFileSync(path, '{"step":1,"time":1,"loss":"NaN"}\n{"step":2,"time":1,"loss":"-Infinity"}\n{"step":3,"ti');
  const record = await TrainingRecord.open(path, 9, never);
  expect(lossesIn(record)).toEqual([
    { step: 1, value: NaN },
    { step: 2, value: -Infinity },
  ]);
});

test("the losses are those of the steps, each at its step, without a loss that an evaluation found", async () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  writeFileSync(path, '{"step":7,"loss":2}\n{"step":7,"epoch":1,"loss":9}\n{"step":8,"loss":1}\n');
  const record = await TrainingRecord.open(path, 9, never);
  expect(lossesIn(record)).toEqual([
    { step: 7, value: 2 },
    { step: 8, value: 1 },
  ]);
});

test("a record that cannot be written does not end training", async () => {
  const folder = temporaryFolder();
  const metrics = join(folder, "metrics.jsonl");
  const out: string[] = [];
  const code = await run(["train", "softmax", "--limit", "100", "--epochs", "3", "--out", folder], (line) => {
    out.push(line);
    if (!line.startsWith("epoch 1/")) return;
    rmSync(metrics);
    mkdirSync(metrics);
  });
  expect(code).toBe(0);
  expect(out.filter((line) => line.includes("could not write"))).toEqual([
    `log: could not write ${metrics}: EISDIR: illegal operation on a directory, open '${metrics}'. Training continues.`,
  ]);
  expect(await readMetadata(join(folder, "model.safetensors"))).toMatchObject({ epoch: 3 });
  expect(existsSync(join(folder, "report.html"))).toBe(true);
});

test.runIf(everything && existsSync("/dev/full"))(
  "output on a full disk does not end training, and is an error",
  async () => {
    const folder = temporaryFolder();
    const full = openSync("/dev/full", "w");
    const words = [join(import.meta.dirname, "../src/weft.ts"), "train", "softmax", "--limit", "100", "--out", folder];
    const child = spawn(process.execPath, words, { stdio: ["ignore", full, "pipe"] });
    let err = "";
    child.stderr!.on("data", (chunk: Buffer) => (err += String(chunk)));
    const [code] = (await once(child, "close")) as [number];
    closeSync(full);
    expect({ code, err: err.split("\n").filter((line) => line.startsWith("weft:")) }).toEqual({
      code: 1,
      err: ["weft: output cannot be written: ENOSPC: no space left on device, write"],
    });
    expect(err).not.toContain("    at ");
    expect(existsSync(join(folder, "report.html"))).toBe(true);
  },
);

test("an evaluation in the middle of an epoch is a line, until the training goes on", async () => {
  const folder = temporaryFolder();
  const words = ["train", "softmax", "--limit", "400", "--epochs", "1", "--out", folder];
  expect(await weft(...words, "--steps", "2")).toMatchObject({ code: 0, err: "" });
  expect(lines(folder).at(-1)).toEqual({ step: 2, time: 0, epoch: 0, partial: 1, testAccuracy: expect.any(Number) });
  expect(await weft("train", "--resume", folder, "--epochs", "1")).toMatchObject({ code: 0, err: "" });
  expect(lines(folder).filter((line) => "epoch" in (line as object))).toEqual([
    { step: 4, time: 0, epoch: 1, testAccuracy: expect.any(Number) },
  ]);
});
