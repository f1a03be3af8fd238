// The reference: pages that TypeDoc makes of the sources, one a name, into a folder that git ignores. They are made anew
// only when a source has changed.
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { packages } from "../manifests.ts";
import { entries, published } from "./entries.ts";

const site = join(import.meta.dirname, "../..");

/** What the pages are made of: sources, names and the settings of the compiler, whose `lib` they may name. */
export const madeOf = (): string[] => {
  const settings = [join(site, "tsconfig.reference.json"), join(packages, "../tsconfig.base.json")];
  const sources = globSync("*/{src/**/*.ts,package.json}", { cwd: packages }).toSorted();
  return [...settings, ...sources.map((file) => join(packages, file))];
};

/** All of that as a hash. */
function version(): string {
  const hash = createHash("sha256");
  for (const file of madeOf()) {
    hash.update(relative(packages, file));
    hash.update(readFileSync(file));
  }
  return hash.digest("hex");
}

/** Makes sure that the pages in the folder are those of the sources as they are. */
export async function generateReference(folder: string): Promise<void> {
  const stamp = join(folder, ".version");
  const wanted = version();
  const isThere = (): boolean => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (isThere()) return;
  // Beside the place, then moved there: a process that is stopped leaves no half of a reference.
  const cache = join(site, ".vitepress/cache");
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "reference-"));
  try {
    const { convert } = await import("./typedoc.ts");
    await convert(entries, join(site, "tsconfig.reference.json"), fresh);
    writeFileSync(join(fresh, "index.md"), overview());
    writeFileSync(join(fresh, ".version"), wanted);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(folder), { recursive: true });
    try {
      renameSync(fresh, folder);
    } catch (error) {
      if (!isThere()) throw error; // else another process made the same in the meantime
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The first page of the reference. */
function overview(): string {
  const rows = published.map(({ folder, description }) => {
    const links = entries.filter(({ path }) => path === folder || path.startsWith(`${folder}/`));
    return `| ${links.map((entry) => `[\`${entry.name}\`](./${entry.path}/)`).join("<br>")} | ${description} |`;
  });
  return [
    "# Reference",
    "",
    "Every name that the packages export, from the comments in their sources. The search finds them by name.",
    "",
    "| package | what it is |",
    "| --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
