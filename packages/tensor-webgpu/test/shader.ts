// Runs the WGSL of bodies on a memory of bytes, without the backend around it.
import { layout, type Kernel } from "@weft/kernel";
import { usage, mapToRead } from "../src/constants.ts";
import { bodyOf } from "../src/translate/kernel.ts";
import { groupsOf, slicesOf } from "../src/translate/partition.ts";
import { FIRST_SLAB, headerWords, paddedWords, program, type Body } from "../src/translate/program.ts";
import { bareDevice } from "./device.ts";

export interface Given {
  readonly body: Body;
  readonly groups: number;
  readonly words: ArrayLike<number>;
}

/** A kernel with the arguments at byte `args`, in the form that the executor would choose, or with other slices. */
export function given(
  kernel: Kernel,
  bytes: Uint8Array<ArrayBuffer>,
  args: number,
  threads: number,
  slices?: number,
): Given {
  const words = new Int32Array(bytes.buffer, args, layout.words(kernel));
  const cut = slices ?? slicesOf(kernel, words, threads);
  return { body: bodyOf(kernel, cut, threads), groups: groupsOf(kernel, cut, words, threads), words };
}

/**
 * Runs bodies side by side in one dispatch; all their operands lie in one slab, `bytes`. Returns its memory afterwards.
 */
export async function run(
  parts: readonly Given[],
  bytes: Uint8Array<ArrayBuffer>,
  threads: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const device = await bareDevice();
  const image: number[] = Array.from({ length: headerWords(parts.length) }, () => 0);
  let groups = 0;
  parts.forEach(({ words, groups: own }, i) => {
    if (parts.length > 1) image[i] = groups;
    groups += own;
    const end = image.length + paddedWords(words.length);
    image.push(...Array.from(words));
    while (image.length < end) image.push(0);
  });
  const code = program(
    parts.map(({ body }) => ({ body, bindings: body.operands.map(() => 0) })),
    threads,
  );
  device.pushErrorScope("validation");
  const buffer = (size: number, flags: number): GPUBuffer => device.createBuffer({ size, usage: flags });
  const slab = buffer(bytes.length, usage.storage | usage.copySource | usage.copyTarget);
  const uniform = buffer(Math.max(image.length * 4, 256), usage.uniform | usage.copyTarget);
  const seen = buffer(bytes.length, usage.mapRead | usage.copyTarget);
  device.queue.writeBuffer(slab, 0, bytes);
  device.queue.writeBuffer(uniform, 0, Int32Array.from(image));
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [
    { binding: 0, resource: { buffer: uniform } },
    { binding: FIRST_SLAB, resource: { buffer: slab } },
  ];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  if (groups > 0) pass.dispatchWorkgroups(groups);
  pass.end();
  encoder.copyBufferToBuffer(slab, 0, seen, 0, bytes.length);
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error !== null) throw new Error(`${error.message}\n${code}`);
  await seen.mapAsync(mapToRead);
  const result = new Uint8Array(seen.getMappedRange().slice(0));
  for (const b of [slab, uniform, seen]) b.destroy();
  return result;
}
