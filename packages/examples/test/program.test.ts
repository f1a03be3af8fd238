// `weft` from end to end: a short training writes a report and a model, and the loaded model gives the same results.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@weft/nn";
import { expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { elements } from "./html.ts";
import { same, temporaryFolder, weft } from "./session.ts";

/** All numbers of a model, in the order of its file. */
function weightsIn(file: string): number[] {
  const { tensors } = readSafetensors(readFileSync(file));
  return [...tensors.values()].flatMap(({ bytes }) => [...new Float32Array(Uint8Array.from(bytes).buffer)]);
}

const accuracyIn = (text: string): string => /Test accuracy: ([\d.]+%)/.exec(text)![1]!;

test.each(["softmax", "mlp", "lenet"])("weft train %s", async (name) => {
  const folder = temporaryFolder();
  const files = { report: join(folder, "report.html"), model: join(folder, "model.safetensors") };
  const trained = await weft("train", name, "--epochs", "1", "--limit", "300", "--seed", "7", "--out", folder);
  expect(trained).toMatchObject({ code: 0, err: "" });
  const lines = trained.out.split("\n");
  expect(lines[0]).toContain("learns from 300 pictures of digits");
  expect(lines[1]).toMatch(/^epoch 1\/1: test accuracy \d+\.\d\d%$/);
  expect(lines.at(-1)).toBe(`Report  ${files.report}`);
  expect(lines[1]).toContain(accuracyIn(trained.out));

  const html = readFileSync(files.report, "utf8");
  const names = elements(html);
  expect(names.filter((n) => n === "svg")).toHaveLength(3);
  expect(names.filter((n) => n === "img").length).toBeGreaterThan(10);
  expect(html).toContain(accuracyIn(trained.out));
  const command = `weft train ${name} --data digits --epochs 1 --limit 300 --seed 7`;
  expect(html).toContain(`<code>${command}</code><br />Weft `);
  expect(html).toMatch(/This is not the whole \(at most 300 pictures, 1 of \d+ epochs\), which takes .* s/);
  expect(html).toMatch(/The whole reaches a test accuracy of .*%.* Published: a test accuracy of .*%/);
  expect(html).not.toMatch(/https?:/);

  const { metadata } = readSafetensors(readFileSync(files.model));
  expect(metadata).toMatchObject({ weft: name, data: "digits", seed: "7" });
  expect(`${(100 * Number(metadata["testAccuracy"])).toFixed(2)}%`).toBe(accuracyIn(trained.out));

  const some = await weft("predict", files.model, "0", "1999");
  expect(some).toMatchObject({ code: 0, err: "" });
  expect(some.out).toMatch(/^picture 0: \d \([\d.]+% sure\), (right|wrong, it is an? \d)\npicture 1999: \d .*$/);
});

const models = [
  ["softmax", "300"],
  ["mlp", "300"],
  ["lenet", "8"],
] as const;
test.skipIf(!everything || process.env["WEFT_NO_DRIVER"] !== undefined).each(models)(
  "weft train %s --backend webgpu learns what the CPU learns",
  { timeout: 120_000 },
  async (name, limit) => {
    const learn = async (backend: string) => {
      const folder = temporaryFolder();
      const words = ["--epochs", "2", "--limit", limit, "--backend", backend, "--out", folder];
      expect(await weft("train", name, ...words)).toMatchObject({ code: 0, err: "" });
      expect(readFileSync(join(folder, "report.html"), "utf8")).toContain(`@weft/tensor-${backend}`);
      const file = join(folder, "model.safetensors");
      return { file, weights: weightsIn(file) };
    };
    const [cpu, gpu] = [await learn("cpu"), await learn("webgpu")];
    expect(cpu.weights.length).toBeGreaterThan(7000);
    expect(gpu.weights.length).toBe(cpu.weights.length);
    const off = cpu.weights.reduce((most, w, i) => Math.max(most, Math.abs(gpu.weights[i]! - w)), 0);
    expect(off).toBeLessThan(1e-5);
    const guesses = async (file: string, backend: string) => {
      const { code, out } = await weft("predict", file, "0", "1", "2", "--backend", backend);
      expect(code).toBe(0);
      return [...out.matchAll(/^picture (\d): (\d)/gm)].map(([, index, guess]) => [index, guess]);
    };
    const wanted = await guesses(cpu.file, "cpu");
    expect(wanted).toHaveLength(3);
    expect(await guesses(gpu.file, "webgpu")).toEqual(wanted);
  },
);

test.each([1, 2])("weft train --threads %i says so, in its report, too, and changes no bit", async (threads) => {
  const train = async (...more: string[]) => {
    const folder = temporaryFolder();
    const words = ["train", "mlp", "--limit", "200", "--steps", "2", "--out", folder, ...more];
    const { out, ...ended } = await weft(...words);
    expect(ended).toEqual({ code: 0, err: "" });
    const html = readFileSync(join(folder, "report.html"), "utf8");
    return { folder, line: out.split("\n")[0], html };
  };
  const { folder, line, html } = await train("--threads", String(threads));
  const machine = `@weft/tensor-cpu, WebAssembly, ${threads} thread${threads === 1 ? "" : "s"}`;
  expect(line).toContain(`(${machine}).`);
  expect(html).toMatch(new RegExp(`<br />Weft \\S+, Node \\S+, ${machine}</p>`));
  expect(html).not.toContain("--threads"); // it is of this machine, and not of the training
  same(folder, (await train()).folder);

  const resumed = await weft("train", "--resume", folder, "--steps", "3", "--threads", "3");
  expect(resumed).toMatchObject({ code: 0, err: "" });
  expect(resumed.out).toContain("WebAssembly, 3 threads");
});

test("weft predict finds the accuracy that the training found", async () => {
  const folder = temporaryFolder();
  // Both use the whole test set, since the limit is above its size.
  const trained = await weft("train", "softmax", "--epochs", "1", "--limit", "2000", "--out", folder);
  const loaded = await weft("predict", join(folder, "model.safetensors"));
  expect(loaded).toMatchObject({ code: 0, err: "" });
  expect(loaded.out).toBe(`Test accuracy: ${accuracyIn(trained.out)} of 2,000 pictures of digits.`);
  expect(Number.parseFloat(accuracyIn(trained.out))).toBeGreaterThan(50);
});

test("weft predict draws a picture if it is the only one", async () => {
  const folder = temporaryFolder();
  await weft("train", "softmax", "--epochs", "1", "--limit", "100", "--out", folder);
  const { out } = await weft("predict", join(folder, "model.safetensors"), "3");
  const lines = out.split("\n");
  expect(lines).toHaveLength(15);
  expect(lines.slice(0, 14).join("")).toMatch(/[▀▄█]/);
  expect(lines[14]).toMatch(/^picture 3: /);
});

test("the same seed gives the same model, bit for bit; another seed a different one", async () => {
  const state = async (seed: string) => {
    const folder = temporaryFolder();
    await weft("train", "mlp", "--steps", "3", "--seed", seed, "--out", folder);
    return readFileSync(join(folder, "model.safetensors"));
  };
  const [first, again, other] = [await state("1"), await state("1"), await state("2")];
  expect(first.equals(again)).toBe(true);
  expect(first.equals(other)).toBe(false);
});
