// The steps of recurrent layers, forward and backward, one dispatch each. A workgroup owns a piece of the state, some
// rows of the batch by some units. Invocations that share a part of it each take every n-th group of four along k
// straight from memory (as in `slice.ts`); their sums meet once in the workgroup's memory; then each invocation
// computes the cell of one element. The caller defines the cell (`lstm.ts`, `gru.ts`).
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { functionOf } from "../translate/function.ts";
import { writtenFor, type DeviceTraits } from "./device-traits.ts";
import { walked, scheduleName, scheduleOf, type DotSchedule } from "./slice.ts";
import { operandsOf, stageOf, type Stage, type Staged, type Words } from "./stage.ts";

/** A piece of `rows` by `units`, of which an invocation sums `each` rows. */
interface Piece {
  readonly rows: number;
  readonly units: number;
  readonly each: number;
}

export interface SequenceSizes {
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
}

/** From an operand with an element or more for each state of all steps, and the recurrent weights. */
export const sizesOf = ({ shape }: CallOperand, whh: CallOperand): SequenceSizes => ({
  steps: shape[0]!,
  batch: shape[1]!,
  units: whh.shape[1]!,
});

/**
 * The best for an LSTM at 128 rows by 256 units on one graphics processor. Sums of `each` rows need 16·each bytes of
 * the workgroup's memory per invocation.
 */
function forwardPiece({ threads, shared }: DeviceTraits): Piece {
  if (threads < 256) return { rows: 8, units: 8, each: 8 };
  return { rows: 16, units: 16, each: threads * 8 * 16 <= shared ? 8 : 4 };
}
const backwardPiece = ({ threads }: DeviceTraits): Piece => ({ rows: 8, units: threads < 256 ? 8 : 16, each: 4 });

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const components = "xyzw";

/** The part of an operand from element `from` on. */
export const fromElement = (operand: CallOperand, from: number): CallOperand => ({
  ...operand,
  bytes: operand.bytes + 4 * from,
});

/** One stage per step, which is told the steps that are run just before and just after it, if there are such. */
export function stagePerStep(
  steps: number,
  reverse: boolean,
  stage: (t: number, before: number | undefined, after: number | undefined) => Stage,
): Staged {
  const order = range(steps);
  if (reverse) order.reverse();
  return { stages: order.map((t, i) => stage(t, order[i - 1], order[i + 1])), workspace: 0 };
}

const lieWide = (operands: readonly CallOperand[]): boolean => operands.every((o) => o.bytes % 16 === 0);

/** The sum of `part` over the sharers. */
const gathered = ({ share, written }: DotSchedule, part: (z: string) => string): string =>
  written
    ? range(share)
        .map((z) => `sum += ${part(`${z}u`)};`)
        .join(" ")
    : `for (var z = 0u; z < ${share}u; z++) { sum += ${part("z")}; }`;

/** The functions that cells call, `NAME_sigmoid` and `NAME_tanh`. */
const functions = (name: string): string =>
  `${functionOf(`${name}_sigmoid`, "sigmoid")}\n${functionOf(`${name}_tanh`, "tanh")}`;

/** Statements that write values into operand k, `apart` elements from one another. */
export const putEach = (w: Words, k: number, place: string, apart: string, values: readonly string[]): string =>
  values.map((value, j) => w.put(k, `${place} + ${j}u * ${apart}`, value)).join("\n");

/** A forward step of one element of the state. */
export interface ForwardCell {
  readonly name: string;
  /** How many sums a unit has: parts of `given` and of the rows of whh. */
  readonly parts: 3 | 4;
  /**
   * Statements before the product, which declare `var sum`, a vec4f that starts the unit's sums. In scope: `first`, the
   * place of its first part in operand 0, `given`; `place`, its place in a state, and `n`, its unit. Operand 1 is h,
   * operand 3 is `other`.
   */
  readonly before: (w: Words) => string;
  /**
   * Statements after the product, with `sum` complete, that write into the results, which are the operands from 4 on:
   * planes of `plane` elements, from
   * `stateAt` on.
   */
  readonly after: (w: Words) => string;
}

/** What a forward step reads: h is the state before it, `other` another operand of the cell. */
type ForwardOperands = Readonly<Record<"given" | "h" | "whh" | "other", CallOperand>>;

/** Step t forward, into the results of the call. */
export function forwardStep(
  cell: ForwardCell,
  { given, h, whh, other }: ForwardOperands,
  outs: CallLaunch["outs"],
  t: number,
  { steps, batch, units }: SequenceSizes,
  machine: DeviceTraits,
): Stage {
  const { threads } = machine;
  const piece = forwardPiece(machine);
  const tiles = (piece.rows / piece.each) * piece.units;
  const quads = Math.ceil(units / 4);
  const walk = scheduleOf(quads, threads / tiles, writtenFor(machine));
  const four = units % 4 === 0 && lieWide([h, whh]);
  const state = batch * units;
  const [across, down] = [Math.ceil(units / piece.units), Math.ceil(batch / piece.rows)];
  return stageOf(machine, {
    name: `${cell.name} ${piece.rows}x${piece.units} ${piece.each} ${scheduleName(walk)}${four ? " 4" : ""}`,
    ...operandsOf([fromElement(given, t * cell.parts * state), h, whh, other], outs),
    numbers: { across, batch, units, quads, plane: steps * state, stateAt: t * state },
    groups: across * down,
    vectors: threads * piece.each,
    wide: true,
    functions,
    text: (w, aligned) => forwardText(cell, piece, walk, four && aligned, w),
  });
}

function forwardText(
  cell: ForwardCell,
  { rows, units, each }: Piece,
  walk: DotSchedule,
  four: boolean,
  w: Words,
): string {
  const { share } = walk;
  const { parts } = cell;
  const elements = rows * units;
  /** Four neighbors along k of the row that begins at `from`; 0 beyond its end. */
  const along = (k: number, from: string): string =>
    four
      ? w.load4(k, `${from} + q * 4u`)
      : `vec4f(${range(4)
          .map((j) => `select(0f, ${w.load(k, `${from} + min(q * 4u + ${j}u, units - 1u)`)}, q * 4u + ${j}u < units)`)
          .join(", ")})`;
  const column = (component: string): string =>
    `vec${parts}f(${range(parts)
      .map((j) => `b${j}.${component}`)
      .join(", ")})`;
  const round = `
    ${range(each)
      .map((i) => `let a${i} = ${along(1, `row${i}`)};`)
      .join("\n")}
    ${range(parts)
      .map((j) => `let b${j} = ${along(2, `column${j}`)};`)
      .join("\n")}
    ${[...components]
      .flatMap((x) => range(each).map((i) => `c${i} = fma(vec${parts}f(a${i}.${x}), ${column(x)}, c${i});`))
      .join("\n")}`;
  // Neighbors share a part, so that they read neighbors along k. The low bits of a place are XORed with the sharer's
  // number, so that neighbors write to different banks.
  const turned = (z: string, element: string): string => `(${z}) * ${elements}u + ((${element}) ^ (${z}))`;
  return `
    let m0 = group / across * ${rows}u;
    let n0 = group % across * ${units}u;
    let s = lane % ${share}u;
    let tile = lane / ${share}u;
    let part = tile / ${units}u * ${each * units}u + tile % ${units}u;
    ${range(each)
      .map((i) => `let row${i} = min(m0 + tile / ${units}u * ${each}u + ${i}u, batch - 1u) * units;`)
      .join("\n")}
    ${range(parts)
      .map((j) => `let column${j} = (${j}u * units + min(n0 + tile % ${units}u, units - 1u)) * units;`)
      .join("\n")}
    let works = lane < ${elements}u && m0 + lane / ${units}u < batch && n0 + lane % ${units}u < units;
    let m = min(m0 + lane / ${units}u, batch - 1u);
    let n = min(n0 + lane % ${units}u, units - 1u);
    let first = m * units * ${parts}u + n;
    let place = m * units + n;
    ${cell.before(w)}
    ${range(each)
      .map((i) => `var c${i} = vec${parts}f();`)
      .join(" ")}
    ${walked(walk, round)}
    ${range(each)
      .map(
        (i) => `${w.at.vector(turned("s", `part + ${i * units}u`))} = ${parts === 4 ? `c${i}` : `vec4f(c${i}, 0f)`};`,
      )
      .join("\n")}
    workgroupBarrier();
    if (works) {
      ${gathered(walk, (z) => w.at.vector(turned(z, "lane")))}
      ${cell.after(w)}
    }`;
}

/** A backward step of one element of the state. */
export interface BackwardCell {
  readonly name: string;
  /** How many sums a unit has. */
  readonly parts: 3 | 4;
  /** The result with the gradients that go back through whh. */
  readonly back: 0 | 1;
  /**
   * Statements before the product. In scope: `place`, the element's place in a state. The cell's operands begin at 2.
   */
  readonly before: (w: Words) => string;
  /**
   * Statements with `sum`, the gradient of the step's h (from gy and through whh), that write into the results, which
   * are the operands from `out` on: `at` is the place of the first of this element's gradients among those of all steps.
   */
  readonly after: (w: Words, out: number) => string;
}

/** What a backward step reads; `own` are the operands of its cell. */
interface BackwardOperands {
  readonly whh: CallOperand;
  readonly gy: CallOperand;
  readonly own: readonly CallOperand[];
}

/**
 * Step t backward, into the results of the call, where its successor has already written the gradients of its sums.
 * Without a successor, nothing comes back through whh.
 */
export function backwardStep(
  cell: BackwardCell,
  { whh, gy, own }: BackwardOperands,
  outs: CallLaunch["outs"],
  t: number,
  successor: number | undefined,
  { steps, batch, units }: SequenceSizes,
  machine: DeviceTraits,
): Stage {
  const { threads } = machine;
  const { parts } = cell;
  const piece = backwardPiece(machine);
  const tiles = (piece.rows / piece.each) * (piece.units / 4);
  const last = successor === undefined;
  // Groups along k leave no remainder.
  const wide = units % 4 === 0 ? 4 : parts;
  const quads = (parts * units) / wide;
  const walk = scheduleOf(quads, threads / tiles, writtenFor(machine));
  const four = units % 4 === 0 && lieWide([whh, outs[cell.back]!]);
  const state = batch * units;
  const [across, down] = [Math.ceil(units / piece.units), Math.ceil(batch / piece.rows)];
  const way = last ? "last" : `${scheduleName(walk)} by ${wide}${four ? " at once" : ""}`;
  return stageOf(machine, {
    name: `${cell.name} back ${piece.rows}x${piece.units} ${way}`,
    ...operandsOf([whh, gy, ...own], outs),
    numbers: {
      across,
      batch,
      units,
      quads,
      plane: steps * state,
      stateAt: t * state,
      sumsAt: t * parts * state,
      nextAt: (successor ?? 0) * parts * state,
    },
    groups: across * down,
    vectors: last ? 0 : threads * piece.each,
    wide: true,
    functions,
    text: (w, aligned) => backwardText(cell, piece, last ? undefined : walk, wide, four && aligned, 2 + own.length, w),
  });
}

function backwardText(
  cell: BackwardCell,
  { rows, units, each }: Piece,
  walk: DotSchedule | undefined,
  wide: number,
  four: boolean,
  out: number,
  w: Words,
): string {
  const { parts } = cell;
  const fours = units / 4;
  const tiles = (rows / each) * fours;
  const elements = rows * units;
  const columns = (j: number): string =>
    four
      ? w.load4(0, `(q * ${wide}u + ${j}u) * units + column0`)
      : `vec4f(${range(4)
          .map((i) => w.load(0, `(q * ${wide}u + ${j}u) * units + column${i}`))
          .join(", ")})`;
  const along = (i: number): string =>
    four
      ? w.load4(out + cell.back, `row${i} + q * ${wide}u`)
      : `vec${wide}f(${range(wide)
          .map((j) => w.load(out + cell.back, `row${i} + q * ${wide}u + ${j}u`))
          .join(", ")})`;
  // Rows of whh run across, so neighbors read neighboring columns: whole sectors of memory.
  const round = `
    ${range(each)
      .map((i) => `let a${i} = ${along(i)};`)
      .join("\n")}
    ${range(wide)
      .map((j) => `let b${j} = ${columns(j)};`)
      .join("\n")}
    ${range(wide)
      .flatMap((j) => range(each).map((i) => `c${i} = fma(vec4f(a${i}.${components[j]}), b${j}, c${i});`))
      .join("\n")}`;
  const product =
    walk === undefined
      ? ""
      : `
    let tile = lane % ${tiles}u;
    let s = lane / ${tiles}u;
    ${range(each)
      .map(
        (i) => `let row${i} = nextAt + min(m0 + tile / ${fours}u * ${each}u + ${i}u, batch - 1u) * units * ${parts}u;`,
      )
      .join("\n")}
    ${range(four ? 1 : 4)
      .map((i) => `let column${i} = min(n0 + tile % ${fours}u * 4u + ${i}u, units - ${four ? 4 : 1}u);`)
      .join("\n")}
    ${range(each)
      .map((i) => `var c${i} = vec4f();`)
      .join(" ")}
    ${walked(walk, round)}
    ${range(each)
      .map((i) => `${w.at.vector(`(s * ${each}u + ${i}u) * ${tiles}u + tile`)} = c${i};`)
      .join("\n")}
    workgroupBarrier();`;
  // The element of an invocation: in the order in which the sums lie in the workgroup's memory.
  return `
    let m0 = group / across * ${rows}u;
    let n0 = group % across * ${units}u;
    let m = m0 + lane / 4u % ${tiles}u / ${fours}u * ${each}u + lane / ${4 * tiles}u;
    let n = n0 + lane / 4u % ${fours}u * 4u + lane % 4u;
    let works = lane < ${elements}u && m < batch && n < units;
    let place = min(m, batch - 1u) * units + min(n, units - 1u);
    ${cell.before(w)}
    var sum = ${w.load(1, "place")};
    ${product}
    if (works) {
      ${
        walk === undefined
          ? ""
          : gathered(walk, (z) => `${w.at.vector(`(${z}) * ${tiles * each}u + lane / 4u`)}[lane % 4u]`)
      }
      let at = sumsAt + m * units * ${parts}u + n;
      ${cell.after(w, out)}
    }`;
}
