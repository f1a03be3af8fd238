// A program that ends while pipelines are being compiled in the background, in the way that its argument names; and
// with `runs N [way…]`, a program that starts itself N times in each way and prints how the runs ended. It is bundled
// with esbuild --bundle --platform=node --format=esm --external:webgpu, for machines with a graphics processor (there
// WEFT_LONG=1).
import { spawnSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import * as T from "@weft/tensor";
import { open, type WebGpuBackend } from "../src/index.node.ts";

const all = [T.exp, T.sin, T.cos, T.sqrt, T.log1p, T.tanh, T.sigmoid, T.atan, T.erf, T.sinh, T.asinh, T.square];
const maps = process.env["WEFT_LONG"] === undefined ? all.slice(0, 7) : all;
const file = fileURLToPath(import.meta.url);

/** Runs pairs of launches until each pair has a program of its own. */
function work(backend: WebGpuBackend, size = 64): void {
  const [x, y] = [backend.ones([size]), backend.ones([size + 32])];
  for (let i = 0; i < maps.length; i++)
    for (let j = 0; j < i; j++)
      for (let run = 0; run < 4; run++) for (const z of T.scope(() => [maps[i]!(x), maps[j]!(y)])) z.release();
  x.release();
  y.release();
}

async function begin(device?: GPUDevice): Promise<WebGpuBackend> {
  const backend = await open(device === undefined ? {} : { device });
  work(backend);
  console.log(`compiling ${backend.stats().compiling}`);
  return backend;
}

let gpu: GPU | undefined;

/** A device that the program made. */
async function ownDevice(): Promise<GPUDevice> {
  const { create } = (await import("webgpu")) as unknown as { create: (options: string[]) => GPU };
  gpu = create([]); // what is made from it crashes when this is garbage-collected
  return (await gpu.requestAdapter())!.requestDevice();
}

/** A worker that has finished its work and is idle. */
async function resting(): Promise<Worker> {
  const worker = new Worker(file, { argv: ["work"] });
  console.log(await new Promise((resolve) => void worker.once("message", resolve)));
  return worker;
}

const fail = (message: string) => (): never => {
  throw new Error(message);
};

/** Asks for more work once the end has begun, on a device that exits otherwise if anything is compiled. */
async function late(): Promise<void> {
  const device = await ownDevice();
  const backend = await begin(device);
  process.on("exit", () => {
    device.createComputePipelineAsync = device.createComputePipeline = (): never => process.abort();
    try {
      work(backend, 1024);
    } catch (error) {
      process.exit(/the process ends/.test((error as Error).message) ? 3 : 5);
    }
  });
  process.exit(4);
}

/** The ways to end: the exit status or signal of each, and whether something is compiling meanwhile. */
const ways: {
  readonly [way: string]: readonly [how: number | string, compiling: boolean, run: () => Promise<unknown>];
} = {
  return: [0, true, () => begin()],
  exit: [3, true, () => begin().then(() => process.exit(3))],
  throw: [1, true, () => begin().then(() => void setImmediate(fail("thrown")))],
  reject: [1, true, () => begin().then(fail("rejected"))],
  signal: ["SIGTERM", true, () => begin().then(() => process.kill(process.pid, "SIGTERM"))],
  handler: [
    3,
    true,
    async () => {
      process.once("SIGINT", () => process.exit(3));
      await begin();
      process.kill(process.pid, "SIGINT");
    },
  ],
  destroy: [3, true, () => begin().then((backend) => (backend.destroy(), process.exit(3)))],
  /** A device that is not destroyed with the backend. */
  device: [
    3,
    true,
    () =>
      ownDevice()
        .then(begin)
        .then((backend) => (backend.destroy(), process.exit(3))),
  ],
  lost: [3, true, () => ownDevice().then((device) => begin(device).then(() => (device.destroy(), process.exit(3))))],
  late: [3, true, late],
  terminate: [0, false, () => resting().then((worker) => worker.terminate().then(() => {}))],
  worker: [3, false, () => resting().then(() => process.exit(3))],
};

/** How a run in one way ended, in words. */
function run(way: string, [how, compiling]: (typeof ways)[string]): string {
  const { status, signal, stdout } = spawnSync(process.execPath, [file, way], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = signal ?? status;
  const count = /compiling (\d+)/.exec(String(stdout))?.[1];
  return ended === how && Number(count) > 0 === compiling ? "as it should" : `with ${ended}, compiling ${count}`;
}

const [way, runs, ...only] = process.argv.slice(2);
if (way === "runs") {
  for (const [name, wanted] of Object.entries(ways)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const endings = Array.from({ length: Number(runs) }, () => run(name, wanted));
    const each = [...new Set(endings)].map((ending) => `${endings.filter((e) => e === ending).length} ended ${ending}`);
    console.log(`${name}: ${each.join("; ")}`);
  }
} else if (isMainThread) await ways[way!]![2]();
else {
  const backend = await open({});
  work(backend);
  const { compiling } = backend.stats();
  // The binding's promises must have settled: it aborts if a worker ends earlier (webgpu 0.6.2).
  await setTimeout(50);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has none
  parentPort!.postMessage(`compiling ${compiling}`);
  await setTimeout(600_000);
}
