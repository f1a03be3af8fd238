// Reductions: invocations that share a result loop over its terms, then join their parts, in subgroups where there are
// some, else in the memory of the workgroup.
import type { Kernel, Reduction, Scalar } from "@weft/kernel";
import type { Slices } from "./partition.ts";
import { applied, constant, registerOf, wgslType } from "./scalar.ts";
import { butterfly } from "./subgroups.ts";
import type { KernelStyle, Text } from "./text.ts";

/** Sums move from one accumulator to another after this many terms, so that rounding errors do not build up. */
const BLOCK = 64;

/** The most functions of a reduction's terms that are unrolled by four, so that four loads are in flight at once. */
const SMALL = 12;

/** Whether invocations that share a result are neighbors in subgroups. */
export const joinsIn = ({ lanes, rank, reduced }: Kernel, slices: Slices, { subgroups = 0 }: KernelStyle): boolean =>
  reduced > 0 && lanes >= rank - reduced && slices > 1 && subgroups > 1;

const fold: Record<Reduction["fn"], (type: Scalar, a: string, b: string) => string> = {
  sum: (_, a, b) => `${a} + ${b}`,
  max: (type, a, b) => applied("max", type, [a, b], 0),
  min: (type, a, b) => applied("min", type, [a, b], 0),
};

const neutral: Record<Reduction["fn"], (type: Scalar) => number> = {
  sum: () => 0,
  max: (type) => (type === "i32" ? -(2 ** 31) : type === "bool" ? 0 : -Infinity),
  min: (type) => (type === "i32" ? 2 ** 31 - 1 : type === "bool" ? 1 : Infinity),
};

/** A register's value as a word of workgroup memory, and back. */
const toWord = (type: Scalar, x: string): string => (type === "bool" ? `u32(${x})` : `bitcast<u32>(${x})`);
const fromWord = (type: Scalar, x: string): string => (type === "bool" ? `${x} != 0u` : `bitcast<${type}>(${x})`);

/** Invocation `lane` is slice `slice` of result `column` of its workgroup. */
export function reductionOf(text: Text): string {
  const { rank, reduced, reductions, lanes, code } = text.kernel;
  const { threads } = text.at;
  const { epilogue, split = false } = text.form;
  const kept = rank - reduced;
  const slices = text.slices;
  const columns = threads / slices;
  const along = lanes >= kept; // neighbors share a row
  const product = (from: number, to: number): string =>
    to === from ? "1u" : Array.from({ length: to - from }, (_, l) => `n${from + l}`).join(" * ");
  const type = (r: Reduction): Scalar => text.type(r.value);
  const blocked = (r: Reduction): boolean => r.fn === "sum" && type(r) === "f32";
  const term = [
    ...text.indices("r", kept, rank),
    ...text.element(),
    ...reductions.map((r, j) =>
      blocked(r) ? `part${j} += v${r.value};` : `acc${j} = ${fold[r.fn](type(r), `acc${j}`, `v${r.value}`)};`,
    ),
  ];
  const block = (terms: number): string[] =>
    reductions.flatMap((r, j) =>
      blocked(r)
        ? [
            `terms${j} += ${terms}u;
            if (terms${j} >= ${BLOCK}u) { acc${j} += part${j}; part${j} = 0f; terms${j} = 0u; }`,
          ]
        : [],
    );
  const many = text.kernel.stores.length === 0 && code.filter((c) => c.kind === "apply").length <= SMALL;
  const lines = [
    along
      ? `let column = lane / ${slices}u; let slice = lane % ${slices}u;`
      : `let column = lane % ${columns}u; let slice = lane / ${columns}u;`,
    ...text.resultAt(columns, "column"),
    ...text.sizes(),
    ...(split
      ? [
          `let begin = part * u32(${text.split("terms")});`,
          `let end = min(begin + u32(${text.split("terms")}), ${product(kept, rank)});`,
          // A dispatch may have workgroups beyond those of the last part.
          `let live = begin < end && t < ${product(0, kept)};`,
        ]
      : ["const begin = 0u;", `let end = ${product(kept, rank)};`, `let live = inBlock && t < ${product(0, kept)};`]),
    ...text.indices("t", 0, kept),
    ...text.constants(),
    ...reductions.flatMap((r, j) => {
      const start = constant(neutral[r.fn](type(r)), type(r));
      return [
        `var acc${j}: ${wgslType[registerOf(type(r))]} = ${start};`,
        ...(blocked(r) ? [`var part${j} = 0f; var terms${j} = 0u;`] : []),
      ];
    }),
    "if (live) { var next = begin + slice;",
    ...(many
      ? [
          `for (; next + ${3 * slices}u < end; next += ${4 * slices}u) {`,
          ...[0, 1, 2, 3].flatMap((u) => ["{", `let r = next + ${u * slices}u;`, ...term, "}"]),
          ...block(4),
          "}",
        ]
      : []),
    `for (; next < end; next += ${slices}u) { let r = next;`,
    ...term,
    ...block(1),
    "} }",
    ...reductions.flatMap((r, j) => (blocked(r) ? [`acc${j} += part${j};`] : [])),
  ];
  const step = along ? 1 : columns;
  const within = joinsIn(text.kernel, slices, text.form) ? Math.min(slices, text.form.subgroups!) : 1;
  reductions.forEach((r, j) => {
    if (slices === 1) return;
    const joins = (a: string, b: string): string =>
      toWord(type(r), `(${fold[r.fn](type(r), `(${fromWord(type(r), a)})`, `(${fromWord(type(r), b)})`)})`);
    if (within > 1) {
      lines.push(`var word${j} = ${toWord(type(r), `acc${j}`)};`, butterfly(`word${j}`, joins, within));
      lines.push(`acc${j} = ${fromWord(type(r), `word${j}`)};`);
    }
    if (within === slices) return;
    const here = text.at.scratch("lane");
    if (j > 0) lines.push("workgroupBarrier();");
    lines.push(`${here} = ${toWord(type(r), `acc${j}`)};`, "workgroupBarrier();");
    lines.push(`for (var h = ${slices / 2}u; h >= ${within}u; h >>= 1u) {`, "if (slice < h) {");
    lines.push(
      `let p = ${fromWord(type(r), here)}; let q = ${fromWord(type(r), text.at.scratch(`lane + h * ${step}u`))};`,
    );
    lines.push(`${here} = ${toWord(type(r), `(${fold[r.fn](type(r), "p", "q")})`)};`, "}", "workgroupBarrier();", "}");
    lines.push(`acc${j} = ${fromWord(type(r), here)};`);
  });
  lines.push("if (live && slice == 0u) {");
  reductions.forEach((r, j) => {
    if (split) {
      const place = `(part * u32(${text.split("results")}) + t) << 2u`;
      lines.push(`let to = bitcast<u32>(${text.split("workspace")}) + (${place});`);
      lines.push(text.at.store(text.place.size, "f32", `acc${j}`, "to"));
    } else if (epilogue !== undefined) lines.push(`${text.at.name}_after(t, acc${j});`);
    else lines.push(text.address(r.operand, kept), `let f${j} = acc${j};`, text.store(r.operand, `f${j}`, type(r)));
  });
  lines.push("}");
  return lines.join("\n");
}
