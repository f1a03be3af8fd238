// Printing in Node, where the console calls an object's own inspect method.
import { inspect } from "node:util";
import { diff, param } from "@weft/autograd";
import { mul, sum } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { Chain, Linear } from "../src/index.ts";
import { printing } from "./printing.ts";

printing();

test("the console shows the same text, also inside other objects", async () => {
  const { tensor } = await open({});
  const p = param(tensor([1, 2]));
  const model = Chain(Linear(2, 3));
  expect(inspect(p)).toBe(String(p));
  expect(inspect(model)).toBe(String(model));
  expect(inspect({ p, model })).toMatch(
    /p: param\(\[1, 2\], f32\[2\] on .*model: Chain\(\n +0: Linear\(weight: param f32\[3, 2\]/s,
  );
  const tape = diff(() => sum(mul(p, p)));
  expect(inspect(tape)).toBe(`Tape { params: [ ${String(p)} ] }`);
  const ended = tensor([1]);
  ended.release();
  expect(inspect([ended])).toBe("[ tensor(f32[1] on @weft/tensor-cpu, released) ]");
});
