// Where the time goes: launches of the CPU by operation, and the trace.
import { diff, param } from "@weft/autograd";
import { open } from "@weft/tensor-cpu";
import { exp, matmul, mul, profile, scope, sum } from "@weft/tensor";
import { expect, test } from "vitest";
import { context } from "../src/context.ts";

const { randn, ones } = await open({ seed: 1 });

test("a line for each operation, with calls, times and bytes", async () => {
  const [x, w] = [randn([64, 64]), randn([64, 64])];
  const before = exp(x); // pending: not a part of what is measured
  const report = await profile(() => {
    for (let i = 0; i < 3; i++) scope(() => sum(matmul(x, w)).itemSync());
    return scope(() => exp(mul(w, 2)));
  });
  expect(report.result.shape).toEqual([64, 64]);
  expect(report.launches.length).toBe(7);
  const [product, map, total] = ["matmul", "exp", "sum"].map((op) =>
    report.operations.find(({ name }) => name.startsWith(op))!,
  );
  expect(product).toMatchObject({ calls: 3, bytes: 3 * 3 * 64 * 64 * 4 });
  expect(map).toMatchObject({ calls: 1, bytes: 2 * 64 * 64 * 4 });
  expect(total!.calls).toBe(3);
  expect(report.operations.every(({ us }) => us >= 0)).toBe(true);
  const spent = report.launches.reduce((n, { us }) => n + us, 0);
  expect(spent).toBeGreaterThan(0);
  expect(spent).toBeLessThanOrEqual(report.wall * 1000);
  const lines = `${report}`.split("\n");
  expect(lines[0]).toMatch(/^operation +calls +µs +share +MB +GB\/s$/);
  expect(lines.at(-1)).toMatch(/^7 launches in [\d.,]+ ms, of [\d.,]+ ms in all$/);
  expect(before.dataSync()).toEqual(exp(x).dataSync());
});

test("a trace in Chrome's format", async () => {
  const { launches, trace } = await profile(async () => sum(ones([10])).item());
  const { traceEvents } = JSON.parse(trace()) as { traceEvents: Record<string, unknown>[] };
  expect(traceEvents[0]).toEqual({ ph: "M", name: "process_name", pid: 0, tid: 0, args: { name: "@weft/tensor-cpu" } });
  expect(traceEvents.slice(1)).toEqual(
    launches.map(({ name, us, bytes, start }) => ({
      ph: "X",
      name,
      cat: "launch",
      pid: 0,
      tid: 0,
      ts: (start - launches[0]!.start) * 1000,
      dur: us,
      args: { bytes },
    })),
  );
});

test("nothing, steps of training, and errors", async () => {
  expect(`${await profile(() => 1)}`).toMatch(/^operation.*\n0 launches/);
  const w = param(randn([8, 8]));
  const { operations } = await profile(() => void scope(() => (w.value = diff(() => sum(matmul(w, w))).grad(w))));
  expect(operations.some(({ name }) => name.startsWith("matmul"))).toBe(true);
  await expect(profile(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  await expect(profile(1 as never)).rejects.toThrow("profile: wanted a function");
  expect(context.logs).toBeUndefined();
});

test("several at once each have every launch", async () => {
  const x = ones([3]);
  const run = (n: number) => mul(x, n).data();
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const [first, second] = await Promise.all([
    profile(async () => (await run(2), await wait(5), await run(3))),
    profile(async () => (await wait(20), await run(4), await run(5))),
  ]);
  expect([first.launches.length, second.launches.length]).toEqual([2, 3]); // the second begins after a launch of the first
  expect(second.launches[0]).toEqual(first.launches[1]);
  const outer = await profile(async () => {
    await run(2);
    await profile(() => run(3));
    await expect(profile(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
    await run(4);
  });
  expect(outer.launches.length).toBe(3);
  expect(context.logs).toBeUndefined();
});
