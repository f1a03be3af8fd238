// The cells of every page have no type errors, by the checker and the declarations that the editor uses.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { beforeAll, expect, test } from "vitest";
import type { VirtualTypeScriptEnvironment } from "@typescript/vfs";
import { filesAbove } from "../src/editor/above.ts";
import { declarations } from "../src/editor/declarations.ts";
import { environment } from "../src/editor/environment.ts";
import { cellsOf } from "../src/markdown/cells.ts";

const folder = join(import.meta.dirname, "../pages");
const pages = globSync("**/*.md", { cwd: folder })
  .toSorted()
  .map((file) => ({ file, cells: cellsOf(readFileSync(join(folder, file), "utf8")) }))
  .filter(({ cells }) => cells.length > 0);

let env: VirtualTypeScriptEnvironment;

beforeAll(async () => {
  env = environment(ts, await declarations());
}, 300_000);

/** What the checker says of the last cell, below the others. */
function errors(...cells: string[]): string[] {
  const path = "/page/cell.ts";
  const files = { ...filesAbove(ts, cells.slice(0, -1)), [path]: cells.at(-1)! };
  for (const [name, text] of Object.entries(files)) env.createFile(name, text);
  const { languageService } = env;
  const found = [...languageService.getSyntacticDiagnostics(path), ...languageService.getSemanticDiagnostics(path)];
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

test.for(pages)("the cells of $file have no type errors", { timeout: 300_000 }, ({ cells }) => {
  cells.forEach((_, i) => expect(errors(...cells.slice(0, i + 1)), cells[i]).toEqual([]));
});

test("a cell sees what the cells above declare, with its types", () => {
  const above = [
    'import { relu, type Tensor } from "@weft/tensor";\nconst { a, b: [c] } = { a: 1, b: ["x"] };',
    "interface Pair<T> { one: T }\nclass Box<T extends object> { value?: T }\nfunction f(x: Tensor) { return relu(x); }\nlet n = 1;",
    "const n = 'now a text';",
  ];
  expect(
    errors(
      ...above,
      "const p: Pair<number> = { one: a };\nconst q = new Box<typeof p>();\nf satisfies (x: Tensor) => Tensor;\nn.length + c!.length;",
    ),
  ).toEqual([]);
  expect(errors(...above, "a = 'text';")).toEqual(["Type 'string' is not assignable to type 'number'."]);
  expect(errors(...above, "nowhere;")).toEqual(["Cannot find name 'nowhere'."]);
  expect(errors("const x: string = await Promise.resolve(1);")).toEqual([
    "Type 'number' is not assignable to type 'string'.",
  ]);
});
