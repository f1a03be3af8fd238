// The steps of recurrent layers, forward and backward, one dispatch each. A workgroup owns a piece of the state, some
// rows of the batch by some units. Invocations that share a part of it each take every n-th group of four along k
// straight from memory (as in `slice.ts`); their sums meet once in the workgroup's memory; then each invocation
// computes the cell of one element, by its formula.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import type { BackwardOperands, Cell, ForwardOperands } from "@weft/tensor/internals";
import { cellText } from "../translate/cell.ts";
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

const isGiven = (operand: CallOperand | undefined): operand is CallOperand => operand !== undefined;

const lieWide = (operands: readonly CallOperand[]): boolean => operands.every((o) => o.bytes % 16 === 0);

/** The sum of `part` over the sharers. */
const gathered = ({ share, written }: DotSchedule, part: (z: string) => string): string =>
  written
    ? range(share)
        .map((z) => `sum += ${part(`${z}u`)};`)
        .join(" ")
    : `for (var z = 0u; z < ${share}u; z++) { sum += ${part("z")}; }`;

/** Statements that write values into operand k, `apart` elements from one another. */
const putEach = (w: Words, k: number, place: string, apart: string, values: readonly string[]): string =>
  values.map((value, j) => w.put(k, `${place} + ${j}u * ${apart}`, value)).join("\n");

/** The WGSL type of n numbers. */
const numbers = (n: number): string => (n === 1 ? "f32" : `vec${n}f`);
/** Number j of n. */
const component = (of: string, j: number, n: number): string => (n === 1 ? of : `${of}.${components[j]}`);

/** What a forward step reads. */
interface ForwardStep extends Pick<ForwardOperands<CallOperand>, "given" | "whh" | "bhh" | "lengths"> {
  /** Those before the step, h last. */
  readonly states: readonly CallOperand[];
}

/** Step t forward, into the results of the call. */
export function forwardStep(
  cell: Cell,
  { given, states, whh, bhh, lengths }: ForwardStep,
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
  const four = units % 4 === 0 && lieWide([states.at(-1)!, whh]);
  const state = batch * units;
  const [across, down] = [Math.ceil(units / piece.units), Math.ceil(batch / piece.rows)];
  const kind = `${four ? " 4" : ""}${lengths !== undefined ? " alive" : ""}`;
  return stageOf(machine, {
    name: `${cell.name} step ${piece.rows}x${piece.units} ${piece.each} ${scheduleName(walk)}${kind}`,
    ...operandsOf([fromElement(given, t * cell.parts * state), whh, ...states, bhh, lengths].filter(isGiven), outs),
    numbers: {
      across,
      batch,
      units,
      quads,
      plane: steps * state,
      stateAt: t * state,
      ...(lengths !== undefined ? { t_: t } : {}),
    },
    groups: across * down,
    vectors: threads * piece.each,
    wide: true,
    text: (w, aligned) => forwardText(cell, piece, walk, four && aligned, states.length, lengths !== undefined, w),
  });
}

function forwardText(
  cell: Cell,
  { rows, units, each }: Piece,
  walk: DotSchedule,
  four: boolean,
  states: number,
  lengths: boolean,
  w: Words,
): string {
  const { share } = walk;
  const { parts, apart, forward } = cell;
  // The operands: given, whh, the states, the bias, the lengths.
  const h = 1 + states;
  const [biasIn, lengthsIn] = [2 + states, 2 + states + (apart ? 1 : 0)];
  const out = lengthsIn + (lengths ? 1 : 0);
  /** What x gave to part j; the sum begins with it, or with the bias. */
  const from = (j: number): string => w.load(0, `first + ${j}u * units`);
  const begin = (j: number): string => (apart ? w.load(biasIn, `${j}u * units + n`) : from(j));
  const own = [...(apart ? range(parts).map(from) : []), ...range(states).map((i) => w.load(2 + i, "place"))];
  const { input, statements, results } = cellText(forward, parts + own.length, lengths);
  const elements = rows * units;
  /** Four neighbors along k of the row that begins at `from`; 0 beyond its end. */
  const along = (k: number, from: string): string =>
    four
      ? w.load4(k, `${from} + q * 4u`)
      : `vec4f(${range(4)
          .map((j) => `select(0f, ${w.load(k, `${from} + min(q * 4u + ${j}u, units - 1u)`)}, q * 4u + ${j}u < units)`)
          .join(", ")})`;
  const column = (x: string): string =>
    `${numbers(parts)}(${range(parts)
      .map((j) => `b${j}.${x}`)
      .join(", ")})`;
  const round = `
    ${range(each)
      .map((i) => `let a${i} = ${along(h, `row${i}`)};`)
      .join("\n")}
    ${range(parts)
      .map((j) => `let b${j} = ${along(1, `column${j}`)};`)
      .join("\n")}
    ${[...components]
      .flatMap((x) => range(each).map((i) => `c${i} = fma(${numbers(parts)}(a${i}.${x}), ${column(x)}, c${i});`))
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
    var sum = vec4f(${range(4)
      .map((j) => (j < parts ? begin(j) : "0f"))
      .join(", ")});
    ${own.map((value, j) => input(parts + j, value)).join("\n")}
    ${lengths ? input(parts + own.length, `t_ < ${w.load(lengthsIn, "m")}`) : ""}
    ${range(each)
      .map((i) => `var c${i} = ${numbers(parts)}();`)
      .join(" ")}
    ${walked(walk, round)}
    ${range(each)
      .map((i) => `${w.at.vector(turned("s", `part + ${i * units}u`))} = vec4f(c${i}${", 0f".repeat(4 - parts)});`)
      .join("\n")}
    workgroupBarrier();
    if (works) {
      ${gathered(walk, (z) => w.at.vector(turned(z, "lane")))}
      let none = batch >> 31u;
      ${range(parts)
        .map((j) => input(j, `sum.${components[j]}`))
        .join("\n")}
      ${statements}
      ${results.map((values, r) => putEach(w, out + r, "stateAt + place", "plane", values)).join("\n")}
    }`;
}

/** What a backward step reads; `own` are the operands of its cell. */
interface BackwardStep extends Pick<BackwardOperands<CallOperand>, "gates" | "whh" | "gy" | "lengths"> {
  readonly own: readonly CallOperand[];
  /** The part of the gradient of h that the successor passed on by another way than whh: none, or one. */
  readonly passed: readonly CallOperand[];
}

/**
 * Step t backward, into the results of the call, where its successor has already written the gradients of its sums.
 * Without a successor, nothing comes back through whh.
 */
export function backwardStep(
  cell: Cell,
  { whh, gy, gates, own, passed, lengths }: BackwardStep,
  outs: CallLaunch["outs"],
  t: number,
  successor: number | undefined,
  { steps, batch, units }: SequenceSizes,
  machine: DeviceTraits,
): Stage {
  const { threads } = machine;
  const { parts } = cell;
  const sums = outs[cell.apart ? 1 : 0]!;
  const piece = backwardPiece(machine);
  const tiles = (piece.rows / piece.each) * (piece.units / 4);
  const last = successor === undefined;
  // Groups along k leave no remainder.
  const wide = units % 4 === 0 ? 4 : parts;
  const quads = (parts * units) / wide;
  const walk = scheduleOf(quads, threads / tiles, writtenFor(machine));
  const four = units % 4 === 0 && lieWide([whh, sums]);
  const state = batch * units;
  const [across, down] = [Math.ceil(units / piece.units), Math.ceil(batch / piece.rows)];
  const way = last ? "last" : `${scheduleName(walk)} by ${wide}${four ? " at once" : ""}`;
  const optional = `${passed.length > 0 ? " passed" : ""}${lengths !== undefined ? " alive" : ""}`;
  const counts = { own: own.length, passed: passed.length, lengths: lengths === undefined ? 0 : 1 };
  return stageOf(machine, {
    name: `${cell.name} step back ${piece.rows}x${piece.units} ${way}${optional}`,
    ...operandsOf([whh, gy, gates, ...own, ...passed, lengths].filter(isGiven), outs),
    numbers: {
      across,
      batch,
      units,
      quads,
      plane: steps * state,
      stateAt: t * state,
      sumsAt: t * parts * state,
      nextAt: (successor ?? 0) * parts * state,
      ...(lengths !== undefined ? { t_: t } : {}),
    },
    groups: across * down,
    vectors: last ? 0 : threads * piece.each,
    wide: true,
    text: (w, aligned) => backwardText(cell, piece, last ? undefined : walk, wide, four && aligned, counts, w),
  });
}

function backwardText(
  cell: Cell,
  { rows, units, each }: Piece,
  walk: DotSchedule | undefined,
  wide: number,
  four: boolean,
  counts: Readonly<Record<"own" | "passed" | "lengths", number>>,
  w: Words,
): string {
  const { parts, gates, backward } = cell;
  const lengths = counts.lengths > 0;
  // The operands: whh, gy, the gates, the cell's own, what is passed, the lengths.
  const ownIn = gates > 0 ? 3 : 2;
  const [passedIn, lengthsIn] = [ownIn + counts.own, ownIn + counts.own + counts.passed];
  const out = lengthsIn + counts.lengths;
  /** The result with the gradients that go back through whh. */
  const back = out + (cell.apart ? 1 : 0);
  const d = gates + counts.own;
  const { input, statements, results } = cellText(backward, d + 1, lengths);
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
      ? w.load4(back, `row${i} + q * ${wide}u`)
      : `${numbers(wide)}(${range(wide)
          .map((j) => w.load(back, `row${i} + q * ${wide}u + ${j}u`))
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
      .flatMap((j) => range(each).map((i) => `c${i} = fma(vec4f(${component(`a${i}`, j, wide)}), b${j}, c${i});`))
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
    ${range(gates)
      .map((j) => input(j, w.load(2, `stateAt + ${j}u * plane + place`)))
      .join("\n")}
    ${range(counts.own)
      .map((j) => input(gates + j, w.load(ownIn + j, "place")))
      .join("\n")}
    ${lengths ? input(d + 1, `t_ < ${w.load(lengthsIn, "min(m, batch - 1u)")}`) : ""}
    ${counts.passed > 0 ? `let passed = ${w.load(passedIn, "place")};` : ""}
    var sum = ${w.load(1, "place")};
    ${product}
    if (works) {
      ${
        walk === undefined
          ? ""
          : gathered(walk, (z) => `${w.at.vector(`(${z}) * ${tiles * each}u + lane / 4u`)}[lane % 4u]`)
      }
      let at = sumsAt + m * units * ${parts}u + n;
      let none = batch >> 31u;
      ${input(d, counts.passed > 0 ? "sum + passed" : "sum")}
      ${statements}
      ${results.map((values, r) => putEach(w, out + r, out + r <= back ? "at" : "place", "units", values)).join("\n")}
    }`;
}
