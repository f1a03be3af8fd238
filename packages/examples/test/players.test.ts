// Programs that learn to balance a pole: they get better, and a training that is interrupted goes on to the same numbers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@weft/nn";
import { expect, test } from "vitest";
import { bestHundred } from "../src/player.ts";
import { elements } from "./html.ts";
import { same, temporaryFolder, weft } from "./session.ts";

/** Random play stands about 22 steps. */
test.each([["dqn", "110", 60]] as const)(
  "%s learns in %s episodes",
  { timeout: 120_000 },
  async (name, steps, wanted) => {
    const folder = temporaryFolder();
    expect(await weft("train", name, "--steps", steps, "--out", folder)).toMatchObject({ code: 0, err: "" });
    const { metadata } = readSafetensors(readFileSync(join(folder, "model.safetensors")));
    expect(Number(metadata["meanReturn"])).toBeGreaterThan(wanted);
    const html = readFileSync(join(folder, "report.html"), "utf8");
    expect(elements(html).filter((element) => element === "svg").length).toBeGreaterThan(0);
    expect(html).toContain("Its episodes");
  },
);

test.each([["dqn", "55", "60"]])(
  "%s goes on after episode %s to the same numbers",
  { timeout: 120_000 },
  async (name, first, last) => {
    const [whole, parts] = [temporaryFolder(), temporaryFolder()];
    await weft("train", name, "--steps", last, "--out", whole);
    await weft("train", name, "--steps", first, "--out", parts);
    expect(await weft("train", "--resume", parts, "--steps", last)).toMatchObject({ code: 0, err: "" });
    same(whole, parts);
  },
);

test("the best hundred are in a row", () => {
  expect(bestHundred([10, 20])).toBe(15);
  expect(bestHundred([0, ...new Array<number>(100).fill(7), 0])).toBe(7);
});
