// Machine code of the processor: the law for every backend, products of every form against their sums, and what happens
// where there is none.
import { execFileSync } from "node:child_process";
import { conformance } from "@weft/conformance";
import { diff, param, scope } from "@weft/autograd";
import {
  conv,
  matmul,
  mean,
  square,
  transpose,
  type Backend,
  type ConvOptions,
  type Creation,
  type Tensor,
} from "@weft/tensor";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { everything, views } from "../../../test/extent.ts";
import { nativeCode } from "../src/native.ts";
import { make, openSync, type CpuBackend } from "../src/open.ts";

const kinds = ["avx2", "avx512"] as const;

const opened = new Map<string, CpuBackend>();
const backend = (options: Parameters<typeof make>[0]): CpuBackend => {
  const key = JSON.stringify(options);
  if (!opened.has(key)) opened.set(key, make({ threads: 1, ...options }));
  return opened.get(key)!;
};

/** Numbers whose sums of products are whole, and exact in f32. */
const whole = (b: Creation, shape: number[], factor: number): Tensor =>
  b.tensor(
    Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, (_, i) => ((i * factor) % 13) - 6),
    { shape },
  );

describe.each(kinds)("%s", (native) => {
  const code = nativeCode(native);
  const lacks = "reason" in code ? code.reason : undefined;
  beforeEach(({ skip }) => skip(lacks !== undefined, lacks));

  const open = async (options: object = {}): Promise<Backend & Creation> => backend({ native, ...options });
  const settings = { merged: {}, unmerged: { fuse: false } };
  const cases = conformance(`tensor-cpu, ${native}`, open, { settings, views, double: false });
  // The rest is WebAssembly here, too.
  const ofProducts = /matmul|linear|conv|lstm|gru|rnn|attention/i;
  for (const { name, run } of cases.filter((c, i) => ofProducts.test(c.name) && (everything || i % 3 === 0)))
    test(name, run);

  test("products of all forms are the sums", () => {
    const b = backend({ native });
    const sizes = [1, 2, 5, 8, 9, 16, 17, 31, 48, 49, 97, 250];
    let r = 1;
    const one = (): number => sizes[(r = (r * 16_807) % 2_147_483_647) % sizes.length]!;
    for (let i = 0; i < (everything ? 1500 : 300); i++) {
      const [m, n, k] = [one(), one(), one()];
      const [transA, transB] = [(i & 1) === 1, (i & 2) === 2];
      const left = whole(b, transA ? [k, m] : [m, k], 7);
      const right = whole(b, transB ? [n, k] : [k, n], 11);
      const [x, y] = [left.dataSync(), right.dataSync()];
      const got = scope(() =>
        matmul(transA ? transpose(left) : left, transB ? transpose(right) : right)
          .dataSync()
          .slice(),
      );
      const wanted = new Float32Array(m * n);
      for (let row = 0; row < m; row++)
        for (let p = 0; p < k; p++) {
          const a = x[transA ? p * m + row : row * k + p]!;
          for (let j = 0; j < n; j++) wanted[row * n + j]! += a * y[transB ? j * k + p : p * n + j]!;
        }
      const wrong = wanted.findIndex((value, at) => value !== got[at]);
      expect(wrong, `[${m}, ${k}] * [${k}, ${n}], ${transA}, ${transB}`).toBe(-1);
      left.release();
      right.release();
    }
  });

  test("memory that grows between products, and memory that is given back", () => {
    const b = make({ native, threads: 1 });
    for (const n of [100, 700, 1500]) {
      const x = b.ones([n, n]);
      const y = scope(() => matmul(x, x)).dataSync();
      expect(y.every((value) => value === n)).toBe(true);
    }
    const x = b.ones([9, 9]);
    b.destroy();
    expect(() => matmul(x, x).dataSync()).toThrow("the backend was destroyed");
  });

  test("convolutions and their gradients are those of WebAssembly", () => {
    const shapes: { x: number[]; w: number[]; o: ConvOptions }[] = [
      { x: [2, 1, 28, 28], w: [20, 1, 5, 5], o: {} },
      { x: [3, 20, 12, 12], w: [50, 20, 5, 5], o: {} },
      { x: [2, 6, 9, 7], w: [10, 3, 3, 2], o: { groups: 2, padding: 1, stride: 2 } },
      { x: [1, 4, 8, 8], w: [64, 4, 1, 1], o: {} },
      { x: [2, 3, 17], w: [5, 3, 4], o: { dilation: 2, padding: 3 } },
    ];
    const [one, other] = [backend({ native: false }), backend({ native })].map((b) =>
      shapes.map(({ x, w, o }) => {
        const [image, weights] = [param(whole(b, x, 7)), param(whole(b, w, 11))];
        const tape = diff(() => mean(square(conv(image, weights, o))));
        return scope(() => [tape.value, tape.grad(image)!, tape.grad(weights)!].map((t) => [...t.dataSync()]));
      }),
    );
    for (let i = 0; i < shapes.length; i++)
      other![i]!.forEach((numbers, part) => {
        const wanted = one![i]![part]!;
        const most = Math.max(...wanted.map(Math.abs));
        numbers.forEach((x, at) => expect(Math.abs(x - wanted[at]!)).toBeLessThanOrEqual(1e-5 * most));
      });
  });
});

describe("where there is none", () => {
  test.each([
    [{ native: false }, undefined, "native: false"],
    [{}, "0", "WEFT_NATIVE=0"],
  ])("%j, %s", (options, environment, reason) => {
    vi.stubEnv("WEFT_NATIVE", environment);
    expect(openSync(options).info()).toMatchObject({ code: "WebAssembly", reason });
  });
  test("addons are forbidden", () => {
    const program = `import { openSync } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
      console.log(JSON.stringify(openSync({}).info()));`;
    const args = ["--no-addons", "--input-type=module", "--eval", program];
    const printed = execFileSync(process.execPath, args, {
      env: { ...process.env, WEFT_NATIVE: "1" },
      encoding: "utf8",
    });
    const reason = expect.stringMatching(
      /koffi, .* could not be loaded|does not run on this processor|Linux, macOS and Windows/,
    );
    expect(JSON.parse(printed)).toMatchObject({ code: "WebAssembly", reason });
  });
  test("other options", () => {
    expect(() => openSync({ native: "avx" as never })).toThrow(
      'open: wanted true, false, "avx2" or "avx512" as native, got "avx"',
    );
  });
});
