// Kernels of the language as bodies of WGSL: a map has one invocation per element, or per four; a reduction gives each
// result to several invocations of a workgroup (`slices`), which join their parts.
import { dtypeInfo } from "@weft/tensor/internals";
import { layout, type Kernel } from "@weft/kernel";
import { mapOf } from "./map.ts";
import { splitting, type Slices } from "./partition.ts";
import type { Body, BodyScope } from "./program.ts";
import { joinsIn, reductionOf } from "./reduction.ts";
import { memoryOperands, Text, type ElementText, type KernelStyle } from "./text.ts";

const write = (text: Text): string => (text.kernel.reduced > 0 ? reductionOf(text) : mapOf(text));

export function bodyOf(kernel: Kernel, slices: Slices, threads: number, form: KernelStyle = {}): Body {
  const { epilogue, block, split = false, four } = form;
  const memory = memoryOperands(kernel);
  const words = layout.words(kernel);
  const own = memory.map((k) => {
    const { dtype, use, step } = kernel.operands[k]!;
    const beside = four === "beside" && step === "unit";
    return {
      dtype,
      write: use === "write",
      wide: beside && dtypeInfo[dtype].bytes === 4,
      whole: beside && dtypeInfo[dtype].bytes === 1,
    };
  });
  const subgroups = joinsIn(kernel, slices, form);
  const body: Body = {
    key:
      `${kernel.key}#${slices}${block === undefined ? "" : `/${block}`}${split ? "split" : ""}` +
      `${four === undefined ? "" : ` four ${four}`}${subgroups ? ` in ${form.subgroups}` : ""}` +
      `${epilogue === undefined ? "" : ` ${epilogue.key}`}`,
    operands: [...own, ...(split ? [{ dtype: "f32", write: true } as const] : []), ...(epilogue?.operands ?? [])],
    words: words + (split ? splitting.words : 0) + (epilogue?.launch.words.length ?? 0),
    scratch: slices > 1 ? threads : 0,
    subgroups,
    text: (at) => write(new Text(kernel, slices, at, { form })),
  };
  if (epilogue === undefined) return body;
  const { operand } = kernel.reductions[0]!;
  const [memoryIndex, word] = [memory.indexOf(operand), layout.operand(kernel, operand)];
  return { ...body, functions: (at) => epilogue.functions(at, words, own.length, memoryIndex, word) };
}

/** A map in which `value` replaces the element loaded from operand `given` (-1: none). */
export const elementOf = (kernel: Kernel, at: BodyScope, given: number): ElementText =>
  new Text(kernel, 1, at, { given }).apart();
