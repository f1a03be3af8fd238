// Programs that learn to balance a pole: they get better, and a training that is interrupted goes on to the same numbers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { params, place, readSafetensors } from "@weft/nn";
import { expect, test } from "vitest";
import { batchOf, discountedReturns, type Transition } from "../src/reinforcement-learning/episodes.ts";
import { openBackend } from "../src/backends.ts";
import { bestHundred } from "../src/reinforcement-learning/agent-training.ts";
import { programs } from "../src/programs.ts";
import { elements } from "./html.ts";
import { same, temporaryFolder, weft } from "./session.ts";

/** Random play stands about 22 steps. */
test.each([
  ["dqn", "110", 60],
  ["actor-critic", "120", 60],
  ["reinforce", "120", 60],
] as const)("%s learns in %s episodes", { timeout: 120_000 }, async (name, steps, wanted) => {
  const folder = temporaryFolder();
  expect(await weft("train", name, "--steps", steps, "--out", folder)).toMatchObject({ code: 0, err: "" });
  const { metadata } = readSafetensors(readFileSync(join(folder, "model.safetensors")));
  expect(Number(metadata["meanReturn"])).toBeGreaterThan(wanted);
  const html = readFileSync(join(folder, "report.html"), "utf8");
  expect(elements(html).filter((element) => element === "svg").length).toBeGreaterThan(0);
  expect(html).toContain("Its episodes");
});

test(
  "actor-critic reaches the return that solves the task, and shows Gym's criterion beside it",
  { timeout: 300_000 },
  async () => {
    const folder = temporaryFolder();
    expect(await weft("train", "actor-critic", "--out", folder)).toMatchObject({ code: 0, err: "" });
    const { metadata } = readSafetensors(readFileSync(join(folder, "model.safetensors")));
    expect(Number(metadata["meanReturn"])).toBeGreaterThanOrEqual(195);
    expect(Number(metadata["bestHundredInTraining"])).toBeGreaterThanOrEqual(195);
  },
);

test.each([
  ["dqn", "55", "60"],
  ["actor-critic", "3", "5"],
  ["reinforce", "3", "5"],
  ["reinforce", "50", "52"], // the first is the last episode of an epoch
])("%s goes on after episode %s to the same numbers", { timeout: 120_000 }, async (name, first, last) => {
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  await weft("train", name, "--steps", last, "--out", whole);
  await weft("train", name, "--steps", first, "--out", parts);
  expect(await weft("train", "--resume", parts, "--steps", last)).toMatchObject({ code: 0, err: "" });
  same(whole, parts);
});

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)(
  "reinforce --backend webgpu plays what the CPU plays",
  { timeout: 120_000 },
  async () => {
    const play = async (backend: string) => {
      const folder = temporaryFolder();
      expect((await weft("train", "reinforce", "--steps", "2", "--backend", backend, "--out", folder)).code).toBe(0);
      const [line] = readFileSync(join(folder, "metrics.jsonl"), "utf8").split("\n");
      return (JSON.parse(line!) as { return: number }).return;
    };
    expect(await play("webgpu")).toBe(await play("cpu"));
  },
);

test("reinforce compares an episode with those before it: the first one only makes the baseline", async () => {
  const backend = await openBackend("cpu", 1);
  const { start, epochs } = programs.reinforce;
  const learner = await start({ backend, seed: 1, epochs, data: "", limit: Infinity, quick: false, options: {} });
  const weights = () => Promise.all(params(learner.model!).map(({ value }) => value.array()));
  await place(learner.model!, backend);
  const all = [await weights()];
  for await (const _ of learner.epoch()) if (all.push(await weights()) === 3) break;
  expect(all[1]).toEqual(all[0]);
  expect(all[2]).not.toEqual(all[1]);
});

test("returns are discounted, and ends with what is known of the rest", () => {
  expect(discountedReturns([1, 1, 1], 0.5)).toEqual([1.75, 1.5, 1]);
  expect(discountedReturns([1, 1], 0.5, 4)).toEqual([2.5, 3]);
});

test("transitions become tensors of one shape", async () => {
  const backend = await openBackend("cpu", 1);
  const transition: Transition = { state: [1, 2, 3, 4], action: 1, reward: 1, nextState: [5, 6, 7, 8], done: false };
  const { states, actions, values, mask } = batchOf([transition], [9], 2, backend);
  expect(await states.array()).toEqual([
    [1, 2, 3, 4],
    [0, 0, 0, 0],
  ]);
  expect(await actions.array()).toEqual([1, 0]);
  expect(await values.array()).toEqual([9, 0]);
  expect(await mask.array()).toEqual([1, 0]);
});

test("the best hundred are in a row", () => {
  expect(bestHundred(new Array<number>(99).fill(7))).toBeUndefined();
  expect(bestHundred([0, ...new Array<number>(100).fill(7), 0])).toBe(7);
});
