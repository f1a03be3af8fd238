// The generative adversarial network: the discriminator learns, drawings are shown epoch by epoch, and a training that is
// interrupted goes on to the same numbers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@weft/nn";
import { expect, test } from "vitest";
import { elements } from "./html.ts";
import { lines, same, temporaryFolder, weft } from "./session.ts";

test("weft train dcgan learns, and goes on to the same numbers", { timeout: 240_000 }, async () => {
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  const words = ["train", "dcgan", "--limit", "20"];
  const { out, ...ended } = await weft(...words, "--steps", "12", "--out", whole);
  expect(ended).toMatchObject({ code: 0, err: "" });
  const losses = (lines(whole) as { discriminatorLoss?: number }[]).flatMap((line) => line.discriminatorLoss ?? []);
  expect(losses[0]).toBeGreaterThan(1.2); // 2 ln 2 = 1.386 is chance
  expect(losses.at(-1)).toBeLessThan(1);
  const { metadata } = readSafetensors(readFileSync(join(whole, "model.safetensors")));
  const { drawingsOfTheRarest, readerAccuracy } = metadata;
  expect(out).toMatch(new RegExp(`^Drawings of the rarest: ${drawingsOfTheRarest} after 12 steps, `, "m"));
  expect(readerAccuracy).toBeGreaterThan(0.2); // it has learned from 20 pictures
  const html = readFileSync(join(whole, "report.html"), "utf8");
  expect(html).toContain("reader accuracy");
  expect(elements(html).filter((element) => element === "img")).toHaveLength(2);
  expect(html).toContain("How it learned to draw");

  expect((await weft("predict", whole)).out).toBe(`Drew 100 pictures from noise: ${join(whole, "drawings.png")}`);

  await weft(...words, "--steps", "11", "--out", parts);
  expect(await weft("train", "--resume", parts, "--steps", "12")).toMatchObject({ code: 0, err: "" });
  same(whole, parts);
  const saved = [...readSafetensors(readFileSync(join(whole, "training.safetensors"))).tensors.keys()];
  for (const network of ["generator", "discriminator"])
    expect(saved.some((name) => name.startsWith(`optimizers.${network}.`))).toBe(true);
});
