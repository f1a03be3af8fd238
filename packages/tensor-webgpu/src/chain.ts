// Chains: launches in which each row depends on its own row alone run one after the other in the same workgroups, with
// barriers between them instead of dispatches. Each is split into blocks of rows, and workgroup g of the chain runs
// block g of each.
import type { ChainLaunch, KernelLaunch, Link } from "@weft/kernel";
import type { Calls } from "./calls/call.ts";
import type { DeviceTraits } from "./forms/device-traits.ts";
import { stageOfKernel } from "./forms/kernel.ts";
import { ofCall, sharedBytes, shifted, type Stage } from "./forms/stage.ts";
import { resultsOf } from "./translate/partition.ts";
import { following, type Body, type BodyScope } from "./translate/program.ts";

/** Rows of a block: few, so that there are many workgroups; a multiple of four, so that products use whole vectors. */
const rowsOfBlock = (rows: number): number => (rows <= 1024 ? 4 : rows <= 2048 ? 8 : 16);

/** The stages of a chain: one, or one per link where a workgroup has too little memory for all links together. */
export function stagesOfChain({ rows, links }: ChainLaunch, calls: Calls, machine: DeviceTraits): readonly Stage[] {
  const block = rowsOfBlock(rows);
  const stages = links.map((link) => stageOfLink(link, rows, block, calls, machine));
  return sharedBytes(stages) > machine.shared ? stages : [together(stages, Math.ceil(rows / block))];
}

function together(stages: readonly Stage[], groups: number): Stage {
  const starts: number[] = [];
  let words = 0;
  for (const stage of stages) {
    starts.push(words);
    words += stage.words.length;
  }
  const rounds = stages.map((stage) => stage.groups / groups);
  return {
    name: stages.map((stage) => stage.name).join(", "),
    body: linked(
      stages.map((stage) => stage.body),
      starts,
      rounds,
    ),
    unaligned: linked(
      stages.map((stage) => stage.unaligned),
      starts,
      rounds,
    ),
    groups,
    words: stages.flatMap((stage) => stage.words),
    places: stages.flatMap((stage, i) => shifted(starts[i]!, stage.places)),
    numbers: stages.flatMap((stage, i) => shifted(starts[i]!, stage.numbers)),
    flags: stages.flatMap((stage, i) => shifted(starts[i]!, stage.flags)),
    foreign: stages.some((stage) => stage.foreign === true),
  };
}

/** The one stage of a link; links have no workspace. */
function stageOfLink(link: Link, rows: number, block: number, calls: Calls, machine: DeviceTraits): Stage {
  if (link.kind === "kernel") return stageOfKernel(link, machine, resultsOfRow(link, rows) * block);
  return ofCall(link.op, calls.get(link.op)!.byRows!(link, block, machine), calls.foreign.has(link.op));
}

const resultsOfRow = ({ kernel, words }: KernelLaunch, rows: number): number => resultsOf(kernel, words) / rows;

/** Bodies one after the other; `rounds` is how many workgroups of each belong to one block of rows. */
function linked(bodies: readonly Body[], starts: readonly number[], rounds: readonly number[]): Body {
  const firsts = bodies.map((_, i) => bodies.slice(0, i).reduce((n, b) => n + b.operands.length, 0));
  const inside = (at: BodyScope, i: number): BodyScope => ({
    ...following(at, starts[i]!, firsts[i]!),
    name: `${at.name}_${i}`,
  });
  return {
    key: `chain ${bodies.map((b, i) => `${rounds[i]}*${b.key}`).join(" , ")}`,
    operands: bodies.flatMap((b) => b.operands),
    words: bodies.reduce((n, b) => n + b.words, 0),
    scratch: Math.max(...bodies.map((b) => b.scratch)),
    vectors: Math.max(...bodies.map((b) => b.vectors ?? 0)),
    subgroups: bodies.some((b) => b.subgroups),
    functions: (at) =>
      bodies
        .map((b, i) => {
          const own = inside(at, i);
          return `${b.functions?.(own) ?? ""}\nfn ${own.name}(group: u32, lane: u32) {\n${b.text(own)}\n}`;
        })
        .join("\n"),
    text: (at) =>
      bodies
        .map((_, i) => {
          const name = `${at.name}_${i}`;
          if (rounds[i] === 1) return `${name}(group, lane);`;
          // This workgroup does the work of all workgroups that the body would have had; they share its memory.
          return `for (var r = 0u; r < ${rounds[i]}u; r++) {
            ${name}(group * ${rounds[i]}u + r, lane); workgroupBarrier();
          }`;
        })
        .join("\nstorageBarrier(); workgroupBarrier();\n"),
  };
}
