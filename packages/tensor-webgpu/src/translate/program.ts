// A shader: one or more bodies side by side, told apart by workgroup id, on slabs of memory that are each bound once.
// Operands are (slab, address): which operand lies in which slab is part of the program, addresses are arguments.
import type { DType } from "@weft/tensor";
import { farPrelude } from "./far.ts";
import { bfloatPrelude, halfPrelude } from "./narrow-floats.ts";
import type { KernelLaunch } from "@weft/kernel";
import { prelude, type Register } from "./scalar.ts";
import { bitsOf, elementIn, isNarrow, wordOf } from "./storage.ts";

/** What a body reads or writes in memory. */
interface BodyOperand {
  readonly dtype: DType;
  readonly write: boolean;
  /** Whether four elements of four bytes are read or written at once (`load4`, `store4`, `loadWords`, `storeWords`). */
  readonly wide?: boolean;
  /** For one-byte elements: whether four are written at once, as whole words. */
  readonly whole?: boolean;
}

/** One kernel's part of a shader. */
export interface Body {
  /** Equal keys (and equal threads) have equal text. */
  readonly key: string;
  /** Operands with memory, in the order of the launch's places. */
  readonly operands: readonly BodyOperand[];
  /** Argument words. */
  readonly words: number;
  /** Words of workgroup memory. */
  readonly scratch: number;
  /** Further vectors (vec4f) of workgroup memory. */
  readonly vectors?: number;
  /** Whether it uses operations of subgroups. */
  readonly subgroups?: boolean;
  /** Functions that the text calls; their names begin with `at.name`. */
  readonly functions?: (at: BodyScope) => string;
  /**
   * Statements with `group` (number of the workgroup), `lane` (of the invocation in it) and the names of `at` in scope.
   */
  readonly text: (at: BodyScope) => string;
}

/** What a body's text can use. */
export interface BodyScope {
  /** Invocations in a workgroup. */
  readonly threads: number;
  /** The body's name in its program. */
  readonly name: string;
  /** Argument word `word`, an i32. */
  word(word: number): string;
  /** The element of operand `operand` at byte address `address` (a name, u32), as a value of type `as`. */
  load(operand: number, as: Register, address: string): string;
  /** A statement that writes a value of type `from` (a name). */
  store(operand: number, from: Register, value: string, address: string): string;
  /** Four f32 at byte address `address` (u32, a multiple of 16), a vec4f; only of operands that are `wide`. */
  load4(operand: number, address: string): string;
  /** A statement that writes a vec4f (a name) there. */
  store4(operand: number, value: string, address: string): string;
  /**
   * One or four words at byte address `address` (a multiple of their size), a u32 or vec4u; four only where operands
   * are `wide`.
   */
  loadWords(operand: number, count: 1 | 4, address: string): string;
  storeWords(operand: number, count: 1 | 4, value: string, address: string): string;
  /** Word `index` of the workgroup's memory, a u32. */
  scratch(index: string): string;
  /** Vector `index` of the workgroup's memory, a vec4f. */
  vector(index: string): string;
  /** A statement that raises the flag whose number is argument word `word`: an index is out of range. */
  outOfRange(word: number): string;
}

/** What a body that follows others can use: after `words` words of arguments and `operands` operands. */
export const following = (at: BodyScope, words: number, operands: number): BodyScope => ({
  ...at,
  word: (w) => at.word(words + w),
  load: (k, as, address) => at.load(operands + k, as, address),
  store: (k, from, value, address) => at.store(operands + k, from, value, address),
  load4: (k, address) => at.load4(operands + k, address),
  store4: (k, value, address) => at.store4(operands + k, value, address),
  loadWords: (k, count, address) => at.loadWords(operands + k, count, address),
  storeWords: (k, count, value, address) => at.storeWords(operands + k, count, value, address),
  outOfRange: (w) => at.outOfRange(words + w),
});

/** What is done to each element of a result in the dispatch that computes it. */
export interface Epilogue {
  /** Equal keys, equal texts. */
  readonly key: string;
  /** Its operands with memory, which follow those of the call. */
  readonly operands: readonly BodyOperand[];
  /** Its arguments follow those of the call. */
  readonly launch: KernelLaunch;
  /** How many coordinates its functions take. */
  readonly coordinates: number;
  /** Whether four neighbors along the last axis may be written at once. */
  readonly four: boolean;
  /**
   * WGSL functions, among them `NAME_after(place, coordinates…, value)`, which takes element `place` of the result, and
   * `NAME_after4` for four neighbors. The arguments begin at word `first`, its operands follow the first `operands` of
   * the body; the result is operand `result`, whose address is in word `word`.
   */
  readonly functions: (at: BodyScope, first: number, operands: number, result: number, word: number) => string;
}

/** The binding of the first slab, after the arguments and the flags of indices out of range. */
export const FIRST_SLAB = 2;

/** A body in a program: where its arguments begin, and the binding of each operand. */
export interface Member {
  readonly body: Body;
  readonly bindings: readonly number[];
}

/** A member's arguments begin at a multiple of this many words, where WebGPU lets a uniform binding begin. */
const ALIGN = 64;
export const paddedWords = (words: number): number => Math.ceil(words / ALIGN) * ALIGN;
/** Where members' arguments begin: after a header with the number of each member's first workgroup. */
export const headerWords = (members: number): number => (members === 1 ? 0 : paddedWords(members));

/**
 * One-byte elements (`bool`, `u8`) lie four to a word, two-byte elements (`f16`, `bf16`) in pairs, as on the host.
 * Different invocations write neighbors, so a slab to which a program writes such elements is bound as atomic words:
 * clearing and setting the bits of one's own element is right in any order.
 */
const narrowlyWritten = (members: readonly Member[]): Set<number> =>
  new Set(
    members.flatMap(({ body, bindings }) =>
      body.operands.flatMap((o, k) => (o.write && isNarrow(o.dtype) && o.whole !== true ? [bindings[k]!] : [])),
    ),
  );

/**
 * A slab of which some member reads or writes four elements at once is bound as vectors, where `vectors` says that
 * writing one component of a vector leaves the others alone (Vulkan and Direct3D do; Metal may write all four).
 */
function slabsOfVectors(members: readonly Member[], atomic: ReadonlySet<number>, vectors: boolean): Set<number> {
  const found = new Set<number>();
  if (vectors)
    for (const { body, bindings } of members)
      body.operands.forEach((o, k) => {
        if (o.wide === true && !atomic.has(bindings[k]!)) found.add(bindings[k]!);
      });
  return found;
}

interface Layout {
  readonly atomic: ReadonlySet<number>;
  readonly wide: ReadonlySet<number>;
  readonly threads: number;
}

function bodyScope(m: Member, name: string, base: number, { atomic, wide, threads }: Layout): BodyScope {
  const binding = (operand: number): number => m.bindings[operand]!;
  const slab = (operand: number, address: string): string => {
    const b = binding(operand);
    return wide.has(b) ? `slab${b}[${address} >> 4u][(${address} >> 2u) & 3u]` : `slab${b}[${address} >> 2u]`;
  };
  const word = (w: number): string => `arguments[${(base + w) >> 2}].${"xyzw"[(base + w) & 3]}`;
  const oneWord = (operand: number, address: string): string =>
    atomic.has(binding(operand)) ? `atomicLoad(&${slab(operand, address)})` : slab(operand, address);
  const setWord = (operand: number, value: string, address: string): string => {
    const at = slab(operand, address);
    return atomic.has(binding(operand)) ? `atomicStore(&${at}, ${value});` : `${at} = ${value};`;
  };
  const load: BodyScope["load"] = (operand, as, address) => {
    const { dtype } = m.body.operands[operand]!;
    return elementIn(dtype, as, oneWord(operand, address), address);
  };
  const store: BodyScope["store"] = (operand, from, value, address) => {
    const { dtype } = m.body.operands[operand]!;
    const x = wordOf(dtype, from, value);
    if (isNarrow(dtype)) {
      const at = slab(operand, address);
      const shift = `((${address} & 3u) * 8u)`;
      return `atomicAnd(&${at}, ~(${bitsOf(dtype)} << ${shift})); atomicOr(&${at}, ${x} << ${shift});`;
    }
    return setWord(operand, x, address);
  };
  const four = [0, 1, 2, 3].map((i) => [(address: string) => `(${address} + ${4 * i}u)`, "xyzw"[i]] as const);
  const loadWords: BodyScope["loadWords"] = (operand, count, address) => {
    if (count === 1) return oneWord(operand, address);
    if (wide.has(binding(operand))) return `slab${binding(operand)}[${address} >> 4u]`;
    return `vec4u(${four.map(([at]) => oneWord(operand, at(address))).join(", ")})`;
  };
  const storeWords: BodyScope["storeWords"] = (operand, count, value, address) => {
    if (count === 1) return setWord(operand, value, address);
    if (wide.has(binding(operand))) return `slab${binding(operand)}[${address} >> 4u] = ${value};`;
    return four.map(([at, x]) => setWord(operand, `${value}.${x}`, at(address))).join(" ");
  };
  return {
    threads,
    name,
    word,
    load,
    store,
    load4: (operand, address) => `bitcast<vec4f>(${loadWords(operand, 4, address)})`,
    store4: (operand, value, address) => storeWords(operand, 4, `bitcast<vec4u>(${value})`, address),
    loadWords,
    storeWords,
    scratch: (index) => `scratch[${index}]`,
    vector: (index) => `vectors[${index}]`,
    outOfRange: (w) => `atomicStore(&outOfRange[${word(w)}], 1u);`,
  };
}

/** Texts that are written into programs which call them. */
const preludes = [
  [/w_(rem|rest|turns)\(/, farPrelude],
  [/_half\(/, halfPrelude],
  [/_bfloat\(/, bfloatPrelude],
] as const;

/**
 * The WGSL of a program, its entry point `main`. Group 0 binds arguments, the flags of indices out of range, and the
 * slabs.
 */
export function program(members: readonly Member[], threads: number, vectors = false): string {
  const slabs = new Set(members.flatMap((m) => m.bindings));
  const atomic = narrowlyWritten(members);
  const wide = slabsOfVectors(members, atomic, vectors);
  const scratch = Math.max(...members.map((m) => m.body.scratch));
  const tiles = Math.max(...members.map((m) => m.body.vectors ?? 0));
  let base = headerWords(members.length);
  const functions = members.map((m, i) => {
    const at = bodyScope(m, `member${i}`, base, { atomic, wide, threads });
    base += paddedWords(m.body.words);
    return `${m.body.functions?.(at) ?? ""}\nfn member${i}(group: u32, lane: u32) {\n${m.body.text(at)}\n}`;
  });
  const firsts = members.map((_, i) =>
    members.length === 1 ? "0u" : `bitcast<u32>(arguments[${i >> 2}].${"xyzw"[i & 3]})`,
  );
  const calls = members.map((_, i) =>
    i === members.length - 1
      ? `{ member${i}(group - ${firsts[i]}, lane); }`
      : `if (group < ${firsts[i + 1]}) { member${i}(group - ${firsts[i]}, lane); } else`,
  );
  const flags = functions.some((f) => f.includes("outOfRange["));
  const called = preludes.flatMap(([name, text]) => (functions.some((f) => name.test(f)) ? [text.trim()] : []));
  return [
    ...(members.some((m) => m.body.subgroups) ? ["enable subgroups;"] : []),
    ...[...slabs].map(
      (s) =>
        `@group(0) @binding(${FIRST_SLAB + s}) var<storage, read_write> slab${s}: ` +
        `array<${atomic.has(s) ? "atomic<u32>" : wide.has(s) ? "vec4u" : "u32"}>;`,
    ),
    `@group(0) @binding(0) var<uniform> arguments: array<vec4i, ${Math.max(base / 4, 1)}>;`,
    ...(flags ? ["@group(0) @binding(1) var<storage, read_write> outOfRange: array<atomic<u32>>;"] : []),
    ...(scratch > 0 ? [`var<workgroup> scratch: array<u32, ${scratch}>;`] : []),
    ...(tiles > 0 ? [`var<workgroup> vectors: array<vec4f, ${tiles}>;`] : []),
    prelude.trim(),
    ...called,
    ...functions,
    `@compute @workgroup_size(${threads})`,
    "fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u,",
    "@builtin(local_invocation_index) lane: u32) {",
    "  let group = id.x + id.y * count.x;",
    `  ${calls.join("\n  ")}`,
    "}",
  ].join("\n");
}
