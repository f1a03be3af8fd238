// The reference: which entries it has, and what the search knows of its pages.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { entries } from "../src/reference/entries.ts";
import { madeOf } from "../src/reference/generate.ts";
import { lineEach } from "../src/reference/lines.ts";
import { said } from "../src/reference/search.ts";

test("the reference has every entry of the published packages but the internals", () => {
  const names = entries.map(({ name }) => name);
  expect(names.slice(0, 4)).toEqual(["@weft/tensor", "@weft/autograd", "@weft/nn", "@weft/nn/models"]);
  expect(names).toContain("@weft/tensor-webgpu/kernels");
  expect(names.filter((name) => /internals|conformance|bench|site/.test(name))).toEqual([]);
  expect(entries.filter(({ file }) => !existsSync(file))).toEqual([]);
});

test("the reference is made anew when a source or a setting of the compiler changes, not a README", () => {
  const packages = join(import.meta.dirname, "../..");
  const files = ["nn/src/index.ts", "site/src/reference/typedoc.ts", "site/tsconfig.reference.json", "../tsconfig.base.json"]; // prettier-ignore
  expect(madeOf()).toEqual(expect.arrayContaining(files.map((file) => join(packages, file))));
  expect(madeOf().filter((file) => file.endsWith(".md"))).toEqual([]);
});

test("the search knows names and what is said of them, no signatures", () => {
  const text = "# add()\n\n```ts\nfunction add();\n```\n\na + b.\n\n## Parameters\n\n| a |\n| - |\n";
  expect(said(text, "reference/tensor/functions/add.md").trim()).toMatch(/^# add\(\)\n+a \+ b\.$/);
  const types = "# nn\n\n## Functions\n\n| a |\n\n### Options\n\nWhat it takes.\n\n#### Properties\n\n| x |\n";
  expect(said(types, "reference/nn/index.md").trim()).toMatch(/^# nn\n+## Functions\n+### Options\n+What it takes\.$/);
});

test("a package lists its names with one sentence each", () => {
  const rows = [
    "| [adam](functions/adam.md) | Adam: m ← g (Kingma et al. 2015). Like Knet's. More. |",
    "| [slice](functions/slice.md) | Elements from `a. B` to b |",
    "| `lr` | A rate. It may change. |",
  ];
  expect(lineEach(rows.join("\n")).split("\n")).toEqual([
    "| [adam](functions/adam.md) | Adam: m ← g (Kingma et al. 2015). |",
    rows[1],
    rows[2],
  ]);
});
