// The steps of an LSTM, forwards and backwards, one dispatch each. A workgroup owns a piece of the state, some rows of the
// batch by some units; the invocations that share a part of it each take every n-th group of four along k straight from memory
// (as in `slice.ts`), their sums meet once in the workgroup's memory, and then each invocation does the cell of one element.
import type { CallOperand } from "@weft/kernel";
import { functionOf } from "../translate/function.ts";
import { stageOf, type Machine, type Stage, type Words } from "./stage.ts";

/** A piece of `rows` by `units`, of which an invocation sums `each` rows. */
interface Piece {
  readonly rows: number;
  readonly units: number;
  readonly each: number;
}

export interface LstmSizes {
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
}

/** Rounds along k that are written out; more are a loop. Software compiles slowly, and gains nothing. */
const writtenFor = ({ threads }: Machine): number => (threads >= 128 ? 16 : 0);

/**
 * The best at 128 rows by 256 units on one graphics processor. Sums of `each` rows by four gates need 16·each bytes of the
 * workgroup's memory an invocation.
 */
function forwardPiece({ threads, shared }: Machine): Piece {
  if (threads < 256) return { rows: 8, units: 8, each: 8 };
  return { rows: 16, units: 16, each: threads * 8 * 16 <= shared ? 8 : 4 };
}
const backwardPiece = ({ threads }: Machine): Piece => ({ rows: 8, units: threads < 256 ? 8 : 16, each: 4 });

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const components = "xyzw";

/** The part of an operand from element `from` on. */
export const behind = (operand: CallOperand, from: number): CallOperand => ({
  ...operand,
  bytes: operand.bytes + 4 * from,
});

const lieWide = (operands: readonly CallOperand[]): boolean => operands.every((o) => o.bytes % 16 === 0);

interface Walk {
  /** Invocations that share a part. */
  readonly share: number;
  /** Rounds along k that each of them takes at most. */
  readonly rounds: number;
  /** Whether they are written out. */
  readonly written: boolean;
}

function walkOf(quads: number, share: number, machine: Machine): Walk {
  const rounds = Math.ceil(quads / share);
  return { share, rounds, written: rounds <= writtenFor(machine) };
}

const walkName = ({ rounds, written }: Walk): string => (written ? `${rounds}` : "rolled");

/** `round` for each group of four along k, with its number `q` in scope; `quads` says how many there are. */
const walked = ({ share, rounds, written }: Walk, round: string): string =>
  written
    ? range(rounds)
        .map(
          (r) => `${r === rounds - 1 ? `if (s + ${r * share}u < quads) ` : ""}{ let q = s + ${r * share}u; ${round} }`,
        )
        .join("\n")
    : `for (var q = s; q < quads; q += ${share}u) { ${round} }`;

/** The sum over the sharers of what `part` says for each, a value. */
const gathered = ({ share, written }: Walk, part: (z: string) => string): string =>
  written
    ? range(share)
        .map((z) => `sum += ${part(`${z}u`)};`)
        .join(" ")
    : `for (var z = 0u; z < ${share}u; z++) { sum += ${part("z")}; }`;

const functions = (name: string): string =>
  `${functionOf(`${name}_sigmoid`, "sigmoid")}\n${functionOf(`${name}_tanh`, "tanh")}`;

/** A step forwards: gates, cells and hiddens of step t, behind one another in `out`; h and c are those before the step. */
export function forwardStep(
  { given, h, c, whh, out }: Readonly<Record<"given" | "h" | "c" | "whh" | "out", CallOperand>>,
  t: number,
  { steps, batch, units }: LstmSizes,
  machine: Machine,
): Stage {
  const { threads } = machine;
  const piece = forwardPiece(machine);
  const tiles = (piece.rows / piece.each) * piece.units;
  const quads = Math.ceil(units / 4);
  const walk = walkOf(quads, threads / tiles, machine);
  const four = units % 4 === 0 && lieWide([h, whh]);
  const state = batch * units;
  const [across, down] = [Math.ceil(units / piece.units), Math.ceil(batch / piece.rows)];
  return stageOf({
    name: `lstm step ${piece.rows}x${piece.units} ${piece.each} ${walkName(walk)}${four ? " 4" : ""}`,
    operands: [behind(given, t * 4 * state), h, c, whh, out],
    numbers: {
      across,
      batch,
      units,
      quads,
      plane: steps * state,
      gatesAt: t * state,
      cellsAt: (4 * steps + t) * state,
      hiddensAt: (5 * steps + t) * state,
    },
    groups: across * down,
    vectors: threads * piece.each,
    functions,
    text: (w, aligned) => forwardText(piece, walk, four && aligned, w),
  });
}

function forwardText({ rows, units, each }: Piece, walk: Walk, four: boolean, w: Words): string {
  const { share } = walk;
  const elements = rows * units;
  /** Four neighbours along k of the row that begins at `from`; beyond its end 0. */
  const along = (k: number, from: string): string =>
    four
      ? w.load4(k, `${from} + q * 4u`)
      : `vec4f(${range(4)
          .map((j) => `select(0f, ${w.load(k, `${from} + min(q * 4u + ${j}u, units - 1u)`)}, q * 4u + ${j}u < units)`)
          .join(", ")})`;
  const round = `
    ${range(each)
      .map((i) => `let a${i} = ${along(1, `row${i}`)};`)
      .join("\n")}
    ${range(4)
      .map((j) => `let b${j} = ${along(3, `column${j}`)};`)
      .join("\n")}
    ${range(4)
      .flatMap((j) =>
        range(each).map(
          (i) =>
            `c${i} = fma(vec4f(a${i}.${components[j]}), vec4f(b0.${components[j]}, b1.${components[j]}, b2.${components[j]}, b3.${components[j]}), c${i});`,
        ),
      )
      .join("\n")}`;
  // Neighbours share a part, so that they read neighbours along k. The last bits of a place are turned by the sharer's number:
  // neighbours then write to different banks.
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
    ${range(4)
      .map((j) => `let column${j} = (${j}u * units + min(n0 + tile % ${units}u, units - 1u)) * units;`)
      .join("\n")}
    let m = m0 + lane / ${units}u;
    let n = n0 + lane % ${units}u;
    let works = lane < ${elements}u && m < batch && n < units;
    let first = min(m, batch - 1u) * units * 4u + min(n, units - 1u);
    let place = min(m, batch - 1u) * units + min(n, units - 1u);
    var sum = vec4f(${range(4)
      .map((j) => w.load(0, `first + ${j}u * units`))
      .join(", ")});
    let before = ${w.load(2, "place")};
    ${range(each)
      .map((i) => `var c${i} = vec4f();`)
      .join(" ")}
    ${walked(walk, round)}
    ${range(each)
      .map((i) => `${w.vector(turned("s", `part + ${i * units}u`))} = c${i};`)
      .join("\n")}
    workgroupBarrier();
    if (works) {
      ${gathered(walk, (z) => w.vector(turned(z, "lane")))}
      let i = ${w.name}_sigmoid(sum.x);
      let f = ${w.name}_sigmoid(sum.y);
      let g = ${w.name}_tanh(sum.z);
      let o = ${w.name}_sigmoid(sum.w);
      let cell = fma(f, before, i * g);
      let hidden = o * ${w.name}_tanh(cell);
      ${["i", "f", "g", "o"].map((gate, j) => w.store(`gatesAt + ${j}u * plane + place`, gate)).join("\n")}
      ${w.store("cellsAt + place", "cell")}
      ${w.store("hiddensAt + place", "hidden")}
    }`;
}

/**
 * What step t hands back: in `out` the gradients of its four sums (behind those of the steps before it), then that of the cell
 * before it. `cells` are those of step t, `before` those before it, `dc` the gradient of its cells so far. The last step has no
 * successor whose gradients come back through whh.
 */
export function backwardStep(
  operands: Readonly<Record<"gates" | "cells" | "before" | "whh" | "gy" | "dc" | "out", CallOperand>>,
  t: number,
  { steps, batch, units }: LstmSizes,
  machine: Machine,
): Stage {
  const { gates, cells, before, whh, gy, dc, out } = operands;
  const { threads } = machine;
  const piece = backwardPiece(machine);
  const tiles = (piece.rows / piece.each) * (piece.units / 4);
  const last = t === steps - 1;
  const walk = walkOf(units, threads / tiles, machine);
  const four = units % 4 === 0 && lieWide([whh, out]);
  const state = batch * units;
  const [across, down] = [Math.ceil(units / piece.units), Math.ceil(batch / piece.rows)];
  return stageOf({
    name: `lstm step back ${piece.rows}x${piece.units} ${last ? "last" : `${walkName(walk)}${four ? " 4" : ""}`}`,
    operands: [gates, cells, before, whh, gy, dc, out],
    numbers: {
      across,
      batch,
      units,
      quads: units,
      plane: steps * state,
      stateAt: t * state,
      sumsAt: t * 4 * state,
      nextAt: (t + 1) * 4 * state,
      dcAt: steps * 4 * state,
    },
    groups: across * down,
    vectors: last ? 0 : threads * piece.each,
    functions,
    text: (w, aligned) => backwardText(piece, last ? undefined : walk, four && aligned, w),
  });
}

function backwardText({ rows, units, each }: Piece, walk: Walk | undefined, four: boolean, w: Words): string {
  const fours = units / 4;
  const tiles = (rows / each) * fours;
  const elements = rows * units;
  const columns = (j: number): string =>
    four
      ? w.load4(3, `(q * 4u + ${j}u) * units + column0`)
      : `vec4f(${range(4)
          .map((i) => w.load(3, `(q * 4u + ${j}u) * units + column${i}`))
          .join(", ")})`;
  const along = (i: number): string =>
    four
      ? w.load4(6, `row${i} + q * 4u`)
      : `vec4f(${range(4)
          .map((j) => w.load(6, `row${i} + q * 4u + ${j}u`))
          .join(", ")})`;
  // The rows of whh lie across, so neighbours have neighbouring columns: whole sectors of memory.
  const round = `
    ${range(each)
      .map((i) => `let a${i} = ${along(i)};`)
      .join("\n")}
    ${range(4)
      .map((j) => `let b${j} = ${columns(j)};`)
      .join("\n")}
    ${range(4)
      .flatMap((j) => range(each).map((i) => `c${i} = fma(vec4f(a${i}.${components[j]}), b${j}, c${i});`))
      .join("\n")}`;
  const product =
    walk === undefined
      ? ""
      : `
    let tile = lane % ${tiles}u;
    let s = lane / ${tiles}u;
    ${range(each)
      .map((i) => `let row${i} = nextAt + min(m0 + tile / ${fours}u * ${each}u + ${i}u, batch - 1u) * units * 4u;`)
      .join("\n")}
    ${range(four ? 1 : 4)
      .map((i) => `let column${i} = min(n0 + tile % ${fours}u * 4u + ${i}u, units - ${four ? 4 : 1}u);`)
      .join("\n")}
    ${range(each)
      .map((i) => `var c${i} = vec4f();`)
      .join(" ")}
    ${walked(walk, round)}
    ${range(each)
      .map((i) => `${w.vector(`(s * ${each}u + ${i}u) * ${tiles}u + tile`)} = c${i};`)
      .join("\n")}
    workgroupBarrier();`;
  // Which element an invocation takes: the order in which the sums lie in the workgroup's memory.
  return `
    let m0 = group / across * ${rows}u;
    let n0 = group % across * ${units}u;
    let m = m0 + lane / 4u % ${tiles}u / ${fours}u * ${each}u + lane / ${4 * tiles}u;
    let n = n0 + lane / 4u % ${fours}u * 4u + lane % 4u;
    let works = lane < ${elements}u && m < batch && n < units;
    let place = min(m, batch - 1u) * units + min(n, units - 1u);
    let i = ${w.load(0, "stateAt + place")};
    let f = ${w.load(0, "stateAt + plane + place")};
    let g = ${w.load(0, "stateAt + 2u * plane + place")};
    let o = ${w.load(0, "stateAt + 3u * plane + place")};
    let cell = ${w.load(1, "place")};
    let before = ${w.load(2, "place")};
    var sum = ${w.load(4, "place")};
    let dc = ${w.load(5, "place")};
    ${product}
    if (works) {
      ${walk === undefined ? "" : gathered(walk, (z) => `${w.vector(`(${z}) * ${tiles * each}u + lane / 4u`)}[lane % 4u]`)}
      let squashed = ${w.name}_tanh(cell);
      let all = fma(sum * o, 1f - squashed * squashed, dc);
      let at = sumsAt + min(m, batch - 1u) * units * 4u + n;
      let di = all * g * (i * (1f - i));
      let df = all * before * (f * (1f - f));
      let dg = all * i * (1f - g * g);
      let do_ = sum * squashed * (o * (1f - o));
      let dBefore = all * f;
      ${["di", "df", "dg", "do_"].map((d, j) => w.store(`at + ${j}u * units`, d)).join("\n")}
      ${w.store("dcAt + place", "dBefore")}
    }`;
}
