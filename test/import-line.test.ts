// One import line swaps the backend: the text of a program with nothing else replaced gives the same losses, to rounding.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { everything } from "./extent.ts";
import { execute } from "./pack.ts";
import { root } from "./source-graph.ts";

const text = readFileSync(join(import.meta.dirname, "import-line-program.ts"), "utf8");
const line = 'import { open } from "@weft/tensor-cpu";';

/** What a program prints, run by itself. */
async function run(program: string): Promise<{ backend: string; losses: number[] }> {
  mkdirSync(join(root, ".work"), { recursive: true });
  const folder = mkdtempSync(join(root, ".work/import-line-")); // in the tree, so that the packages are found
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "program.ts"), program);
  return JSON.parse(await execute(folder, process.execPath, "program.ts"));
}

test(
  "LeNet with dropout loses the same in 50 steps when its import line is replaced",
  { timeout: 300_000 },
  async ({ skip }) => {
    const reason = everything ? process.env["WEFT_NO_DRIVER"] : "it takes minutes: npm run test:all";
    skip(reason !== undefined, reason);
    expect(text.split(line)).toHaveLength(2);
    expect(text.match(/@weft\/tensor-/g)).toHaveLength(1);
    const [cpu, gpu] = await Promise.all([text, text.replace(line, line.replace("cpu", "webgpu"))].map(run));
    expect([cpu!.backend, gpu!.backend]).toEqual(["@weft/tensor-cpu", "@weft/tensor-webgpu"]);
    expect(cpu!.losses).toHaveLength(50);
    expect(gpu!.losses).toHaveLength(50);
    // It learns: the numbers compared are not all those of the first weights.
    const mean = (losses: readonly number[]): number => losses.reduce((a, b) => a + b) / losses.length;
    expect(mean(cpu!.losses.slice(-10))).toBeLessThan(0.8 * mean(cpu!.losses.slice(0, 10)));
    const off = cpu!.losses.map((loss, step) => Math.abs(gpu!.losses[step]! / loss - 1));
    expect(Math.max(...off), `relative, by step: ${off.join(" ")}`).toBeLessThan(1e-3);
  },
);
