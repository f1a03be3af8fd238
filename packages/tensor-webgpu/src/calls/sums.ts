// Sums at indices, in time linear in their number. Places are sorted by index (stably, so that every sum has a fixed
// order), long runs of one index are summed in pieces, and each row adds up its pieces and the rest.
import { sizeOf } from "@weft/tensor/internals";
import type { CallLaunch } from "@weft/kernel";
import type { DeviceTraits } from "../forms/device-traits.ts";
import { inputsOf } from "../forms/operands.ts";
import { stageOf, type Stage, type Staged, type Words } from "../forms/stage.ts";
import { longSum } from "./long-sum.ts";
import { sorted } from "./sort.ts";

/** y[o, a, k] = x[o, a, k] + the sum of updates[o, j, k] over all j with key(j) = a. */
export interface Sums {
  /** Distinguishes texts of `key`. */
  readonly name: string;
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
  /** How many indices there are. */
  readonly length: number;
  /**
   * Statements that name `key`, the row (u32) of index `place`; if it is out of range, `rows`, and `outOfRange`
   * follows. `load(0, …)` reads indices.
   */
  readonly key: (w: Words) => string;
  /** The numbers that the statements use. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** Terms per piece: few for short lists, but enough that there are no more pieces than terms in one. */
const pieceOf = (length: number): number =>
  Math.min(512, Math.max(32, 2 ** Math.round(Math.log2(Math.sqrt(length) / 4))));

/** The stages. Inputs are x, the indices and the updates. */
export function summed(launch: CallLaunch, machine: DeviceTraits, sums: Sums): Staged {
  const { name, rows, length, outer, inner, key: text, numbers } = sums;
  const bits = Math.ceil(Math.log2(rows + 1));
  const key = { name, bits, text, numbers: { rows, ...numbers }, checksIndices: true };
  const { stages, keys, places, words } = sorted(launch, machine, launch.inputs[1]!, length, [key]);
  const piece = pieceOf(length);
  const count = Math.floor(length / piece);
  const starts = words;
  const pieces = starts + rows + 1;
  const all: Pieces = { piece, count, keys, places, starts, pieces };
  return {
    stages: [...stages, pieceStage(launch, machine, sums, all), rowStage(launch, machine, sums, all)],
    workspace: 4 * (pieces + count * outer * inner),
  };
}

/** Terms per piece, how many pieces there are, and where in the workspace things lie. */
interface Pieces {
  readonly piece: number;
  readonly count: number;
  readonly keys: number;
  readonly places: number;
  readonly starts: number;
  readonly pieces: number;
}

/**
 * Statements that add to `sum` the updates at sorted places p … end-1; updates are operand 0, the workspace operand 1.
 */
const addAll = (w: Words, end: string): string => `
  for (; p + 4u <= ${end}; p += 4u) {
    ${[0, 1, 2, 3]
      .map(
        (n) => `let j${n} = u32(${w.load(1, `places + p + ${n}u`)});
      let u${n} = ${w.load(0, `(o * length + j${n}) * inner + k`)};`,
      )
      .join("\n")}
    sum += ((u0 + u1) + (u2 + u3));
  }
  for (; p < ${end}; p++) {
    let j = u32(${w.load(1, "places + p")});
    sum += ${w.load(0, "(o * length + j) * inner + k")};
  }`;

const typeOf = (launch: CallLaunch): "i32" | "f32" => (launch.outs[0].dtype === "i32" ? "i32" : "f32");

/** Where each row's indices begin among the sorted ones; besides, the sums of all pieces that lie in one row. */
function pieceStage(launch: CallLaunch, machine: DeviceTraits, sums: Sums, p: Pieces): Stage {
  const { rows, length, outer, inner } = sums;
  const { threads } = machine;
  const searches = Math.ceil((rows + 1) / threads);
  const type = typeOf(launch);
  return stageOf(machine, {
    name: `pieces ${p.piece}`,
    operands: [launch.inputs[2]!, "i32", type],
    writes: [1, 2],
    numbers: {
      rows,
      length,
      outer,
      inner,
      searches,
      starts: p.starts,
      pieces: p.pieces,
      keys: p.keys,
      places: p.places,
      count: p.count * outer * inner,
    },
    groups: searches + Math.ceil((p.count * outer * inner) / threads),
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

/** Each element of the result adds the updates before its first whole piece, the pieces, and the remainder. */
function rowStage(
  launch: CallLaunch,
  machine: DeviceTraits,
  { rows, length, outer, inner }: Sums,
  { piece, places, starts, pieces }: Pieces,
): Stage {
  const [x, , updates] = inputsOf(launch, 3);
  const type = typeOf(launch);
  return stageOf(machine, {
    name: `rows ${piece}`,
    operands: [updates, "i32", type, x, launch.outs[0]],
    numbers: { rows, length, outer, inner, starts, pieces, places },
    count: sizeOf(launch.outs[0].shape),
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
        ${longSum(
          "more",
          type,
          (add) => `for (; p + ${piece}u <= end; p += ${piece}u) {
          ${add(w.load(2, `pieces + (p / ${piece}u * outer + o) * inner + k`))} }`,
        )}
        sum += more;
        ${addAll(w, "end")}
        y += sum;
      }
      ${w.store("i", "y")}`,
  });
}
