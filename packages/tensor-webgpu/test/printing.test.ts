// Printing where reads are asynchronous: small values that were read or uploaded are known, all others show their
// shape.
import { param } from "@weft/autograd";
import * as T from "@weft/tensor";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { onDevice } from "./device.ts";

onDevice("a tensor shows the values that were written or read, and printing runs nothing", async () => {
  const backend = await open({});
  const on = "on @weft/tensor-webgpu";
  const data = new Float32Array([1, 2]);
  const x = backend.tensor(data);
  data[0] = 9;
  expect(String(x)).toBe(`tensor([1, 2], f32[2] ${on})`);
  const y = T.add(x, 1);
  const { flushes } = backend.stats();
  expect(String(y)).toBe(`tensor(f32[2] ${on})`);
  expect(backend.stats()).toMatchObject({ flushes, pending: 1 });
  const read = await y.data();
  read[0] = 7; // the caller's array
  expect(String(y)).toBe(`tensor([2, 3], f32[2] ${on})`);
  const p = param(y);
  expect(String(p)).toBe(`param([2, 3], f32[2] ${on})`);
  p.value = T.mul(y, 2);
  expect(String(p)).toBe(`param(f32[2] ${on})`);
  await p.value.item().catch(() => {});
  expect(await p.value.array()).toEqual([4, 6]);
  expect(String(p)).toBe(`param([4, 6], f32[2] ${on})`);
  const halves = backend.tensor([0.5, 2], { dtype: "f16" });
  expect(String(halves)).toBe(`tensor([0.5, 2.0], f16[2] ${on})`);
  const some = backend.tensor(new Float32Array(17)); // what a step uploads is not copied for printing
  expect(String(some)).toBe(`tensor(f32[17] ${on})`);
  await some.data();
  expect(String(some)).toMatch(/^tensor\(\[0, 0, 0/);
  const long = backend.zeros([2000]);
  await long.data();
  expect(String(long)).toBe(`tensor(f32[2000] ${on})`);
  y.release();
  expect(String(y)).toBe(`tensor(f32[2] ${on}, released)`);
  backend.destroy();
  expect(String(x)).toBe(`tensor([1, 2], f32[2] ${on})`);
  expect(String(backend.info().largest)).toMatch(/\d/);
});
