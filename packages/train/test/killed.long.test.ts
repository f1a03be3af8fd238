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

test.each(["cpu", "webgpu"].filter(longOn))(
  "on %s",
  async (backend) => {
    const work = temporary();
    const [whole, killed] = [join(work, "whole"), join(work, "killed")];
    const wanted = await runKilled(program, [backend, whole]);
    expect(wanted.lines).toHaveLength(9);
    for (const wait of [0, 1, 3]) await runKilled(program, [backend, killed], { after: 1, wait });
    const { code, lines } = await runKilled(program, [backend, killed]);
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe(wanted.lines.at(-1));
    expect(lines.length).toBeLessThan(9);
    const best = await Promise.all([whole, killed].map((folder) => readMetadata(join(folder, "best.safetensors"))));
    expect({ ...best[1] }).toEqual({ ...best[0] });

    const steps = readFileSync(join(killed, "log.jsonl"), "utf8").trimEnd().split("\n").map((line) => (JSON.parse(line) as { step: number }).step); // prettier-ignore
    expect(steps.at(-1)).toBe(8);
    const files = readdirSync(killed).filter((name) => name.startsWith("events."));
    const seen = files.flatMap((name) => {
      const file = readFileSync(join(killed, name));
      expect(recordsIn(file).rest).toBe(0);
      return eventsIn(file).flatMap(({ tag, step }) => (tag === "valR2" ? step : []));
    });
    expect(seen).toContain(8);
  },
  300_000,
);
