// The variational autoencoder: its loss is that of the formula, it learns, and a training that is interrupted goes on to
// the same numbers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { digits, subset } from "@weft/data";
import { seed } from "@weft/nn";
import { expect, test } from "vitest";
import { openBackend } from "../src/backends.ts";
import { VAE, vaeLoss } from "../src/models/vae.ts";
import { learner } from "../src/programs/vae.ts";
import { elements } from "./html.ts";
import { lines, same, temporaryFolder, weft } from "./session.ts";

type Matrix = readonly (readonly number[])[];

test("the loss is that of the formula, in float64", async () => {
  const backend = await openBackend("cpu", 1);
  seed(1);
  const model = VAE(2);
  const { images } = digits({ train: 3, test: 1 }).train;
  const x = Array.from({ length: 3 }, (_, i) =>
    Array.from(images.data.subarray(784 * i, 784 * (i + 1)), (b) => b / 255),
  );
  const noise = [
    [0.5, -1],
    [2, 0.1],
    [-0.3, 0.7],
  ];
  const pictures = backend.tensor(x.map((row) => [[row]]));
  const found = await vaeLoss(model, pictures, backend.tensor(noise)).item();

  const weights = async (layer: { weight: { value: { array(): Promise<unknown> } }; bias: unknown }) => {
    const w = (await layer.weight.value.array()) as Matrix;
    const b = (await (layer.bias as typeof layer.weight).value.array()) as readonly number[];
    return (row: readonly number[]) => w.map((of, i) => of.reduce((sum, wij, j) => sum + wij * row[j]!, b[i]!));
  };
  const relu = (row: readonly number[]) => row.map((v) => Math.max(0, v));
  const [hidden, code] = [await weights(model.encoder[1]), await weights(model.encoder[3])];
  const [back, scores] = [await weights(model.decoder[0]), await weights(model.decoder[2])];
  let bound = 0;
  for (const [i, row] of x.entries()) {
    const both = code(relu(hidden(row)));
    const z = [0, 1].map((k) => both[k]! + Math.exp(both[k + 2]! / 2) * noise[i]![k]!);
    for (const [p, score] of scores(relu(back(z))).entries()) bound += row[p]! * score - Math.log1p(Math.exp(score));
    for (const k of [0, 1]) bound -= (both[k]! ** 2 + Math.exp(both[k + 2]!) - 1 - both[k + 2]!) / 2;
  }
  expect(Math.abs(Number(found) + bound / 3)).toBeLessThan(1e-3); // of some 540
});

test("each picture of the test set counts once, also where they do not fill the last batch", async () => {
  const { train, test } = digits({ train: 100, test: 150 });
  const images = { ...test.images, data: test.images.data.map((brightness, i) => (i < 100 * 784 ? brightness : 255)) };
  const bound = async (range: { readonly start?: number; readonly end?: number }) => {
    const backend = await openBackend("cpu", 1);
    seed(1);
    const made = learner({ train, test: subset({ ...test, images }, range) }, 2, { backend, seed: 1 });
    for (let epoch = 0; epoch < 5; epoch++) for await (const _ of made.epoch());
    return (await made.evaluate()).evidenceLowerBound;
  };
  const [all, dark, white] = [await bound({}), await bound({ end: 100 }), await bound({ start: 100 })];
  expect(white / dark).toBeGreaterThan(1.5);
  expect(all / ((2 * dark + white) / 3)).toBeCloseTo(1, 2); // but for the noise
});

test("weft train vae learns, and goes on to the same numbers", { timeout: 60_000 }, async () => {
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  const words = ["train", "vae", "--limit", "500", "--codes", "2"];
  expect(await weft(...words, "--steps", "50", "--out", whole)).toMatchObject({ code: 0, err: "" });
  const losses = (lines(whole) as { loss?: number }[]).flatMap(({ loss }) => loss ?? []);
  expect(losses[0]).toBeGreaterThan(500);
  expect(losses.at(-1)).toBeLessThan(230);
  const html = readFileSync(join(whole, "report.html"), "utf8");
  expect(elements(html).filter((element) => element === "img")).toHaveLength(3);

  const drawings = join(whole, "drawings.png");
  expect(await weft("predict", whole)).toEqual({ code: 0, out: `Drew 100 pictures from noise: ${drawings}`, err: "" });
  expect(html).toContain(readFileSync(drawings).toString("base64")); // those of its report
  expect((await weft("predict", whole, "3")).err).toBe(
    `weft: ${join(whole, "model.safetensors")}: the file holds the model vae, which draws pictures: leave out --data and numbers.`,
  );

  await weft(...words, "--steps", "48", "--out", parts);
  expect(await weft("train", "--resume", parts, "--steps", "50")).toMatchObject({ code: 0, err: "" });
  same(whole, parts);
});
