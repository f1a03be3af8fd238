// Weft on its CPU backend; the programs of the published tables on either.
import { counted, type BackendName } from "@weft/examples/internals";
import { matmul, scope, sum } from "@weft/tensor";
import { openSync, type CpuBackend } from "@weft/tensor-cpu";
import type { Contender } from "../contender.ts";
import { rows } from "../rows/index.ts";
import { programs } from "../rows/programs.ts";
import type { TimedStep } from "../rows/row.ts";

type Rows = readonly (readonly [name: string, start: () => TimedStep | Promise<TimedStep>])[];

/** The programs open a backend each. */
const programsOn = (on: BackendName, threads?: number): Rows =>
  programs.map((row) => [row.name, () => row.start(on, threads)]);

export async function weft(on: BackendName, threads: number): Promise<Contender> {
  if (on === "webgpu") return programsAlone();
  const backend = openSync({ threads });
  await allBegun(backend);
  const ofRows: Rows = rows.map((row) => [row.name, () => row.weft(backend)]);
  const machine = `${backend.info().code}, ${counted(threads, "thread")}`;
  return described(backend.version, machine, [...ofRows, ...programsOn(on, threads)]);
}

/** Threads begin one after the other, after some seconds of work for sixteen: all of them before anything is measured. */
async function allBegun(backend: CpuBackend): Promise<void> {
  const x = backend.ones([768, 768]);
  const until = performance.now() + 30_000;
  const missing = (): boolean => backend.info().running < backend.info().threads && performance.now() < until;
  while (missing()) {
    const total = scope(() => sum(matmul(x, x)));
    await total.item();
    total.release();
  }
  x.release();
}

/** On WebGPU; the rows are those of bench:gpu. */
async function programsAlone(): Promise<Contender> {
  const { open } = await import("@weft/tensor-webgpu");
  const backend = await open();
  const { version } = backend;
  const { vendor, architecture, description } = backend.info();
  backend.destroy();
  const adapter = [vendor, architecture, description].filter(Boolean).join(", ");
  return described(version, `webgpu on ${adapter}`, programsOn("webgpu"));
}

const described = (version: string, machine: string, steps: Rows): Contender => ({
  title: "Weft",
  version,
  detail: `${machine}, Node ${process.versions.node}`,
  rows: new Map(steps),
});
