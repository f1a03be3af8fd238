// A layer with f32 parameters and f64 inputs computes in f64, and warns once.
import { gradCheck } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { expect, test, vi } from "vitest";
import { Linear } from "../src/index.ts";

const { tensor } = openSync();

test("f64 inputs with f32 parameters are computed in f64, with one warning", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const layer = Linear(2, 1);
  expect(layer(tensor([[1, 2]])).dtype).toBe("f32");
  expect(await gradCheck(layer, tensor([[1, 2]]))).toBe(true);
  expect(warn).not.toHaveBeenCalled(); // what gradCheck made is not the user's f64
  for (let i = 0; i < 3; i++) expect(layer(tensor(Float64Array.of(1, 2), { shape: [1, 2] })).dtype).toBe("f64");
  expect(warn).toHaveBeenCalledOnce();
  expect(warn.mock.calls[0]![0]).toContain('write tensor(data, { dtype: "f32" })');
  warn.mockRestore();
});
