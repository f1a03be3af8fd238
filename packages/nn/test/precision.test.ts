// A layer whose f32 parameters meet f64 computes in f64, and says so once.
import { openSync } from "@weft/conformance";
import { expect, test, vi } from "vitest";
import { Linear } from "../src/index.ts";

const { tensor } = openSync();

test("f64 that meets f32 parameters is computed in f64, and told once", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const layer = Linear(2, 1);
  expect(layer(tensor([[1, 2]])).dtype).toBe("f32");
  expect(warn).not.toHaveBeenCalled();
  for (let i = 0; i < 3; i++) expect(layer(tensor(Float64Array.of(1, 2), { shape: [1, 2] })).dtype).toBe("f64");
  expect(warn).toHaveBeenCalledOnce();
  expect(warn.mock.calls[0]![0]).toContain('write tensor(data, { dtype: "f32" })');
  warn.mockRestore();
});
