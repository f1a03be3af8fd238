// The import map of the guide to installing: it has what the packages import in a page, and each path is the file that the
// published package gives a page.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imports, reachedByPages, root } from "../../../test/source-graph.ts";
import { fileFor, loadedInPages, manifestOf } from "../src/manifests.ts";

const guide = readFileSync(join(import.meta.dirname, "../pages/guides/install.md"), "utf8");
const map = (JSON.parse(/<script type="importmap">([^]*?)<\/script>/.exec(guide)![1]!) as { imports: object }).imports;
const paths = Object.entries(map) as [name: string, path: string][];
const ours = paths.filter(([name]) => name.startsWith("@weft/"));

/** What is only loaded when a function is called that few pages need, as the guide says. */
const onCall = ["@huggingface/tokenizers", "d3-dsv", "fast-png", "jpeg-js"];

/** The packages that those of a folder import in a page. */
const needed = (folders: Iterable<string>): Set<string> =>
  new Set(
    [...folders]
      .flatMap((folder) => reachedByPages(folder).flatMap((file) => imports(file).filter(({ atRunTime }) => atRunTime)))
      .map(({ target }) => target)
      .filter((target) => !target.startsWith(".")),
  );

test("the map has what the packages import in a page", () => {
  const bare = needed(new Set(ours.map(([name]) => name.split("/")[1]!)));
  expect([...bare].filter((name) => !(name in map) && !onCall.includes(name))).toEqual([]);
  expect(onCall.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
});

test("the site's server prepares what the packages import in a page: found late, it would load the page anew", () => {
  const prepared = new Set(loadedInPages().map((name) => name.split(" > ")[1]));
  const folders = Object.keys(manifestOf("site").dependencies!).map((name) => name.replace("@weft/", ""));
  const others = [...needed(folders)].filter((name) => !name.startsWith("@weft/"));
  expect(others.length).toBeGreaterThanOrEqual(4);
  expect(others.filter((name) => !prepared.has(name))).toEqual([]);
});

test.each(ours)("%s is at the path that its package says", (name, path) => {
  const [, folder, entry = "."] = /^@weft\/([\w-]+)(?:\/(.*))?$/.exec(name)!;
  const { publishConfig } = manifestOf(folder!);
  const file = fileFor(publishConfig!.exports[entry === "." ? "." : `./${entry}`]!, "default");
  expect(path).toBe(`/node_modules/@weft/${folder}/${file.slice("./".length)}`);
});

test("other files are there", () => {
  const others = paths.filter(([name]) => !name.startsWith("@weft/"));
  const at = (path: string) => join(root, "packages/formats", path);
  expect(others.filter(([, path]) => !existsSync(at(path)))).toEqual([]);
});
