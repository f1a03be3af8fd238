// A number that is not finite ends a training where it is noted: the error says which, in which step, and what is saved.
import { join } from "node:path";
import { param } from "@weft/autograd";
import { readMetadata } from "@weft/nn";
import { DivergenceError } from "@weft/optim";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { learn, type LearningOptions } from "../src/training/training.ts";
import type { Learner } from "../src/training/program.ts";
import { lines, temporaryFolder } from "./session.ts";

const display = { update: () => {}, close: () => {} };

/** Epochs of four steps; from step `wrong` on, a number is `value`. Steps are taken until the error reaches them. */
async function training(
  folder: string,
  wrong: Record<string, [step: number, value: number]>,
  how: Partial<LearningOptions>,
) {
  const backend = await open({});
  const place = { step: 0 };
  const last = { step: 0 };
  const value = (name: string) => (wrong[name] !== undefined && place.step >= wrong[name][0] ? wrong[name][1] : 1);
  const learner: Learner = {
    from: "nothing",
    model: { w: param(backend.zeros([1])) },
    state: { place },
    async *epoch() {
      do {
        last.step = ++place.step;
        yield { loss: value("loss"), discriminatorLoss: value("discriminatorLoss") };
      } while (place.step % 4 !== 0);
    },
    evaluate: async () => ({ testError: value("testError") }),
  };
  const error = await learn(learner, { backend, folder, epochs: 1000, display, ...how }).catch(
    (error: unknown) => error,
  );
  return { error, last: last.step };
}

test.each([
  ["loss", NaN, 3, 1, "the loss became NaN in step 3 (epoch 1). Nothing was saved."],
  [
    "discriminatorLoss",
    Infinity,
    6,
    1,
    "the discriminator loss became Infinity in step 6 (epoch 2). The model of step 4 is in FILE.",
  ],
  [
    "discriminatorLoss",
    -Infinity,
    8,
    1,
    "the discriminator loss became -Infinity in step 8 (epoch 2). The model of step 4 is in FILE.",
  ],
  ["loss", NaN, 14, 500, "the loss became NaN in step 14 (epoch 4). Nothing was saved."],
  ["testError", NaN, 7, 1, "the test error became NaN after step 8 (epoch 2). The model of step 4 is in FILE."],
])("%s of %d in step %i, with evaluations every %i epochs", async (name, value, step, every, message) => {
  const folder = temporaryFolder();
  const { error, last } = await training(folder, { [name]: [step, value] }, { every });
  expect(error).toBeInstanceOf(DivergenceError);
  expect((error as Error).message).toBe(message.replace("FILE", join(folder, "model.safetensors")));
  expect(last).toBeLessThan(step + 10); // not a round later
  expect(lines(folder).at(-1)).toMatchObject({ [name]: String(value) });
});

test("in a round of a measurement", async () => {
  const { error } = await training(temporaryFolder(), { loss: [6, NaN] }, { round: "round" });
  expect((error as Error).message).toMatch(/^the loss became NaN in step 6 \(round 2\)\./);
});

test("in a training that goes on in the middle of an epoch", async () => {
  const folder = temporaryFolder();
  await training(folder, {}, { steps: 6 });
  const { error } = await training(folder, { loss: [8, NaN] }, { resume: true });
  expect((error as Error).message).toBe(
    `the loss became NaN in step 8 (epoch 2). The model of step 6 is in ${join(folder, "model.safetensors")}.`,
  );
  expect((await readMetadata(join(folder, "training.safetensors")))["step"]).toBe(6);
});
