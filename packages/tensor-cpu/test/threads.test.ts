// Several threads: the law for every backend with everything that can be divided divided, the same bits as with one, and
// how workers begin and end.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { diff, param, scope } from "@weft/autograd";
import { conformance } from "@weft/conformance";
import {
  BatchNorm,
  Chain,
  Conv,
  crossEntropy,
  GRU,
  LayerNorm,
  Linear,
  LSTM,
  MaxPool,
  params,
  RNN,
  seed,
} from "@weft/nn";
import { adam } from "@weft/optim";
import {
  add,
  argsort,
  conv,
  cumsum,
  flatten,
  gather,
  IndexError,
  matmul,
  relu,
  square,
  sum,
  take,
  transpose,
  type Backend,
  type ConvOptions,
  type Creation,
  type Tensor,
  type TypedArray,
} from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { make, type CpuBackend, type OpenOptions } from "../src/open.ts";
import { lacking } from "./codes.ts";
import { EAGER, joined } from "./joined.ts";

const opened = new Map<string, CpuBackend>();
/** One backend for all samples: each has workers of its own. */
const open = async (options: OpenOptions = {}): Promise<Backend & Creation> => {
  const key = JSON.stringify(options);
  if (!opened.has(key)) opened.set(key, await joined(make({ threads: 4, ...options }, EAGER)));
  return opened.get(key)!;
};

const settings = { merged: {}, unmerged: { fuse: false } };
const cases = conformance("tensor-cpu, four threads", open, { settings, views: "one", double: false });
for (const { name, run } of cases.filter((_, i) => everything || i % 12 === 0)) test(name, run);

/** By what computes: each with one, two and four threads. */
const computing = [false, "avx2", "avx512"] as const;
const teams = await Promise.all(
  computing
    .filter((native) => lacking(native) === undefined)
    .map((native) => Promise.all([1, 2, 4].map((threads) => joined(make({ threads, native, seed: 1 }, EAGER))))),
);
test.for(computing)("what follows runs with machine code: %s", (native, { skip }) => {
  const reason = lacking(native);
  skip(reason !== undefined, reason);
  const code = expect.stringContaining(native === false ? "WebAssembly" : native === "avx2" ? "AVX2" : "AVX-512");
  expect(teams.map(([b]) => b!.info())).toContainEqual(expect.objectContaining({ code }));
});

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) => Buffer.from(buffer, byteOffset, byteLength);

/** The bits of what a program gives with one, two and four threads, run three times. */
async function sameBits(program: (b: CpuBackend) => Tensor | readonly Tensor[]): Promise<void> {
  for (const backends of teams) await sameBitsOn(backends, program);
}

async function sameBitsOn(
  backends: readonly CpuBackend[],
  program: (b: CpuBackend) => Tensor | readonly Tensor[],
): Promise<void> {
  let first: TypedArray[] | undefined;
  for (const b of backends)
    for (let i = 0; i < 3; i++) {
      seed(3);
      b.seed(3);
      const found = [scope(() => program(b))].flat().map((y) => y.dataSync());
      first ??= found;
      expect(found.map(({ length }) => length)).toEqual(first.map(({ length }) => length));
      found.forEach((y, k) => expect(Buffer.compare(bytesOf(y), bytesOf(first![k]!)), `result ${k}`).toBe(0));
    }
  for (const y of first!) expect(y.every((value) => Number.isFinite(value))).toBe(true);
}

describe("the same bits for any number of threads", () => {
  const sizes = [
    [1, 7, 300],
    [100, 64, 784],
    [97, 33, 61],
    [250, 70, 513],
    [513, 1100, 40],
    [40, 5, 900],
    [700, 8, 30],
  ] as const;
  for (const [rows, columns, inner] of sizes)
    for (const transA of [false, true])
      for (const transB of [false, true])
        test(`a product of ${rows} × ${inner} × ${columns}${transA ? ", A transposed" : ""}${transB ? ", B transposed" : ""}, with an epilogue`, () =>
          sameBits((b) => {
            const x = b.randn(transA ? [inner, rows] : [rows, inner]);
            const w = b.randn(transB ? [columns, inner] : [inner, columns]);
            return relu(add(matmul(transA ? transpose(x) : x, transB ? transpose(w) : w), b.randn([columns])));
          }));

  test("products of batches", () =>
    sameBits((b) => [
      matmul(b.randn([5, 30, 40]), b.randn([5, 40, 20])),
      matmul(b.randn([3, 2, 50, 60]), b.randn([60, 70])),
    ]));

  const convolutions: readonly ConvOptions[] = [{}, { padding: 1 }, { stride: 2, padding: "same" }, { groups: 2 }];
  test.each(convolutions)("a convolution and its gradients: %o", (options) =>
    sameBits((b) => {
      const x = param(b.randn([6, 4, 13, 11]));
      const w = param(b.randn([8, options.groups === 2 ? 2 : 4, 3, 3]));
      const tape = diff(() => sum(square(relu(conv(x, w, options)))));
      return [tape.value, tape.grad(x)!, tape.grad(w)!];
    }),
  );

  const sizesOfLayers = { in: 12, hidden: 16 };
  const layers = {
    LSTM: () => LSTM(sizesOfLayers),
    GRU: () => GRU({ ...sizesOfLayers, bidirectional: true }),
    RNN: () => RNN({ ...sizesOfLayers, type: "relu", layers: 2 }),
  };
  test.each(Object.entries(layers))("%s and its gradients", (_, make) =>
    sameBits((b) => {
      const layer = make();
      const x = b.randn([9, 7, 12]);
      const tape = diff(() => sum(square(layer(x))));
      return [tape.value, ...params(layer).map((p) => tape.grad(p)!)];
    }),
  );

  test("steps of a model with Adam", () =>
    sameBits((b) => {
      const model = Chain(
        Conv({ in: 1, out: 6, kernel: 5 }),
        relu,
        MaxPool(2),
        flatten,
        BatchNorm(6 * 12 * 12),
        Linear(6 * 12 * 12, 50),
        LayerNorm(50),
        relu,
        Linear(50, 10),
      );
      const rule = adam({ lr: 0.01 });
      const [x, y] = [
        b.randn([20, 1, 28, 28]),
        b.tensor(
          Array.from({ length: 20 }, (_, i) => i % 10),
          { dtype: "i32" },
        ),
      ];
      const losses: Tensor[] = [];
      for (let i = 0; i < 3; i++) {
        const tape = diff(() => crossEntropy(model(x), y));
        rule.update(tape);
        losses.push(tape.value);
      }
      return [...losses, ...params(model).map((p) => p.value)];
    }));

  test("sums, draws, indices, orders and what else the main thread does", () =>
    sameBits((b) => {
      const x = b.randn([300, 40]);
      const i = argsort(x, { axis: 1 });
      return [
        sum(x),
        sum(x, { axis: 0 }),
        sum(x, { axis: 1 }),
        i,
        gather(x, i, { axis: 1 }),
        take(x, i, { axis: 0 }),
        cumsum(x),
      ];
    }));

  test("an index out of range is found", () => {
    for (const b of teams.flat()) {
      const [x, i] = [b.randn([400, 30]), b.tensor([0, 5, 400], { dtype: "i32" })];
      expect(() => take(x, i).dataSync()).toThrow(IndexError);
      const labels = b.tensor(
        Array.from({ length: 400 }, (_, k) => (k === 399 ? 30 : k % 30)),
        { dtype: "i32" },
      );
      expect(() => crossEntropy(x, labels).itemSync()).toThrow(IndexError);
      expect(sum(b.ones([400])).itemSync()).toBe(400);
    }
  });
});

test.each([49, 98, 103, 197])(
  "an epilogue reaches the last of %i rows of each batch, and of as many groups",
  async (n) => {
    for (const b of teams.flat()) {
      const [x, w, shift] = [b.ones([3, n, 16]), b.ones([16, 8]), b.full([n, 8], 0.5)];
      const product = await add(matmul(x, w), shift).data();
      expect(product.every((value) => value === 16.5)).toBe(true);
      const [image, kernel] = [b.ones([3, n, 5]), b.ones([n, 1, 3])];
      const convolved = await add(conv(image, kernel, { groups: n }), b.full([n, 1], 0.5)).data();
      expect(convolved.every((value) => value === 3.5)).toBe(true);
    }
  },
);

test("more pieces than there is room for at a time", () =>
  sameBits((b) => {
    const weights = Array.from({ length: 300 }, (_, i) => param(b.randn([20 + (i % 7), 16])));
    const rule = adam({ lr: 0.01 });
    const tape = diff(() => weights.map((w) => sum(square(w))).reduce((x, y) => add(x, y)));
    rule.update(tape);
    return weights.map((w) => w.value);
  }));

test("of all of this, workers have carried out some", () => {
  for (const b of [...opened.values(), ...teams.flatMap((team) => team.slice(1))])
    expect(b.stats().helped).toBeGreaterThan(20);
});

test("info tells how many threads there are", () => {
  expect(make({ threads: 3 }).info()).toMatchObject({ threads: 3, running: 1 });
  expect(make({}).info().threads).toBe(Math.min(16, availableParallelism()));
  for (const threads of [0, -1, 1.5, NaN, 65, "2" as never])
    expect(() => make({ threads })).toThrow(/^open: wanted an integer from 1 to 64 as threads, got/);
});

/** Runs a program in a process of its own; gives what it prints. */
const run = (program: string, env: Record<string, string> = {}, ...flags: string[]): string =>
  execFileSync(
    process.execPath,
    [...flags, "--input-type=module", "--eval", `import { make } from ${JSON.stringify(source)};\n${program}`],
    { encoding: "utf8", timeout: 60_000, cwd: import.meta.dirname, env: { ...process.env, ...env } },
  );
const source = new URL("../src/open.ts", import.meta.url).href;

/** A product that is large enough for several threads. */
const large = `
  import { add, matmul, sum } from "@weft/tensor";
  const b = make({ threads: 3, seed: 1 });
  const x = b.randn([600, 600]);
  const once = () => sum(matmul(x, x)).itemSync();
  const info = () => b.info().running + " of " + b.info().threads;
  const wanted = once();
  const all = async () => {
    for (let i = 0; i < 1e4 && b.info().running < 3; i++) {
      once();
      await new Promise((done) => setTimeout(done, 1));
    }
  };
`;

test("workers begin, give the same, and keep no process alive", () => {
  const printed = run(`${large}
    console.log(info(), b.stats().commands);
    await all();
    for (let i = 0; i < 20; i++) if (once() !== wanted) throw new Error("differs");
    console.log(info(), b.stats().commands > 0, b.stats().helped > 0);
  `);
  expect(printed).toBe("1 of 3 0\n3 of 3 true true\n");
});

test.runIf(Number(process.versions.node.split(".")[0]) >= 24)("where workers are forbidden there is one thread", () => {
  const printed = run(
    `${large} for (let i = 0; i < 20; i++) once(); console.log(info(), once() === wanted, b.stats().commands);`,
    {},
    "--permission",
    "--allow-fs-read=*",
  );
  expect(printed).toBe("1 of 1 true 0\n");
});

test("a short program starts no worker, and a longer one starts them one by one", () => {
  const printed = run(`
    import { matmul, sum } from "@weft/tensor";
    let workers = 0;
    const { getBuiltinModule } = process;
    process.getBuiltinModule = (id) => {
      const found = getBuiltinModule.call(process, id);
      return id !== "node:worker_threads" ? found : { Worker: class extends found.Worker {
        constructor(text, options) { super(text, options); workers++; }
      } };
    };
    const b = make({ threads: 16, seed: 1 });
    const x = b.randn([128, 128]);
    for (let i = 0; i < 20; i++) sum(matmul(x, x)).itemSync();
    const short = [workers, b.info().running, b.stats().commands];
    const large = b.randn([1024, 1024]); // some 40 ms of work for one thread
    const found = [];
    for (let i = 0; i < 4; i++) found.push((sum(matmul(large, large)).itemSync(), workers));
    while (b.info().running < 2) await new Promise((done) => setTimeout(done, 1));
    for (let i = 0; i < 4; i++) found.push((sum(matmul(large, large)).itemSync(), workers));
    console.log(JSON.stringify({ short, found }));
  `);
  const { short, found } = JSON.parse(printed) as { readonly short: number[]; readonly found: number[] };
  expect(short).toEqual([0, 1, 0]);
  // When the first has begun depends on the machine.
  found.forEach((n, i) => expect(n - (found[i - 1] ?? 0)).toBeOneOf([0, 1]));
  expect(found[0]).toBe(1);
  expect(found.at(-1)).toBeOneOf([2, 3]);
});

test("a worker runs nothing but its program, whatever NODE_OPTIONS load", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-threads-"));
  try {
    const hook = join(folder, "hook.cjs");
    writeFileSync(hook, 'require("node:fs").writeSync(1, "loaded ");');
    const printed = run(`${large} await all(); console.log(b.info().running);`, { NODE_OPTIONS: `--require ${hook}` });
    expect(printed).toBe("loaded 3\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.runIf(process.platform === "linux")("the workers of a backend that nobody holds end", () => {
  const printed = run(
    `import { readdirSync } from "node:fs";
    import { matmul, sum } from "@weft/tensor";
    const threads = () => readdirSync("/proc/self/task").length;
    const before = threads();
    async function use() {
      const b = make({ threads: 9 }, 100);
      const x = b.randn([600, 600]);
      for (let i = 0; i < 1e4 && b.info().running < 9; i++) {
        sum(matmul(x, x)).itemSync();
        await new Promise((done) => setTimeout(done, 1));
      }
    }
    await use();
    const most = threads();
    for (let i = 0; i < 500 && threads() > before + 3; i++) {
      globalThis.gc();
      await new Promise((done) => setTimeout(done, 10));
    }
    console.log(most - before >= 8, threads() <= before + 3);`,
    {},
    "--expose-gc",
  );
  expect(printed).toBe("true true\n");
});
