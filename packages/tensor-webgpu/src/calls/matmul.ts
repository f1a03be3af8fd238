// The matrix product: tuned where a program of its own pays, else in the plain form, in which a workgroup owns a square
// of the result and loops along the inner axis with one square of each operand in its memory. Operands may have any
// strides; batch axes broadcast.
import type { CallLaunch, Rowwise } from "@weft/kernel";
import type { Attrs } from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import { productForm } from "../forms/choice.ts";
import { lastTwo } from "../forms/operands.ts";
import { product, productOf, type ProductForm } from "../forms/product.ts";
import { writtenFor, type DeviceTraits } from "../forms/device-traits.ts";
import type { Staged, Words } from "../forms/stage.ts";
import type { Slicing } from "../forms/slice.ts";
import { prepared, type Call } from "./call.ts";

type Launch = CallLaunch<Attrs<"matmul">>;

export const matmul: Call<Attrs<"matmul">> = {
  accepts: () => true,
  epilogue: true,
  rowwise,
  byRows: (launch, rows, machine) =>
    product(launch, { kind: "sliced", slicing: rowSlicing(launch, rows, machine) }, machine).stages[0]!,
  prepare: (launch, machine) => {
    const form = launch.outs[0].dtype === "f32" ? formOf(launch, machine) : undefined;
    return form === undefined ? plain(launch, machine) : product(launch, form, machine);
  },
};

/** The most multiplications and weights of a link of a chain: more take a workgroup longer than a dispatch costs. */
const CHAINED = { all: 1 << 24, weights: 1 << 16 };

/** A product of few rows with a small matrix. */
function rowwise({ attrs: { transA }, outs: [out], inputs }: Launch): Rowwise | undefined {
  const [M, N] = lastTwo(out.shape);
  const K = inputs[0]!.shape.at(-1)!;
  const fits = !transA && out.shape.length === 2 && inputs.every((x) => x.shape.length === 2) && out.dtype === "f32";
  return fits && M > 1 && N * K <= CHAINED.weights && M * N * K <= CHAINED.all ? { rows: M, local: [0] } : undefined;
}

/** A block of rows, with all columns at once where possible. */
function rowSlicing({ outs: [out] }: CallLaunch, rows: number, machine: DeviceTraits): Slicing {
  const N = out.shape[1]!;
  const most = (16 * machine.threads) / rows;
  const rn = Math.min(most, 2 ** Math.ceil(Math.log2(Math.max(N, 4))));
  return { rm: rows, rn, order: "column", written: writtenFor(machine) };
}

function formOf(launch: Launch, machine: DeviceTraits): ProductForm | undefined {
  const { batch, ...sizes } = productOf(launch);
  return productForm({ ...sizes, batches: sizeOf(batch) }, machine);
}

const plain = (launch: Launch, machine: DeviceTraits): Staged => {
  const { M, N, K, batch, a, b } = productOf(launch);
  const side = Math.floor(Math.sqrt(machine.threads));
  const numbers: Record<string, number> = {
    batches: sizeOf(batch),
    M,
    N,
    K,
    aRow_: a.row,
    aInner_: a.step,
    bInner_: b.step,
    bColumn_: b.row,
  };
  batch.forEach((size, i) =>
    Object.assign(numbers, { [`size${i}`]: size, [`p${i}_`]: a.batch[i]!, [`q${i}_`]: b.batch[i]! }),
  );
  return prepared(launch, machine, {
    name: `matmul ${batch.length}`,
    numbers,
    groups: sizeOf(batch) * Math.ceil(M / side) * Math.ceil(N / side),
    scratch: 2 * side * side,
    text: (w) => text(w, batch.length, side),
  });
};

function text({ at, load, store, result }: Words, batch: number, side: number): string {
  const axes = Array.from({ length: batch }, (_, i) => batch - 1 - i);
  const square = side * side;
  const [left, right] = [at.scratch(`r * ${side}u + c`), at.scratch(`${square}u + r * ${side}u + c`)];
  const [x, y] = [at.scratch(`r * ${side}u + k`), at.scratch(`${square}u + k * ${side}u + c`)];
  return `
    let across = (N + ${side - 1}u) / ${side}u;
    let down = (M + ${side - 1}u) / ${side}u;
    var rest = group / (across * down);
    let each = rest;
    var p = 0i;
    var q = 0i;
    ${axes
      .map(
        (i) => `p += i32(rest % size${i}) * p${i}_;
      q += i32(rest % size${i}) * q${i}_; rest /= size${i};`,
      )
      .join("\n")}
    let r = lane / ${side}u;
    let c = lane % ${side}u;
    let works = r < ${side}u && each < batches;
    let row = (group / across) % down * ${side}u + r;
    let column = group % across * ${side}u + c;
    var sum = ${result}(0);
    for (var at = 0u; at < K; at += ${side}u) {
      if (works) {
        ${left} = 0u;
        if (row < M && at + c < K) {
          ${left} = bitcast<u32>(${load(0, "bitcast<u32>(p + i32(row) * aRow_ + i32(at + c) * aInner_)")});
        }
        ${right} = 0u;
        if (at + r < K && column < N) {
          ${right} = bitcast<u32>(${load(1, "bitcast<u32>(q + i32(at + r) * bInner_ + i32(column) * bColumn_)")});
        }
      }
      workgroupBarrier();
      if (works) {
        for (var k = 0u; k < ${side}u; k++) { sum += bitcast<${result}>(${x}) * bitcast<${result}>(${y}); }
      }
      workgroupBarrier();
    }
    if (works && row < M && column < N) { ${store("(each * M + row) * N + column", "sum")} }`;
}
