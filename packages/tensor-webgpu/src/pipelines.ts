// What is compiled and bound, each thing once: pipelines by the programs they run, groups of bindings by the buffers in them.
import type { Slab } from "./slabs.ts";
import type { Commands } from "./commands.ts";
import { inCompute, usage } from "./constants.ts";
import { FIRST_SLAB, program, type Body } from "./translate/program.ts";

/** The numbers of slabs that a launch's operands lie in, as bindings: which slab each binding is, and each operand's binding. */
export interface Binding {
  readonly slabs: readonly Slab[];
  /** For each member, for each of its operands. */
  readonly bindings: readonly (readonly number[])[];
}

/** Bytes of arguments that one binding shows: a power of two. */
const bindingBytes = (words: number): number => Math.max(256, 2 ** Math.ceil(Math.log2(words * 4)));

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #commands: Commands;
  readonly #threads: number;
  readonly #vectors: boolean;
  readonly #limit: number;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #groupLayouts: GPUBindGroupLayout[] = [];
  readonly #layouts: GPUPipelineLayout[] = [];
  #generation = 0;
  /** The least number under which an index out of range was noted; all bits set: none. */
  readonly wrong: GPUBuffer;
  compiled = 0;
  groups = 0;

  constructor(device: GPUDevice, commands: Commands, threads: number, vectors: boolean, limit = 2048) {
    this.#device = device;
    this.#commands = commands;
    this.#threads = threads;
    this.#vectors = vectors;
    this.#limit = limit;
    this.wrong = device.createBuffer({
      label: "weft wrong index",
      size: 16,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
  }

  /** The bindings of so many words of arguments, of the mark and of slabs. */
  group(words: number, slabs: readonly Slab[]): GPUBindGroup {
    if (this.#generation !== this.#commands.generation) {
      this.#generation = this.#commands.generation;
      this.#groups.clear();
    }
    const size = bindingBytes(words);
    const key = `${size}:${slabs.map((s) => s.index).join()}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      const entries = [
        { binding: 0, resource: { buffer: this.#commands.arguments, size } },
        { binding: 1, resource: { buffer: this.wrong } },
        ...slabs.map(({ buffer }, i) => ({ binding: FIRST_SLAB + i, resource: { buffer } })),
      ];
      group = this.#device.createBindGroup({ layout: this.#groupLayout(slabs.length), entries });
      this.groups++;
      this.#groups.set(key, group);
    }
    return group;
  }

  #groupLayout(slabs: number): GPUBindGroupLayout {
    const storage = (binding: number) => ({ binding, visibility: inCompute, buffer: { type: "storage" as const } });
    return (this.#groupLayouts[slabs] ??= this.#device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: inCompute, buffer: { type: "uniform", hasDynamicOffset: true } },
        storage(1),
        ...Array.from({ length: slabs }, (_, i) => storage(FIRST_SLAB + i)),
      ],
    }));
  }

  #layout(count: number): GPUPipelineLayout {
    return (this.#layouts[count] ??= this.#device.createPipelineLayout({
      bindGroupLayouts: [this.#groupLayout(count)],
    }));
  }

  pipeline(bodies: readonly Body[], { slabs, bindings }: Binding): GPUComputePipeline {
    const key = bodies.map((b, i) => `${b.key}@${bindings[i]!.join()}`).join("&");
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      const code = program(
        bodies.map((body, i) => ({ body, bindings: bindings[i]! })),
        this.#threads,
        this.#vectors,
      );
      const module = this.#device.createShaderModule({ code, label: key });
      pipeline = this.#device.createComputePipeline({
        label: key,
        layout: this.#layout(slabs.length),
        compute: { module, entryPoint: "main" },
      });
      this.compiled++;
      if (this.#pipelines.size >= this.#limit) this.#pipelines.delete(this.#pipelines.keys().next().value!);
    } else this.#pipelines.delete(key);
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  destroy(): void {
    this.wrong.destroy();
  }
}
