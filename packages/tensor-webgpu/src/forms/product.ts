// The matrix product in tuned forms: operands may have any strides, batch axes broadcast, and k may be split among
// workgroups whose parts a second stage adds.
import type { CallLaunch, CallOperand, KernelLaunch } from "@weft/kernel";
import type { Attrs } from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import { epilogueOf } from "./epilogue.ts";
import { inputsOf, lastTwo } from "./operands.ts";
import { sliced, sharers, sliceVectors, slicingName, scheduleName, scheduleOf, type Slicing } from "./slice.ts";
import type { DeviceTraits } from "./device-traits.ts";
import { stageOf, type Stage, type Staged, type Words } from "./stage.ts";
import { sideOf, tiled, tilingName, tileVectors, type Side, type Target, type Tiling } from "./tile.ts";

export type ProductForm =
  | { readonly kind: "tiled"; readonly tiling: Tiling; readonly splits: number }
  | { readonly kind: "sliced"; readonly slicing: Slicing };

/** Sizes and strides (in elements) of a product. */
export interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly batch: readonly number[];
  readonly a: Matrix;
  readonly b: Matrix;
}

interface Matrix {
  readonly operand: CallOperand;
  /** Along the result's rows (columns), along k, and along each batch axis. */
  readonly row: number;
  readonly step: number;
  readonly batch: readonly number[];
  readonly along: "row" | "k";
  /** Whether four neighbors may be loaded at once when the operand lies at a multiple of 16 bytes. */
  readonly four: boolean;
}

export function productOf(launch: CallLaunch<Attrs<"matmul">>): Product {
  const {
    attrs,
    outs: [out],
  } = launch;
  const { transA, transB } = attrs;
  const [a, b] = inputsOf(launch, 2);
  const [M, N] = lastTwo(out.shape);
  const K = a.shape.at(transA ? -2 : -1)!;
  const batch = out.shape.slice(0, -2);
  const [aFar, aNear] = lastTwo(a.strides);
  const [bFar, bNear] = lastTwo(b.strides);
  return {
    M,
    N,
    K,
    batch,
    a: transA ? matrixOf(a, aNear, aFar, M, K, batch) : matrixOf(a, aFar, aNear, M, K, batch),
    b: transB ? matrixOf(b, bFar, bNear, N, K, batch) : matrixOf(b, bNear, bFar, N, K, batch),
  };
}

function matrixOf(
  operand: CallOperand,
  row: number,
  step: number,
  rows: number,
  K: number,
  axes: readonly number[],
): Matrix {
  const { shape, strides, bytes } = operand;
  const lead = axes.length - (shape.length - 2);
  const batch = axes.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : strides[i - lead]!));
  const along = step === 1 || (row !== 1 && K > 1) ? "k" : "row";
  const [near, far, extent] = along === "k" ? [step, row, K] : [row, step, rows];
  const four = near === 1 && [far, extent, bytes / 4, ...batch].every((n) => n % 4 === 0);
  return { operand, row, step, batch, along, four };
}

/** A side that is a strided matrix. In scope: `${name}Base`, `${name}Row`, `${name}Step`, and the bounds. */
function matrixSide(
  name: "a" | "b",
  { along, four }: Pick<Matrix, "along" | "four">,
  aligned: boolean,
  edges: { readonly row: boolean; readonly k: boolean },
  w: Words,
): Side {
  const rows = name === "a" ? "M" : "N";
  const near = along === "row" ? `${name}Row` : `${name}Step`;
  return sideOf(
    {
      along,
      row: (row, n) => `let row${n} = ${row}; let at${n} = ${name}Base + row${n} * ${name}Row;`,
      step: (step, n) => `let step${n} = ${step}; let off${n} = step${n} * ${name}Step;`,
      place: (row, step, i) => `at${row} + off${step}${i === 0 ? "" : ` + ${i}u * ${near}`}`,
      inside: (row, step, i) => [
        ...(edges.row ? [`(row${row} + ${along === "row" ? i : 0}u < ${rows})`] : []),
        ...(edges.k ? [`(step${step} + ${along === "row" ? 0 : i}u < K)`] : []),
      ],
      four,
    },
    name === "a" ? 0 : 1,
    aligned,
    w,
  );
}

/** Rows of the result follow one another in memory, from place `base` on; all matrices of the batch form one axis. */
export function rowTarget(four: boolean, edges: { readonly row: boolean; readonly column: boolean }, w: Words): Target {
  const guard = (tests: readonly string[], text: string): string =>
    tests.length === 0 ? text : `if (${tests.join(" && ")}) { ${text} }`;
  return {
    column: (column, n) => `let column${n} = ${column};`,
    store: (row, n, value) => {
      const rows = edges.row ? [`${row} < M`] : [];
      const place = `base + ${row} * N + column${n}`;
      const line = `each * M + ${row}`;
      if (four)
        return guard(
          [...rows, ...(edges.column ? [`column${n} < N`] : [])],
          w.store4(place, value, [line, `column${n}`]),
        );
      return guard(
        rows,
        [0, 1, 2, 3]
          .map((i) => {
            const at = `column${n} + ${i}u`;
            return guard([`${at} < N`], w.store(`${place} + ${i}u`, `${value}.${"xyzw"[i]}`, [line, at]));
          })
          .join(" "),
      );
    },
  };
}

/** Names the matrix of the batch, and where its operands and its result begin. */
function batchText(axes: number): string {
  const cut = Array.from({ length: axes }, (_, i) => axes - 1 - i).map(
    (i) => `aBase += rest % size${i} * aBatch${i}; bBase += rest % size${i} * bBatch${i}; rest /= size${i};`,
  );
  return `var rest = each; var aBase = 0u; var bBase = 0u; ${cut.join(" ")}`;
}

export function product(launch: CallLaunch<Attrs<"matmul">>, form: ProductForm, machine: DeviceTraits): Staged {
  const p = productOf(launch);
  return form.kind === "tiled"
    ? tiledProduct(launch, p, form, machine)
    : slicedProduct(launch, p, form.slicing, machine);
}

const numbersOf = ({ M, N, K, batch, a, b }: Product): Record<string, number> => ({
  M,
  N,
  K,
  aRow: a.row,
  aStep: a.step,
  bRow: b.row,
  bStep: b.step,
  ...Object.fromEntries(
    batch.flatMap((size, i) => [
      [`size${i}`, size],
      [`aBatch${i}`, a.batch[i]!],
      [`bBatch${i}`, b.batch[i]!],
    ]),
  ),
});

const shapeName = ({ a, b, batch }: Product): string =>
  [a, b].map((m) => `${m.along}${m.four ? "4" : ""}`).join() + (batch.length > 0 ? ` ${batch.length}` : "");

/** A form of the product: workgroups own pieces of `bm` by `bn`, and what is beyond a multiple of `bk` is an edge. */
interface PieceForm {
  readonly name: string;
  readonly bm: number;
  readonly bn: number;
  readonly bk: number;
  /** Into how many parts k is split; the parts go to the workspace. */
  readonly splits: number;
  readonly numbers: Readonly<Record<string, number>>;
  readonly vectors: number;
  /**
   * Statements that name `each`, the matrix of the batch; `base`, where its result begins; and what else `text` needs.
   */
  readonly begin: string;
  readonly text: (a: Side, b: Side, target: Target, w: Words) => string;
}

function pieceStage(launch: CallLaunch, p: Product, form: PieceForm, machine: DeviceTraits): Stage {
  const { M, N, K, batch, a, b } = p;
  const { bm, bn, splits, vectors } = form;
  const [out] = launch.outs;
  const [across, down] = [Math.ceil(N / bn), Math.ceil(M / bm)];
  const edges = { m: M % bm !== 0, n: N % bn !== 0, k: K % form.bk !== 0 };
  const split = splits > 1;
  const four = N % 4 === 0 && (split || out.bytes % 16 === 0);
  return stageOf(machine, {
    name:
      `${form.name} ${shapeName(p)} ` +
      `${four ? "4" : ""}${edges.m ? "m" : ""}${edges.n ? "n" : ""}${edges.k ? "k" : ""}`,
    operands: [a.operand, b.operand, split ? "f32" : out],
    numbers: { ...numbersOf(p), across, down, ...form.numbers },
    groups: across * down * splits * sizeOf(batch),
    vectors,
    wide: true,
    epilogue: split ? undefined : epilogueOf(launch.after?.launch, out, [M * sizeOf(batch), N]),
    text: (w, aligned) => `
      let n0 = group % across * ${bn}u;
      let m0 = group / across % down * ${bm}u;
      ${form.begin}
      ${batchText(batch.length)}
      ${form.text(
        matrixSide("a", a, aligned, { row: edges.m, k: edges.k }, w),
        matrixSide("b", b, aligned, { row: edges.n, k: edges.k }, w),
        rowTarget(four, { row: edges.m, column: edges.n }, w),
        w,
      )}`,
  });
}

function tiledProduct(
  launch: CallLaunch,
  p: Product,
  { tiling, splits: wanted }: ProductForm & { kind: "tiled" },
  machine: DeviceTraits,
): Staged {
  const { bm, bn, bk } = tiling;
  const {
    outs: [out],
    after,
  } = launch;
  const all = Math.ceil(p.K / bk);
  const most = Math.ceil(all / wanted);
  const splits = Math.ceil(all / most);
  const size = sizeOf(out.shape);
  const split = splits > 1;
  const form: PieceForm = {
    name: `product ${tilingName(tiling)}`,
    bm,
    bn,
    bk,
    splits,
    numbers: split ? { splits, most, all, size } : { steps: all },
    vectors: tileVectors(tiling, p.a, p.b),
    begin: split
      ? `let z = group / (across * down) % splits; let each = group / (across * down * splits);
         let kFrom = z * most * ${bk}u; let steps = min(most, all - z * most); let base = z * size + each * M * N;`
      : "let each = group / (across * down); let kFrom = 0u; let base = each * M * N;",
    text: (a, b, target, w) => tiled(tiling, a, b, target, w),
  };
  const stage = pieceStage(launch, p, form, machine);
  return split
    ? { stages: [stage, sum(out, after?.launch, splits, machine)], workspace: splits * size * 4 }
    : { stages: [stage], workspace: 0 };
}

function slicedProduct(launch: CallLaunch, p: Product, slicing: Slicing, machine: DeviceTraits): Staged {
  const { threads } = machine;
  const { rm: bm, rn: bn, written } = slicing;
  const quads = Math.ceil(p.K / 4);
  const schedule = scheduleOf(quads, sharers(slicing, threads), written);
  const form: PieceForm = {
    name: `slice ${slicingName(slicing)} ${scheduleName(schedule)}`,
    bm,
    bn,
    bk: 4,
    splits: 1,
    numbers: { quads },
    vectors: sliceVectors(slicing, threads),
    begin: "let each = group / (across * down); let base = each * M * N;",
    text: (a, b, target, w) => sliced(slicing, schedule, a, b, target, w),
  };
  return { stages: [pieceStage(launch, p, form, machine)], workspace: 0 };
}

/**
 * The second stage: adds the parts in the workspace, four elements per invocation where possible. Where there are few
 * elements, several invocations share them, each adding every n-th part.
 */
export function sum(
  out: CallOperand,
  after: KernelLaunch | undefined,
  splits: number,
  machine: Pick<DeviceTraits, "threads">,
): Stage {
  const { threads } = machine;
  const size = sizeOf(out.shape);
  const four = size % 4 === 0 && out.bytes % 16 === 0;
  const count = four ? size / 4 : size;
  let share = 1;
  while (share * 8 <= splits && share < 32 && share < threads && count * share < 8 * threads * 16) share *= 2;
  const columns = threads / share;
  return stageOf(machine, {
    name: `sum ${four ? "4" : ""} ${share}`,
    operands: ["f32", out],
    numbers: { count, size, splits },
    groups: Math.ceil(count / columns),
    vectors: share > 1 ? threads : 0,
    epilogue: epilogueOf(after, out),
    wide: true,
    text: ({ at: { vector }, load, load4, store, store4 }) => {
      const [get, put, zero] = four ? [load4, store4, "vec4f()"] : [load, store, "0f"];
      const kept = (x: string): string => (four ? x : `vec4f(${x})`);
      const seen = (x: string): string => (four ? x : `${x}.x`);
      return `
        let column = lane % ${columns}u; let first = lane / ${columns}u;
        let i = group * ${columns}u + column;
        let place = i${four ? " * 4u" : ""};
        var sum = ${zero};
        if (i < count) {
          for (var z = first; z < splits; z += ${share}u) { sum += ${get(0, "place + z * size")}; }
        }
        ${
          share === 1
            ? `if (i < count) { ${put("place", "sum")} }`
            : `${vector("lane")} = ${kept("sum")};
               workgroupBarrier();
               if (lane < ${columns}u && i < count) {
                 for (var z = 1u; z < ${share}u; z++) { sum += ${seen(vector(`lane + z * ${columns}u`))}; }
                 ${put("place", "sum")}
               }`
        }`;
    },
  });
}
