// Running sums along an axis. A workgroup owns a segment of a line, four neighbors per invocation; where a line has
// several segments, a first stage sums each, and every segment starts from the sums of those before it.
import type { Attrs } from "@weft/tensor";
import { inputsOf } from "../forms/operands.ts";
import { stageOf, type Words } from "../forms/stage.ts";
import { prepared, type Call } from "./call.ts";
import { linesOf } from "./lines.ts";

/** Neighbors that an invocation adds up. */
const EACH = 4;
/** Lines up to this length are summed by one invocation each. */
const SHORT = 16;

export const cumsum: Call<Attrs<"cumsum">> = {
  prepare: (launch, machine) => {
    const { reverse } = launch.attrs;
    const { count, size, inner } = linesOf(launch);
    const [x] = inputsOf(launch, 1);
    const { threads } = machine;
    const at = (j: string): string => `first + (${reverse ? `size - 1u - (${j})` : j}) * inner`;
    const first = "let first = line / inner * size * inner + line % inner;";
    if (size <= SHORT)
      return prepared(launch, machine, {
        name: `cumsum ${reverse}`,
        count,
        numbers: { size, inner },
        text: ({ load, store, result }) => `
          let line = i;
          ${first}
          var sum = ${result}(0);
          for (var j = 0u; j < size; j++) {
            sum += ${load(0, at("j"))};
            ${store(at("j"), "sum")}
          }`,
      });
    const type = launch.outs[0].dtype === "i32" ? "i32" : "f32";
    const stretch = EACH * threads;
    const stretches = Math.ceil(size / stretch);
    const numbers = { size, inner, stretches };
    const groups = count * stretches;
    /** Names `own`, the sum of an invocation's elements. */
    const begin = (w: Words): string => `
      let line = group / stretches;
      let part = group % stretches;
      ${first}
      let start = part * ${stretch}u + lane * ${EACH}u;
      let end = min(start + ${EACH}u, size);
      var own = ${type}(0);
      for (var j = start; j < end; j++) { own += ${w.load(0, at("j"))}; }`;
    const word = (w: Words, index: string): string => `bitcast<${type}>(${w.at.scratch(index)})`;
    const totals = stageOf(machine, {
      name: `cumsum ${reverse} totals`,
      operands: [x, type],
      numbers,
      groups,
      scratch: threads,
      text: (w) => `
        ${begin(w)}
        ${sumOf(w, type, threads)}
        if (lane == 0u) { let total = ${word(w, "0u")}; ${w.put(1, "group", "total")} }`,
    });
    const sums = stageOf(machine, {
      name: `cumsum ${reverse}${stretches > 1 ? " of stretches" : ""}`,
      operands: stretches > 1 ? [x, launch.outs[0], type] : [x, launch.outs[0]],
      writes: [1],
      numbers,
      groups,
      scratch: threads,
      text: (w) => `
        var before = ${type}(0);
        ${stretches > 1 ? earlier(w, type, threads) : ""}
        ${begin(w)}
        ${w.at.scratch("lane")} = bitcast<u32>(own);
        workgroupBarrier();
        for (var h = 1u; h < ${threads}u; h <<= 1u) {
          var more = ${type}(0);
          if (lane >= h) { more = ${word(w, "lane - h")}; }
          workgroupBarrier();
          if (lane >= h) { ${w.at.scratch("lane")} = bitcast<u32>(more + ${word(w, "lane")}); }
          workgroupBarrier();
        }
        var sum = before;
        if (lane > 0u) { sum += ${word(w, "lane - 1u")}; }
        for (var j = start; j < end; j++) {
          sum += ${w.load(0, at("j"))};
          ${w.store(at("j"), "sum")}
        }`,
    });
    return stretches > 1 ? { stages: [totals, sums], workspace: 4 * groups } : { stages: [sums], workspace: 0 };
  },
};

/** Statements that leave the sum of all `own` in word 0 of the workgroup's memory. */
function sumOf(w: Words, type: string, threads: number): string {
  const word = (index: string): string => `bitcast<${type}>(${w.at.scratch(index)})`;
  return `
    ${w.at.scratch("lane")} = bitcast<u32>(own);
    workgroupBarrier();
    for (var h = ${2 ** (Math.ceil(Math.log2(threads)) - 1)}u; h > 0u; h >>= 1u) {
      if (lane < h && lane + h < ${threads}u) {
        ${w.at.scratch("lane")} = bitcast<u32>(${word("lane")} + ${word("lane + h")});
      }
      workgroupBarrier();
    }`;
}

/** Statements that set `before` to the sum of all earlier segments of the line. */
const earlier = (w: Words, type: string, threads: number): string => `
  {
    let part = group % stretches;
    var own = ${type}(0);
    for (var p = lane; p < part; p += ${threads}u) { own += ${w.load(2, "group - part + p")}; }
    ${sumOf(w, type, threads)}
    before = bitcast<${type}>(${w.at.scratch("0u")});
    workgroupBarrier();
  }`;
