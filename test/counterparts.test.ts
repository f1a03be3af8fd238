// The pages for people who come from another library, and the conventions: where a row of a table ends in code, that
// code is an example. Examples run on the CPU and, in the whole suite, on WebGPU; and what a page names is there.
import * as autograd from "@weft/autograd";
import * as data from "@weft/data";
import * as formats from "@weft/formats";
import * as nn from "@weft/nn";
import * as models from "@weft/nn/models";
import * as optim from "@weft/optim";
import * as weft from "@weft/tensor";
import * as cpu from "@weft/tensor-cpu";
import * as webgpu from "@weft/tensor-webgpu";
import { creation } from "@weft/tensor/internals";
import * as train from "@weft/train";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import counterparts from "./counterparts.json" with { type: "json" };
import { checked, nearly, run, type ShownPackage, type Stage } from "./examples.ts";
import { everything, longOn } from "./extent.ts";
import { read } from "./source-graph.ts";

/** The pages, and how many rows with examples they have at least: nobody should lose them unseen. */
const pages: readonly { page: string; atLeast: number }[] = [
  { page: "packages/site/pages/guides/from-knet.md", atLeast: 225 },
  { page: "packages/site/pages/guides/from-pytorch.md", atLeast: 500 },
  { page: "packages/site/pages/guides/from-tensorflow-js.md", atLeast: 120 },
  { page: "packages/site/pages/guides/conventions.md", atLeast: 70 },
];

/** The cells of each row of the tables of a page, without their heads. */
const rowsOf = (page: string): string[][] =>
  read(page)
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1)) // no cell has a | in it
    .map((cells) => cells.map((cell) => cell.trim()))
    .filter((cells, i, all) => !all[i + 1]?.every((cell) => cell === "---") && !cells.every((cell) => cell === "---"));

interface Example {
  readonly page: string;
  /** What the first cell says. */
  readonly name: string;
  readonly code: string;
}

/** The rows whose last cell is code. The others say in words why there is nothing, or where it is. */
const examplesOf = (page: string): Example[] =>
  rowsOf(page).flatMap((cells) => {
    const code = /^`([^`]+)`$/.exec(cells.at(-1)!)?.[1];
    return code === undefined ? [] : [{ page, name: cells[0]!, code: code.replaceAll("; ", ";\n") }];
  });

/** What examples take for granted, beside what Weft's packages export. */
const around: ShownPackage["around"] = (backend) => {
  // Initializers have names of creation functions, too: the latter are meant.
  const made = creation(backend);
  return {
    ...nn,
    ...models,
    ...formats,
    ...optim,
    ...data,
    ...train,
    ...weft,
    ...made,
    data, // for the names that `tensor` has, too, as `data.split`
    a: made.tensor([[1, 2], [3, 4]]), // prettier-ignore
    image: made.randn([2, 3, 8, 8], { seed: 1 }),
    labels: made.tensor([0, 1], { dtype: "i32" }),
    mask: made.tensor([true, false, true]),
    spd: made.tensor([[2, 1], [1, 2]]), // prettier-ignore
    x: made.tensor([1, 2, 3]),
    y: made.tensor([4, 5, 6]),
    z: made.tensor([-1.5, 0, 2.5]),
  };
};

/** What reads the published files of a data set: no test downloads them. */
const readsFiles = /await (cifar10|housing|imdb|mnist|ptb|shakespeare|sst|wikiner)\(/;
const filesAreThere = everything && process.env["WEFT_DATA"] !== undefined;

type Opened = ReturnType<Stage["open"]>;

/** Opens a backend when it is first asked for, and no other one. */
function once(open: () => Opened): () => Opened {
  let opened: Opened | undefined;
  return () => (opened ??= open());
}

const stages: readonly Stage[] = [
  { on: "cpu", backend: cpu, open: once(() => cpu.openSync({ seed: 1 })), near: nearly(1e-5), has: () => true },
  {
    on: "webgpu",
    backend: webgpu,
    open: once(() => webgpu.open()),
    near: nearly(1e-4),
    has: (code) => !/"f64"/.test(code), // f64 is the CPU's
  },
];

test.each(pages)("$page has $atLeast examples, and each says what it gives", ({ page, atLeast }) => {
  const examples = examplesOf(page);
  expect(examples.length).toBeGreaterThanOrEqual(atLeast);
  const lastLine = (code: string): string => code.split("\n").at(-1)!;
  expect(examples.filter(({ code }) => checked(lastLine(code)) === lastLine(code))).toEqual([]);
});

test("what pages name in their second column is exported", () => {
  const made = creation(cpu.openSync());
  const packages = [autograd, cpu, data, formats, models, nn, optim, train, weft, made];
  const known = new Set(packages.flatMap((names) => Object.keys(names)));
  const named = pages.flatMap(({ page }) =>
    rowsOf(page).flatMap((cells) =>
      cells.length < 3 ? [] : [...cells[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
    ),
  );
  expect(named.length).toBeGreaterThan(700);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

// The lists: all names of Knet and AutoGrad, and the commonest ones of PyTorch.
test.each(Object.entries(counterparts))("%s has each name of its list", (page, lists) => {
  const spans = rowsOf(page).flatMap((cells) => cells[0]!.match(/`[^`]+`/g) ?? []);
  const words = spans.flatMap((span) => span.match(/@?\w+(?:\.\w+)*!?/g) ?? []);
  const known = new Set(words.flatMap((word) => [word, word.split(".").at(-1)!]));
  const wanted = Object.values(lists).flatMap((names) => names.split(" "));
  expect(wanted.filter((name) => !known.has(name))).toEqual([]);
});

const possible = stages.filter(({ on }) => longOn(on));
describe.each(possible)("on $on", (stage) => {
  const possible = ({ code }: Example): boolean => stage.has(code) && (filesAreThere || !readsFiles.test(code));
  const examples = pages.flatMap(({ page }) => examplesOf(page)).filter(possible);
  test.each(examples.map((example) => ({ ...example, page: basename(example.page) })))(
    "$page, $name: $code",
    ({ code }) => run(code, stage, around),
  );
});
