// Programs that are killed: a file is the old one or the new one, and a run that is resumed ends in the bits of one that
// was not killed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { runKilled } from "../../../test/killed.ts";
import { temporary } from "../../../test/temporary.ts";
import { constant, Linear, load, save, toBytes } from "../src/index.node.ts";

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
    const { signal, lines } = await runKilled(join(import.meta.dirname, "save-program.ts"), [path, String(stage)]);
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
    const program = join(import.meta.dirname, "run-program.ts");
    const whole = await runKilled(program, [backend, join(folder, "whole.safetensors")]);
    expect(whole.lines).toHaveLength(14);
    const file = join(folder, "killed.safetensors");
    for (const after of [3, 4]) {
      const { signal } = await runKilled(program, [backend, file], { after, wait: after });
      expect(signal).toBe("SIGKILL");
    }
    const last = await runKilled(program, [backend, file]);
    expect(last.lines.length).toBeLessThan(9);
    expect(last.lines.at(-1)).toBe(whole.lines.at(-1));
    expect(readFileSync(file).equals(readFileSync(join(folder, "whole.safetensors")))).toBe(true);
  },
  300_000,
);
