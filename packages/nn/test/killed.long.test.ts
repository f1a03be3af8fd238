// Programs that are killed: a file is the old one or the new one, and a run that is resumed ends in the bits of one that
// was not killed.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { constant, Linear, load, save, toBytes } from "../src/index.node.ts";

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "weft-killed-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a program of this folder, and kills it some milliseconds after so many lines. */
async function run(program: string, args: readonly string[], kill?: { readonly after: number; readonly wait: number }) {
  const path = join(import.meta.dirname, program);
  const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    if (kill !== undefined && out.split("\n").length > kill.after) setTimeout(() => child.kill("SIGKILL"), kill.wait);
  });
  const signal = await new Promise((resolve) => void child.on("close", (_, by) => resolve(by)));
  return { signal, lines: out.trimEnd().split("\n") };
}

test("a save that is killed after any number of bytes leaves the old file or the new one", async () => {
  const path = join(temporary(), "model.safetensors");
  const [old, next] = [
    Linear(50, 40, { bias: false, init: constant(1) }),
    Linear(50, 40, { bias: false, init: constant(2) }),
  ];
  const [before, after] = [Buffer.from(await toBytes(old)), Buffer.from(await toBytes(next))];
  const { length } = after;
  const counts = [0, 1, 7, 8, 9, 100, 300, 1000, 4096, length - 4097, length - 1, length];
  for (const stage of [...counts, "written", "synced", "renamed", "never"]) {
    await save(path, old);
    expect(readFileSync(path).equals(before)).toBe(true);
    const { signal, lines } = await run("save-program.ts", [path, String(stage)]);
    expect([stage, signal, ...lines]).toEqual(stage === "never" ? [stage, null, "saved"] : [stage, "SIGKILL", ""]);
    const isNew = stage === "renamed" || stage === "never";
    expect(readFileSync(path).equals(isNew ? after : before), String(stage)).toBe(true);
    await load(path, Linear(50, 40, { bias: false }));
  }
});

test.each(["cpu", "webgpu"].filter(longOn))(
  "a run that is killed and resumed, on %s",
  async (backend) => {
    const folder = temporary();
    const program = "run-program.ts";
    const whole = await run(program, [backend, join(folder, "whole.safetensors")]);
    expect(whole.lines).toHaveLength(14);
    const file = join(folder, "killed.safetensors");
    for (const after of [3, 4]) {
      const { signal } = await run(program, [backend, file], { after, wait: after });
      expect(signal).toBe("SIGKILL");
    }
    const last = await run(program, [backend, file]);
    expect(last.lines.length).toBeLessThan(9);
    expect(last.lines.at(-1)).toBe(whole.lines.at(-1));
    expect(readFileSync(file).equals(readFileSync(join(folder, "whole.safetensors")))).toBe(true);
  },
  300_000,
);
