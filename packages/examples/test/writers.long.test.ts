// What reads and writes letter by letter learns the same on WebGPU as on the CPU. The software driver takes a minute.
import { expect, test } from "vitest";
import { learner as writer } from "../src/programs/gpt.ts";
import { learner as reversing } from "../src/programs/seq2seq.ts";
import { learner as reading } from "../src/programs/shakespeare.ts";
import { trained, type Start } from "./runs.ts";
import { smallText } from "./text.ts";

const text = smallText(20);
const words = ["ab", "ba", "aa", "bc", "cb", "ca", "ac", "bb", "cc", "ad"];
const encoder = { layers: 1, heads: 2, features: 8, contextLength: 8, dropout: 0.1 };
const starts: Readonly<Record<string, Start>> = {
  gpt: (backend) =>
    writer(text, { ...encoder, batchSize: 4, parts: 1, batches: 2, warmup: 1 }, { backend, seed: 1, epochs: 1 }),
  shakespeare: (backend) =>
    reading(text, { features: 8, layers: 1, hidden: 8, batchSize: 4, steps: 4 }, { backend, epochs: 1 }),
  seq2seq: (backend) => reversing(words, { backend, seed: 1, batchSize: 4, batches: 2, epochs: 1 }),
};

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined).each(Object.entries(starts))(
  "%s",
  { timeout: 300_000 },
  async (_, start) => {
    const short = { epochs: 1, steps: 2 };
    const [cpu, gpu] = [await trained(start, short), await trained(start, short, "webgpu")];
    expect(gpu.losses).toHaveLength(2);
    for (const [at, loss] of gpu.losses.entries()) expect(Math.abs(loss / cpu.losses[at]! - 1)).toBeLessThan(1e-4);
  },
);
