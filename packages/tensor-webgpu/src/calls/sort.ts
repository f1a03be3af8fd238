// A radix sort, stable and deterministic: it sorts places by one or more keys, digit by digit. Every chunk counts its
// digits; then each place goes after those with smaller digits, those of earlier chunks and those of earlier
// invocations. There are no atomics: nothing depends on which invocation runs first.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import type { DeviceTraits } from "../forms/device-traits.ts";
import { stageOf, type Stage, type StageOperand, type Words } from "../forms/stage.ts";

export interface Key {
  /** Distinguishes texts. */
  readonly name: string;
  /** How many bits it has. */
  readonly bits: number;
  /** Statements that name `key` (u32) of place `place` (u32); operand 0 is what is sorted. */
  readonly text: (w: Words) => string;
  /** The numbers that the statements use. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Whether they check indices. */
  readonly checksIndices?: boolean;
}

/** The most chunks that are sorted separately: every workgroup reads the counts of all of them. */
const CHUNKS = 128;
/** The most bits of a digit. */
const DIGIT = 8;

/**
 * Where in the workspace, in words, the sorted keys (of the last key) and places lie, and how many words are in use.
 */
export interface Sorted {
  readonly stages: readonly Stage[];
  readonly keys: number;
  readonly places: number;
  readonly words: number;
}

interface Pass {
  readonly key: Key;
  /** Bits below the digit. */
  readonly shift: number;
  /** Values of the digit, at most as many as invocations. */
  readonly digits: number;
  readonly turn: number;
}

/** Sorts places 0 … length-1 of an operand by keys, the least important first. */
export function sorted(
  launch: CallLaunch,
  machine: DeviceTraits,
  operand: CallOperand,
  length: number,
  keys: readonly Key[],
): Sorted {
  const { threads } = machine;
  const most = Math.min(DIGIT, Math.floor(Math.log2(threads)));
  const passes: Pass[] = [];
  for (const key of keys) {
    const count = Math.max(1, Math.ceil(key.bits / most));
    const bits = Math.ceil(key.bits / count);
    for (let p = 0; p < count; p++) passes.push({ key, shift: p * bits, digits: 2 ** bits, turn: passes.length });
  }
  const rounds = Math.ceil(length / (threads * CHUNKS));
  const chunks = Math.ceil(length / (threads * rounds));
  const numbers = { length, rounds, chunks, counts: 4 * length };
  // The two halves alternate.
  const keysOf = (turn: number): number => (turn % 2) * length;
  const placesOf = (turn: number): number => (2 + (turn % 2)) * length;
  const stages = passes.flatMap((pass) =>
    (["count", "put"] as const).map((what) => {
      const { turn } = pass;
      const before: Record<string, number> =
        turn === 0 ? {} : { keysIn: keysOf(turn - 1), placesIn: placesOf(turn - 1) };
      const after: Record<string, number> = what === "put" ? { keysOut: keysOf(turn), placesOut: placesOf(turn) } : {};
      return sortStage(launch, machine, operand, pass, what, { ...numbers, ...before, ...after });
    }),
  );
  const last = passes.length - 1;
  return { stages, keys: keysOf(last), places: placesOf(last), words: 4 * length + chunks * 2 ** most };
}

function sortStage(
  launch: CallLaunch,
  machine: DeviceTraits,
  operand: CallOperand,
  { key, shift, digits, turn }: Pass,
  what: "count" | "put",
  numbers: Readonly<Record<string, number>>,
): Stage {
  // A key is computed once, then carried along.
  const { threads } = machine;
  const fresh = shift === 0;
  const operands: StageOperand[] = fresh ? [operand, "i32"] : ["i32"];
  const space = operands.length - 1;
  const count = what === "count";
  return stageOf(machine, {
    name: `sort ${what} ${fresh ? key.name : "again"} ${digits} ${shift} ${turn === 0 ? "first" : ""}`,
    operands,
    numbers: { ...(fresh ? key.numbers : {}), ...numbers },
    groups: numbers["chunks"]!,
    scratch: threads + digits,
    checked: fresh && count && key.checksIndices ? launch.node : undefined,
    text: (w) => {
      const other = (l: string): string => w.at.scratch(l);
      const base = (d: string): string => w.at.scratch(`${threads}u + ${d}`);
      return `
        ${count ? `if (lane < ${digits}u) { ${base("lane")} = 0u; }` : bases(w, space, digits, threads)}
        for (var round = 0u; round < rounds; round++) {
          let j = (group * rounds + round) * ${threads}u + lane;
          var digit = 0xffffffffu;
          var own = 0u;
          var origin = 0u;
          if (j < length) {
            let place = ${turn === 0 ? "j" : `u32(${w.load(space, "placesIn + j")})`};
            ${fresh ? key.text(w) : `let key = bitcast<u32>(${w.load(space, "keysIn + j")});`}
            digit = (key >> ${shift}u) & ${digits - 1}u;
            own = key;
            origin = place;
          }
          workgroupBarrier();
          ${other("lane")} = digit;
          workgroupBarrier();
          var before = 0u;
          var seen = 0u;
          for (var l = 0u; l < ${threads}u; l++) {
            let o = ${other("l")};
            ${count ? "" : "if (o == digit && l < lane) { before += 1u; }"}
            if (o == lane) { seen += 1u; }
          }
          ${count ? "" : put(w, space, base("digit"))}
          if (lane < ${digits}u) { ${base("lane")} += seen; }
        }
        ${
          count
            ? `if (lane < ${digits}u) {
          let seen = i32(${base("lane")});
          ${w.put(space, `counts + group * ${digits}u + lane`, "seen")}
        }`
            : ""
        }`;
    },
  });
}

const put = (w: Words, space: number, base: string): string => `
  if (j < length) {
    let to = ${base} + before;
    let key = bitcast<i32>(own);
    let place = i32(origin);
    ${w.put(space, "keysOut + to", "key")}
    ${w.put(space, "placesOut + to", "place")}
  }
  workgroupBarrier();`;

/** Where each digit of this chunk begins: after all smaller digits, and after the same digit in earlier chunks. */
function bases(w: Words, space: number, digits: number, threads: number): string {
  const base = (d: string): string => w.at.scratch(`${threads}u + ${d}`);
  return `
    var earlier = 0u;
    var total = 0u;
    if (lane < ${digits}u) {
      for (var c = 0u; c < chunks; c++) {
        let seen = u32(${w.load(space, `counts + c * ${digits}u + lane`)});
        total += seen;
        if (c < group) { earlier += seen; }
      }
      ${base("lane")} = total;
    }
    workgroupBarrier();
    for (var h = 1u; h < ${digits}u; h <<= 1u) {
      var more = 0u;
      if (lane < ${digits}u && lane >= h) { more = ${base("lane - h")}; }
      workgroupBarrier();
      if (lane < ${digits}u) { ${base("lane")} += more; }
      workgroupBarrier();
    }
    if (lane < ${digits}u) { ${base("lane")} += earlier - total; }`;
}
