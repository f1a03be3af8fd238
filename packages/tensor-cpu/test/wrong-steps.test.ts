// A step with a wrong index leaves no trace, whatever function met it.
import { describe, test } from "vitest";
import { openSync } from "../src/index.ts";
import { called, expectNoTrace } from "./wrong-steps.ts";

describe.each([true, false])("merged: %s", (fuse) => {
  const [plain, failing] = [openSync({ fuse }), openSync({ fuse })];
  test.each(Object.keys(called))("%s", (name) => expectNoTrace(name, plain, failing));
});
