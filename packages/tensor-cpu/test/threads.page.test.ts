// Threads in a page: workers begin where it is cross-origin isolated, as the pages of the tests are.
import { scope } from "@weft/autograd";
import { add, matmul, relu } from "@weft/tensor";
import { expect, test } from "vitest";
import { make } from "../src/open.ts";
import { joined } from "./joined.ts";

test("workers begin, and give the same bits as one thread", async () => {
  const [one, three] = [make({ threads: 1, seed: 1 }), make({ threads: 3, seed: 1 }, 100)];
  const program = (b: typeof one): Float32Array => {
    b.seed(1);
    const x = b.randn([300, 300]);
    return scope(() => relu(add(matmul(x, x), b.randn([300])))).dataSync() as Float32Array;
  };
  const wanted = program(one);
  expect(program(three)).toEqual(wanted);
  await joined(three);
  for (let i = 0; i < 20; i++) expect(program(three)).toEqual(wanted);
  expect(three.stats().helped).toBeGreaterThan(0);
  expect(one.info()).toMatchObject({ threads: 1, running: 1 });
});
