// The reader of all of Shakespeare on a small text: it learns it, stops by itself, resumes, and computes what PyTorch
// computes; and the texts of a folder.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mul } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { place, seed, type Linear } from "@weft/nn";
import { describe, expect, test } from "vitest";
import { heldOut } from "../src/text/held-out.ts";
import { LanguageModel } from "../src/models/language-model.ts";
import { learner } from "../src/programs/shakespeare.ts";
import { reader } from "../src/text/stateful-reader.ts";
import { textIn } from "../src/text/text-files.ts";
import { elements } from "./html.ts";
import { hasModule, pytorch } from "./pytorch.ts";
import { expectResumes, lastMean, reportOn, trained, type Start } from "./runs.ts";
import { temporaryFolder, weft } from "./session.ts";
import { smallText } from "./text.ts";

const sizes = { features: 8, layers: 1, hidden: 32, batchSize: 8, steps: 10 };
const start: Start = (backend) => learner(smallText(300), sizes, { backend, epochs: 5 });

test("learns to write, and says what it writes", async () => {
  const run = await trained(start, { epochs: 5 });
  expect(run.losses).toHaveLength(500);
  expect(run.losses[0]).toBeGreaterThan(2.8);
  expect(lastMean(run.losses, 10)).toBeLessThan(1.2);
  const { testPerplexity, validationPerplexity } = run.result as Readonly<Record<string, number>>;
  expect(validationPerplexity).toBeLessThan(3.3);
  expect(testPerplexity).toBeLessThan(3.3);
  expect(testPerplexity).not.toBe(validationPerplexity);
  const names = run.record.evaluations.map(({ values }) => Object.keys(values));
  expect(names.map((all) => all.includes("testPerplexity"))).toEqual([false, false, false, false, true]);
  expect(run.learner.finished!()).toBe(false);
  expect(await run.learner.says!()).toMatch(/^\n.{100}$/s);
  expect(elements(await reportOn(run))).toContain("pre");
  // The test set was measured at the end: a training that has nothing left to do keeps what was found.
  const again = await trained(start, { epochs: 5, folder: run.folder, resume: true });
  expect(again.result).toEqual(run.result);
});

test("resumes to the same bits, also where an epoch ends", async () => {
  await expectResumes(start, 55, { epochs: 2 });
  await expectResumes(start, 100, { epochs: 2 });
});

test("writes also where a text has no line that ends", async () => {
  const { ids, characters } = smallText(300);
  const line = characters.indexOf("\n");
  const text = {
    characters: characters.map((one) => (one === "\n" ? "¶" : one)),
    ids: { ...ids, data: ids.data.map((id) => (id === line ? 0 : id)) },
  };
  const run = await trained((backend) => learner(text, sizes, { backend, epochs: 1 }), { epochs: 1, steps: 3 });
  expect(await run.learner.says!()).toHaveLength(101);
});

test("ends when there is nothing more to learn", async () => {
  let left = 3;
  const ending: Start = (backend) => ({
    ...start(backend),
    evaluate: async () => ({ left: --left }),
    finished: () => left === 0,
  });
  expect((await trained(ending, { epochs: 100 })).step).toBe(300);
});

test("a folder with too little text is refused by its name, and what is wanted is enough", async () => {
  const folder = temporaryFolder();
  const training = async (characters: number) => {
    writeFileSync(join(folder, "a.txt"), "to be or not ".repeat(characters).slice(0, characters));
    return weft("train", "shakespeare", "--text", folder, "--quick", "--steps", "1", "--out", join(folder, "out"));
  };
  for (const length of [0, 32_799])
    expect((await training(length)).err).toBe(
      `weft: --text ${folder} has texts of ${length.toLocaleString("en-US")} characters: too few to learn from and to validate, wanted 32,800 or more.`,
    );
  expect(await training(32_800)).toMatchObject({ code: 0, err: "" });
});

test("each part of a text is in all three sets", () => {
  const text = Int32Array.from({ length: 203 }, (_, i) => i);
  const { train, validation, test: held } = heldOut(text, 2);
  expect([...train]).toEqual([...Array(91).keys(), ...Array.from({ length: 91 }, (_, i) => 101 + i)]);
  expect([...validation]).toEqual([91, 92, 93, 94, 95, 192, 193, 194, 195, 196]);
  expect([...held]).toEqual([96, 97, 98, 99, 100, 197, 198, 199, 200, 201, 202]);
  expect([...train, ...validation, ...held].toSorted((a, b) => a - b)).toEqual([...text]);
});

describe("what is measured after epochs ends it", () => {
  /** Just begun: nothing is learned between evaluations. */
  async function begun() {
    const backend = await open({});
    seed(1);
    const { model, evaluate, finished } = learner(smallText(300), sizes, { backend, epochs: 100 });
    return { output: (model as { readonly output: Linear }).output, evaluate, finished: finished! };
  }

  test("where it no longer falls", async () => {
    const { evaluate, finished } = await begun();
    for (let i = 0; i < 25; i++) await evaluate(); // in the middle of an epoch: it counts nothing
    for (let epoch = 1; epoch <= 20; epoch++) {
      expect(Object.keys(await evaluate(epoch))).toEqual(["validationPerplexity"]);
      expect(finished()).toBe(false);
    }
    expect(Object.keys(await evaluate(21))).toEqual(["testPerplexity", "validationPerplexity"]);
    expect(finished()).toBe(true);
  });

  test("where it rises", async () => {
    const { output, evaluate, finished } = await begun();
    const { validationPerplexity: first } = await evaluate(1);
    expect(finished()).toBe(false);
    output.weight.value = mul(output.weight, 1000); // now it is sure of what is wrong
    const { validationPerplexity: second } = await evaluate(2);
    expect(second).toBeGreaterThan(Number(first));
    expect(finished()).toBe(true);
  });
});

test.skipIf(!hasModule("torch"))("reads on with PyTorch's numbers", async () => {
  const backend = await open({});
  seed(1);
  const model = LanguageModel(5, { features: 4, hidden: 3, layers: 2 });
  await place(model, backend);
  const windows = [0, 1].map((w) => Array.from({ length: 6 }, (_, t) => [(t + w) % 5, (t * 2 + w) % 5]));
  const wanted = await pytorch(
    `
lstm = nn.LSTM(4, 3, 2)
lstm.load_state_dict({name[5:]: w for name, w in weights.items() if name.startswith("lstm.")})
state = None
for x in given["windows"]:
    y, state = lstm(weights["embed.weight"][x], state)
say(y.reshape(-1, 3) @ weights["output.weight"].T + weights["output.bias"])
`,
    model,
    { windows },
  );
  const { read } = reader(model, [2, 2, 3], backend);
  let found;
  for (const window of windows) found = read(backend.tensor(window, { dtype: "i32" }));
  const scores = await found!.logits.data();
  expect(wanted).toHaveLength(6 * 2 * 5);
  for (const [i, y] of wanted.entries()) expect(Math.abs(Number(scores[i]) - y)).toBeLessThan(1e-6);
});

describe("the texts of a folder", () => {
  const filled = (files: Readonly<Record<string, string>>): string => {
    const folder = temporaryFolder();
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return folder;
  };

  test("are those of sources in the order of their names, without what is hidden or installed", async () => {
    const folder = filled({
      "b.ts": "bb\r\n",
      "a/c.md": "c",
      "a.png": "x",
      ".git/d.txt": "x",
      "node_modules/e.ts": "x",
      ".f.ts": "x",
    });
    const { characters, ids } = await textIn(folder);
    expect(Array.from(ids.data, (id) => characters[id]).join("")).toBe("c\nbb\n");
    await expect(textIn(filled({ "a.png": "x" }))).rejects.toThrow(/has no text: no file \*\.ts/);
  });

  test("rare characters are one", async () => {
    const many = Array.from({ length: 200 }, (_, i) => String.fromCodePoint(0x4e00 + i).repeat(i < 127 ? 2 : 1));
    const { characters, ids } = await textIn(filled({ "a.txt": many.join("") }));
    expect(characters).toHaveLength(128);
    expect([...ids.data].filter((id) => characters[id] === "\uFFFD")).toHaveLength(73);
  });

  test("weft train shakespeare --text learns them", async () => {
    const folder = filled({ "a.ts": "const x = 1;\n".repeat(3000) });
    const out = temporaryFolder();
    const words = ["train", "shakespeare", "--text", folder, "--quick", "--steps", "3", "--out", out];
    const { code, out: said, err } = await weft(...words);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(said).toContain("learns from 39,000 characters");
    expect(said).toMatch(/Validation perplexity: \d+\.\d+ after 3 steps/);
  });
});
