// Runs the stages of a tuned call by themselves: operands in one slab, the workspace in another.
import { FIRST_SLAB, headerWords, paddedWords, program, type Body } from "../src/translate/program.ts";
import { WORKSPACE, type Staged } from "../src/forms/stage.ts";
import { mapToRead, usage } from "../src/constants.ts";
import { bareDevice } from "./device.ts";

export interface Setting {
  readonly threads: number;
  /** Whether slabs are bound as vectors. */
  readonly vectors: boolean;
  /** Offset of the slab's operands, in bytes, from multiples of 16. */
  readonly shift?: number;
}

/** The memory afterwards. */
export async function runStages(
  { stages, workspace }: Staged,
  memory: Float32Array<ArrayBuffer>,
  { threads, vectors, shift = 0 }: Setting,
): Promise<Float32Array<ArrayBuffer>> {
  const device = await bareDevice();
  const make = (size: number, flags: number): GPUBuffer =>
    device.createBuffer({ size: Math.ceil(size / 16) * 16, usage: flags });
  const slab = make(memory.byteLength + 16, usage.storage | usage.copySource | usage.copyTarget);
  const space = make(Math.max(workspace, 16), usage.storage);
  const seen = make(memory.byteLength, usage.mapRead | usage.copyTarget);
  device.queue.writeBuffer(slab, shift, memory);
  device.pushErrorScope("validation");
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  const uniforms: GPUBuffer[] = [];
  const pipelines = new Map<string, GPUComputePipeline>();
  let texts = "";
  for (const stage of stages) {
    const body: Body = shift === 0 ? stage.body : stage.unaligned;
    const bindings = stage.places.map(({ slot }) => (slot === WORKSPACE ? 1 : 0));
    // The bindings of a program are numbered without gaps.
    const used = [...new Set(bindings)].toSorted();
    const code = program([{ body, bindings: bindings.map((b) => used.indexOf(b)) }], threads, vectors);
    texts += code;
    const words = Int32Array.from(stage.words);
    for (const { word, slot, bytes } of stage.places) words[word] = slot === WORKSPACE ? bytes : bytes + shift;
    const uniform = make(
      Math.max(4 * (headerWords(1) + paddedWords(words.length)), 256),
      usage.uniform | usage.copyTarget,
    );
    uniforms.push(uniform);
    device.queue.writeBuffer(uniform, 0, words);
    let pipeline = pipelines.get(code);
    if (pipeline === undefined) {
      const module = device.createShaderModule({ code });
      pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
      pipelines.set(code, pipeline);
    }
    pass.setPipeline(pipeline);
    const entries = [
      { binding: 0, resource: { buffer: uniform } },
      ...used.map((b, i) => ({ binding: FIRST_SLAB + i, resource: { buffer: [slab, space][b]! } })),
    ];
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(stage.groups);
  }
  pass.end();
  encoder.copyBufferToBuffer(slab, shift, seen, 0, memory.byteLength);
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error !== null) throw new Error(`${error.message}\n${texts}`);
  await seen.mapAsync(mapToRead);
  const result = new Float32Array(seen.getMappedRange().slice(0, memory.byteLength));
  for (const b of [slab, space, seen, ...uniforms]) b.destroy();
  return result;
}
