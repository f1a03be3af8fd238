// What is compiled and bound, once each: pipelines by the programs they run, bind groups by their buffers.
import { WeftError } from "@weft/tensor";
import { BoundedCache } from "@weft/kernel";
import type { DeviceErrors } from "./device-errors.ts";
import { SPARE } from "./reader.ts";
import type { Slab } from "./slabs.ts";
import type { Commands } from "./commands.ts";
import { inCompute, usage } from "./constants.ts";
import { FIRST_SLAB, program, type Member } from "./translate/program.ts";

/** A program and its memory: the bodies that run side by side, and the slab of each binding. */
export interface Binding {
  readonly members: readonly Member[];
  readonly slabs: readonly Slab[];
  /** Whether a package outside wrote a part of it. */
  readonly foreign: boolean;
}

/** Bytes of arguments that one binding spans: a power of two. */
const bindingBytes = (words: number): number => Math.max(256, 2 ** Math.ceil(Math.log2(words * 4)));

/** What determines a program: the bodies, and which operands share a slab. */
const keyOf = ({ members }: Binding): string =>
  members.map(({ body, bindings }) => `${body.key}@${bindings.join()}`).join("&");

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #commands: Commands;
  readonly #threads: number;
  readonly #vectors: boolean;
  readonly #pipelines = new BoundedCache<string, GPUComputePipeline>(2048);
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #groupLayouts: GPUBindGroupLayout[] = [];
  readonly #layouts: GPUPipelineLayout[] = [];
  #generation = 0;
  /** A word for each call in flight that checks indices: not 0 once an index was out of range. */
  readonly flags: GPUBuffer;
  /** Pipelines that are being compiled, and why the device refused others. */
  readonly #coming = new Map<string, "coming" | Error>();
  readonly #errors: DeviceErrors;
  /** Whether anything may be compiled in the background. */
  background = true;
  compiled = 0;
  groups = 0;

  constructor(device: GPUDevice, commands: Commands, errors: DeviceErrors, threads: number, vectors: boolean) {
    this.#device = device;
    this.#commands = commands;
    this.#errors = errors;
    this.#threads = threads;
    this.#vectors = vectors;
    this.flags = device.createBuffer({
      label: "weft flags",
      size: (SPARE + 1) * 4,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
  }

  /** The bind group of `words` words of arguments, the flags, and slabs. */
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
        { binding: 1, resource: { buffer: this.flags } },
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

  /** Pipelines that are being compiled in the background. */
  get compiling(): number {
    let count = 0;
    for (const state of this.#coming.values()) if (state === "coming") count++;
    return count;
  }

  /**
   * The pipeline of a program; if there is none it is made now, under this name in messages. One that a package outside
   * has written may not compile: all work is in doubt until that is known.
   */
  pipeline(binding: Binding, name: string): GPUComputePipeline {
    const key = keyOf(binding);
    const state = this.#coming.get(key);
    if (state instanceof Error) throw state;
    const make = (): GPUComputePipeline => this.#device.createComputePipeline(this.#descriptor(name, binding));
    return (
      this.#pipelines.get(key) ??
      this.#keep(
        key,
        binding.foreign
          ? this.#errors.doubtful("validation", make, (message) => this.#refuse(key, name, message))
          : make(),
      )
    );
  }

  /** Notes that the device refused a pipeline. */
  #refuse(key: string, name: string, message: string, cause?: Error): Error {
    const error = new WeftError(`tensor-webgpu: in ${name}: ${message}`, { cause });
    this.#coming.set(key, error);
    // Nothing more joins a batch that cannot run, and no dispatch keeps the pipeline.
    this.#commands.submit();
    this.#commands.generation++;
    return error;
  }

  /**
   * Whether that pipeline exists. If not, it is made in the background, and the answer is `undefined` until it exists,
   * or false if the device refuses it. In a hurry, or where nothing may be compiled in the background, it is made now.
   */
  ready(binding: Binding, name: string, hurry: boolean): boolean | undefined {
    const key = keyOf(binding);
    const state = this.#coming.get(key);
    if (state instanceof Error) return false;
    if (this.#pipelines.has(key)) return true;
    if (hurry || !this.background) {
      this.pipeline(binding, name);
      return true;
    }
    if (state === "coming") return undefined;
    this.#coming.set(key, "coming");
    this.#device.createComputePipelineAsync(this.#descriptor(name, binding)).then(
      (pipeline) => {
        this.#coming.delete(key);
        // It may have been made in a hurry meanwhile.
        if (!this.#pipelines.has(key)) this.#keep(key, pipeline);
      },
      (cause: Error) => {
        // Not tried again: the bodies run one by one.
        this.#errors.fail(this.#refuse(key, name, cause.message, cause));
      },
    );
    return undefined;
  }

  #keep(key: string, pipeline: GPUComputePipeline): GPUComputePipeline {
    this.compiled++;
    return this.#pipelines.add(key, pipeline);
  }

  #descriptor(label: string, { members, slabs }: Binding): GPUComputePipelineDescriptor {
    const module = this.#device.createShaderModule({
      code: program(members, this.#threads, this.#vectors),
      label,
    });
    return { label, layout: this.#layout(slabs.length), compute: { module, entryPoint: "main" } };
  }

  destroy(): void {
    this.flags.destroy();
  }

  /**
   * Destroys the device with the process, whoever made it, after waiting for compilations; every later call fails. This
   * is here and not in the backend, which may be garbage-collected while something is compiling.
   */
  end(): void {
    this.#errors.lose("the process ends");
    this.#device.destroy();
  }
}
