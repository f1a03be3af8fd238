// A plan as text, for errors, debug logs and tests: its launches, level by level, and where they read and write.
import { layout, show } from "../language.ts";
import { epilogueOf, type CallOperand, type KernelLaunch, type Launch, type Link, type Plan } from "./plan.ts";
import { nameOf } from "../graph/operation.ts";
import { isRowMajor } from "../graph/view.ts";

/** A slot is `leaf`, `arena` or `output` and a number; `arena3+16` begins 16 bytes into one. */
export function showPlan({ slots, levels, donations, leaves }: Plan): string {
  const nameOfSlot = (slot: number, bytes = 0): string =>
    `${slots[slot]!.kind}${slot}${bytes === 0 ? "" : `+${bytes}`}`;
  const operand = ({ slot, bytes, shape, strides }: CallOperand): string =>
    `${nameOfSlot(slot, bytes)} [${shape.join(", ")}]${isRowMajor(shape, strides) ? "" : ` strides [${strides.join(", ")}]`}`;

  const kernelLines = ({ name, kernel, words, places }: KernelLaunch): string[] => {
    const sizes = Array.from({ length: kernel.rank }, (_, l) => words[l === 0 ? layout.end : layout.size(l)]!);
    const operands = places.map(({ word, slot, bytes }) => {
      const index = (word - layout.operand(kernel, 0)) / (1 + kernel.rank);
      return `x${index} = ${nameOfSlot(slot, bytes)}`;
    });
    return [`${name} over ${sizes.join(" × ")}: ${operands.join(", ")}`, ...indented(show(kernel).split("\n"))];
  };
  const linkLines = (link: Link): string[] => {
    const epilogue = epilogueOf(link);
    const own =
      link.kind === "kernel"
        ? kernelLines(link)
        : [
            `call ${nameOf(link.op)}: ${link.outs.map(operand).join(" and ")} from ${link.inputs.map(operand).join(" and ")}`,
          ];
    return epilogue === undefined ? own : [...own, "then, on each result", ...indented(kernelLines(epilogue))];
  };
  const launchLines = (launch: Launch): string[] =>
    launch.kind === "chain"
      ? [`chain of ${launch.rows} rows`, ...indented(launch.links.flatMap(linkLines))]
      : linkLines(launch);

  return [
    ...levels.flatMap((launches, i) => [`level ${i + 1}`, ...indented(launches.flatMap(launchLines))]),
    ...donations.map(({ slot, leaf }) => `${nameOfSlot(slot)} may take the place of ${nameOfSlot(leaves[leaf]!)}`),
  ].join("\n");
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
