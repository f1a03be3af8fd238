// Words written backwards, on made-up words: it learns them, resumes, computes what PyTorch computes; batches of words
// of one length, and the search for the most probable word.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomSampler } from "@weft/data";
import { place, seed } from "@weft/nn";
import type { Param } from "@weft/autograd";
import type { Optimizer } from "@weft/optim";
import { open } from "@weft/tensor-cpu";
import { afterEach, describe, expect, test, vi } from "vitest";
import { beamSearch } from "../src/text/beam-search.ts";
import { Seq2Seq } from "../src/models/seq2seq.ts";
import { learner as reversing, seq2seq } from "../src/programs/seq2seq.ts";
import { sameLength } from "../src/text/same-length.ts";
import { elements } from "./html.ts";
import { hasModule, pytorch } from "./pytorch.ts";
import { expectResumes, lastMean, reportOn, trained, type Start } from "./runs.ts";
import { temporaryFolder, weft } from "./session.ts";

afterEach(() => void vi.unstubAllEnvs());

/** Different words of two or three letters. */
const words = [
  ...new Set(
    Array.from({ length: 400 }, (_, i) => {
      const drawn = randomSampler(6, { count: 2 + (i % 2), replacement: true, seed: 1 }).pass(i, 1) as Int32Array;
      return Array.from(drawn, (letter) => "abcdef"[letter]).join("");
    }),
  ),
];
const start: Start = (backend) => reversing(words, { backend, seed: 1, batchSize: 16, batches: 40, epochs: 8 });

test("learns to write words backwards", async () => {
  const run = await trained(start, { epochs: 8 });
  expect(run.losses[0]).toBeGreaterThan(1.9);
  expect(lastMean(run.losses, 10)).toBeLessThan(0.2);
  expect(run.result!["exactMatch"]).toBeGreaterThan(0.8);
  expect(run.result!["exactMatchOfBeams"]).toBeGreaterThan(0.8);
  const html = await reportOn(run);
  expect(elements(html)).toContain("pre");
  expect(html).toContain("✓");
});

test.each([1, 20])("of %d epochs, the rate falls to zero at the end of the last", async (epochs) => {
  const folder = temporaryFolder();
  const letters = [..."abcdef"];
  const all = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => a + b + c)));
  writeFileSync(join(folder, "words"), all.join("\n"));
  vi.stubEnv("WEFT_DATA", folder);
  const setting = { backend: await open({}), seed: 1, epochs, data: "", limit: Infinity, quick: false, options: {} };
  const { epoch, state } = await seq2seq.start(setting);
  for await (const _ of epoch()) break;
  const { lr } = (state as { optimizer: Optimizer }).optimizer;
  expect(lr).toBeCloseTo(0.0005 * (1 + Math.cos(Math.PI / (792 * epochs))), 15);
});

test("resumes to the same bits", () => expectResumes(start, 13, { epochs: 2 }));

test("everything begins with Glorot's uniform numbers, biases too", async () => {
  const backend = await open({});
  seed(1);
  const model = Seq2Seq(5);
  await place(model, backend);
  const wide = (fans: number) => Math.sqrt(6 / fans);
  for (const { lstm } of [model.encoder, model.decoder])
    for (const bias of [lstm["bias_ih_l0"], lstm["bias_hh_l0"]]) {
      const values = Array.from(await (bias as Param).value.data(), Number);
      const largest = Math.max(...values.map(Math.abs));
      expect(largest).toBeLessThanOrEqual(wide(512 + 1) * (1 + 1e-6));
      expect(largest).toBeGreaterThan(0.95 * wide(512 + 1)); // of 512 numbers
    }
});

test.skipIf(!hasModule("torch"))("the logits are those of PyTorch's LSTMs with the same weights", async () => {
  const backend = await open({});
  seed(1);
  const model = Seq2Seq(5);
  await place(model, backend);
  const [x, y] = [
    [
      [1, 2],
      [3, 4],
      [2, 2],
    ],
    [
      [0, 0],
      [2, 2],
      [3, 4],
      [1, 2],
    ],
  ];
  const wanted = await pytorch(
    `
def lstm(part):
    made = nn.LSTM(128, 128)
    made.load_state_dict({name.split(".")[2]: w for name, w in weights.items() if name.startswith(part + ".lstm.")})
    return made
first = tuple(weights["start." + name].expand(1, 2, 128).contiguous() for name in "hc")
_, states = lstm("encoder")(weights["encoder.embed.weight"][given["x"]], first)
out, _ = lstm("decoder")(weights["decoder.embed.weight"][given["y"]], states)
say(out @ weights["decoder.output.weight"].T)
`,
    model,
    { x, y },
  );
  const states = model.encode(backend.tensor(x, { dtype: "i32" }));
  const found = await model.decode(backend.tensor(y, { dtype: "i32" }), states).logits.data();
  expect(wanted).toHaveLength(4 * 2 * 5);
  for (const [i, s] of wanted.entries()) expect(Math.abs(Number(found[i]) - s)).toBeLessThan(1e-5);
});

test.each([
  ["few", ["ab", "c,", "gh"], "(3 words): a batch needs 128 of one length, and there are at most 2."],
  ["long ones", Array.from({ length: 300 }, (_, i) => `abcdefgh${1000 + i}`), "(300 words): none of the 30 that measure it has 10 letters or fewer."], // oxfmt-ignore
])("a list of %s is refused by its name", async (_, list, why) => {
  const folder = temporaryFolder();
  const file = join(folder, "words");
  writeFileSync(file, list.join("\n"));
  vi.stubEnv("WEFT_DATA", folder);
  const { err } = await weft("train", "seq2seq", "--out", join(folder, "out"));
  expect(err).toBe(`weft: ${file} cannot be learned from ${why}`);
});

describe("batches of one length", () => {
  const lengths = [3, 1, 3, 2, 2, 3, 3, 1, 2];
  const passes = sameLength(lengths, { batchSize: 2, batches: 7, seed: 1 });
  const batches = (n: number): number[][] => {
    const order = Array.from(passes.pass(n, 2));
    return Array.from({ length: order.length / 2 }, (_, i) => order.slice(2 * i, 2 * i + 2));
  };

  test("go through the sequences in another order each time", () => {
    expect(passes.length).toBe(14);
    expect(batches(0)).toHaveLength(7);
    for (const [a, b] of batches(0) as [number, number][]) {
      expect(lengths[a]).toBe(lengths[b]);
      expect(a).not.toBe(b);
    }
    expect(new Set(batches(0).flat()).size).toBe(lengths.length);
    expect(batches(1)).not.toEqual(batches(0));
    expect(batches(1)).toEqual(batches(1));
  });

  test("of too few are refused", () => {
    expect(() => sameLength([1, 2], { batchSize: 2, batches: 1, seed: 1 })).toThrow(
      "a batch needs 2 of one length, and there are at most 1.",
    );
  });
});

describe("the search for the most probable word", async () => {
  const backend = await open({});
  // 1 is likely at first, but what follows it is not; after 2 the end is certain. It remembers how much it has read.
  const next: Readonly<Record<number, readonly number[]>> = {
    0: [0, 0.6, 0.4, 0],
    1: [0.3, 0, 0.3, 0.4],
    2: [1, 0, 0, 0],
    3: [1, 0, 0, 0],
  };
  const search = (width: number, longest = 5) => {
    const logs = backend.tensor(Object.values(next).map((row) => row.map((p) => Math.log(p + 1e-9))));
    const start = { read: backend.zeros([1, 2, 1]) };
    const read = (tokens: Parameters<Parameters<typeof beamSearch>[0]["read"]>[0], { read: n }: typeof start) => ({
      logits: logs.take(tokens),
      state: { read: n.add(1) },
    });
    return beamSearch({ width, start, read, end: 0, longest }, backend);
  };

  test("takes the likeliest token if it continues one beginning", async () => {
    expect(await search(1)).toEqual([
      [1, 3],
      [1, 3],
    ]); // 0.6 · 0.4
  });

  test("finds a likelier word with two", async () => {
    expect(await search(2)).toEqual([[2], [2]]); // 0.4
  });

  test("ends at the longest", async () => {
    expect(await search(1, 1)).toEqual([[1], [1]]);
  });
});
