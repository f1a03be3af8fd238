// PyTorch's values and gradients of losses, normalization and recurrence, on the float64 reference.
import { golden, goldenCases, openSync } from "@weft/conformance";
import { expect, test } from "vitest";
import { goldenFiles as files, goldenFunctions } from "./golden-functions.ts";

const cases = golden(async () => openSync({}), { functions: goldenFunctions, files, double: true, known: true });

test("every case is run", () => {
  expect(cases.length).toBe(files.flatMap((file) => goldenCases[file]!).length);
});
test.each(cases)("$name", ({ run }) => run());
