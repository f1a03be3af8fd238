// The backend itself: bits that are the same everywhere, what it refuses and with which message, which errors are
// reported late, and its end.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { dropout } from "@weft/nn";
import * as T from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { IndexError, MemoryError, scope, UnsupportedError, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { describe, expect, test } from "vitest";
import { open as openInPage } from "../src/index.ts";
import { open } from "../src/index.node.ts";
import { opener } from "../src/open.ts";
import { bareDevice, describeOnDevice, gpuOfTests, longOnDevice, onDevice } from "./device.ts";
import { openSmall } from "./small.ts";

/** The 32 bits of each element. */
const bitsOf = async (x: Tensor): Promise<number[]> => {
  const data = await x.data();
  return [...new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
};

describeOnDevice("the same bits", () => {
  onDevice.each([0, 1, 2 ** 40 + 7])("random numbers of seed %d", async (seed) => {
    const [gpu, cpu] = [await open({ seed }), openSync({ seed })];
    for (const draw of [
      (b: typeof cpu) => b.rand([1000]),
      (b: typeof cpu) => b.rand([3, 5, 7], { seed: 9 }),
      (b: typeof cpu) => b.randint([777], { low: -5, high: 1000 }),
      (b: typeof cpu) => dropout(b.ones([501]), 0.3, { training: true }),
      (b: typeof cpu) => b.rand([2000]), // the stream has advanced equally
    ])
      expect(await bitsOf(draw(gpu as never))).toEqual(await bitsOf(draw(cpu)));
    expect(gpu.stream).toEqual(cpu.stream);
  });

  onDevice("tests for NaN and infinity, and comparisons with them", async () => {
    const backend = await open({});
    const data = new Float32Array([NaN, Infinity, -Infinity, 0, -0, 1, -3e38, 3e38]);
    new Uint32Array(data.buffer)[5] = 0xffc12345; // a NaN with a sign and a load
    const x = backend.tensor(data);
    const flags = async (y: Tensor): Promise<string> => [...(await y.data())].join("");
    expect(await flags(T.isNaN(x))).toBe("10000100");
    expect(await flags(T.isFinite(x))).toBe("00011011");
    expect(await flags(T.equal(x, x))).toBe("01111011");
    expect(await flags(T.notEqual(x, x))).toBe("10000100");
    expect(await flags(T.less(x, Infinity))).toBe("00111011");
    expect(await flags(T.greaterEqual(x, -Infinity))).toBe("01111011");
    expect(await flags(T.not(T.greater(x, 0)))).toBe("10111110"); // not the same as x <= 0
    expect(await T.maximum(x, 0).array()).toEqual([NaN, Infinity, 0, 0, 0, NaN, 0, Math.fround(3e38)]);
    expect(await T.max(x).item()).toBeNaN();
    expect(await T.min(T.slice(x, { starts: [1], ends: [5] })).item()).toBe(-Infinity);
    expect(Object.is(await T.maximum(backend.tensor([-0]), -0).item(), -0)).toBe(true);
    expect(await T.cast(x, "i32").array()).toEqual([0, 2147483647, -2147483648, 0, 0, 0, -2147483648, 2147483647]);
    expect(await flags(T.cast(x, "bool"))).toBe("11100111");
  });

  onDevice("a NaN is found anywhere in a reduction", async () => {
    const backend = await open({});
    for (const at of [0, 1, 63, 64, 200]) {
      const data = Float32Array.from({ length: 201 }, (_, i) => (i === at ? NaN : i));
      scope(() => backend.tensor([0]));
      expect(await T.max(backend.tensor(data)).item()).toBeNaN();
      const rows = T.min(backend.tensor(data, { shape: [3, 67] }), { axis: 0 });
      expect([...(await rows.data())].findIndex(Number.isNaN)).toBe(at % 67);
    }
  });

  onDevice("bytes: u8 and bool at every place of a word, read, written and sliced", async () => {
    const backend = await open({});
    const bytes = Uint8Array.from({ length: 23 }, (_, i) => (i * 37) & 255);
    const x = backend.tensor(bytes);
    expect(x.dtype).toBe("u8");
    for (const start of [0, 1, 2, 3, 5]) {
      const cut = T.slice(x, { starts: [start], ends: [start + 9] });
      expect([...(await cut.data())]).toEqual(Array.from(bytes.subarray(start, start + 9)));
      const joined = T.concat([cut, T.flip(cut), cut], { axis: 0 });
      const wanted = Array.from(bytes.subarray(start, start + 9));
      expect([...(await joined.data())]).toEqual([...wanted, ...wanted.toReversed(), ...wanted]);
      const large = T.greater(T.cast(cut, "f32"), 100);
      expect([...(await T.concat([large, T.not(large)], { axis: 0 }).data())]).toEqual(
        [...wanted.map((v) => v > 100), ...wanted.map((v) => v <= 100)].map(Number),
      );
    }
    expect(await T.sum(T.cast(x, "f32")).item()).toBe(bytes.reduce((a, b) => a + b, 0));
  });

  onDevice.each(["f16", "bf16"] as const)(
    "every %s is read and written exactly, and what lies between is rounded to even",
    async (dtype) => {
      const backend = await open({});
      const { load, store } = dtypeInfo[dtype];
      const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
      const halves = backend.tensor(bits, { dtype });
      expect(await T.cast(halves, "f32").data()).toEqual(Float32Array.from(bits, load));
      const back = await T.cast(T.cast(halves, "f32"), dtype).data();
      expect(back).toEqual(bits.map((h) => (Number.isNaN(load(h)) ? (h & 0x8000) | store(NaN) : h))); // one NaN of each sign
      // The midpoint of each half and the next, and the f32 on either side of it.
      const near = Array.from({ length: store(Infinity) - 1 }, (_, h) => Math.fround((load(h) + load(h + 1)) / 2));
      const floats = new Float32Array(near.flatMap((m) => [m, -m * (1 + 2 ** -23), m * (1 - 2 ** -23)]));
      expect(await T.cast(backend.tensor(floats), dtype).data()).toEqual(Uint16Array.from(floats, store));
      // Odd places, and neighbors that other invocations write.
      const some = T.slice(halves, { starts: [15_001], ends: [15_012] });
      expect(await T.concat([some, T.flip(some), some], { axis: 0 }).data()).toEqual(
        Uint16Array.from({ length: 33 }, (_, i) => 15_001 + (i < 11 ? i : i < 22 ? 21 - i : i - 22)),
      );
    },
  );

  onDevice("an i32 that f32 does not hold becomes a bf16 in one rounding", async () => {
    const backend = await open({});
    const near = [-1, 0, 1].map((d) => 2 ** 24 + 2 ** 16 + d); // around a tie
    const x = backend.tensor(Int32Array.of(...near, ...near.map((n) => -n), 2 ** 31 - 1, -(2 ** 31), -7));
    expect(await T.cast(x, "bf16").data()).toEqual(
      Uint16Array.of(0x4b80, 0x4b80, 0x4b81, 0xcb80, 0xcb80, 0xcb81, 0x4f00, 0xcf00, 0xc0e0),
    );
  });

  onDevice.each(["f16", "bf16", "u8"] as const)("%s is computed with as f32", async (dtype) => {
    const backend = await open({});
    const numbers = Float32Array.from({ length: 72 }, (_, i) => (i * 7) % 23);
    const stored = T.cast(backend.tensor(numbers, { shape: [2, 1, 6, 6] }), dtype);
    const exact = backend.tensor(numbers, { shape: [2, 1, 6, 6] });
    const w = backend.tensor(numbers.subarray(0, 9), { shape: [1, 1, 3, 3] });
    const functions: Record<string, (x: Tensor) => Tensor> = {
      matmul: (x) => T.matmul(T.transpose(T.reshape(x, [12, 6])), T.reshape(exact, [12, 6])),
      conv: (x) => T.conv(x, w),
      maxPool: (x) => T.maxPool(x, { window: 2 }),
      sum: (x) => T.sum(x, { axis: 3 }),
      cumsum: (x) => T.cumsum(x, { axis: 2 }),
      argmax: (x) => T.argmax(x, { axis: 1 }),
      where: (x) => T.where(T.greater(x, 9), x, exact),
      softmax: (x) => T.softmax(x),
    };
    for (const [name, f] of Object.entries(functions))
      expect(await f(stored).array(), name).toEqual(await f(exact).array());
  });

  onDevice("a sum of 300,000 stays within 1e-6", async () => {
    const backend = await open({});
    const x = Float32Array.from({ length: 300_000 }, (_, i) => (i * 0.618034) % 1);
    const exact = x.reduce((a, b) => a + b, 0);
    expect(Math.abs((await T.sum(backend.tensor(x)).item()) / exact - 1)).toBeLessThan(1e-6);
    const columns = await T.sum(backend.tensor(x, { shape: [60_000, 5] }), { axis: 0 }).data();
    columns.forEach((got, c) => {
      let wanted = 0;
      for (let i = c; i < x.length; i += 5) wanted += x[i]!;
      expect(Math.abs(got / wanted - 1)).toBeLessThan(1e-6);
    });
  });
});

describeOnDevice("what is refused", () => {
  onDevice("dtypes that WebGPU lacks", async () => {
    const { eye, ones, rand, tensor, zeros } = await open({});
    expect(() => tensor([1], { dtype: "f64" })).toThrow(new UnsupportedError("tensor: @weft/tensor-webgpu has no f64"));
    expect(() => ones([2], { dtype: "f64" })).toThrow("ones: @weft/tensor-webgpu has no f64");
    expect(() => T.cast(zeros([2]), "f64")).toThrow("cast: @weft/tensor-webgpu has no f64");
    // The message names the function that was called.
    expect(() => eye(2, { dtype: "f64" })).toThrow("eye: @weft/tensor-webgpu has no f64");
    expect(() => rand([2], { dtype: "f64" })).toThrow("rand: @weft/tensor-webgpu has no f64");
  });

  onDevice("more memory than there is, and the backend keeps working", async () => {
    const backend = await open({ memoryLimit: 1 << 22 });
    const ones = backend.ones([8]);
    expect(() => backend.tensor(new Float32Array(1 << 21))).toThrow(MemoryError);
    expect(() => backend.tensor(new Float32Array(1 << 21))).toThrow(
      "tensor-webgpu: no memory for 8388608 bytes: 0 are in use or pooled, and the limit is 4194304",
    );
    expect(await T.sum(ones).item()).toBe(8);
    const small = await openSmall({}, { first: 4096, most: 4096, limit: 1 << 16 });
    expect(() => small.tensor(new Float32Array(2000))).toThrow(
      "tensor-webgpu: a value of 8000 bytes is larger than this adapter binds at once (4096)",
    );
  });

  onDevice("all memory in small pieces, which are free again when a large one is needed", async () => {
    const backend = await openSmall({}, { first: 1 << 20, most: 1 << 20, limit: 1 << 20 });
    const pieces = Array.from({ length: 16 }, (_, i) => backend.tensor(new Float32Array(1 << 14).fill(i)));
    expect((await pieces[15]!.data())[0]).toBe(15);
    for (const x of pieces) x.release();
    const large = backend.tensor(new Float32Array(1 << 18).fill(2));
    expect(backend.stats()).toMatchObject({ live: 1, bytes: 1 << 20 });
    expect((await large.data()).every((x) => x === 2)).toBe(true);
  });

  onDevice("a plan whose values together exceed one slab", async () => {
    const x = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i));
    // Four products of 1,600 bytes live at the same time.
    const program = ({ tensor }: Pick<typeof cpu, "tensor">): Tensor => {
      const a = tensor(x, { shape: [20, 20] });
      const products = Array.from({ length: 4 }, (_, i) => T.matmul(a, T.add(a, i)));
      return products.map((p) => T.matmul(p, T.transpose(products[0]!))).reduce((p, q) => T.add(p, q));
    };
    const cpu = openSync({});
    const small = await openSmall({}, { first: 4096, most: 4096, limit: 1 << 17 });
    const wanted = await program(cpu).data();
    for (let i = 0; i < 5; i++) {
      const got = scope(() => T.keep(program(small)));
      (await got.data()).forEach((v, k) => expect(v).toBeCloseTo(wanted[k]!, 2));
      got.release();
    }
    // A single value may not be larger, whether it is stored or lives within a plan.
    const outer = (n: number): Tensor => {
      const v = small.tensor(new Float32Array(n), { shape: [n, 1] });
      return T.matmul(T.matmul(v, T.transpose(v)), v);
    };
    expect(await T.sum(outer(32)).item()).toBe(0);
    expect(() => scope(() => outer(33).backend.flush())).toThrow(
      "tensor-webgpu: a value of 4356 bytes is larger than this adapter binds at once (4096)",
    );
  });

  onDevice("a launch with too many workgroups, and one over too many slabs", async () => {
    const memory = { first: 1 << 20, most: 1 << 20, limit: 1 << 22 };
    const narrow = await openSmall({ groups: 2 }, memory);
    // An invocation takes four elements.
    expect(() => scope(() => T.add(narrow.tensor(new Float32Array(4 * 64 * 5)), 1).backend.flush())).toThrow(
      "tensor-webgpu: a launch of 5 workgroups is more than this adapter runs (4)",
    );
    const apart = await openSmall({ slabs: 2 }, { first: 4096, most: 4096, limit: 1 << 16 });
    const values = Array.from({ length: 4 }, (_, i) => apart.tensor(new Float32Array(1000).fill(i)));
    expect(() => scope(() => values.reduce((a, b) => T.add(a, b)).backend.flush())).toThrow(
      /the operands of a launch lie in \d slabs, and this adapter binds 2/,
    );
  });

  onDevice("a sum of more terms than fit in a word", async () => {
    const { tensor } = await open({});
    const x = tensor(new Float32Array(1 << 16).fill(1));
    expect(() => scope(() => T.sum(T.mul(T.reshape(x, [-1, 1]), x)))).toThrow(
      "sum: 4294967296 terms of one result are more than WebGPU counts (4294963200)",
    );
  });

  onDevice("`trusted` has no effect where nobody can grant it", async () => {
    expect((await open({ trusted: true })).info().trusted).toBe(true);
    expect((await open({})).info().trusted).toBe(false);
    // A user's device keeps the checks that it was made with.
    expect((await open({ trusted: true, device: await bareDevice() })).info().trusted).toBe(false);
  });

  onDevice("an adapter that has already given a device", async () => {
    const adapter = await gpuOfTests().then((gpu) => gpu.requestAdapter());
    const backend = await open({ adapter: adapter! });
    expect(await T.add(backend.tensor([1]), 1).array()).toEqual([2]);
    await expect(open({ adapter: adapter! })).rejects.toThrow(/^open: the adapter returned no device: .*consumed/);
  });

  test("a platform without an adapter, and a page without WebGPU", async () => {
    const none = opener(async () => ({ gpu: { requestAdapter: async () => null } as unknown as GPU, trusted: false }));
    await expect(none({})).rejects.toThrow(UnsupportedError);
    await expect(none({})).rejects.toThrow(/mesa-vulkan-drivers.*VK_DRIVER_FILES/);
    await expect(openInPage({})).rejects.toThrow("open: this browser has no WebGPU (navigator.gpu)");
  });
});

describeOnDevice("errors reported at the next read", () => {
  onDevice("an index out of range, at each read of what was computed with it and at no other", async () => {
    const backend = await open({});
    const x = backend.tensor([1, 2, 3]);
    const [seven, two] = [7, 2].map((i) => T.add(backend.tensor([0, i], { dtype: "i32" }), 0)); // on the device only
    const [wrong, fine] = [seven!, two!].map((i) => T.take(x, i));
    const later = T.mul(wrong!, 2);
    for (let i = 0; i < 2; i++) {
      expect([...(await fine!.data())]).toEqual([1, 3]);
      for (const y of [wrong!, later, T.slice(later, { ends: [1] }), T.sum(later)])
        await expect(y.data()).rejects.toThrow(/^take: an index was outside its axis .*backend\.test\.ts/);
    }
    T.gather(x, seven!);
    scope(() => T.scatterAdd(x, seven!, 1).backend.flush());
    expect([...(await x.data())]).toEqual([1, 2, 3]);
  });

  onDevice("concurrent reads each report their own", async () => {
    const backend = await open({});
    const x = backend.tensor([1, 2, 3]);
    const nine = T.add(backend.tensor([8], { dtype: "i32" }), 1);
    const reads = [T.take(x, nine), T.add(x, 1), T.gather(x, nine), T.take(x, T.sub(nine, 8))].map((y) => y.data());
    const found = (await Promise.allSettled(reads)).map((r) =>
      r.status === "fulfilled" ? [...r.value] : (r.reason as Error).message.replace(/:.*/, ""),
    );
    expect(found).toEqual(["take", [2, 3, 4], "gather", [2]]);
  });

  longOnDevice("more calls than there are flags, in a loop that reads nothing", async () => {
    const backend = await open({ fuse: false });
    const x = backend.tensor([1, 2, 3]);
    const index = (i: number): Tensor => T.add(backend.tensor([i], { dtype: "i32" }), 0);
    const wrong = T.take(x, index(3));
    const [zero, old] = [index(0), T.mul(wrong, 2)];
    for (let i = 0; i < 17; i++) {
      const ys = Array.from({ length: 1000 }, () => T.take(x, zero));
      backend.flush();
      for (const y of ys) y.release();
    }
    await expect(old.data()).rejects.toThrow(IndexError);
    expect([...(await T.take(x, zero).data())]).toEqual([1]);
  });

  onDevice("info and stats", async () => {
    const backend = await open({});
    const { threads, largest, software, limits, debug, trusted } = backend.info();
    expect({ debug, trusted }).toEqual({ debug: false, trusted: false });
    expect(limits.maxComputeWorkgroupsPerDimension).toBe(65_535);
    expect(limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(largest);
    expect(software).toBe(true);
    expect(threads).toBeGreaterThanOrEqual(32);
    expect(largest).toBeGreaterThanOrEqual(2 ** 27);
    const x = scope(() => T.keep(T.exp(backend.tensor([1, 2]))));
    expect(backend.stats()).toMatchObject({ live: 1, dispatches: 1, passes: 1, pipelines: 1, slabs: 1, pending: 0 });
    expect(backend.stats().submits).toBe(0); // more work may join the batch
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(backend.stats().submits).toBe(1);
    const { bytes, reserved, pooled, peak } = backend.stats();
    expect(bytes).toBe(64);
    expect(peak).toBeGreaterThanOrEqual(bytes);
    expect(reserved - pooled).toBeGreaterThanOrEqual(bytes);
    x.release();
    expect(backend.stats()).toMatchObject({ live: 0, bytes: 0, peak, pooled: pooled + 64 });
  });
});

describeOnDevice("a profile", () => {
  onDevice("has every dispatch by name, in microseconds that are not rounded to 65", async () => {
    const backend = await open({ profile: true });
    await expect(open({}).then((plain) => plain.profile())).rejects.toThrow(UnsupportedError);
    const x = backend.tensor(new Float32Array(5000).fill(0.5));
    for (let i = 0; i < 8; i++) scope(() => T.keep(T.matmul(T.reshape(T.exp(x), [50, 100]), T.reshape(x, [100, 50]))));
    await x.data();
    const { dispatches, flushes, encode } = await backend.profile();
    expect(flushes).toBe(8);
    expect(backend.stats()).toMatchObject({ dispatches: 16, passes: 16, submits: 9 }); // and the read
    expect(encode).toBeGreaterThan(0);
    expect(dispatches.map(({ label, count }) => [label.split(" ")[0], count]).toSorted()).toEqual([
      ["exp", 8],
      ["matmul", 8],
    ]);
    for (const { us } of dispatches) expect(us).toBeGreaterThan(0);
    // Rounded times would be multiples of 2^16 ns.
    expect(dispatches.some(({ us }) => Math.abs((us * 1000) % 65_536) > 1)).toBe(true);
  });
});

describe("in a program", () => {
  const nodes = [process.execPath, join(import.meta.dirname, "../../../node_modules/node/bin/node")];
  const node = nodes.find(
    (path) => existsSync(path) && (path !== process.execPath || Number(process.versions.node.split(".")[0]) >= 24),
  );

  onDevice("no global is touched, and the process ends by itself", { timeout: 60_000 }, async (context) => {
    context.skip(node === undefined, "no Node here that runs TypeScript");
    const folder = mkdtempSync(join(import.meta.dirname, "program-"));
    try {
      const file = join(folder, "program.ts");
      const text = `
        const before = Object.getOwnPropertyNames(globalThis).join();
        const { open } = await import("@weft/tensor-webgpu");
        const { mul } = await import("@weft/tensor");
        const { tensor } = await open();
        console.log(await mul(tensor([1, 2, 3]), 2).array());
        console.log(Object.getOwnPropertyNames(globalThis).join() === before);`;
      writeFileSync(file, text);
      const { stdout } = await promisify(execFile)(node!, [file], { timeout: 50_000 });
      expect(stdout).toBe("[ 2, 4, 6 ]\ntrue\n");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
