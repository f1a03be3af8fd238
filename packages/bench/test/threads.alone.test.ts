// The number of threads that is asked for reaches every backend that is measured, and nothing else is opened.
import type * as Cpu from "@weft/tensor-cpu";
import { beforeEach, expect, test, vi } from "vitest";
import { weft } from "../src/contenders/weft.ts";

const opened = vi.hoisted(() => [] as unknown[]);
vi.mock("@weft/tensor-cpu", async (original) => {
  const { open, openSync, ...rest } = await original<typeof Cpu>();
  const seen =
    <Options, Opened>(f: (options: Options) => Opened) =>
    (options: Options): Opened => {
      opened.push((options as { threads?: number }).threads);
      return f(options);
    };
  return { ...rest, open: seen(open), openSync: seen(openSync) };
});
beforeEach(() => void opened.splice(0));

test("rows, the one that opens a backend of its own, and programs run on as many threads as were asked for", async () => {
  const { detail, rows } = await weft("cpu", 3);
  expect(detail).toMatch(/^WebAssembly, 3 threads, /);
  await rows.get("lengths")!();
  await rows.get("program-resnet50")!();
  expect(opened).toEqual([3, 3, 3]);
});

test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined)(
  "on WebGPU programs start, and no CPU backend is opened",
  async () => {
    const { detail, rows } = await weft("webgpu", 1);
    expect(detail).toMatch(/^webgpu on /);
    expect(rows.get("add10")).toBeUndefined();
    await rows.get("program-resnet50")!();
    expect(opened).toEqual([]);
  },
);
