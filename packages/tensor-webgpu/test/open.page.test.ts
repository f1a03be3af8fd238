// The same package in a page, on navigator.gpu: it opens, computes, draws the same bits, and reports a lost device.
import { add, exp, keep, matmul, scope, sum } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { open } from "@weft/tensor-webgpu";
import { expect, test, vi } from "vitest";

test("computes as the CPU does", async () => {
  const [gpu, cpu] = [await open({ seed: 4 }), openSync({ seed: 4 })];
  expect([...(await gpu.rand([300]).data())]).toEqual([...cpu.rand([300]).dataSync()]);
  const [x, y] = [gpu.rand([9, 20]), cpu.rand([9, 20])];
  const program = (a: typeof x) => exp(add(matmul(a, a.permute([1, 0])), sum(a, { axis: 1 })));
  const wanted = program(y).dataSync();
  (await program(x).data()).forEach((v, i) => expect(Math.abs(v / wanted[i]! - 1)).toBeLessThan(1e-5));
});

const GONE = /^tensor-webgpu: the device was lost \(.*\); open\(\) returns a new one/;

test("every read that waits reports a lost device, and so does every later call", async () => {
  const backend = await open({});
  const x = backend.tensor([1, 2]);
  const reads = [add(x, 1).data(), x.data()];
  backend.destroy();
  for (const read of reads) await expect(read).rejects.toThrow(GONE);
  await expect(x.data()).rejects.toThrow("the device was lost (destroyed)");
  expect(() => backend.tensor([1])).toThrow(GONE);

  const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  const other = await open({ device });
  const reading = add(other.tensor([1, 2]), 1).data();
  device.destroy();
  await expect(reading).rejects.toThrow(GONE);
});

test("errors of the device are reported; in debug mode they name the operation", async () => {
  const broken = async (): Promise<string> => {
    const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
    const backend = await open({ device });
    const x = backend.tensor([1, 2]);
    const make = device.createShaderModule.bind(device);
    device.createShaderModule = ({ code }) => make({ code: `${code}\nno shader` });
    const message = await exp(x)
      .data()
      .then(
        () => "",
        ({ message }: Error) => message,
      );
    device.createShaderModule = make;
    expect([...(await sum(x).data())]).toEqual([3]);
    backend.destroy();
    return message;
  };
  expect(await broken()).toMatch(/WEFT_DEBUG=1 the error names the operation/);
  (globalThis as { WEFT_DEBUG?: unknown }).WEFT_DEBUG = 1;
  try {
    expect(await broken()).toMatch(/^tensor-webgpu: in exp \(1\): /);
  } finally {
    delete (globalThis as { WEFT_DEBUG?: unknown }).WEFT_DEBUG;
  }
});

test("`trusted` has no effect in a page", async () => {
  expect((await open({ trusted: true })).info().trusted).toBe(false);
});

test("programs of launches side by side are compiled in the background, and then used", async () => {
  const backend = await open({});
  const xs = [3, 5, 7].map((n) => backend.rand([n]));
  const step = (): number => {
    const before = backend.stats().dispatches;
    scope(() => xs.forEach((x) => keep(exp(x))));
    return backend.stats().dispatches - before;
  };
  for (let i = 0; i < 5; i++) step();
  await vi.waitFor(() => expect(backend.stats()).toMatchObject({ compiling: 0 }), 60_000);
  const { pipelines } = backend.stats();
  expect([step(), step()]).toEqual([1, 1]);
  expect(backend.stats().pipelines).toBe(pipelines);
});
