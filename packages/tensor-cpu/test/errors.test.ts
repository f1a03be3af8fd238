// What goes wrong says so, with the same words as everywhere and before anything runs; and the backend works on afterwards.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { diff, keep, param, scope } from "@weft/autograd";
import { openSync as reference } from "@weft/conformance";
import * as weft from "@weft/tensor";
import { CONTRACT, VERSION, inNameOf } from "@weft/tensor/internals";
import {
  ArgumentError,
  BackendMismatchError,
  DTypeError,
  IndexError,
  MemoryError,
  ReleasedTensorError,
  ShapeError,
  VersionError,
  type Tensor,
} from "@weft/tensor";
import { accuracy, crossEntropy, Embedding, nll } from "@weft/nn";
import { describe, expect, test, vi } from "vitest";
import { openSync } from "../src/index.ts";

const MB = 1 << 20;
const backend = openSync({ seed: 1 });
const { tensor, ones, zeros } = backend;
const shared = scope(() => param(ones([2])));
const integers = (data: number[]): Tensor => tensor(data, { dtype: "i32" });

/** What `f` throws, which must be of the class, in full. */
function message(f: () => unknown, type: new (message: string) => Error): string {
  try {
    scope(f);
  } catch (error) {
    expect(error).toBeInstanceOf(type);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

describe("at the call, before anything runs", () => {
  const at = (x: number): number[] => Array.from({ length: x }, () => 2);
  const cases: [what: string, f: () => unknown, type: new (message: string) => Error, text: string][] = [
    [
      "shapes that do not broadcast",
      () => weft.add(ones([2, 3]), ones([4, 3])),
      ShapeError,
      "add: shapes [2, 3] and [4, 3] do not fit: the sizes 2 and 4 of axis -2 must be equal, or one of them 1",
    ],
    [
      "matrices that do not meet",
      () => weft.matmul(ones([2, 3]), ones([4, 3])),
      ShapeError,
      "matmul: shapes [2, 3] and [4, 3] do not fit: the inner sizes 3 and 4 must be equal",
    ],
    [
      "an axis that is not there",
      () => weft.sum(ones([2, 3]), { axis: 2 }),
      ShapeError,
      "sum: axis 2 is out of range for shape [2, 3]: axes go from -2 to 1",
    ],
    [
      "a kernel that does not fit",
      () => weft.conv(ones([1, 3, 8, 8]), ones([4, 2, 3, 3])),
      ShapeError,
      "conv: shapes [1, 3, 8, 8] and [4, 2, 3, 3] do not fit with groups 1: the channels 3 must be groups × 2, and the outputs 4 a multiple of groups",
    ],
    [
      "a fraction beside integers",
      () => weft.mul(integers([1, 2]), 0.5),
      DTypeError,
      "mul: the number 0.5 does not fit an i32 tensor; cast the tensor to f32 first",
    ],
    [
      "indices that are no integers",
      () => weft.take(ones([4]), tensor([0.5])),
      DTypeError,
      'take: indices must be integers, got f32; use cast(indices, "i32")',
    ],
    [
      "a parameter of integers",
      () => param(integers([1])),
      DTypeError,
      "param: wanted floating-point values, got i32; use state() or cast",
    ],
    [
      "two instances of one backend",
      () => weft.add(ones([2]), openSync({}).ones([2])),
      BackendMismatchError,
      "add: one operand lives on @weft/tensor-cpu, another on @weft/tensor-cpu (two instances). Move one with place(), or make both on one backend.",
    ],
    [
      "two backends",
      () => weft.matmul(param(reference().ones(at(2))), ones(at(2))),
      BackendMismatchError,
      "matmul: one operand lives on @weft/conformance, another on @weft/tensor-cpu. Move one with place(), or make both on one backend.",
    ],
    [
      "two backends on a tape",
      () => diff(() => weft.sum(weft.mul(weft.square(shared), reference().ones([2])))),
      BackendMismatchError,
      "mul: one operand lives on @weft/tensor-cpu, another on @weft/conformance. Move one with place(), or make both on one backend.",
    ],
    [
      "no tensor at all",
      () => weft.add(ones([2]), "1" as never),
      ArgumentError,
      'add: wanted a tensor, a parameter or a number, got "1"',
    ],
    [
      "a heap of nothing",
      () => openSync({ memoryLimit: 0 }),
      ArgumentError,
      "open: wanted a positive number as memoryLimit, got number 0",
    ],
  ];
  test.each(cases)("%s", (_, f, type, text) => {
    const { launches, live } = backend.stats();
    expect(message(f, type)).toBe(text);
    expect(backend.stats()).toMatchObject({ launches, live, pending: 0 });
  });

  test("a tensor of another contract: both versions", () => {
    const { version } = backend;
    const stranger = { [Symbol.for("weft.tensor")]: 99, interpreter: { name: "@weft/tensor-later", version: "9.1.0" } };
    expect(message(() => weft.add(ones([1]), stranger as never), VersionError)).toBe(
      `add: @weft/tensor ${VERSION} has contract ${CONTRACT}, @weft/tensor-later 9.1.0 made this tensor under contract 99. Install versions of both that share one contract.`,
    );
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe("use after release says where", () => {
  test("by hand", () => {
    const x = ones([2, 2]);
    x.release();
    const text =
      /^mul: this f32\[2,2\] tensor was released at .*errors\.test\.ts:\d+:\d+\)?\. Return it from the scope, or keep\(\) it, to use it longer\.$/;
    expect(message(() => weft.mul(x, 2), ReleasedTensorError)).toMatch(text);
    x.release();
  });

  test("by a scope, by diff, and when reading", async () => {
    let inner: Tensor | undefined;
    scope(() => weft.add((inner = ones([3])), 1));
    expect(message(() => weft.add(inner!, 1), ReleasedTensorError)).toMatch(
      /^add: this f32\[3\] tensor was released when scope\(\(\) => .*…\) returned\. Return it from the scope, or keep\(\) it, to use it longer\.$/,
    );
    await expect(inner!.data()).rejects.toThrow(/^data: this f32\[3\] tensor was released when scope\(/);
    const p = scope(() => param(ones([3])));
    scope(() => diff(() => weft.sum((inner = weft.square(p)))));
    expect(message(() => inner!.dataSync(), ReleasedTensorError)).toMatch(
      /^dataSync: this f32\[3\] tensor was released when diff\(\(\) => /,
    );
  });
});

describe("an index out of range", () => {
  const place = /, called (at )?.*errors\.test\.ts:\d+:\d+\)?\. It is 9, and the axis has size 4$/;
  const kinds: [op: string, run: (x: Tensor) => Tensor, result: string][] = [
    ["take", (x) => weft.take(x, integers([0, 9, 1])), "f32[3,3]"],
    ["gather", (x) => weft.gather(x, tensor([[0, 1, 9]], { dtype: "i32" })), "f32[1,3]"],
    ["scatterAdd", (x) => weft.scatterAdd(x, tensor([[0, 1, 9]], { dtype: "i32" }), ones([1, 3])), "f32[4,3]"],
    ["indexAdd", (x) => weft.indexAdd(x, integers([9]), 1), "f32[4,3]"],
  ];
  test.each(kinds)(
    "%s: each read names operation and call site; no other value is touched, or says anything",
    (op, run, result) => {
      const { x, y, beside } = scope(() => {
        const data = Float32Array.from({ length: 12 }, (_, i) => i);
        // What lies beside x in the heap must not be touched.
        const [before, x, after] = [zeros([12]), tensor(data, { shape: [4, 3] }), zeros([12])];
        return { x, y: run(x), beside: [before, after] };
      });
      for (let i = 0; i < 2; i++) {
        expect(beside.map((b) => [...b.dataSync()])).toEqual([Array(12).fill(0), Array(12).fill(0)]);
        expect([...x.dataSync()]).toEqual(Array.from({ length: 12 }, (_, i) => i));
        const text = message(() => y.dataSync(), IndexError);
        expect(text.replace(place, "")).toBe(`${op}: an index was outside its axis (result ${result})`);
      }
      for (const t of [x, y, ...beside]) t.release();
    },
  );

  test("what is computed from it, in the same flush or later; a gradient", () => {
    scope(() => {
      const y = weft.take(integers([5, 6]), integers([1, 2]));
      const told = /^take: an index was outside its axis \(result i32\[2\]\)/;
      expect(message(() => weft.sum(weft.mul(y, 2)).dataSync(), IndexError)).toMatch(told);
      for (const z of [y, weft.add(y, 1), weft.slice(y, { ends: [1] }), weft.concat([y, integers([1])]), weft.flip(y)])
        expect(message(() => z.dataSync(), IndexError)).toMatch(told);
      const p = param(ones([2, 2]));
      const tape = diff(() => weft.sum(weft.take(p, integers([1, 2]))));
      const g = tape.grad(p);
      expect(message(() => g.dataSync(), IndexError)).toMatch(/^take: .* called .*errors\.test\.ts/);
      expect(message(() => tape.value.dataSync(), IndexError)).toMatch(/^take: /);
      p.reset({ shape: [], dtype: "f32", create: () => zeros([]) });
    });
  });

  test("indices that were computed: known when they were used", () => {
    const far = weft.add(integers([1, 7]), 1);
    const y = weft.take(ones([4]), far);
    for (let i = 0; i < 2; i++)
      expect(message(() => y.dataSync(), IndexError)).toMatch(/^take: .* called .*errors\.test\.ts/);
    expect([...far.dataSync()]).toEqual([2, 8]);
    for (const t of [far, y]) t.release();
  });

  test("a label that is no class", () => {
    scope(() => {
      const losses = crossEntropy(zeros([2, 4]), integers([1, 5]), { reduction: "none" });
      expect(message(() => losses.dataSync(), IndexError)).toMatch(
        /^crossEntropy: an index was outside its axis \(result f32\[2\]\), called .*\. The label is 5, and there are 4 classes$/,
      );
      const ignored = crossEntropy(zeros([2, 4]), integers([1, -100]), { reduction: "none", ignoreIndex: -100 });
      expect([...ignored.dataSync()]).toEqual([Math.fround(Math.log(4)), 0]);
    });
  });
});

describe("a function of several operations tells of an index in its own name", () => {
  const labels = "The label is 5, and there are 4 classes";
  const words = "It is 5, and the axis has size 4";
  const functions: Record<string, readonly [run: (i: Tensor) => Tensor, detail: string]> = {
    nll: [(i) => nll(zeros([2, 4]), i), labels],
    accuracy: [(i) => accuracy(zeros([2, 4]), i), labels],
    Embedding: [Embedding(4, 3), words],
    crossEntropy: [(i) => crossEntropy(zeros([2, 4], { dtype: "f64" }), i), labels],
  };
  const where = String.raw`, called .*errors\.test\.ts:\d+:\d+\)?`;

  test.each(Object.entries(functions))("%s", (name, [run, detail]) => {
    scope(() => {
      expect(message(() => run(integers([1, 5])).dataSync(), IndexError)).toMatch(
        new RegExp(`^${name}: an index was outside its axis${where}\\. ${detail}$`),
      );
      const computed = weft.add(integers([0, 2]), weft.mul(integers([0, 3]), 1));
      expect(message(() => run(computed).dataSync(), IndexError)).toMatch(
        new RegExp(`^${name}: an index was outside its axis${where}$`),
      );
    });
  });

  test("in a gradient; and in a loop so steady that no places are noted", () => {
    const p = scope(() => param(ones([2, 4])));
    for (let i = 0; i < 30; i++)
      scope(() => {
        const y = weft.add(integers([0, i < 28 ? 0 : 5]), weft.mul(integers([0, 0]), i));
        const tape = diff(() => nll(p, y));
        if (i < 28) tape.value.dataSync();
        else
          for (const x of [tape.value, tape.grad(p)])
            expect(message(() => x.dataSync(), IndexError)).toMatch(
              x === tape.value ? /^nll: / : /^(nll|scatterAdd): /,
            );
      });
    scope(() => {
      const tape = diff(() => nll(p, integers([0, 5])));
      expect(message(() => tape.grad(p).dataSync(), IndexError)).toMatch(/^nll: .*The label is 5/);
    });
  });

  test("errors of other calls that run meanwhile keep their names", () => {
    const wrong = scope(() => keep(weft.take(ones([2]), integers([5]))));
    expect(message(() => inNameOf("mine", () => wrong.dataSync()), IndexError)).toMatch(/^take: /);
    expect(message(() => inNameOf("mine", () => weft.sum(ones([2]), { axis: 3 })), ShapeError)).toMatch(/^mine: /);
    expect(message(() => weft.sum(ones([2]), { axis: 3 }), ShapeError)).toMatch(/^sum: /);
  });
});

describe("the end of the heap", () => {
  const full = (bytes: number, used: number, limit: number): string =>
    `tensor-cpu: no memory for ${bytes} bytes: ${used} are in use and the heap ends at ${limit}`;

  test("uploading and computing: a MemoryError, and then it works on", () => {
    const small = openSync({ memoryLimit: 4 * MB });
    expect(message(() => small.tensor(new Float32Array(2 * MB)), MemoryError)).toBe(full(8 * MB, 64, 4 * MB));
    expect(() => scope(() => small.ones([2 * MB]).dataSync())).toThrow(MemoryError);
    for (let i = 0; i < 20; i++) {
      const held = scope(() => weft.add(small.ones([MB / 2]), i)); // 2 MB
      expect(() => scope(() => small.tensor(new Float32Array(MB)))).toThrow("no memory for 4194304 bytes");
      expect(() => scope(() => weft.mul(held, small.ones([3, MB / 2])).dataSync())).toThrow("no memory");
      expect(held.dataSync()[1000]).toBe(1 + i);
      held.release();
      expect(small.stats()).toMatchObject({ live: 0, bytes: 0, pending: 0 });
    }
    expect(small.stats().heap).toBeLessThanOrEqual(4 * MB);
  });

  test.each(["arange", "linspace"] as const)("%s makes no data that do not fit", (name) => {
    const small = openSync({ memoryLimit: 4 * MB });
    const array = vi.spyOn(globalThis, "Float32Array");
    try {
      const make = () => (name === "arange" ? small.arange(300 * MB) : small.linspace(0, 1, 300 * MB));
      expect(message(make, MemoryError)).toMatch(/no memory for 1258291200 bytes/);
      expect((array.mock.calls as unknown[][]).filter(([n]) => Number(n) > MB)).toEqual([]);
    } finally {
      array.mockRestore();
    }
    expect(small.arange(MB / 2).dataSync()[1000]).toBe(1000);
    expect(small.linspace(0, 1, MB / 2 + 1).dataSync()[MB / 4]).toBe(0.5);
  });

  test("scratch memory that does not fit takes nothing away from what does", () => {
    const small = openSync({ memoryLimit: 2 * MB });
    const product = (n: number): number =>
      scope(() => weft.sum(weft.matmul(small.ones([n, n]), small.ones([n, n]))).itemSync());
    for (const n of [10, 100, 2000, 100, 10, 2000, 50]) {
      if (n === 2000) expect(() => product(n)).toThrow(MemoryError);
      else expect(product(n)).toBe(n ** 3);
    }
    expect(small.stats().live).toBe(0);
  });

  test("blocks of other sizes are joined before memory is refused", () => {
    const small = openSync({ memoryLimit: 4 * MB });
    const take = (count: number, bytes: number): void =>
      scope(() => {
        const all = Array.from({ length: count }, (_, i) => small.tensor(new Float32Array(bytes / 4).fill(i)));
        all.forEach((x, i) => expect(x.dataSync().at(-1)).toBe(i));
      });
    for (const [count, bytes] of [
      [3000, 1024],
      [3, MB],
      [30, 100_000],
      [1, 3.5 * MB],
      [15_000, 64],
      [2, 1.7 * MB],
    ] as const)
      take(count, bytes & ~3);
    expect(small.stats()).toMatchObject({ live: 0, bytes: 0 });
    expect(() => take(5, MB)).toThrow("no memory for 1048576 bytes");
    take(3, MB);
  });

  test("a platform with fewer addresses has a smaller heap", () => {
    const { Memory } = WebAssembly;
    vi.spyOn(WebAssembly, "Memory").mockImplementation(function (wanted: WebAssembly.MemoryDescriptor) {
      if (wanted.maximum! > 1000) throw new RangeError("could not allocate memory");
      return new Memory(wanted);
    });
    try {
      const small = openSync({});
      expect(() => scope(() => small.zeros([16 * MB]).dataSync())).toThrow("and the heap ends at 33554432");
      expect(
        scope(() =>
          small
            .ones([3 * MB])
            .dataSync()
            .at(-1),
        ),
      ).toBe(1);
    } finally {
      vi.restoreAllMocks();
    }
  });

  test("sizes beyond any heap", () => {
    for (const shape of [[2 ** 30 + 3], [65_536, 65_536], [65_536, 65_536, 65_536]])
      expect(message(() => zeros(shape).dataSync(), MemoryError)).toMatch(/ and the heap ends at 4294967296$/);
    expect(scope(() => ones([3]).arraySync())).toEqual([1, 1, 1]);
  });
});

test("a platform that gives no memory is told of in words", () => {
  const index = pathToFileURL(join(import.meta.dirname, "../src/index.ts")).href;
  const program = `import(${JSON.stringify(index)}).then(({ openSync }) => openSync()).catch((e) => console.log(e.name, e.message))`;
  const said = execFileSync(process.execPath, ["--wasm-max-mem-pages=100", "-e", program], { encoding: "utf8" });
  expect(said).toMatch(
    /^UnsupportedError open: asked for a WebAssembly memory of 256 pages \(16777216 bytes\), and this platform gives none \(.*\): allow more, in Node with --wasm-max-mem-pages, or ask for less with memoryLimit\n$/,
  );
});
