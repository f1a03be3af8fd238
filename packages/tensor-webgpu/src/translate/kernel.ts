// Kernels of the language as bodies of WGSL: a map has one invocation an element, or four elements; a reduction gives each
// result to some invocations of a workgroup (`slices`), which join their parts.
import { dtypeInfo } from "@weft/tensor";
import { layout, type Kernel } from "@weft/kernel";
import { mapOf } from "./map.ts";
import { splitting, type Slices } from "./partition.ts";
import type { Body, Surroundings } from "./program.ts";
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
  const body = {
    key: `${kernel.key}#${slices}${block === undefined ? "" : `/${block}`}${split ? "split" : ""}${four === undefined ? "" : ` four ${four}`}${joinsIn(kernel, slices, form) ? ` in ${form.subgroups}` : ""}`,
    operands: split ? [...own, { dtype: "f32" as const, write: true }] : own,
    words: split ? words + splitting.words : words,
    scratch: slices > 1 ? threads : 0,
    subgroups: joinsIn(kernel, slices, form),
    text: (at: Surroundings) => write(new Text(kernel, slices, at, { form })),
  };
  if (epilogue === undefined) return body;
  const { operand } = kernel.reductions[0]!;
  return {
    ...body,
    key: `${body.key} ${epilogue.key}`,
    operands: [...own, ...epilogue.operands],
    words: words + epilogue.launch.words.length,
    functions: (at) =>
      epilogue.functions(at, words, own.length, memory.indexOf(operand), layout.operand(kernel, operand)),
    text: (at) => write(new Text(kernel, slices, at, { form })),
  };
}

/** A map, where `value` stands for the element that operand `given` would be loaded from (-1: none). */
export const elementOf = (kernel: Kernel, at: Surroundings, given: number): ElementText =>
  new Text(kernel, 1, at, { given }).apart();
