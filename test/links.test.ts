// Links between the documents lead somewhere: the file is there, and so is the heading.
import { existsSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { files, read, root } from "./source-graph.ts";

const pages = "packages/site/pages";
const documents = ["*.md", "docs/**/*.md", "packages/*/*.md", `${pages}/{guides,tutorials}/*.md`].flatMap(files);

const prose = (file: string): string => read(file).replaceAll(/^```[\s\S]*?^```/gm, "");

/** The anchors that GitHub gives the headings of a document. */
function anchors(file: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading] of prose(file).matchAll(/^#{1,6} (.*)$/gm)) {
    const shown = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = shown.replaceAll(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-");
    let [unique, again] = [anchor, 0];
    while (found.has(unique)) unique = `${anchor}-${++again}`;
    found.add(unique);
  }
  return found;
}

/** Whether a link of a document leads to something in the repository. */
function leads(file: string, link: string): boolean {
  const [path, anchor] = link.split("#") as [string, string?];
  let target = path === "" ? file : posix.join(posix.dirname(file), path);
  if (file.startsWith(pages) && !target.endsWith(".md")) target += ".md"; // the site adds its own ending
  if (target.startsWith(`${pages}/reference/`)) return true; // made by the site, whose build checks links to them
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined) return true;
  if (statSync(join(root, target)).isDirectory()) target = posix.join(target, "README.md");
  return anchors(target).has(anchor);
}

test.each(documents)("the links of %s", (file) => {
  const links = [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const inside = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(inside.filter((link) => !leads(file, link))).toEqual([]);
});

test("there are documents with links to headings", () => {
  expect(documents.length).toBeGreaterThan(10);
  expect(anchors("packages/tensor/README.md")).toContain("rules-that-hold-everywhere");
});

test("a page may link to the reference before it is made, and nowhere else", () => {
  const page = `${pages}/guides/scope.md`;
  const links = [
    "../reference/nn/functions/crossEntropy",
    "../reference/optim/#adamoptions",
    "../nothing/add",
    "./none",
  ];
  expect(links.map((link) => leads(page, link))).toEqual([true, true, false, false]);
});
