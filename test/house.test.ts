// The rules of the house, read off the tree: who may import whom, what a page may load, how large a file may be.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  cycles,
  files,
  folderOf,
  imports,
  lineCount,
  manifest,
  models,
  packages,
  reachedByPages,
  read,
  root,
} from "./source-graph.ts";

/** Which packages of ours each package may import. */
const mayImport: Record<string, readonly string[]> = {
  tensor: [],
  autograd: ["tensor"],
  kernel: ["tensor"],
  "tensor-cpu": ["tensor", "kernel"],
  "tensor-webgpu": ["tensor", "kernel"],
  x64: ["kernel"],
  formats: ["tensor"],
  nn: ["tensor", "autograd", "formats"],
  optim: ["tensor", "autograd"],
  data: ["tensor", "formats"],
  train: ["tensor", "autograd", "nn", "optim", "data"],
  conformance: ["tensor", "autograd"],
  examples: packages.filter((name) => name !== "bench"),
  bench: packages,
  site: ["tensor", "autograd", "formats", "nn", "optim", "data", "train", "tensor-cpu", "tensor-webgpu"],
};

/** Programs rather than libraries: they, or the tools that build them, need Node. */
const programs = ["examples", "bench", "site"];

/** Third-party packages that a published library may need, each for a reason in docs/decisions.md. */
const thirdParty: Record<string, readonly string[]> = {
  "tensor-webgpu": ["webgpu"],
  formats: ["fflate"],
  data: ["@huggingface/tokenizers", "cli-progress", "d3-dsv", "fast-png", "jpeg-js"],
  x64: ["koffi"],
};

test("every package has a line in the table of imports", () => {
  expect(Object.keys(mayImport).toSorted()).toEqual(packages);
});

describe.each(packages)("%s", (name) => {
  const sources = files(`packages/${name}/src/**/*.ts`);
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, private: hidden } = manifest(name);

  test("imports only packages that it may import, and declares them", () => {
    const wrong = sources.flatMap((file) =>
      imports(file)
        .map(({ target }) => target)
        .filter((target) => target.startsWith("@weft/") && target !== `@weft/${name}`)
        .filter((target) => {
          const other = target.split("/")[1]!;
          const declared = `@weft/${other}` in dependencies || `@weft/${other}` in peerDependencies;
          return !mayImport[name]?.includes(other) || !declared;
        })
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("is used as a peer where two copies would not understand each other", () => {
    const shared = ["@weft/tensor", "@weft/kernel", "@weft/autograd"];
    const wrong = hidden || programs.includes(name) ? [] : shared.filter((peer) => peer in dependencies);
    expect(wrong).toEqual([]);
  });

  test("brings no third-party packages but those agreed on", () => {
    const needed =
      hidden || programs.includes(name)
        ? []
        : Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
    const foreign = needed.filter((dependency) => !dependency.startsWith("@weft/"));
    expect(foreign.filter((dependency) => !thirdParty[name]?.includes(dependency))).toEqual([]);
  });

  test("has no cycles between its files", () => {
    expect(cycles(sources).map((cycle) => cycle.join(" -> "))).toEqual([]);
  });

  test("has no cycles between its folders: what lies lower imports nothing from above", () => {
    expect(cycles(sources, folderOf).map((cycle) => cycle.join(" -> "))).toEqual([]);
  });

  test("has a README", () => {
    expect(existsSync(join(root, "packages", name, "README.md"))).toBe(true);
  });

  test.skipIf(programs.includes(name))("loads nothing of Node in a page", () => {
    const wrong = reachedByPages(name).flatMap((file) =>
      imports(file)
        .filter(({ target, atRunTime }) => atRunTime && target.startsWith("node:"))
        .map(({ target }) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

test.each(packages.filter((name) => typeof manifest(name).exports["."] === "object"))(
  "%s exports the same names in Node and in a page",
  async (name) => {
    const load = (file: string) => import(join(root, "packages", name, "src", file)) as Promise<object>;
    const [node, page] = await Promise.all([load("index.node.ts"), load("index.ts")]);
    expect(Object.keys(page).toSorted()).toEqual(Object.keys(node).toSorted());
  },
);

/** Packages whose plumbing, what only our packages need of each other, has an entry of its own. */
const withInternals = packages.filter((name) => "./internals" in manifest(name).exports);
const everything = ["{packages,test}/**/*.ts", "packages/site/.vitepress/**/*.{ts,vue}"]
  .flatMap(files)
  .map((file) => [file, readFileSync(join(root, file), "utf8")] as const);

test.each(withInternals)("%s shows users nothing of its internals, and our packages use each of them", async (name) => {
  const load = (file: string) => import(join(root, "packages", name, "src", file)) as Promise<object>;
  const [index, internals] = (await Promise.all([load("index.ts"), load("internals.ts")])).map(Object.keys);
  expect(index!.filter((key) => internals!.includes(key))).toEqual([]);
  const statement = new RegExp(`import \\{([^}]*)\\} from "@weft/${name}/internals"`, "g");
  const others = everything.filter(([file]) => !file.startsWith(`packages/${name}/`));
  const lists = others.flatMap(([, text]) => [...text.matchAll(statement)].map(([, list]) => list!));
  const used = new Set(lists.flatMap((list) => list.split(/[\s,]+/)));
  expect(internals!.filter((key) => !used.has(key))).toEqual([]);
});

test("the examples use only what users have: no internals of our packages", () => {
  const sources = files("packages/examples/{src,browser}/**/*.ts");
  const wrong = sources.flatMap((file) => imports(file).map(({ target }) => [file, target] as const));
  expect(wrong.filter(([, target]) => /^@weft\/.*\/internals$/.test(target))).toEqual([]);
});

test.each(models)("%s has a network and its loss alone, without casts, on at most 60 lines of code", (file) => {
  const others = imports(file).filter(({ target }) => !/^(@weft\/[a-z-]+(\/models)?|\.\/[\w-]+\.ts)$/.test(target));
  expect(others.map(({ target }) => target)).toEqual([]);
  expect(read(file)).not.toMatch(/ as (?!const\b)[A-Z({[]| as unknown\b/);
  const code = read(file).split("\n").filter((line) => !/^\s*(\/[/*]|\*|$)/.test(line)); // prettier-ignore
  expect(code.length).toBeLessThanOrEqual(60);
});

test.each(models)("the README of the examples lists %s with all that it exports", async (file) => {
  const rows = read("packages/examples/README.md").split("\n").filter((line) => line.includes(`](src/models/${basename(file)})`)); // prettier-ignore
  const names = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  const exported = Object.keys((await import(join(root, file))) as object);
  expect(exported.filter((name) => !names.includes(name))).toEqual([]);
  const index = (await import(join(root, "packages/examples/src/index.ts"))) as object;
  expect(exported.filter((name) => !(name in index))).toEqual([]);
});

const written = [...files("packages/**/*.ts"), ...files("test/**/*.ts"), "vitest.config.ts"];

test("no file has 500 lines", () => {
  const long = written.filter((file) => lineCount(file) >= 400);
  if (long.length > 0) console.warn(`over 400 lines: ${long.join(", ")}`);
  expect(long.filter((file) => lineCount(file) >= 500)).toEqual([]);
});

test("every table over the dtypes stands in the recipe for adding one", () => {
  const recipe = read("CONTRIBUTING.md").split("## Add a dtype\n")[1]!.split("\n## ")[0]!;
  const tables = files("packages/*/src/**/*.ts").filter((file) => /Record<DType\b|in DType\]/.test(read(file)));
  expect(tables.length).toBeGreaterThan(0);
  expect(tables.filter((file) => !recipe.includes(file))).toEqual([]);
});

test("no file is named after nothing in particular", () => {
  const empty = /^(utils?|helpers?|common|types|misc)\b/;
  expect(written.filter((file) => empty.test(basename(file)))).toEqual([]);
});
