// Sums at indices in time that grows with their number alone. Indices are sorted with their places (a radix sort, stable, so
// that every sum has one order), long runs of one index are summed in pieces, and each row adds what belongs to it.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import type { Machine, Stage, Staged } from "../forms/stage.ts";
import { sizeOf, stage, type StageOperand, type Words } from "./call.ts";

/** y[o, a, k] = x[o, a, k] + the sum of updates[o, j, k] over all j with key(j) = a. */
export interface Sums {
  /** Distinguishes texts of `key`. */
  readonly name: string;
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
  /** How many indices there are. */
  readonly length: number;
  /** Statements that name `key`, the row (u32) of index `j`; `rows` and a mark if it is out of range. `load(0, …)` reads indices. */
  readonly key: (w: Words) => string;
  /** What they use. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** Chunks that the sort cuts indices into: every workgroup reads what all of them counted. */
const CHUNKS = 128;

/** Terms of a piece: short where lists are, long enough that there are not more pieces than terms in one. */
const pieceOf = (length: number): number =>
  Math.min(512, Math.max(32, 2 ** Math.round(Math.log2(Math.sqrt(length) / 4))));

/** Words of the workspace: keys and places, which take turns, and what else is handed on. */
interface Layout {
  readonly counts: number;
  readonly starts: number;
  readonly pieces: number;
  readonly words: number;
  readonly keys: (turn: number) => number;
  readonly places: (turn: number) => number;
}

/** The stages. Inputs are x, the indices and the updates. */
export function summed(launch: CallLaunch, machine: Machine, sums: Sums): Staged {
  const { rows, length, outer, inner } = sums;
  const { threads } = machine;
  const digit = Math.min(8, Math.floor(Math.log2(threads)));
  const bits = Math.ceil(Math.log2(rows + 1));
  const passes = Math.max(1, Math.ceil(bits / digit));
  const digits = 2 ** Math.ceil(bits / passes);
  const rounds = Math.ceil(length / (threads * CHUNKS));
  const chunks = Math.ceil(length / (threads * rounds));
  const piece = pieceOf(length);
  const pieces = Math.floor(length / piece);
  const counts = 4 * length;
  const starts = counts + chunks * digits;
  const first = starts + rows + 1;
  const at: Layout = {
    counts,
    starts,
    pieces: first,
    words: first + pieces * outer * inner,
    keys: (turn) => (turn % 2) * length,
    places: (turn) => (2 + (turn % 2)) * length,
  };
  const sort = Array.from({ length: passes }, (_, pass) =>
    (["count", "place"] as const).map((what) =>
      sortStage(launch, machine, sums, { what, pass, digits, rounds, chunks, at }),
    ),
  );
  const keys = at.keys(passes - 1);
  const places = at.places(passes - 1);
  return {
    stages: [
      ...sort.flat(),
      pieceStage(launch, machine, sums, { piece, pieces, keys, places, at }),
      rowStage(launch, machine, sums, { piece, places, at }),
    ],
    workspace: 4 * at.words,
  };
}

interface Sort {
  readonly what: "count" | "place";
  readonly pass: number;
  /** Values of a digit, at most as many as invocations. */
  readonly digits: number;
  /** Indices of an invocation. */
  readonly rounds: number;
  readonly chunks: number;
  readonly at: Layout;
}

/**
 * One pass sorts by one digit: every chunk counts its digits; then each index goes behind those with smaller digits, those of
 * earlier chunks and those of earlier invocations. No atomics: nothing depends on who comes first.
 */
function sortStage(launch: CallLaunch, machine: Machine, sums: Sums, sort: Sort): Stage {
  const { what, pass, digits, rounds, chunks, at } = sort;
  const [, indices] = launch.inputs as [CallOperand, CallOperand];
  const first = pass === 0;
  const shift = pass * Math.log2(digits);
  const numbers = {
    rows: sums.rows,
    length: sums.length,
    rounds,
    chunks,
    counts: at.counts,
    ...(first ? sums.numbers : { keysIn: at.keys(pass - 1), placesIn: at.places(pass - 1) }),
    ...(what === "place" ? { keysOut: at.keys(pass), placesOut: at.places(pass) } : {}),
  };
  const operands: StageOperand[] = first ? [indices, "i32"] : ["i32"];
  const space = operands.length - 1;
  return stage(launch, machine, {
    name: `sort ${what} ${first ? sums.name : "again"} ${digits} ${shift}`,
    operands,
    writes: [space],
    numbers,
    groups: chunks,
    scratch: machine.threads + digits,
    marks: first && what === "count",
    text: (w) => {
      const T = machine.threads;
      const [other, base] = [(l: string) => w.at.scratch(l), (d: string) => w.at.scratch(`${T}u + ${d}`)];
      const read = first
        ? `${sums.key(w)} let source = i32(j);`
        : `let key = u32(${w.load(space, "keysIn + j")}); let source = ${w.load(space, "placesIn + j")};`;
      const put = `let to = ${base("digit")} + rank; let word = i32(key);
        ${w.put(space, "keysOut + to", "word")} ${w.put(space, "placesOut + to", "source")}`;
      return `
        ${what === "count" ? `if (lane < ${digits}u) { ${base("lane")} = 0u; }` : bases(w, space, digits, T)}
        for (var round = 0u; round < rounds; round++) {
          let j = (group * rounds + round) * ${T}u + lane;
          var digit = 0xffffffffu;
          ${what === "place" ? "var own = 0u; var origin = 0i;" : ""}
          if (j < length) {
            ${read}
            digit = (key >> ${shift}u) & ${digits - 1}u;
            ${what === "place" ? "own = key; origin = source;" : ""}
          }
          workgroupBarrier();
          ${other("lane")} = digit;
          workgroupBarrier();
          var rank = 0u;
          var seen = 0u;
          for (var l = 0u; l < ${T}u; l++) {
            let o = ${other("l")};
            if (o == digit && l < lane) { rank += 1u; }
            if (o == lane) { seen += 1u; }
          }
          ${what === "place" ? `if (j < length) { let key = own; let source = origin; ${put} } workgroupBarrier();` : ""}
          if (lane < ${digits}u) { ${base("lane")} += seen; }
        }
        ${what === "count" ? `if (lane < ${digits}u) { let seen = i32(${base("lane")}); ${w.put(space, `counts + group * ${digits}u + lane`, "seen")} }` : ""}`;
    },
  });
}

/** Where each digit of this chunk begins among all: behind all smaller digits, and the same ones of earlier chunks. */
function bases(w: Words, space: number, digits: number, threads: number): string {
  const base = (d: string): string => w.at.scratch(`${threads}u + ${d}`);
  return `
    var before = 0u;
    var total = 0u;
    if (lane < ${digits}u) {
      for (var c = 0u; c < chunks; c++) {
        let seen = u32(${w.load(space, `counts + c * ${digits}u + lane`)});
        total += seen;
        if (c < group) { before += seen; }
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
    if (lane < ${digits}u) { ${base("lane")} += before - total; }`;
}

interface Pieces {
  readonly piece: number;
  readonly pieces: number;
  readonly keys: number;
  readonly places: number;
  readonly at: Layout;
}

/** Statements that add to `sum` the updates at sorted places p … end-1; updates are operand 0, the workspace operand 1. */
const addAll = (w: Words, end: string): string => `
  for (; p + 4u <= ${end}; p += 4u) {
    ${[0, 1, 2, 3].map((n) => `let j${n} = u32(${w.load(1, `places + p + ${n}u`)}); let u${n} = ${w.load(0, `(o * length + j${n}) * inner + k`)};`).join("\n")}
    sum += ((u0 + u1) + (u2 + u3));
  }
  for (; p < ${end}; p++) { let j = u32(${w.load(1, "places + p")}); sum += ${w.load(0, "(o * length + j) * inner + k")}; }`;

const typeOf = (launch: CallLaunch): "i32" | "f32" => (launch.out.dtype === "i32" ? "i32" : "f32");

/** Where each row's indices begin among the sorted ones; beside that, the sums of all pieces that lie in one row. */
function pieceStage(launch: CallLaunch, machine: Machine, sums: Sums, p: Pieces): Stage {
  const { rows, length, outer, inner } = sums;
  const { threads } = machine;
  const searches = Math.ceil((rows + 1) / threads);
  const type = typeOf(launch);
  return stage(launch, machine, {
    name: `pieces ${p.piece}`,
    operands: [launch.inputs[2]!, "i32", type],
    writes: [1, 2],
    numbers: {
      rows,
      length,
      outer,
      inner,
      searches,
      starts: p.at.starts,
      pieces: p.at.pieces,
      keys: p.keys,
      places: p.places,
      count: p.pieces * outer * inner,
    },
    groups: searches + Math.ceil((p.pieces * outer * inner) / threads),
    text: (w) => `
      if (group < searches) {
        let row = group * ${threads}u + lane;
        if (row > rows) { return; }
        var low = 0u;
        var high = length;
        while (low < high) {
          let middle = (low + high) / 2u;
          if (u32(${w.load(1, "keys + middle")}) < row) { low = middle + 1u; } else { high = middle; }
        }
        let start = i32(low);
        ${w.put(1, "starts + row", "start")}
        return;
      }
      let e = (group - searches) * ${threads}u + lane;
      if (e >= count) { return; }
      let k = e % inner;
      let o = e / inner % outer;
      var p = e / (inner * outer) * ${p.piece}u;
      let end = p + ${p.piece}u;
      let key = u32(${w.load(1, "keys + p")});
      if (key == rows || key != u32(${w.load(1, "keys + end - 1u")})) { return; }
      var sum = ${type}(0);
      ${addAll(w, "end")}
      ${w.put(2, "pieces + e", "sum")}`,
  });
}

/** Each element of the result adds the updates before its first whole piece, the pieces, and the rest. */
function rowStage(
  launch: CallLaunch,
  machine: Machine,
  { rows, length, outer, inner }: Sums,
  { piece, places, at }: Pick<Pieces, "piece" | "places" | "at">,
): Stage {
  const [x, , updates] = launch.inputs as [CallOperand, CallOperand, CallOperand];
  const type = typeOf(launch);
  return stage(launch, machine, {
    name: `rows ${piece}`,
    operands: [updates, "i32", type, x, launch.out],
    writes: [4],
    result: 4,
    numbers: { rows, length, outer, inner, starts: at.starts, pieces: at.pieces, places },
    count: sizeOf(launch.out.shape),
    text: (w) => `
      let k = i % inner;
      let o = i / (inner * rows);
      let row = i / inner % rows;
      var p = u32(${w.load(1, "starts + row")});
      let end = u32(${w.load(1, "starts + row + 1u")});
      var y = ${w.load(3, "i")};
      if (p < end) {
        var sum = ${type}(0);
        let whole = min((p + ${piece - 1}u) / ${piece}u * ${piece}u, end);
        ${addAll(w, "whole")}
        for (; p + ${piece}u <= end; p += ${piece}u) { sum += ${w.load(2, `pieces + (p / ${piece}u * outer + o) * inner + k`)}; }
        ${addAll(w, "end")}
        y += sum;
      }
      ${w.store("i", "y")}`,
  });
}
