// Machine code of the processor: the law for every backend, products of every form against their sums, and what happens
// where there is none.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { nativeCode as nativeCodeOfPackage } from "@weft/x64";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { everything } from "../../../test/extent.ts";
import { nativeCode } from "../src/native.ts";
import { make, openSync, type CpuBackend } from "../src/open.ts";
import { difference } from "./guarded.ts";
import { EAGER, joined } from "./joined.ts";

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

// Other tests are skipped where there is no machine code: that must not hide that the package is no longer found.
test.each(kinds)("%s is there where @weft/x64 has it", (native) => {
  const [own, found] = [nativeCodeOfPackage(native), nativeCode(native)];
  if ("reason" in own) expect(found).toEqual(own);
  else expect(found).toMatchObject({ machine: { name: own.machine.name } });
});

describe.each(kinds)("%s", (native) => {
  const code = nativeCode(native);
  const lacks = "reason" in code ? code.reason : undefined;
  beforeEach(({ skip }) => skip(lacks !== undefined, lacks));
  afterEach(() => vi.restoreAllMocks());

  const open = async (options: object = {}): Promise<Backend & Creation> => backend({ native, ...options });
  const settings = { merged: {}, unmerged: { fuse: false } };
  const cases = conformance(`tensor-cpu, ${native}`, open, { settings, views: "one", double: false });
  // What has products, and what is large enough for machine code. translate.test.ts tries its kernels on few elements.
  const isNative = /matmul|linear|conv|lstm|gru|rnn|attention|norm|1,055 elements|five blocks/i;
  for (const { name, run } of cases.filter((c, i) => isNative.test(c.name) && (everything || i % 3 === 0)))
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

  test.each([0, 1, 2, 3])(
    "where memory is full after %i modules, a call is WebAssembly, on any number of threads",
    async (most) => {
      if ("reason" in code) throw new Error(code.reason);
      const names = new Set<string>();
      const { compile } = code;
      vi.spyOn(code, "compile").mockImplementation((name, write) => {
        if (names.size < most) names.add(name);
        return names.has(name) ? compile(name, write) : { reason: "memory for code is full" };
      });
      const program = (b: Creation): number[][] => {
        const [x, w] = [param(whole(b, [2, 3, 12, 9], 7)), param(whole(b, [20, 3, 3, 2], 11))];
        const [left, right] = [whole(b, [50, 70], 7), whole(b, [60, 70], 11)];
        return scope(() => {
          const tape = diff(() => mean(square(conv(x, w, { padding: 1 }))));
          const products = [matmul(left, transpose(right)), matmul(transpose(left), whole(b, [50, 99], 5))];
          return [...products, tape.value, tape.grad(x)!, tape.grad(w)!].map((t) => [...t.dataSync()]);
        });
      };
      const [one, three] = [make({ native, threads: 1 }), await joined(make({ native, threads: 3 }, EAGER))];
      const [wanted, found, again] = [backend({ native: false }), one, three].map(program);
      expect(again).toEqual(found);
      expect(program(three)).toEqual(found);
      expect(three.stats().helped).toBeGreaterThan(0);
      for (const b of [one, three])
        expect(b.info()).toMatchObject({ code: code.machine.name, reason: "memory for code is full" });
      found!.forEach((numbers, i) => expect(difference(numbers, wanted![i]!)).toBeLessThan(1e-5));
      for (const b of [one, three]) b.destroy();
    },
  );

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

describe("the environment variable WEFT_NATIVE", () => {
  const widest = nativeCode("avx512");
  const lacks = "reason" in widest ? widest.reason : undefined;
  const info = (value: string | undefined, native?: boolean | "avx2" | "avx512") => {
    vi.stubEnv("WEFT_NATIVE", value);
    const { code, reason } = openSync(native === undefined ? {} : { native }).info();
    return { code, reason };
  };
  test.each(["0", "false"])("%s: WebAssembly, whatever was opened before", (value) => {
    const without = { code: "WebAssembly", reason: `WEFT_NATIVE=${value}` };
    expect(info(value)).toEqual(without);
    expect(info("1")).not.toEqual(without);
    expect(info(value, true)).toEqual(without);
  });
  test.each([undefined, "", "1", "true", "avx512"])("%s: machine code", (value) => {
    const { code, reason } = info(value);
    if (lacks === undefined) expect({ code, reason }).toEqual({ code: "x86-64 AVX-512", reason: undefined });
    else expect(reason ?? code).not.toMatch(/WEFT_NATIVE/); // where there is AVX2 alone, there is no reason
  });
  test("avx2: with these vectors", ({ skip }) => {
    skip(lacks !== undefined, lacks);
    expect(info("avx2")).toEqual({ code: "x86-64 AVX2", reason: undefined });
  });
  test.each(["no", "AVX2", "toString"])("%s: WebAssembly, and what was wanted", (value) => {
    const reason = `WEFT_NATIVE=${value}: wanted 0, 1, false, true, avx2 or avx512`;
    expect(info(value)).toEqual({ code: "WebAssembly", reason });
  });
  test("what the option says counts more", ({ skip }) => {
    expect(info("1", false)).toEqual({ code: "WebAssembly", reason: "native: false" });
    skip(lacks !== undefined, lacks);
    expect(info("0", "avx512")).toEqual({ code: "x86-64 AVX-512", reason: undefined });
  });
  test("what a backend has found stays", () => {
    vi.stubEnv("WEFT_NATIVE", "0");
    const b = openSync({});
    expect(b.info().reason).toBe("WEFT_NATIVE=0");
    vi.stubEnv("WEFT_NATIVE", "1");
    expect(b.info().reason).toBe("WEFT_NATIVE=0");
  });
});

describe("the package @weft/x64, where it is not there, or does not work, or Deno does not permit it", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-native-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const refusing = 'exports.nativeCode = () => ({ reason: "no koffi" });';
  const cases: Record<string, { text?: string; denied?: string; reason: string }> = {
    missing: { reason: "@weft/x64 is not installed" },
    incomplete: {
      text: 'require("something");',
      reason: "@weft/x64 could not be loaded (Cannot find module 'something')",
    },
    broken: { text: 'throw new TypeError("of its own");', reason: "@weft/x64 could not be loaded (of its own)" },
    failing: {
      text: 'exports.nativeCode = () => { throw new TypeError("inside\\nmore"); };',
      reason: "@weft/x64 has a fault (inside)",
    },
    refusing: { text: refusing, reason: "no koffi" },
    permitted: { text: refusing, denied: "", reason: "no koffi" },
    environment: { text: refusing, denied: "env", reason: "no koffi" },
    reading: { text: refusing, denied: "read", reason: "machine code needs Deno's permission --allow-read" },
    functions: { text: refusing, denied: "ffi", reason: "machine code needs Deno's permission --allow-ffi" },
  };
  test("is the reason, in words of its own", () => {
    for (const [name, { text }] of Object.entries(cases)) {
      const place = join(folder, name, "node_modules/@weft/x64");
      mkdirSync(text === undefined ? join(folder, name) : place, { recursive: true });
      if (text !== undefined) writeFileSync(join(place, "index.js"), text);
      copyFileSync(new URL("../src/native.ts", import.meta.url), join(folder, name, "native.mts"));
    }
    // In a process of its own, where each finds the packages of its folder. Without a permission, Deno would ask.
    const program = `const found = {};
      const { env } = process;
      for (const [name, { denied }] of ${JSON.stringify(Object.entries(cases))}) {
        const querySync = ({ name }) => ({ state: name === denied ? "prompt" : "granted" });
        if (denied !== undefined) globalThis.Deno = { permissions: { querySync } };
        const noEnv = { get WEFT_NATIVE() { throw new Error("Requires env access"); } };
        Object.defineProperty(process, "env", { value: denied === "env" ? noEnv : env, configurable: true });
        const { nativeCode } = await import(${JSON.stringify(folder)} + "/" + name + "/native.mts");
        found[name] = nativeCode(true);
      }
      console.log(JSON.stringify(found));`;
    const args = ["--no-warnings", "--input-type=module", "--eval", program];
    const environment = { ...process.env, WEFT_NATIVE: "1", NODE_PATH: "" };
    const found: unknown = JSON.parse(execFileSync(process.execPath, args, { env: environment, encoding: "utf8" }));
    expect(found).toEqual(Object.fromEntries(Object.entries(cases).map(([name, { reason }]) => [name, { reason }])));
  });
});

describe("where there is none", () => {
  test("the option says so", () => {
    expect(openSync({ native: false }).info()).toMatchObject({ code: "WebAssembly", reason: "native: false" });
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
