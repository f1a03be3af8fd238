// Adds the parts of a split reduction where there are many: some invocations of a workgroup share each result.
import { sizeOf } from "@weft/tensor/internals";
import type { CallOperand, KernelLaunch } from "@weft/kernel";
import { epilogueOf } from "./epilogue.ts";
import type { DeviceTraits } from "./device-traits.ts";
import { stageOf, type Stage } from "./stage.ts";

/** Neighboring invocations take this many results, and so read neighboring numbers. */
const BESIDE = 32;

/** Part p of result r is number p·results + r of the workspace. */
export function join(
  out: CallOperand,
  after: KernelLaunch | undefined,
  parts: number,
  machine: Pick<DeviceTraits, "threads">,
): Stage {
  const { threads } = machine;
  const results = sizeOf(out.shape);
  const columns = Math.min(BESIDE, threads, 2 ** Math.ceil(Math.log2(results)));
  const share = 2 ** Math.floor(Math.log2(threads / columns));
  return stageOf(machine, {
    name: `join ${columns}x${share}`,
    operands: ["f32", out],
    numbers: { results, parts },
    groups: Math.ceil(results / columns),
    vectors: threads,
    epilogue: epilogueOf(after, out),
    wide: true,
    text: ({ at: { vector }, load, store }) => `
      let slice = lane / ${columns}u;
      let result = group * ${columns}u + lane % ${columns}u;
      var sum = 0f;
      if (slice < ${share}u && result < results) {
        for (var p = slice; p < parts; p += ${share}u) { sum += ${load(0, "p * results + result")}; }
      }
      ${vector("lane")} = vec4f(sum);
      workgroupBarrier();
      for (var h = ${share >> 1}u; h > 0u; h >>= 1u) {
        if (slice < h) { ${vector("lane")} += ${vector(`lane + h * ${columns}u`)}; }
        workgroupBarrier();
      }
      if (slice == 0u && result < results) { let all = ${vector("lane")}.x; ${store("result", "all")} }`,
  });
}
