// The arguments of the command line, and its error messages: one line, and exit code 1.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { vocabulary } from "@weft/data";
import { Chain, Linear, params, place, save } from "@weft/nn";
import { ArgumentError, flatten, type Backend } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test, vi } from "vitest";
import { machineOf, mostThreads, openBackend, threadsOf } from "../src/backends.ts";
import { ownOptions, run } from "../src/command-line/command.ts";
import { checked } from "../src/command-line/checked-options.ts";
import { filesIn } from "../src/training/output-folder.ts";
import { programNames, programs } from "../src/programs.ts";
import { temporaryFolder, weft } from "./session.ts";

test.each([["help"], ["--help"], ["-h"]])("weft %s lists the commands", async (word) => {
  const { code, out, err } = await weft(word);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  for (const command of ["train", "list", "predict", "help"]) expect(out).toMatch(new RegExp(`^  ${command} `, "m"));
});

test("without a command the same list is printed as an error", async () => {
  const { code, out, err } = await weft();
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain("Usage: weft");
});

test("weft help of a command that there is not is an error that lists those that there are", async () => {
  expect(await weft("help", "foo")).toEqual({
    code: 1,
    out: "",
    err: "weft: command-argument value 'foo' is invalid for argument 'command'. Allowed choices are train, list, tables, predict, help. See: weft help",
  });
  for (const command of ["train", "list", "help"])
    expect(await weft("help", command)).toEqual(await weft(command, "--help"));
});

test("weft help train lists models, options and defaults", async () => {
  const { code, out } = await weft("help", "train");
  expect(code).toBe(0);
  for (const word of ["lenet", "mlp", "softmax", "linreg", "digits", "mnist", "webgpu"]) expect(out).toContain(word);
  for (const name of ["data", "epochs", "seed", "backend", "out", "limit"]) expect(out).toContain(`--${name} <`);
});

test("weft help train says what the defaults are, and what a limit limits", async () => {
  const out = (await weft("help", "train")).out.replaceAll(/\s+/g, " ");
  expect(out).toContain('choices: "2", "5", "10", "20"');
  expect(out).toContain("how many numbers a code has (vae; default: 20");
  expect(out).toContain("how it learns (lenet, charlm; default: sgd");
  expect(out).toContain("use no more pictures, reviews, sentences than this");
});

test("an option of several programs says the same in each", () => {
  const optimizer = { value: "name", about: "how it learns", choices: ["sgd", "adam"] };
  const both = (other: Partial<typeof optimizer>) => () =>
    ownOptions({ one: { options: { optimizer } }, two: { options: { optimizer: { ...optimizer, ...other } } } });
  expect(both({})().map(({ description }) => description)).toEqual(["how it learns (one, two)"]);
  expect(both({ about: "how fast" })).toThrow("--optimizer: two says something else of it than one");
  expect(both({ choices: ["sgd"] })).toThrow("--optimizer: two says");
});

test("weft list names the method, the data and the time", async () => {
  const { out } = await weft("list");
  const { dcgan } = programs;
  expect(out).toMatch(new RegExp(`^dcgan +DCGAN · digits or MNIST · ${dcgan.time} · to draw digits`, "m"));
  for (const name of programNames) expect(out, name).toMatch(new RegExp(`^${name} +[^·]+ · [^·]+ · [^·]+ · `, "m"));
  expect(out).not.toContain("undefined");
  expect(out).toMatch(/times are those of two cores of an AMD EPYC/);
});

test("weft --version is that of the package", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(await weft("--version")).toEqual({ code: 0, out: version, err: "" });
});

test.each([
  ["trian", "unknown command 'trian' (Did you mean train?) See: weft help"],
  ["train", "train what? See: weft list"],
  [
    "train resnet",
    `command-argument value 'resnet' is invalid for argument 'program'. Did you mean resnet50? Allowed choices are ${programNames.join(", ")}. See: weft help train`,
  ],
  ...[
    ["lennet", "Did you mean lenet? "],
    ["leent", "Did you mean lenet? "],
    ["pso", "Did you mean pos? "],
    ["transformer", ""],
    ["x", ""],
    ["constructor", ""],
  ].map(([name, meant]) => [
    `train ${name}`,
    `command-argument value '${name}' is invalid for argument 'program'. ${meant}Allowed choices are ${programNames.join(", ")}. See: weft help train`,
  ]),
  ["train lenet mlp", "too many arguments for 'train'. Expected 1 argument but got 2. See: weft help train"],
  ["train lenet --epoch 3", "unknown option '--epoch' (Did you mean --epochs?) See: weft help train"],
  ["train lenet --seed", "option '--seed <n>' argument missing. See: weft help train"],
  ...["0", "-1", "1.5", "many", "1e3", ""].map((n) => [
    `train lenet --epochs ${n}`,
    `option '--epochs <n>' argument '${n}' is invalid. Wanted a whole number from 1. See: weft help train`,
  ]),
  ["train mlp --data cifar", "mlp learns from digits or mnist, not from cifar."],
  ["train vgg --data nosuch", "vgg learns from cifar10, not from nosuch."],
  [
    "train mlp --backend cuda",
    "option '--backend <name>' argument 'cuda' is invalid. Allowed choices are cpu, webgpu. See: weft help train",
  ],
  ["train linreg --data mnist", "linreg has no option --data: leave it out."],
  ["train mlp --data cifar10", "mlp learns from digits or mnist, not from cifar10."],
  ["train linreg --limit 3", "linreg has no option --limit: leave it out."],
  ["train --resume there --overwrite", "--resume goes on, --overwrite begins again: leave one of them out."],
  ["train mlp --seed 1 --seed 2", "option '--seed <n>' is given twice, as 1 and as 2. See: weft help train"],
  ...["train mlp", "tables"].flatMap((line) =>
    ["0", "65", "two"].map((n) => [
      `${line} --threads ${n}`,
      `option '--threads <n>' argument '${n}' is invalid. Wanted a whole number from 1 to 64. See: weft help ${line.split(" ")[0]}`,
    ]),
  ),
  [
    "train mlp --backend webgpu --threads 2",
    "--threads 2: only the backend cpu has threads, webgpu has none. Leave it out.",
  ],
  ["train mlp --optimizer adam", "mlp has no option --optimizer: leave it out."],
  ["predict", "missing required argument 'file'. See: weft help predict"],
  [
    "predict model.safetensors two",
    "command-argument value 'two' is invalid for argument 'index'. Wanted a whole number from 0. See: weft help predict",
  ],
  ["predict nothing.safetensors", 'there is no file or folder "nothing.safetensors": name a model.'],
] as [string, string][])("weft %s", async (line, message) => {
  expect(await weft(...line.split(" "))).toEqual({ code: 1, out: "", err: `weft: ${message}` });
});

test("a folder that cannot be made is an error before training", async () => {
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "");
  const refused = async (out: string) => {
    const { err, ...ended } = await weft("train", "mlp", "--out", out);
    expect(ended).toEqual({ code: 1, out: "" });
    return err;
  };
  const below = join(file, "below");
  expect(await refused(below)).toBe(
    `weft: the folder ${below} for the report and the model cannot be made: ENOTDIR: not a directory, mkdir '${below}'. Name another one with --out.`,
  );
  expect(await refused(file)).toMatch(
    /^weft: the folder .*file for the report and the model cannot be made: EEXIST: .*\.$/,
  );
});

test("an error of Node about wrong arguments is a fault of the program, and is thrown", async () => {
  const print = () => void Buffer.from(5 as never);
  await expect(run(["list"], print)).rejects.toThrow(expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" }));
});

test("what a backend is asked for wrongly is no reason why it cannot run here", async () => {
  const opening = openBackend("cpu", 1, 100);
  await expect(opening).rejects.toThrow(ArgumentError);
  await expect(opening).rejects.toThrow("open: wanted an integer from 1 to 64 as threads, got number 100");
});

test("weft predict says why a file cannot be used", async () => {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, name);
  const predict = async (name: string, ...words: string[]) => (await weft("predict", path(name), ...words)).err;

  writeFileSync(path("text"), "no model at all");
  expect(await predict("text")).toMatch(new RegExp(`^weft: readMetadata: ${path("text")}: safetensors: .*$`));

  const model = Chain(flatten, Linear(784, 10));
  await save(path("other"), model);
  expect(await predict("other")).toBe(
    `weft: ${path("other")}: the file does not say which model it holds, wanted one of lenet, mlp, softmax, vgg, cifar-batchnorm. Name the model with --model.`,
  );
  expect(await predict("other", "--model", "mlp")).toBe(
    `weft: load: ${path("other")}: the names are not those of the model: missing 3.weight, 3.bias`,
  );
  await save(path("linreg"), model, { weft: "linreg" });
  expect(await predict("linreg")).toBe(
    `weft: ${path("linreg")}: the file holds the model linreg, of which there is nothing to predict: its report says what it learned.`,
  );
  await save(path("lenet"), model, { weft: "lenet" });
  expect(await predict("lenet", "--model", "mlp")).toBe(
    `weft: ${path("lenet")}: the file holds the model lenet, not mlp: leave out --model.`,
  );
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty", ""]) {
    await save(path("odd"), model, { weft: name, data: name });
    expect(await predict("odd")).toBe(
      `weft: ${path("odd")}: the file holds the model ${name}, wanted one of lenet, mlp, softmax, vgg, cifar-batchnorm. Name the model with --model.`,
    );
  }
  await save(path("escape"), model, { weft: "\u001b[2J\u009b1m\rall is well" + "!".repeat(1e5) });
  const said = await predict("escape");
  expect(said).toContain(String.raw`the file holds the model \u001b[2J\u009b1m\u000dall is well!!!`);
  expect(said.length).toBeLessThan(500);
  await save(path("pointer"), model);
  writeFileSync(path("pointer"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  expect(await predict("pointer")).toContain(
    "this is a Git LFS pointer, not the file that it stands for. Run: git lfs pull.",
  );
  mkdirSync(path("folder"));
  expect(await predict("folder")).toBe(
    `weft: there is no model.safetensors in ${path("folder")}: name the folder of a training, or the file of a model.`,
  );

  await save(path("softmax"), model, { weft: "softmax" });
  expect(await predict("softmax", "7", "2000")).toBe(
    "weft: there is no picture 2000: the test set of digits has 0 to 1999.",
  );
});

test("weft train --resume of a file asks for its folder", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "training.safetensors");
  writeFileSync(file, "");
  expect(await weft("train", "--resume", file)).toEqual({
    code: 1,
    out: "",
    err: `weft: ${file} is a file: name the folder of the training, such as ${folder}.`,
  });
});

const broken = [
  "{",
  "null",
  "[]",
  "7",
  '{ "epochs": 0 }',
  '{ "epochs": "3" }',
  '{ "data": "digits" }',
  '{ "backend": "constructor" }',
  '{ "options": null }',
  '{ "options": { "optimizer": "magic" } }',
  '{ "options": { "toString": true } }',
  '{ "constructor": 1 }',
];
test.each(broken)("what was wanted of a training is refused where it is broken: %s", async (wanted) => {
  const folder = temporaryFolder();
  const { model, training } = filesIn(folder);
  for (const file of [model, training]) await save(file, Linear(1, 1), { weft: "charlm", wanted, epoch: 0, step: 1 });
  const refused = (file: string) => ({
    code: 1,
    out: "",
    err: `weft: ${file}: what was wanted of charlm cannot be read. It was changed after it was saved.`,
  });
  expect(await weft("predict", folder, "--text", "a")).toEqual(refused(model));
  expect(await weft("train", "--resume", folder)).toEqual(refused(training));
  expect(await weft("train", "charlm", "--out", folder)).toEqual(refused(training));
});

test("weft predict refuses data that the program does not learn from, before it is downloaded", async () => {
  const file = join(temporaryFolder(), "model.safetensors");
  await save(file, Chain(flatten, Linear(784, 10)), { weft: "softmax" });
  vi.stubEnv("WEFT_DATA", join(temporaryFolder(), "none"));
  expect(await weft("predict", file, "--data", "cifar10")).toEqual({
    code: 1,
    out: "",
    err: "weft: softmax learns from digits or mnist, not from cifar10.",
  });
  vi.unstubAllEnvs();
});

test.each([NaN, Infinity])("weft predict refuses to guess with weights of %d", async (value) => {
  const file = join(temporaryFolder(), "model.safetensors");
  const init = () => new Float32Array(7840).fill(value);
  await save(file, Chain(flatten, Linear(784, 10, { init })), { weft: "softmax" });
  for (const indices of [[], ["0"], ["5", "7"]]) {
    const { code, out, err } = await weft("predict", file, ...indices);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe(
      `weft: ${file}: its weights hold NaN or infinity, as after training that diverged. Train it anew.`,
    );
  }
});

test("what is named but not there is said in the words of the command", async () => {
  const folder = temporaryFolder();
  const nowhere = join(folder, "nowhere");
  expect((await weft("predict", nowhere)).err).toBe(
    `weft: there is no file or folder ${JSON.stringify(nowhere)}: name a model.`,
  );
  const texts = await weft("train", "shakespeare", "--text", nowhere, "--out", join(folder, "out"));
  expect(texts).toMatchObject({ code: 1, err: `weft: --text ${nowhere}: there is no such folder.` });
  expect((await weft("train", "linreg", "--out", "")).err).toContain("Wanted a name.");
});

test("a model that diverged draws nothing", async () => {
  const file = join(temporaryFolder(), "model.safetensors");
  const backend = await open({});
  const { model } = programs.vae.draws!({ backend, options: {} });
  await place(model, backend);
  for (const p of params(model)) p.value = backend.full(p.shape, NaN);
  await save(file, model, { weft: "vae", wanted: JSON.stringify({ data: "digits" }) });
  expect(await weft("predict", file)).toEqual({
    code: 1,
    out: "",
    err: `weft: ${file}: its weights hold NaN or infinity, as after training that diverged. Train it anew.`,
  });
});

test("weft predict --length says how long a text is, and it comes line by line", async () => {
  const file = join(temporaryFolder(), "model.safetensors");
  const backend = await open({ seed: 1 });
  const known = vocabulary("ab\n");
  const { model } = programs.charlm.answers!(() => known, { backend, quick: false, options: {} });
  await place(model, backend);
  const vocabularies = JSON.stringify({ characters: { tokens: known.tokens } });
  await save(file, model, { weft: "charlm", wanted: "{}", vocabularies });
  const { code, out } = await weft("predict", file, "--text", "ab", "--length", "60");
  expect(code).toBe(0);
  expect(out.replace(/\n$/, "").length + Number(out.endsWith("\n"))).toBeGreaterThanOrEqual(61);
  expect(out).toMatch(/^ab/);
  const printed: string[] = [];
  await run(["predict", file, "--text", "ab", "--length", "60"], (line) => printed.push(line));
  expect(printed.length).toBeGreaterThan(1); // each line by itself
  expect(printed.join("\n")).toBe(out);
  expect((await weft("predict", file, "--length", "60")).err).toBe(
    "weft: --length says how much is written after a text: name one with --text, or leave it out.",
  );
});

test("weft predict --length is refused where no text is written", async () => {
  const file = join(temporaryFolder(), "model.safetensors");
  const vocabularies = JSON.stringify({ words: { tokens: ["a", "b"] }, tags: { tokens: ["O"] } });
  await save(file, Linear(1, 1), { weft: "pos", wanted: "{}", vocabularies });
  expect((await weft("predict", file, "--text", "a", "--length", "9")).err).toBe(
    `weft: ${file}: the file holds the model pos, which does not go on with a text: leave --length out.`,
  );
});

test("rows of weft tables are chosen by the names that it prints, too", async () => {
  vi.stubEnv("WEFT_DATA", join(temporaryFolder(), "none"));
  const { code, out } = await weft("tables", "--rows", "^LinReg$", "--seconds", "1", "--json");
  expect(code).toBe(0);
  expect(out).toContain('"LinReg"');
});

test("the most threads are those that the backend takes", async () => {
  expect(threadsOf(await openBackend("cpu", 1, mostThreads))).toBe(mostThreads);
  await expect(openBackend("cpu", 1, mostThreads + 1)).rejects.toThrow(
    new ArgumentError(`open: wanted an integer from 1 to ${mostThreads} as threads, got number ${mostThreads + 1}`),
  );
});

test("the threads of a device are not those of the processor", () => {
  const device = { name: "@weft/tensor-webgpu", info: () => ({ threads: 64 }) } as unknown as Backend;
  expect(machineOf(device)).toBe("@weft/tensor-webgpu");
});

test("files and folders of options are kept as whole paths", () => {
  const { options } = checked("resnet50", { options: { weights: "a.pth", pictures: "b" } });
  expect(options).toEqual({ weights: resolve("a.pth"), pictures: resolve("b") });
});

test("steps of players are called episodes", async () => {
  const { out } = await weft("train", "dqn", "--steps", "2", "--out", temporaryFolder());
  expect(out).toContain(" after 2 episodes, ");
});
