// A training that is interrupted and goes on ends with the same files as one that was not.
import { appendFileSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { param } from "@weft/autograd";
import { digits } from "@weft/data";
import { params, readMetadata, save, seed } from "@weft/nn";
import { open } from "@weft/tensor-cpu";
import { expect, test, vi } from "vitest";
import { classifierLearner } from "../src/images/classifier.ts";
import { run } from "../src/command-line/command.ts";
import { learn } from "../src/training/training.ts";
import type { Program } from "../src/training/program.ts";
import { programs } from "../src/programs.ts";
import { recipes } from "../src/classifiers.ts";
import { expectResumes, type Start } from "./runs.ts";
import { lines, same, temporaryFolder, weft } from "./session.ts";

const words = ["train", "mlp", "--limit", "400", "--epochs", "3", "--seed", "5"];

test.each([["2"], ["4"], ["7"]])("after step %s", async (steps) => {
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  expect(await weft(...words, "--out", whole)).toMatchObject({ code: 0, err: "" });
  await weft(...words, "--out", parts, "--steps", steps);
  expect(lines(parts).at(-1)).toMatchObject({ step: Number(steps) });
  // Steps that were taken after the last save are taken again; a line may be cut off.
  appendFileSync(join(parts, "metrics.jsonl"), `{"step":${Number(steps) + 1},"time":1,"loss":9}\n{"step":9,"ti`);
  const resumed = await weft("train", "--resume", parts, "--epochs", "3");
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

/** What a training that is killed after its first epoch leaves. */
async function killed(...more: string[]): Promise<string> {
  const [folder, left] = [temporaryFolder(), temporaryFolder()];
  const code = await run([...words, ...more, "--out", folder], (line) => {
    if (line.startsWith("epoch 1/")) cpSync(folder, left, { recursive: true }); // with its lock
  });
  expect(code).toBe(0);
  expect((await readMetadata(join(left, "training.safetensors")))["step"]).toBe(4);
  return left;
}

test("a training of some steps goes on to the same step, and to its epochs where they are asked for", async () => {
  const [steps, whole, parts] = [temporaryFolder(), temporaryFolder(), await killed("--steps", "7")];
  await weft(...words, "--steps", "7", "--out", steps);
  const resumed = await weft("train", "--resume", parts);
  expect(resumed).toMatchObject({ code: 0, err: "" });
  expect(resumed.out).toContain("after 7 steps");
  same(steps, parts);
  await weft(...words, "--out", whole);
  const over = await weft("train", "--resume", parts); // the steps that were wanted are done
  expect(over).toMatchObject({ code: 0, err: "" });
  expect(over.out).toContain("it was to go to --steps 7, so nothing is left to do, and nothing was changed.");
  same(steps, parts);
  expect((await weft("train", "--resume", parts, "--epochs", "3")).out).toContain("after 12 steps");
  same(whole, parts);
});

test("a training that is stopped while it is evaluated after its last step takes no step more", async () => {
  const [steps, parts] = [temporaryFolder(), temporaryFolder()];
  await weft(...words, "--steps", "7", "--out", steps);
  const { mlp } = programs as Readonly<Record<string, Program>>;
  const start = mlp!.start.bind(mlp);
  let evaluated = 0;
  const spied = vi.spyOn(mlp!, "start").mockImplementation(async (setting) => {
    const learner = await start(setting);
    const evaluate = (epoch?: number) => {
      if (++evaluated === 2) process.emit("SIGINT", "SIGINT"); // after step 7, in epoch 2
      return learner.evaluate(epoch);
    };
    return { ...learner, evaluate };
  });
  const stopped = await weft(...words, "--steps", "7", "--out", parts);
  spied.mockRestore();
  expect(stopped).toMatchObject({ code: 130, err: "" });
  expect(stopped.out).toContain("\nThe signal came after the last step: nothing was left out.\n");
  expect(stopped.out).not.toContain("It was interrupted");
  same(steps, parts);
  expect((await weft("train", "--resume", parts)).out).toContain("so nothing is left to do, and nothing was changed.");
  // A second signal ends it before it is evaluated: then that and the report are made up for.
  rmSync(join(parts, "report.html"));
  const resumed = await weft("train", "--resume", parts);
  expect(resumed.out).toContain("after 7 steps");
  same(steps, parts);
  expect(readFileSync(join(parts, "report.html"), "utf8")).not.toContain("interrupted");
});

test("a training that has not come to its end is not replaced", async () => {
  const folder = await killed();
  const before = readFileSync(join(folder, "training.safetensors"));
  const refusal = `weft: ${folder} holds a training at epoch 1 of 3: \`--resume ${folder}\` goes on with it, \`--out <folder>\` begins elsewhere, and \`--overwrite\` begins again.`;
  expect(await weft(...words, "--out", folder)).toEqual({ code: 1, out: "", err: refusal });
  expect(await weft("train", "softmax", "--limit", "100", "--out", folder)).toMatchObject({ code: 1, err: refusal });
  expect(lines(folder)).toHaveLength(5);
  expect(readFileSync(join(folder, "training.safetensors")).equals(before)).toBe(true);
  expect(await weft(...words, "--out", folder, "--overwrite")).toMatchObject({ code: 0, err: "" });
  // Also one that is to end at a step.
  expect((await weft(...words, "--out", await killed("--steps", "7"))).err).toContain("a training at epoch 1 of 3: ");
});

test("one that has is", async () => {
  const folder = temporaryFolder();
  const fresh = async (...more: string[]) =>
    expect(await weft(...words, ...more, "--out", folder)).toMatchObject({ code: 0, err: "" });
  await fresh("--steps", "2"); // all the steps that were wanted
  await fresh();
  await fresh();
  // A training that its program has ended says so in its file.
  const file = join(folder, "training.safetensors");
  const notes = { ...(await readMetadata(file)), epoch: 1 };
  const { zeros } = await open({});
  const numbers = { w: param(zeros([1])) };
  await save(file, numbers, { ...notes, finished: true });
  await fresh();
});

test("nothing of a training that is replaced is left beside the new one", async () => {
  const folder = temporaryFolder();
  await weft(...words, "--out", folder);
  const backend = await open({});
  seed(1);
  const learner = classifierLearner(recipes.mlp, digits({ train: 100, test: 20 }), { backend, batchSize: 50, seed: 1 });
  const left: string[] = [];
  const evaluate = async () => {
    for (const name of ["model.safetensors", "training.safetensors", "report.html"])
      if (existsSync(join(folder, name))) left.push(name);
    return learner.evaluate();
  };
  await learn({ ...learner, evaluate }, { backend, folder, epochs: 1, display });
  expect(left).toEqual([]);
});

const display = { update: () => {}, close: () => {} };

test("a program that has ended its training says so in the file", async () => {
  const backend = await open({});
  const learner = classifierLearner(recipes.softmax, digits({ train: 100, test: 20 }), {
    backend,
    batchSize: 50,
    seed: 1,
  });
  let epochs = 0;
  const finished = () => epochs === 2;
  const folder = temporaryFolder();
  const noted: unknown[] = [];
  const told = async () => void noted.push((await readMetadata(join(folder, "training.safetensors")))["finished"]);
  const evaluate = () => (epochs++, learner.evaluate());
  await learn({ ...learner, finished, evaluate }, { backend, folder, epochs: 5, display, told });
  expect(await readMetadata(join(folder, "training.safetensors"))).toMatchObject({ epoch: 2, finished: true });
  expect(noted[0]).toBe(undefined);
});

test.each([
  [false, 2],
  [true, 1],
])(
  "what an epoch has learned is saved even if it cannot be evaluated, but not if it diverged: %s",
  async (nan, epoch) => {
    const backend = await open({});
    seed(1);
    const learner = classifierLearner(recipes.softmax, digits({ train: 100, test: 20 }), {
      backend,
      batchSize: 50,
      seed: 1,
    });
    const folder = temporaryFolder();
    const evaluate = (epoch?: number) => {
      if (epoch !== 2) return learner.evaluate();
      const [, bias] = params(learner.model);
      if (nan) bias!.value = backend.full([10], NaN);
      return Promise.reject(new Error("no more"));
    };
    await expect(learn({ ...learner, evaluate }, { backend, folder, epochs: 3, display })).rejects.toThrow("no more");
    for (const name of ["model.safetensors", "training.safetensors"])
      expect(await readMetadata(join(folder, name))).toMatchObject({ epoch, step: 2 * epoch });
  },
);

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
  expect(await refused("--resume", temporaryFolder())).toMatch(
    /^weft: nothing is saved in .*: `weft train <program> --out /,
  );
  expect(await refused("--resume", "nowhere")).toMatch(/^weft: there is no folder nowhere\./);
  writeFileSync(join(folder, "metrics.jsonl"), "no JSON\n");
  expect(await refused("--resume", folder, "--epochs", "3")).toMatch(
    /^weft: .*metrics\.jsonl, line 1 is not JSON\. Delete the file/,
  );
  expect(readFileSync(join(folder, "training.safetensors")).equals(before)).toBe(true);
});

test("--quick says what all of it would reach, if it has left something out", async () => {
  const quick = async (...args: string[]) =>
    (await weft("train", ...args, "--quick", "--limit", "100", "--out", temporaryFolder())).out;
  expect(await quick("lenet", "--epochs", "1")).toContain(
    `This was a quick try. All of it (${programs.lenet.time}) reaches ${programs.lenet.reaches}.\n`,
  );
  expect(await quick("softmax")).not.toContain("quick");
});

test("weft list names every program, what it learns and how long that takes", async () => {
  const { code, out } = await weft("list");
  expect(code).toBe(0);
  for (const line of out.split("\n\n")[0]!.split("\n")) expect(line).toMatch(/^\S+ +\S.* · .* · \S/);
});

test("a training that is over is left as it is, and says what to do for more", async () => {
  const folder = temporaryFolder();
  await weft(...words, "--out", folder);
  const names = readdirSync(folder).sort();
  expect(names).toEqual(["metrics.jsonl", "model.safetensors", "report.html", "training.safetensors"]);
  const kept = () => names.map((name) => readFileSync(join(folder, name), "latin1"));
  const before = kept();
  const over = `The training in ${folder} is at epoch 3 and step 12: it was to go to`;
  const then = "so nothing is left to do, and nothing was changed. For more: `weft train --resume";
  for (const [more, end, next] of [
    [[], "epoch 3", "--epochs 6"],
    [["--epochs", "2"], "epoch 2", "--epochs 6"],
    [["--steps", "5"], "--steps 5", "--steps 24"],
  ] as const) {
    const out = `${over} ${end}, ${then} ${folder} ${next}\`.`;
    expect(await weft("train", "--resume", folder, ...more)).toEqual({ code: 0, out, err: "" });
  }
  expect(kept()).toEqual(before);
  // It was killed before its report was written: that is made up for.
  rmSync(join(folder, "report.html"));
  expect(await weft("train", "--resume", folder)).toMatchObject({ code: 0, err: "" });
  expect(existsSync(join(folder, "report.html"))).toBe(true);
});

test("the time of a training is that of all its parts", async () => {
  const folder = temporaryFolder();
  const secondsIn = async () => Number((await readMetadata(join(folder, "training.safetensors")))["seconds"]);
  await weft(...words, "--out", folder, "--steps", "2");
  const file = join(folder, "training.safetensors");
  const early = await secondsIn();
  expect(early).toBeGreaterThan(0);
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.toString("latin1").replace(String(early), "9".repeat(String(early).length)), "latin1");
  await weft("train", "--resume", folder, "--epochs", "3");
  expect(await secondsIn()).toBeGreaterThan(9);
});

test.each([3, 4, 6])("a training that is killed after step %i goes on from its last save", async (step) => {
  const start: Start = (backend) =>
    classifierLearner(recipes.mlp, digits({ train: 200, test: 20 }), { backend, batchSize: 50, seed: 1 });
  await expectResumes(start, step, { epochs: 2 });
});
