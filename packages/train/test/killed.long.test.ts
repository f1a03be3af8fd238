// A program that is killed again and again, at any time, ends with the bits of one that was not, and its logs stay readable.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMetadata } from "@weft/nn";
import { afterAll, expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { eventsIn, recordsIn } from "./events.ts";

const work = mkdtempSync(join(tmpdir(), "weft-killed-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Runs the program, and kills it some milliseconds after it has printed so many epochs. */
async function run(backend: string, folder: string, kill?: { readonly after: number; readonly wait: number }) {
  const program = join(import.meta.dirname, "killed-program.ts");
  const child = spawn(process.execPath, [program, backend, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
    if (kill !== undefined && lines.length >= kill.after) setTimeout(() => child.kill("SIGKILL"), kill.wait);
  });
  const code = await new Promise<number | null>((resolve) => void child.on("close", resolve));
  return { code, lines };
}

test.each(["cpu", "webgpu"].filter(longOn))(
  "on %s",
  async (backend) => {
    const [whole, killed] = [join(work, `${backend}-whole`), join(work, `${backend}-killed`)];
    const wanted = await run(backend, whole);
    expect(wanted.lines).toHaveLength(9);
    for (const wait of [0, 1, 3]) await run(backend, killed, { after: 1, wait });
    const { code, lines } = await run(backend, killed);
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
