// What a download that fails says of the files of a data set: all that are missing, and what lies there instead.
import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { obtain } from "../src/files/download.ts";
import type { KnownFile } from "../src/files/files.ts";
import { folders, type FileSystem } from "../src/files/folder.node.ts";

const content = Uint8Array.of(1, 2, 3);
const sha256 = createHash("sha256").update(content).digest("hex");
const known = (name: string): KnownFile => ({ name, bytes: 3, sha256 });
const about = (name: string): string =>
  `${name} (3 bytes, SHA-256 ${sha256}) is published at https://example.org/${name}. Terms: CC0.`;

let folder = "";
let set = "";
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "weft-missing-"));
  onTestFinished(() => fs.rm(folder, { recursive: true }));
  set = join(folder, "numbers");
});

/** The lines between what to do for users and what to do in a program. */
const said = (...files: readonly KnownFile[]): Promise<readonly string[]> => saidOn(fs, ...files);

async function saidOn(disk: FileSystem, ...files: readonly KnownFile[]): Promise<readonly string[]> {
  const from = { set: "numbers", mirrors: ["https://example.org/"], terms: "CC0", files };
  const options = { cache: false, progress: false, mirrors: [] } as const;
  const error: Error = await obtain(folders(disk, { WEFT_DATA: folder }), known("numbers.gz"), from, options).then(
    () => expect.unreachable("this should have failed"),
    (failure: Error) => failure,
  );
  const [first, ...lines] = error.message.split("\n");
  expect(first).toMatch(
    /^numbers: could not download numbers\.gz\. Try again later, or put (a copy|copies of \d+ files) into a folder and set WEFT_DATA/,
  );
  expect(lines.pop()).toBe("A program may name another address with { mirrors }.");
  return lines;
}

const put = async (...place: readonly [string, ...string[]]): Promise<string> => {
  const path = join(folder, ...place);
  await fs.mkdir(join(path, ".."), { recursive: true });
  await fs.writeFile(path, content);
  return path;
};

test("all files of the set that are missing are named, and none that is there", async () => {
  await put("there.gz");
  const all = ["numbers.gz", "other.gz", "there.gz"].map(known);
  expect(await said(...all)).toEqual([about("numbers.gz"), about("other.gz")]);
});

test.each([
  ["unpacked", ["numbers", "numbers"]],
  ["at another level", ["Numbers", "raw", "numbers.gz"]],
  ["packed otherwise", ["numbers.zip"]],
] as [string, [string, ...string[]]][])("a file that is there %s is named", async (_, place) => {
  const found = await put(...place);
  const wanted = `There is ${found}: wanted numbers.gz as it is published, in ${set} or in ${folder}.`;
  expect(await said()).toEqual([about("numbers.gz"), wanted]);
});

test("else what is in the set's own folder is named", async () => {
  expect(await said()).toEqual([about("numbers.gz")]);
  await put("numbers", "other.txt");
  const wanted = `${set} has other.txt: wanted numbers.gz as it is published, in ${set} or in ${folder}.`;
  expect(await said()).toEqual([about("numbers.gz"), wanted]);
});

test("only folders are searched and no more than is shown, and what is there is not read to name what is missing", async () => {
  for (let i = 0; i < 20; i++) await put("aclImdb", `${i}`, "numbers.txt");
  for (let i = 0; i < 9; i++) await put("numbers", `numbers${i}.zip`, "numbers.gz");
  await fs.symlink(join(folder, "aclImdb"), join(folder, "linked"), "junction");
  await put("there.gz");
  const listed: string[] = [];
  const opened: string[] = [];
  function readdir(path: string): Promise<string[]>;
  function readdir(path: string, options: { readonly withFileTypes: true }): Promise<Dirent[]>;
  function readdir(path: string, options?: { readonly withFileTypes: true }): Promise<string[] | Dirent[]> {
    listed.push(path);
    return options === undefined ? fs.readdir(path) : fs.readdir(path, options);
  }
  const open: typeof fs.open = (path, ...how) => {
    opened.push(String(path));
    return fs.open(path, ...how);
  };
  const disk = { ...fs, readdir, open };
  const lines = await saidOn(disk, ...["numbers.gz", "there.gz"].map(known));
  expect(lines[0]).toBe(about("numbers.gz"));
  expect(lines[1]?.split(", ")).toHaveLength(9); // eight, and where it is wanted
  expect(listed.filter((path) => path.endsWith(".txt") || path.endsWith(".gz"))).toEqual([]);
  expect(listed.length).toBe(1 + 2 * 21 + 1 + 8);
  expect(opened.filter((path) => path.endsWith("there.gz"))).toEqual([]);
});
