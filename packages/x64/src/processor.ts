// What this processor can do, asked with its own instruction (CPUID), and which registers the system saves (XGETBV).
import { at, r8, rax, rbx, rcx, rdi, rdx } from "./assembler/operands.ts";
import { routine } from "./assembler/routine.ts";
import type { Feature } from "./assembler/row.ts";
import type { CodeMemory } from "./memory/code-memory.ts";
import type { Refusal } from "@weft/kernel/machine";

export interface Processor {
  /** What code may need; what the system does not save is missing, whatever the processor has. */
  readonly features: ReadonlySet<Feature>;
  /** Vectors of 256 bits for floating-point numbers and integers. */
  readonly avx2: boolean;
  readonly fma: boolean;
  /** Vectors of 512 bits with masks: F, DQ, BW and VL, all of them. */
  readonly avx512: boolean;
  /** How the maker calls it. */
  readonly brand: string;
  /** Bytes of the caches for data that a core uses; 0 if the processor does not say. */
  readonly caches: { readonly l1: number; readonly l2: number; readonly l3: number };
}

/** What the processor answers to a number, and a second one: eax, ebx, ecx and edx. */
export type Ask = (leaf: number, part?: number) => readonly [eax: number, ebx: number, ecx: number, edx: number];

/** Where a feature is announced: number, second number, which of the four registers, which bit. */
const announced: { readonly [F in Feature]: readonly [leaf: number, register: 1 | 2, bit: number] } = {
  avx: [1, 2, 28],
  fma: [1, 2, 12],
  f16c: [1, 2, 29],
  popcnt: [1, 2, 23],
  avx2: [7, 1, 5],
  bmi1: [7, 1, 3],
  bmi2: [7, 1, 8],
  avx512f: [7, 1, 16],
  avx512dq: [7, 1, 17],
  avx512bw: [7, 1, 30],
  avx512vl: [7, 1, 31],
  lzcnt: [0x8000_0001, 2, 5],
};

/** Registers that the system must save for a feature: bits of XCR0. Others need none. */
const SSE_AVX = 0b110;
const MASKS_AND_WIDE = 0b1110_0110;
const saved = (feature: Feature): number => {
  if (feature.startsWith("avx512")) return MASKS_AND_WIDE;
  return feature === "popcnt" || feature === "lzcnt" ? 0 : SSE_AVX;
};

const bit = (word: number, n: number): boolean => ((word >>> n) & 1) === 1;

/** What is said in the answers of a processor; `xcr0` is what XGETBV says, and is asked for if there is one. */
export function describeProcessor(ask: Ask, xcr0: () => number): Processor {
  const last = ask(0)[0];
  const lastExtended = ask(0x8000_0000)[0] >>> 0;
  const known = (leaf: number): boolean => (leaf >= 0x8000_0000 ? leaf <= lastExtended : leaf <= last);
  const saves = bit(ask(1)[2], 27) ? xcr0() : 0;
  const has = (feature: Feature): boolean => {
    const [leaf, register, n] = announced[feature];
    const needed = saved(feature);
    return known(leaf) && bit(ask(leaf)[register], n) && (saves & needed) === needed;
  };
  const features = new Set((Object.keys(announced) as Feature[]).filter(has));
  const all = (...names: readonly Feature[]): boolean => names.every((name) => features.has(name));
  return {
    features,
    avx2: all("avx", "avx2"),
    fma: all("avx", "fma"),
    avx512: all("avx512f", "avx512dq", "avx512bw", "avx512vl"),
    brand: known(0x8000_0004) ? brandOf(ask) : "",
    caches: cachesOf(ask, known),
  };
}

/** Forty-eight characters in three answers. */
function brandOf(ask: Ask): string {
  const words = [0x8000_0002, 0x8000_0003, 0x8000_0004].flatMap((leaf) => [...ask(leaf)]);
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  return String.fromCharCode(...bytes)
    .replace(/\0[^]*/, "")
    .trim();
}

/** The list of caches is at 4 with Intel, at another number with AMD, in the same form. */
function cachesOf(ask: Ask, known: (leaf: number) => boolean): Processor["caches"] {
  const sizes = [0, 0, 0, 0];
  for (const leaf of [4, 0x8000_001d]) {
    if (!known(leaf)) continue;
    for (let part = 0; part < 8; part++) {
      const [eax, ebx, ecx] = ask(leaf, part);
      const kind = eax & 31; // 0 ends the list, 2 is for instructions
      if (kind === 0) break;
      const level = (eax >>> 5) & 7;
      const bytes = ((ebx >>> 22) + 1) * (((ebx >>> 12) & 0x3ff) + 1) * ((ebx & 0xfff) + 1) * ((ecx >>> 0) + 1);
      if (kind !== 2 && level < sizes.length) sizes[level] = Math.max(sizes[level]!, bytes);
    }
    if (sizes[1]! > 0) break;
  }
  // Some virtual machines leave these lists empty, and answer to AMD's older numbers, which count in KiB and 512 KiB.
  if (sizes[1] === 0 && known(0x8000_0006)) {
    sizes[1] = (ask(0x8000_0005)[2] >>> 24) * 1024;
    const [, , l2, l3] = ask(0x8000_0006);
    sizes[2] = (l2 >>> 16) * 1024;
    sizes[3] = (l3 >>> 18) * 512 * 1024;
  }
  return { l1: sizes[1]!, l2: sizes[2]!, l3: sizes[3]! };
}

/** Asks the processor that runs this. */
export function readProcessor(memory: CodeMemory): Processor | Refusal {
  const words = new Uint32Array(4);
  const asking = memory.add(
    routine((code) => {
      code.emit("mov", r8, rdi);
      code.emit("mov", rax.low, at(r8));
      code.emit("mov", rcx.low, at(r8, 4));
      code.emit("cpuid");
      [rax, rbx, rcx, rdx].forEach((register, i) => code.emit("mov", at(r8, 4 * i), register.low));
    }),
  );
  if ("reason" in asking) return asking;
  const saving = memory.add(
    routine((code) => {
      code.emit("xor", rcx.low, rcx.low);
      code.emit("xgetbv");
      code.emit("mov", at(rdi), rax.low);
    }),
  );
  if ("reason" in saving) return saving;
  const refused = memory.seal();
  if (refused !== undefined) return refused;
  const pointer = memory.addressOf(words);
  const processor = describeProcessor(
    (leaf, part = 0) => {
      words[0] = leaf;
      words[1] = part;
      asking.run(pointer);
      return [words[0], words[1], words[2]!, words[3]!];
    },
    () => {
      saving.run(pointer);
      return words[0]!;
    },
  );
  asking.release();
  saving.release();
  return processor;
}
