// Ctrl-C during training, as a terminal sends it: the model is saved, then the report is written; a second one ends the
// program at once.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { digits } from "@weft/data";
import { readMetadata, seed } from "@weft/nn";
import { sgd } from "@weft/optim";
import { open } from "@weft/tensor-cpu";
import { expect, test, vi } from "vitest";
import { classifierLearner } from "../src/images/classifier.ts";
import { learn } from "../src/training/training.ts";
import { patient } from "../src/progress.ts";
import type { Program } from "../src/training/program.ts";
import { programs } from "../src/programs.ts";
import { learner as linearRegression } from "../src/programs/linreg.ts";
import { recipes } from "../src/classifiers.ts";
import { lossesIn } from "./runs.ts";
import { temporaryFolder, weft } from "./session.ts";

const program = join(import.meta.dirname, "../src/weft.ts");

const listeners = () => ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => process.listenerCount(signal));

test.each([
  [1, "Nothing was saved\\."],
  [2, "The model of step 2 is in .*model\\.safetensors\\."],
])("a loss of NaN in epoch %i ends training, and signal handlers are removed", async (epoch, then) => {
  const out = temporaryFolder();
  const before = listeners();
  const optimizer = vi
    .spyOn(recipes.softmax, "optimizer")
    .mockReturnValue(sgd({ lr: (step) => (step < 2 * (epoch - 1) ? 0.1 : 3e38) }));
  const { code, err } = await weft("train", "softmax", "--limit", "200", "--epochs", "3", "--out", out);
  optimizer.mockRestore();
  expect({ code, err: err.split("\n").at(-1) }).toEqual({
    code: 1,
    err: expect.stringMatching(
      new RegExp(`^weft: the loss became NaN in step ${2 * epoch} \\(epoch ${epoch}\\)\\. ${then}$`),
    ),
  });
  expect(existsSync(join(out, "report.html"))).toBe(false);
  expect(existsSync(join(out, "model.safetensors"))).toBe(epoch > 1);
  expect(listeners()).toEqual(before);
});

type Saw = (line: string, child: ReturnType<typeof spawn>) => void;

/** A very long `weft train softmax`. */
const training = (saw: Saw, ...more: string[]) => trainingOf("softmax", saw, ...more);

/** A very long `weft train`, in a process of its own. `saw` is called with each line that it prints. */
function trainingOf(name: string, saw: Saw, ...more: string[]) {
  const out = temporaryFolder();
  const files = { report: join(out, "report.html"), model: join(out, "model.safetensors") };
  const length = more.includes("--epochs") ? [] : ["--epochs", "100000"];
  const limit = more.includes("--limit") ? [] : ["--limit", "100"];
  const words = ["train", name, ...limit, ...length, "--out", out, ...more];
  const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "pipe", "ignore"] });
  const lines: string[] = [];
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop()!;
    for (const line of parts) {
      lines.push(line);
      saw(line, child);
    }
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal })),
  );
  return { files, lines, ended };
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s after some epochs leaves the model and a report, and the code %i", async (signal, code) => {
  let epochs = 0;
  const { files, lines, ended } = training((line, child) => {
    if (line.startsWith("epoch ") && ++epochs === 2) child.kill(signal);
  });
  expect(await ended).toEqual({ code, signal: null });
  expect(lines).toContain(
    `${signal}: stopping after this step, then the model and the report are written. Press Ctrl-C again to quit immediately.`,
  );
  expect(lines.at(-1)).toBe(`Report  ${files.report}`);
  expect(readFileSync(files.report, "utf8")).toMatch(/\d+ of 100,000, interrupted/);
  const metadata = await readMetadata(files.model);
  expect(metadata["epoch"]).toBeGreaterThanOrEqual(2);
  const accuracy = `${(100 * Number(metadata["testAccuracy"])).toFixed(2)}%`;
  expect(lines.at(-3)).toMatch(new RegExp(`^Test accuracy: ${accuracy} after `));
  expect(lines.at(-2)).toMatch(
    new RegExp(
      `^It was interrupted in epoch \\d+ of 100,000\\. \`weft train --resume ${dirname(files.report)}\` goes on\\.$`,
    ),
  );
  expect((await weft("predict", files.model, "0")).code).toBe(0);
});

test("a quick try that is interrupted says so, and claims nothing of what the whole reaches", async () => {
  let epochs = 0;
  const { lines, ended } = trainingOf(
    "lenet",
    (line, child) => {
      if (line.startsWith("epoch ") && ++epochs === 2) child.kill("SIGINT");
    },
    "--quick",
  );
  expect((await ended).code).toBe(130);
  expect(lines.at(-2)).toMatch(/^It was interrupted in epoch \d+ of 100,000\. /);
  expect(lines.join("\n")).not.toMatch(/quick try|reaches/);
});

test("a second Ctrl-C ends the program at once, and the saved model stays", async () => {
  let told = false;
  const { files, lines, ended } = trainingOf(
    "lenet",
    (line, child) => {
      if (line.startsWith("epoch ") && !told) child.kill("SIGINT");
      if (line.startsWith("SIGINT") && !told) {
        told = true;
        child.kill("SIGINT");
      }
    },
    "--limit",
    "1000", // it is evaluated long enough for the second one
  );
  expect(await ended).toEqual({ code: null, signal: "SIGINT" }); // which a shell shows as 130
  expect(lines.at(-1)).toBe(
    `SIGINT: ended at once. \`weft train --resume ${dirname(files.report)}\` goes on from what was saved.`,
  );
  expect(existsSync(join(dirname(files.report), "training.lock"))).toBe(false);
  expect((await weft("predict", files.model, "0")).code).toBe(0);
  expect(existsSync(files.report)).toBe(false);
});

test("a killed training leaves the model of the last epoch", async () => {
  const { files, ended } = training((line, child) => {
    if (line.startsWith("epoch 3/")) child.kill("SIGKILL");
  });
  expect(await ended).toEqual({ code: null, signal: "SIGKILL" });
  expect((await readMetadata(files.model))["epoch"]).toBeGreaterThanOrEqual(3);
  expect((await weft("predict", files.model, "0")).code).toBe(0);
});

test("training continues when the reader of its output has exited", async () => {
  const { files, ended } = training(
    (line, child) => {
      if (line.startsWith("epoch 1/")) child.stdout!.destroy();
    },
    "--epochs",
    "3",
  );
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(existsSync(files.report)).toBe(true);
});

test("after training, signals have their default effect again", async () => {
  const listening = () => ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => process.listenerCount(signal));
  const before = listening();
  await weft("train", "softmax", "--limit", "100", "--epochs", "1", "--out", temporaryFolder());
  expect(listening()).toEqual(before);
});

/** A training whose report takes for ever, and what happens in it after the third of its parts. */
async function reporting(then: () => void, out: string, ...more: string[]) {
  const { mlp } = programs as Readonly<Record<string, Program>>;
  const start = mlp!.start.bind(mlp);
  function* forever() {
    for (let at = 0; ; at++) yield at;
  }
  const spied = vi.spyOn(mlp!, "start").mockImplementation(async (setting) => {
    const sections = async () => {
      for await (const at of patient(forever(), "text")) if (at === 3) then();
      return expect.fail("it goes on for ever");
    };
    return { ...(await start(setting)), sections };
  });
  return weft("train", "mlp", "--limit", "100", "--steps", "1", "--out", out, ...more).finally(() =>
    spied.mockRestore(),
  );
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)(
  "%s while the report is written leaves it without what takes long, and the code %i",
  async (signal, code) => {
    const [out, before] = [temporaryFolder(), listeners()];
    const { out: said, ...ended } = await reporting(() => process.emit(signal, signal), out);
    expect(ended).toEqual({ code, err: "" });
    const lines = said.split("\n");
    expect(lines).toContain(
      `${signal}: the report is written without what takes long. Press Ctrl-C again to quit immediately.`,
    );
    expect(lines.at(-2)).toBe(
      `The report is without what takes long: \`weft train --resume ${out}\` writes all of it.`,
    );
    const report = join(out, "report.html");
    expect(lines.at(-1)).toBe(`Report  ${report}`);
    const left = "A signal came while this report was written: it is without what takes long.";
    expect(readFileSync(report, "utf8")).toContain(left);
    expect(readFileSync(report, "utf8")).not.toContain("interrupted");
    expect(existsSync(join(out, "training.lock"))).toBe(false);
    expect(listeners()).toEqual(before);
    // It is made up for.
    expect(await weft("train", "--resume", out)).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(report, "utf8")).not.toContain(left);
  },
);

test("a second signal while the report is written ends the program, says so, and gives the folder back", async () => {
  const [out, before] = [temporaryFolder(), listeners()];
  const killed = new Error("killed");
  const kill = vi.spyOn(process, "kill").mockImplementation(() => {
    throw killed; // the program ends there
  });
  const twice = () => {
    process.emit("SIGINT", "SIGINT");
    process.emit("SIGTERM", "SIGTERM");
  };
  await expect(reporting(twice, out)).rejects.toBe(killed);
  expect(kill.mock.calls).toEqual([[process.pid, "SIGTERM"]]);
  kill.mockRestore();
  expect(existsSync(join(out, "report.html"))).toBe(false);
  expect(existsSync(join(out, "training.lock"))).toBe(false);
  expect(listeners()).toEqual(before);
});

/** A folder in the place of the file, so that it cannot be written. */
function block(path: string): void {
  for (;;) {
    rmSync(path, { force: true });
    try {
      return mkdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // it was saved in between
    }
  }
}

test("a model that cannot be saved for a while does not end training", async () => {
  let state: "fine" | "blocked" | "told" | "stopped" = "fine";
  const { files, lines, ended } = training((line, child) => {
    if (line.startsWith("epoch 1/") && state === "fine") {
      state = "blocked";
      block(files.model);
    } else if (state === "blocked" && line.includes("could not write")) {
      rmdirSync(files.model);
      state = "told";
    } else if (state === "told" && line.includes("test accuracy")) {
      state = "stopped"; // it went on
      child.kill("SIGINT");
    }
  });
  expect(await ended).toEqual({ code: 130, signal: null });
  expect(lines.some((line) => /^save: .* it is a folder.*Training continues\.$/.test(line))).toBe(true);
  expect(lines.at(-1)).toBe(`Report  ${files.report}`);
  expect(state).toBe("stopped");
  expect((await weft("predict", files.model, "0")).code).toBe(0);
});

const display = { update: () => {}, close: () => {} };

test("a signal ends the loop between two steps, and what it has learned is saved before it is evaluated", async () => {
  const backend = await open({});
  seed(1);
  const learner = classifierLearner(recipes.softmax, digits({ train: 100, test: 20 }), {
    backend,
    batchSize: 10,
    seed: 1,
  });
  const counting = new AbortController();
  let steps = 0;
  const counted = { ...display, update: () => void (++steps === 13 && counting.abort()) };
  const folder = temporaryFolder();
  const saved: unknown[] = [];
  const evaluate = async () => {
    const file = join(folder, "training.safetensors");
    saved.push(existsSync(file) ? (await readMetadata(file))["step"] : "nothing");
    return learner.evaluate();
  };
  const how = { backend, folder, epochs: 9, display: counted, signal: counting.signal };
  const { step, epoch, record } = await learn({ ...learner, evaluate }, how);
  expect({ step, epoch, saved, losses: lossesIn(record).length }).toEqual({
    step: 13,
    epoch: 1,
    saved: ["nothing", 13],
    losses: 13,
  });
});

test("linear regression stops between two steps too, and lets signal handlers run", async () => {
  const backend = await open({});
  const data = { data: Float32Array.of(1, 2, 3), shape: [3, 1], dtype: "f32" } as const;
  const stop = new AbortController();
  const how = { backend, folder: temporaryFolder(), epochs: 1, display, signal: stop.signal };
  const learner = linearRegression({ inputs: data, targets: data }, backend, { steps: 1e9 });
  const epoch = (): ReturnType<typeof learner.epoch> => {
    timer ??= setTimeout(() => stop.abort(), 30);
    return learner.epoch();
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const { record } = await learn({ ...learner, epoch }, how);
  expect(lossesIn(record).length).toBeGreaterThan(0);
});
