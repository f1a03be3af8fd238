// What is compiled and bound, each thing once: pipelines by the programs they run, groups of bindings by the buffers in them.
import type { Slab } from "./slabs.ts";
import { inCompute, usage } from "./constants.ts";
import { program, type Body } from "./translate/program.ts";

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
  readonly #threads: number;
  readonly #vectors: boolean;
  readonly #limit: number;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #slabGroups = new Map<string, GPUBindGroup>();
  readonly #slabLayouts: GPUBindGroupLayout[] = [];
  readonly #layouts: GPUPipelineLayout[] = [];
  readonly #argumentLayout: GPUBindGroupLayout;
  readonly #argumentGroups = new Map<number, GPUBindGroup>();
  #arguments: GPUBuffer;
  /** The least number under which an index out of range was noted; all bits set: none. */
  readonly wrong: GPUBuffer;
  compiled = 0;
  groups = 0;

  constructor(device: GPUDevice, threads: number, vectors: boolean, limit = 2048) {
    this.#device = device;
    this.#threads = threads;
    this.#vectors = vectors;
    this.#limit = limit;
    this.#argumentLayout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: inCompute, buffer: { type: "uniform", hasDynamicOffset: true } },
        { binding: 1, visibility: inCompute, buffer: { type: "storage" } },
      ],
    });
    this.#arguments = this.#argumentBuffer(1 << 16);
    this.wrong = device.createBuffer({
      label: "weft wrong index",
      size: 16,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
  }

  #argumentBuffer(bytes: number): GPUBuffer {
    return this.#device.createBuffer({ label: "weft arguments", size: bytes, usage: usage.uniform | usage.copyTarget });
  }

  /** Sends the arguments of a flush. They may replace those of an earlier one: the queue keeps the order. */
  send(image: Int32Array<ArrayBuffer>): void {
    // A binding shows whole powers of two, at most this much behind the last member's arguments.
    const needed = 2 * image.byteLength + 256;
    if (needed > this.#arguments.size) {
      this.#arguments.destroy();
      this.#arguments = this.#argumentBuffer(2 ** Math.ceil(Math.log2(needed)));
      this.#argumentGroups.clear();
    }
    this.#device.queue.writeBuffer(this.#arguments, 0, image);
  }

  /** The bindings of so many words of arguments, and of the mark. */
  argumentGroup(words: number): GPUBindGroup {
    const size = bindingBytes(words);
    let group = this.#argumentGroups.get(size);
    if (group === undefined) {
      group = this.#device.createBindGroup({
        layout: this.#argumentLayout,
        entries: [
          { binding: 0, resource: { buffer: this.#arguments, size } },
          { binding: 1, resource: { buffer: this.wrong } },
        ],
      });
      this.groups++;
      this.#argumentGroups.set(size, group);
    }
    return group;
  }

  slabGroup(slabs: readonly Slab[]): GPUBindGroup {
    const key = slabs.map((s) => s.index).join();
    let group = this.#slabGroups.get(key);
    if (group === undefined) {
      const entries = slabs.map(({ buffer }, binding) => ({ binding, resource: { buffer } }));
      group = this.#device.createBindGroup({ layout: this.#slabLayout(slabs.length), entries });
      this.groups++;
      this.#slabGroups.set(key, group);
    }
    return group;
  }

  #slabLayout(count: number): GPUBindGroupLayout {
    return (this.#slabLayouts[count] ??= this.#device.createBindGroupLayout({
      entries: Array.from({ length: count }, (_, binding) => ({
        binding,
        visibility: inCompute,
        buffer: { type: "storage" as const },
      })),
    }));
  }

  #layout(count: number): GPUPipelineLayout {
    return (this.#layouts[count] ??= this.#device.createPipelineLayout({
      bindGroupLayouts: [this.#slabLayout(count), this.#argumentLayout],
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
    this.#arguments.destroy();
    this.wrong.destroy();
  }
}
