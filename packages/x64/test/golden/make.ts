// Writes encodings.txt: instructions of every form in the table with operands at random, and the bytes that GNU as makes of
// them. Needs `as` and `objdump` of GNU binutils (2.40): node packages/x64/test/golden/make.ts
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  General,
  Memory,
  Vector,
  at,
  conditions,
  general,
  instructions,
  mask,
  merging,
  rsp,
  vector,
  zeroing,
  type Width,
} from "@weft/x64";

type Row = (typeof instructions)[keyof typeof instructions][number];
type Slot = Row["slots"][number];

let state = 1;
const random = (n: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;

/** Displacements at the edges of one byte, also where a byte counts vectors, halves and elements. */
const displacements = [0, 1, 8, 127, 128, -128, -129, 4096, 0x1234567, -0x1234567].concat(
  [2, 4, 8, 16, 32, 64].flatMap((n) => [127 * n, 128 * n, -128 * n, -129 * n, n]),
);
const bases = Array.from({ length: 16 }, (_, i) => general(i));
const indices = bases.filter((r) => r !== rsp);

function memory(slot: Slot, row: Row, bits: number): Memory {
  const base = pick(bases);
  const scale = pick([1, 2, 4, 8] as const);
  const d = pick(displacements);
  if (slot.kind === "z" || slot.kind === "j") {
    const width = Math.max(128, slot.kind === "j" ? bits / 2 : bits) as Width;
    return at(base, d, vector(row.encoding === "vex" ? 8 + random(8) : 16 + random(16), width), scale);
  }
  const place = random(2) === 0 ? at(base, d) : at(base, d, pick(indices), scale);
  const may = row.encoding === "evex" && ["b32", "b64", "h32"].includes(String(row.tuple)) && row.slots.every(({ where }) => where !== "N"); // prettier-ignore
  return may && random(3) === 0 ? place.broadcast() : place;
}

const parts: Readonly<Record<string, number>> = { h: 2, q: 4, e: 8 };
const small = (kind: string): number => (kind === "ib" ? random(256) : kind === "is" ? random(256) - 128 : 0);

/** An operand for a slot, and how it is written for GNU as; size is what stands before memory there. */
function operand(name: string, slot: Slot, row: Row, bits: number, wide: boolean) {
  const { where, kind } = slot;
  if (where === "C") return pick(Object.keys(conditions));
  if (where === "cl") return "cl";
  if (where === "imm") {
    if (kind === "id") return -(random(2 ** 30) + 1000);
    return kind === "iu" ? random(2 ** 32) : kind === "iq" ? 2n ** 40n + BigInt(random(2 ** 32)) : small(kind);
  }
  const isMemory = where === "M" && (kind === "m" || kind === "z" || kind === "j" || random(2) === 0);
  if (isMemory) return memory(slot, row, bits);
  if (kind === "k") return mask(random(8));
  if ("gdpbw".includes(kind)) {
    const register = pick(kind === "g" && row.slots.some((s) => s.where === "imm") ? bases.slice(1) : bases);
    return (kind === "g" ? wide && !(name === "mov" && row.operands.endsWith("iu")) : kind === "p")
      ? register
      : register.low;
  }
  const width = kind === "x" ? 128 : kind === "y" ? 256 : Math.max(128, bits / (parts[kind] ?? 1));
  const number = random(row.encoding === "evex" ? 32 : 16);
  return vector(number, width as Width);
}

const sized: Readonly<Record<string, string>> = {
  mov8: "byte ptr ", movzx8: "byte ptr ", movsx8: "byte ptr ", mov16: "word ptr ", movzx16: "word ptr ", movsx16: "word ptr ",
}; // prettier-ignore
const bytes = "al cl dl bl spl bpl sil dil r8b r9b r10b r11b r12b r13b r14b r15b".split(" ");
const words = "ax cx dx bx sp bp si di r8w r9w r10w r11w r12w r13w r14w r15w".split(" ");

/** The same in the syntax of GNU as. */
function text(name: string, row: Row, operands: readonly unknown[], bits: number): string {
  const condition = row.slots[0]?.where === "C" ? String(operands[0]) : undefined;
  const elements = row.tuple === "b64" ? bits / 64 : bits / 32 / (row.tuple === "h32" ? 2 : 1);
  const written = operands.map((x, i) => {
    const kind = row.slots[i]?.kind;
    if (x instanceof Memory)
      return x.broadcasts
        ? `${x.toString().replace("{broadcast}", "")}{1to${kind === "x" ? 1 : elements}}`
        : `${sized[name] ?? ""}${x}`;
    if (x instanceof General && kind === "b") return bytes[x.number]!;
    if (x instanceof General && kind === "w") return words[x.number]!;
    return String(x);
  });
  if (row.slots.length < written.length) written[0] += written.pop()!;
  const mnemonic = name.replace(/cc$/, condition ?? "").replace(/^(mov|movzx|movsx)(8|16)$/, "$1").replace(/^mov$/, typeof operands[1] === "bigint" ? "movabs" : "mov"); // prettier-ignore
  // Else it swaps the registers of moves where that is a byte shorter.
  const load = name.startsWith("vmov") && row.slots[0]?.where === "R" && !operands.some((x) => x instanceof Memory);
  return `${load ? "{load} " : ""}${mnemonic} ${written.slice(condition === undefined ? 0 : 1).join(", ")}`;
}

const cases: { readonly ours: string; readonly theirs: string }[] = [];
for (const [name, rows] of Object.entries(instructions) as [string, readonly Row[]][]) {
  for (const row of rows) {
    if (row.slots.some(({ where }) => where === "L")) continue;
    const widths = [128, 256, 512].filter((bits) => bits >= row.narrowest && bits <= row.widest);
    const vectors = row.slots.some(({ kind }) => kind === "v");
    for (let i = 0; i < (row.slots.length === 0 ? 1 : vectors && row.encoding === "evex" ? 4 : 3); i++) {
      const bits = vectors ? widths[i % widths.length]! : 128;
      const wide = random(2) === 0;
      const operands: unknown[] = row.slots.map((slot) => operand(name, slot, row, bits, wide));
      if (row.encoding === "evex") {
        const selects = mask(1 + random(7));
        const stays = operands[0] instanceof Memory || row.slots[0]!.kind === "k";
        if (row.masked === "always") operands.push(merging(selects));
        else if (row.masked === "may" && i > 0)
          operands.push(!stays && random(2) === 0 ? zeroing(selects) : merging(selects));
      }
      const twice = new Set(operands.flatMap((x) => (x instanceof Memory ? (x.index ?? []) : x instanceof Vector ? x : [])).map((x) => x.number)); // prettier-ignore
      if (name.includes("gather") && twice.size < row.slots.length) {
        i--;
        continue;
      }
      cases.push({ ours: `${name} ${operands.join(", ")}`.trim(), theirs: text(name, row, operands, bits) });
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), "weft-encodings-"));
const source = join(folder, "cases.s");
writeFileSync(source, `.intel_syntax noprefix\n${cases.map(({ theirs }) => theirs).join("\n")}\n`);
execFileSync("as", ["-o", join(folder, "cases.o"), source], { stdio: "inherit" });
const listing = execFileSync("objdump", ["-d", "-w", "-z", "--insn-width=16", join(folder, "cases.o")], { encoding: "utf8", maxBuffer: 2 ** 28 }); // prettier-ignore
rmSync(folder, { recursive: true });
const encoded = [...listing.matchAll(/^ +[0-9a-f]+:\t((?:[0-9a-f]{2} )+)/gm)].map(([, hex]) =>
  hex!.replaceAll(" ", ""),
);
if (encoded.length !== cases.length) throw new Error(`${cases.length} instructions became ${encoded.length}`);
const lines = cases.map(({ ours }, i) => `${ours}\t${encoded[i]}`);
writeFileSync(join(import.meta.dirname, "encodings.txt"), `${lines.join("\n")}\n`);
