// A training that is interrupted and goes on ends with the same files as one that was not.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lines, same, temporaryFolder, weft } from "./session.ts";

const words = ["train", "mlp", "--limit", "400", "--epochs", "3", "--seed", "5"];

test.each([["2"], ["4"], ["7"]])("after step %s", async (steps) => {
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  expect(await weft(...words, "--out", whole)).toMatchObject({ code: 0, err: "" });
  await weft(...words, "--out", parts, "--steps", steps);
  expect(lines(parts).at(-1)).toMatchObject({ step: Number(steps) });
  // Steps that were taken after the last save are taken again; a line may be cut off.
  appendFileSync(join(parts, "metrics.jsonl"), `{"step":${Number(steps) + 1},"time":1,"loss":9}\n{"step":9,"ti`);
  const resumed = await weft("train", "--resume", parts);
  expect(resumed).toMatchObject({ code: 0, err: "" });
  expect(resumed.out).toContain("after 12 steps");
  same(whole, parts);
});

test("a training that is over can go on for more epochs", async () => {
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  await weft(...words, "--out", whole);
  await weft(...words.with(5, "2"), "--out", parts);
  expect((await weft("train", "mlp", "--resume", parts, "--epochs", "3")).code).toBe(0);
  same(whole, parts);
});

test("what does not fit is refused, and nothing is lost", async () => {
  const folder = temporaryFolder();
  await weft(...words, "--out", folder, "--steps", "2");
  const before = readFileSync(join(folder, "training.safetensors"));
  const refused = async (...more: string[]) => (await weft("train", ...more)).err;
  expect(await refused("lenet", "--resume", folder)).toBe(
    `weft: the training in ${folder} is one of mlp, not of lenet.`,
  );
  expect(await refused("--resume", folder, "--seed", "2")).toBe(
    "weft: a training goes on with the --seed that it began with: leave it out.",
  );
  expect(await refused("--resume", folder, "--optimizer", "sgd")).toBe(
    "weft: a training goes on with the --optimizer that it began with: leave it out.",
  );
  expect(await refused("--resume", folder, "--out", "elsewhere")).toBe(
    `weft: a training goes on in its own folder, here ${folder}, not in elsewhere: leave --out out, or copy the folder and resume the copy.`,
  );
  expect(await refused("--resume", temporaryFolder())).toMatch(/^weft: readMetadata: .* cannot be read: ENOENT/);
  writeFileSync(join(folder, "metrics.jsonl"), "no JSON\n");
  expect(await refused("--resume", folder)).toMatch(/^weft: .*metrics\.jsonl, line 1 is not JSON\. Delete the file/);
  expect(readFileSync(join(folder, "training.safetensors")).equals(before)).toBe(true);
});

test("--quick says what all of it would reach, if it has left something out", async () => {
  const quick = async (...args: string[]) =>
    (await weft("train", ...args, "--quick", "--limit", "100", "--out", temporaryFolder())).out;
  expect(await quick("lenet", "--epochs", "1")).toMatch(
    /^This was a quick try\. All of it \(20 s; 5 min on MNIST\) reaches a test accuracy of 99 % on digits and on MNIST\.$/m,
  );
  expect(await quick("softmax")).not.toContain("quick");
});

test("weft list names every program, what it learns and how long that takes", async () => {
  const { code, out } = await weft("list");
  expect(code).toBe(0);
  for (const line of out.split("\n")) expect(line).toMatch(/^\S+ +\S.* \(.*\)$/);
});
