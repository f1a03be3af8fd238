// A program that is killed again and again, at any time, ends with the bits of one that was not, and its logs stay readable.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readMetadata } from "@weft/nn";
import { expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { runKilled } from "../../../test/killed.ts";
import { temporary } from "../../../test/temporary.ts";
import { eventsIn, recordsIn } from "./events.ts";

const program = join(import.meta.dirname, "killed-program.ts");
const loops = join(import.meta.dirname, "killed-loops-program.ts");
const jsonLines = (path: string) =>
  readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as { step: number; loss: number }); // prettier-ignore

test.each(["cpu", "webgpu"].filter(longOn))(
  "on %s",
  async (backend) => {
    const work = temporary();
    const [whole, killed] = [join(work, "whole"), join(work, "killed")];
    const wanted = await runKilled(program, [backend, whole]);
    expect(wanted.lines).toHaveLength(9);
    for (const wait of [0, 1, 3]) await runKilled(program, [backend, killed], { after: 2, wait });
    const { code, lines } = await runKilled(program, [backend, killed]);
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe(wanted.lines.at(-1));
    expect(lines.length).toBeLessThan(9);
    const best = await Promise.all([whole, killed].map((folder) => readMetadata(join(folder, "best.safetensors"))));
    expect({ ...best[1] }).toEqual({ ...best[0] });

    const steps = jsonLines(join(killed, "log.jsonl")).map(({ step }) => step);
    expect([...new Set(steps)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const files = readdirSync(killed).filter((name) => name.startsWith("events."));
    const seen = files.flatMap((name) => {
      const file = readFileSync(join(killed, name));
      expect(recordsIn(file).rest).toBe(0);
      return eventsIn(file).flatMap(({ tag, step }) => (tag === "valR2" ? step : []));
    });
    expect([...new Set(seen)].toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  },
  300_000,
);

test.each(["cpu", "webgpu"].filter(longOn))(
  "loops around loops, on %s",
  async (backend) => {
    const work = temporary();
    const [whole, killed] = [join(work, "whole"), join(work, "killed")];
    const wanted = await runKilled(loops, [backend, whole]);
    expect(wanted.lines.length).toBeGreaterThan(16);
    for (const after of [2, 5, 7]) await runKilled(loops, [backend, killed], { after, wait: 0 });
    const { code, lines } = await runKilled(loops, [backend, killed]);
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe(wanted.lines.at(-1));
    expect(lines.length).toBeLessThan(wanted.lines.length - 6);
    // None is lost, and some are noted again: with the same numbers.
    const noted = new Map(jsonLines(join(whole, "log.jsonl")).map(({ step, loss }) => [step, loss]));
    const again = jsonLines(join(killed, "log.jsonl"));
    for (const { step, loss } of again) expect(loss).toBe(noted.get(step));
    expect(new Set(again.map(({ step }) => step))).toEqual(new Set(noted.keys()));
    // A run that is over stays as it is.
    expect((await runKilled(loops, [backend, killed])).lines).toEqual([wanted.lines.at(-1)]);
  },
  300_000,
);
