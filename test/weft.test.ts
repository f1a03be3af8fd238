// The command stands in the repository's own path, as `npm start` needs it.
import { join } from "node:path";
import { expect, test } from "vitest";
import { execute } from "./pack.ts";
import { root } from "./source-graph.ts";

test("weft says what it does", async () => {
  expect(await execute(root, join(root, "node_modules/.bin/weft"), "--help")).toContain("weft");
});
