// Times the tuned forms of matrix products and convolutions on this machine's graphics processor, shape by shape, and
// checks each against float64. Prints one JSON line per form. `--quick` runs small shapes once: for a software adapter.
// `--only=REGEXP` keeps the shapes whose names match, `--forms=REGEXP` the forms; `--words` binds slabs as words, never
// as vectors; `--safe` leaves the driver's checks on; `--seconds=85` limits the total time, and `--threads=256` sets
// the invocations per workgroup.
import { sizeOf } from "@weft/tensor/internals";
import { hardware, type DeviceTraits } from "../src/forms/device-traits.ts";
import { WORKSPACE, type Staged } from "../src/forms/stage.ts";
import { FIRST_SLAB, program } from "../src/translate/program.ts";
import { problemsFor, type Problem } from "./form-problems.ts";

const given = process.argv.slice(2);
const quick = given.includes("--quick");
const only = new RegExp(given.find((a) => a.startsWith("--only="))?.slice(7) ?? "");
const fitting = new RegExp(given.find((a) => a.startsWith("--forms="))?.slice(8) ?? "");
const vectors = !given.includes("--words");
const deadline = performance.now() + 1000 * Number(given.find((a) => a.startsWith("--seconds="))?.slice(10) ?? 85);

const { create, globals } = (await import("webgpu")) as unknown as {
  create: (options: string[]) => GPU;
  globals: { GPUMapMode: { READ: number }; GPUBufferUsage: Record<string, number> };
};
const { GPUBufferUsage: usage, GPUMapMode: mode } = globals;
const trusted = given.includes("--safe") ? [] : ["skip_validation", "disable_robustness"];
// What `create` returns must stay referenced.
const gpu = create([
  `enable-dawn-features=${["allow_unsafe_apis", ...trusted].join()}`,
  "disable-dawn-features=timestamp_quantization",
]);
const adapter = (await gpu.requestAdapter({ powerPreference: "high-performance" }))!;
const timed = adapter.features.has("timestamp-query");
const limits = [
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
] as const;
const device = await adapter.requestDevice({
  requiredFeatures: timed ? ["timestamp-query"] : [],
  requiredLimits: Object.fromEntries(limits.map((l) => [l, adapter.limits[l]])),
});
device.addEventListener("uncapturederror", ({ error }) => print({ error: error.message.slice(0, 800) }));
const machine: DeviceTraits = {
  ...hardware,
  threads: Math.min(
    Number(given.find((a) => a.startsWith("--threads="))?.slice(10) ?? (quick ? 64 : 256)),
    adapter.limits.maxComputeInvocationsPerWorkgroup,
  ),
  shared: adapter.limits.maxComputeWorkgroupStorageSize,
  subgroups: 0,
  vectors: true,
};
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
print({
  adapter: `${adapter.info.vendor} ${adapter.info.architecture} ${adapter.info.description}`,
  ...machine,
  timed,
  trusted,
});

const storage = usage["STORAGE"]! | usage["COPY_SRC"]! | usage["COPY_DST"]!;
const buffer = (size: number, flags = storage): GPUBuffer =>
  device.createBuffer({ size: Math.ceil(size / 16) * 16, usage: flags });
const queries = timed ? device.createQuerySet({ type: "timestamp", count: 2 }) : undefined;
const resolved = buffer(16, usage["QUERY_RESOLVE"]! | usage["COPY_SRC"]!);

async function read(from: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
  const size = Math.ceil(bytes / 4) * 4;
  const to = device.createBuffer({ size, usage: usage["MAP_READ"]! | usage["COPY_DST"]! });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, offset, to, 0, size);
  device.queue.submit([encoder.finish()]);
  await to.mapAsync(mode.READ);
  const copy = to.getMappedRange().slice(0);
  to.destroy();
  return copy;
}

interface Ready {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly count: number;
}

/** Operands lie in one slab, as in the backend; the workspace in another buffer, which is its slab here. */
async function ready({ stages }: Staged, slab: GPUBuffer, space: GPUBuffer): Promise<Ready[]> {
  return Promise.all(
    stages.map(async ({ body, places, words: given, groups }) => {
      const bindings = places.map(({ slot }) => (slot === WORKSPACE ? 1 : 0));
      const used = [...new Set(bindings)].toSorted();
      const code = program([{ body, bindings: bindings.map((b) => used.indexOf(b)) }], machine.threads, vectors);
      const words = Int32Array.from(given);
      for (const { word, bytes } of places) words[word] = bytes;
      const uniform = buffer(Math.max(256, Math.ceil(words.length / 64) * 256), usage["UNIFORM"]! | usage["COPY_DST"]!);
      device.queue.writeBuffer(uniform, 0, words);
      const module = device.createShaderModule({ code });
      const pipeline = await device.createComputePipelineAsync({
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
      const entries = [
        { binding: 0, resource: { buffer: uniform } },
        ...used.map((b, i) => ({ binding: FIRST_SLAB + i, resource: { buffer: [slab, space][b]! } })),
      ];
      const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
      return { pipeline, group, count: groups };
    }),
  );
}

/** Microseconds per run, by timestamps where there are some. */
async function once(stages: readonly Ready[], runs: number): Promise<number> {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass(
    queries === undefined
      ? {}
      : { timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } },
  );
  for (let i = 0; i < runs; i++)
    for (const { pipeline, group, count } of stages) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      const rows = Math.ceil(count / 65_535);
      pass.dispatchWorkgroups(Math.ceil(count / rows), rows);
    }
  pass.end();
  if (queries !== undefined) encoder.resolveQuerySet(queries, 0, 2, resolved, 0);
  const commands = encoder.finish();
  const start = performance.now();
  device.queue.submit([commands]);
  await device.queue.onSubmittedWorkDone();
  const wall = ((performance.now() - start) * 1e3) / runs;
  if (queries === undefined) return wall;
  const [from, to] = new BigUint64Array(await read(resolved, 0, 16)) as unknown as [bigint, bigint];
  return Number(to - from) / 1e3 / runs;
}

/** Dependent fused multiply-adds on every multiprocessor: they show the clock rate, if one takes four cycles. */
const chain: Ready[] = [];
async function clock(): Promise<number> {
  if (chain.length === 0) {
    const code = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) i: vec3u) {
        var x = f32(i.x); let c = y[0];
        for (var k = 0u; k < 2048u; k++) { ${"x = fma(x, c, 0.5); ".repeat(16)} }
        y[i.x] = x;
      }`;
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
    });
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: buffer(264 * 256) } }],
    });
    chain.push({ pipeline, group, count: 264 });
  }
  return Math.round((2 ** 15 * 4) / (await once(chain, 10)));
}

/** The clock falls when idle and takes tens of milliseconds to rise. */
async function warm(): Promise<number> {
  let mhz = 0;
  for (const end = performance.now() + 1500; performance.now() < end && mhz < CLOCK;) mhz = await clock();
  return mhz;
}
const CLOCK = 1800;

async function measure(stages: readonly Ready[]): Promise<{ us: number; mhz: number }> {
  if (quick) return { us: await once(stages, 1), mhz: 0 };
  await warm();
  const runs = Math.max(1, Math.min(2000, Math.ceil(4000 / Math.max(0.5, await once(stages, 3)))));
  const times: number[] = [];
  await once(stages, runs);
  for (let i = 0; i < 5; i++) times.push(await once(stages, runs));
  return { us: times.toSorted((a, b) => a - b)[2]!, mhz: await clock() };
}

const wave = (n: number, seed: number): Float32Array<ArrayBuffer> => {
  const x = new Float32Array(n);
  let v = seed;
  for (let i = 0; i < n; i++) x[i] = (v = (Math.imul(v, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
  return x;
};

async function run({ name, launch, flop, element, forms }: Problem): Promise<void> {
  const {
    inputs,
    outs: [out],
  } = launch;
  const slab = buffer(out.bytes + 4 * sizeOf(out.shape));
  const memory = inputs.map((o, k) => {
    const data = wave(sizeOf(o.shape), k + 1);
    device.queue.writeBuffer(slab, o.bytes, data);
    return data;
  });
  // All are compiled before one is timed, so that the device does not idle.
  const all = await Promise.all(
    forms
      .filter(([form]) => fitting.test(form))
      .map(async ([form, make]) => {
        const begun = performance.now();
        const staged = make();
        const space = buffer(Math.max(16, staged.workspace));
        const stages = await ready(staged, slab, space);
        return { form, space, stages, compile: Math.round(performance.now() - begun) };
      }),
  );
  for (const { form, space, stages, compile } of all) {
    if (performance.now() > deadline) {
      print({ name, form, skipped: "out of time" });
      continue;
    }
    device.queue.writeBuffer(slab, out.bytes, new Float32Array(sizeOf(out.shape)).fill(NaN));
    await once(stages, 1);
    const result = new Float32Array(await read(slab, out.bytes, 4 * sizeOf(out.shape)));
    let [difference, scale] = [0, 0];
    for (let s = 0; s < 100; s++) {
      const i = Math.floor(((s * 0.6180339887) % 1) * result.length);
      const wanted = element(memory, i);
      difference += (result[i]! - wanted) ** 2;
      scale += wanted ** 2;
    }
    const error = Math.sqrt(difference / scale);
    const { us, mhz } = await measure(stages);
    print({
      name,
      form,
      us: Number(us.toFixed(2)),
      tflops: Number((flop / us / 1e6).toFixed(2)),
      groups: stages.map((s) => s.count),
      compile,
      mhz,
      ...(error < 1e-5 ? {} : { ERROR: error }),
    });
    space.destroy();
  }
  slab.destroy();
}

for (const problem of problemsFor(machine, quick)) {
  const p = problem();
  if (only.test(p.name)) await run(p).catch((error: unknown) => print({ name: p.name, error: String(error) }));
}
device.destroy();
print({ done: Math.round(performance.now()) });
process.exit(gpu === undefined ? 1 : 0);
