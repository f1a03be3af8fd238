// `destroy()`: every later use fails with a clear error, and workers and memory are given back.
import { execFileSync } from "node:child_process";
import { param, scope } from "@weft/autograd";
import { add, borrow, exp, matmul, mul } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { openSync } from "../src/index.ts";
import { make } from "../src/open.ts";
import { codes, computingWith } from "./codes.ts";
import { EAGER, joined } from "./joined.ts";

const GONE =
  "tensor-cpu: the backend was destroyed; open() returns a new one: load your model there from its last saved copy";

describe.each(codes)("%s", (_, native) => {
  computingWith(native);

  test("every later use fails with the reason, however often", async () => {
    const b = openSync({ seed: 1 });
    const [x, w] = [b.tensor([1, 2]), param(b.tensor([3, 4]))];
    const [known, pending, square] = [add(x, 1), mul(x, 2), b.ones([20, 20])];
    known.dataSync();
    expect(matmul(square, square).dataSync()[399]).toBe(20);
    expect(b.info().code).toMatch(native === false ? "WebAssembly" : /^x86-64 AVX/);
    b.destroy();
    b.destroy(); // a second time: nothing happens
    for (let i = 0; i < 2; i++) {
      expect(() => x.dataSync()).toThrow(GONE);
      expect(() => known.dataSync()).toThrow(GONE);
      expect(() => pending.dataSync()).toThrow(GONE);
      expect(() => exp(x).dataSync()).toThrow(GONE);
      expect(() => add(x, 1).dataSync()).toThrow(GONE); // its plan is known
      expect(() => matmul(square, square).dataSync()).toThrow(GONE);
      expect(() => b.tensor([1])).toThrow(GONE);
      expect(() => b.randn([2]).dataSync()).toThrow(GONE);
      expect(() => w.value.dataSync()).toThrow(GONE);
      expect(() => borrow(x, () => 1)).toThrow(GONE);
      await expect(x.data()).rejects.toThrow(GONE);
      await expect(pending.data()).rejects.toThrow(GONE);
      expect(() => scope(() => exp(x)).dataSync()).toThrow(GONE);
    }
    expect(String(x)).toContain("[2]");
    for (const y of [x, known, pending]) y.release();
    expect(b.info().running).toBe(1);
    expect(b.stats().commands).toBe(0);
  });

  test("its pending work makes no other backend fail", () => {
    const [first, second] = [openSync({}), openSync({})];
    const waits = first.ones([2]);
    first.destroy();
    expect(scope(() => add(second.ones([2]), 1)).dataSync()).toEqual(Float32Array.of(2, 2));
    expect(() => waits.dataSync()).toThrow(GONE);
  });

  test("its workers end", async () => {
    const b = await joined(make({ threads: 3 }, EAGER));
    expect(b.stats().commands).toBeGreaterThan(0);
    b.destroy();
    expect(b.info()).toMatchObject({ threads: 1, running: 1 });
    expect(b.stats().commands).toBe(0);
  });

  /** Runs a program in a process of its own; gives what it prints. */
  const run = (program: string): string =>
    execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", program], {
      encoding: "utf8",
      timeout: 60_000,
      cwd: import.meta.dirname,
    });
  const source = JSON.stringify(new URL("../src/open.ts", import.meta.url).href);

  test("open() without options returns a new one", () => {
    const printed = run(`
    import { open, openSync } from ${source};
    import { matmul } from "@weft/tensor";
    const product = (b) => matmul(b.ones([20, 20]), b.ones([20, 30])).dataSync()[599];
    const first = await open();
    const same = (await open()) === first;
    const before = product(first);
    first.destroy();
    const second = await open();
    first.destroy();
    console.log(same, second !== first, openSync() === second, before, product(second));
  `);
    expect(printed).toBe("true true true 20 20\n");
  });

  test("its memory is given back while the backend and its tensors are held", () => {
    const printed = run(`
    import { make } from ${source};
    import { add, borrow, conv, matmul, relu, scope } from "@weft/tensor";
    const kept = [];
    const buffers = [1, 3].map((threads) => {
      const b = make({ threads }, 1e9);
      const x = b.ones([100, 100]);
      const image = b.ones([2, 3, 9, 9]);
      for (let i = 0; i < 10; i++) {
        kept.push(scope(() => relu(add(matmul(x, x), 1))), scope(() => conv(image, b.ones([4, 3, 3, 3]))));
        kept.at(-1).dataSync();
      }
      kept.push(b, x);
      const buffer = borrow(x, (elements) => new WeakRef(elements.buffer));
      b.destroy();
      return buffer;
    });
    for (let i = 0; i < 500 && buffers.some((buffer) => buffer.deref() !== undefined); i++) {
      await new Promise((done) => setTimeout(done, 10));
      globalThis.gc();
    }
    console.log(kept.length, buffers.map((buffer) => buffer.deref()));
  `);
    expect(printed).toBe("44 [ undefined, undefined ]\n");
  });
});
