// Which list of words is taken: that of the user's data before that of the system.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { wordList } from "../src/text/word-list.ts";
import { temporaryFolder } from "./session.ts";

/** The list of the system, which not every system has. */
const system = vi.hoisted(() => ({ path: "/usr/share/dict/words", text: "aardvark\nabacus\n" }));
vi.mock(import("node:fs/promises"), async (original) => {
  const real = await original();
  const readFile = (path: string, how: BufferEncoding) =>
    path === system.path ? Promise.resolve(system.text) : real.readFile(path, how);
  return { ...real, readFile: readFile as typeof real.readFile };
});
afterEach(() => void vi.unstubAllEnvs());

test.each(["words", "words.txt"])("%s in the folder of WEFT_DATA comes before the list of the system", async (name) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), "one\ntwo\n\none\n");
  vi.stubEnv("WEFT_DATA", folder);
  expect(await wordList()).toEqual({ words: ["one", "two"], from: join(folder, name) });
});

test.each(["a folder without one", ""])("the list of the system is taken with WEFT_DATA %j", async (name) => {
  vi.stubEnv("WEFT_DATA", name === "" ? "" : temporaryFolder());
  expect(await wordList()).toEqual({ words: ["aardvark", "abacus"], from: system.path });
});
