// Products with few rows or columns, where packing would cost as much as the product: dot products of rows that lie
// along the inner axis, and the sum of rows scaled by a vector.
import {
  type Expr,
  four,
  floats,
  I32,
  i32,
  partial,
  type Func,
  type Local,
  type Machine,
  type Module,
  select,
  lanes,
  VECTOR,
  type VOID,
} from "../wasm/emitter.ts";
import { machineCode, routine, type CallMemory } from "./call.ts";
import { dispatch, multiplyAdd, nextBlock } from "./gemm.ts";

type Vec = Local<typeof VECTOR>;
type Int = Local<typeof I32>;

/** Columns of C that one dot kernel computes at most: with two rows, ten sums in flight. */
const WIDE = 5;

/** Loads a vector, or what there is for its first lanes beside zeros. */
type Load = (address: Int) => Expr<typeof VECTOR>;

/**
 * Goes through n numbers vector by vector, and through those that fill none: as the first lanes of one, or one by one.
 * `step` moves on by so many bytes.
 */
function inVectors(
  f: Func<typeof VOID>,
  n: Int,
  machine: Machine,
  step: (load: Load, bytes: number, store: (address: Int, x: Vec) => Expr<typeof VOID>) => void,
): void {
  const left = f.let(I32, i32.shrU(n, Math.log2(machine.lanes)));
  f.while(left, () => {
    step(lanes.load, 4 * machine.lanes, lanes.store);
    f.advance(left, -1);
  });
  f.set(left, i32.and(n, machine.lanes - 1));
  if (machine.partial)
    f.if(left, () =>
      step(
        (p) => partial.load(p, left),
        0,
        (p, x) => partial.store(p, x, left),
      ),
    );
  else
    f.while(left, () => {
      step(lanes.loadFirst, 4, lanes.storeFirst);
      f.advance(left, -1);
    });
}

/** c[i][j] = dot(a row i, b row j) for a block of 1 or 2 rows and up to five columns. */
function dotKernel(module: Module, rows: number, columns: number, machine: Machine) {
  const madd = multiplyAdd(machine);
  return routine(module, "", (f, a, aStep, b, bStep, c, ldc, k) => {
    const as = [a];
    const bs = [b];
    for (let i = 1; i < rows; i++) as.push(f.let(I32, i32.add(as[i - 1]!, aStep)));
    for (let j = 1; j < columns; j++) bs.push(f.let(I32, i32.add(bs[j - 1]!, bStep)));
    const sums = as.map(() => bs.map(() => f.let(VECTOR, floats.const(0))));
    const left = as.map(() => f.local(VECTOR));
    const right = f.local(VECTOR);
    const step = (load: Load, bytes: number): void => {
      as.forEach((p, i) => f.set(left[i]!, load(p)));
      bs.forEach((p, j) => {
        f.set(right, load(p));
        as.forEach((_, i) => f.set(sums[i]![j]!, madd(left[i]!, right, sums[i]![j]!)));
      });
      for (const p of [...as, ...bs]) f.advance(p, bytes);
    };
    inVectors(f, k, machine, step);
    if (rows === 2) f.set(ldc, i32.add(c, ldc));
    if (machine.lanes > 4) {
      sums.forEach((row, i) =>
        row.forEach((sum, j) => {
          for (let half = machine.lanes / 2; half >= 1; half /= 2) f.set(sum, floats.add(sum, lanes.rotate(sum, half)));
          f.do(lanes.storeFirst(i === 0 ? c : ldc, sum, 4 * j));
        }),
      );
      return;
    }
    // Four sums at a time become one vector of their totals: four columns of one row, or two columns of two rows. From
    // the last to the first: V8 11 (Node 20) multiplies in the reverse of the order in which sums are used, and in any
    // other order but that of the loads runs out of registers.
    const pick = four.shuffle;
    const pairs = (x: Vec, y: Vec) => floats.add(pick(x, y, [0, 4, 1, 5]), pick(x, y, [2, 6, 3, 7]));
    const [u, w] = [f.local(VECTOR), f.local(VECTOR)];
    for (let j = columns - 1 - ((columns - 1) % (4 / rows)); j >= 0; j -= 4 / rows) {
      const at = (d: number): Vec =>
        sums[rows === 1 ? 0 : d & 1]![Math.min(rows === 1 ? j + d : j + (d >> 1), columns - 1)]!;
      f.set(u, pairs(at(0), at(1)));
      f.set(w, pairs(at(2), at(3)));
      f.set(u, floats.add(pick(u, w, [0, 1, 4, 5]), pick(u, w, [2, 3, 6, 7])));
      if (rows === 2) f.set(u, pick(u, u, [0, 2, 1, 3]));
      const left = columns - j;
      if (rows === 2)
        [c, ldc].forEach((to, i) => f.do(left > 1 ? four.store64(to, u, i, 4 * j) : four.store32(to, u, 2 * i, 4 * j)));
      else if (left >= 4) f.do(lanes.store(c, u, 4 * j));
      else if (left === 1) f.do(four.store32(c, u, 0, 4 * j));
      else {
        f.do(four.store64(c, u, 0, 4 * j));
        if (left === 3) f.do(four.store32(c, u, 2, 4 * j + 8));
      }
    }
  });
}

/** dots(a, aStep, b, bStep, c, ldc, rows, columns, k): C = A * transposed(B), both with their rows along k. */
function writeDots(module: Module, machine: Machine): void {
  const kernels = [1, 2].map((rows) => Array.from({ length: WIDE }, (_, j) => dotKernel(module, rows, j + 1, machine)));
  routine(module, "dots", (f, a, aStep, b, bStep, c, ldc, rows, columns, k) => {
    const [w, i, p, q] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
    f.repeat(
      () => {
        nextBlock(f, w, columns, WIDE);
        f.set(i, rows);
        f.set(p, a);
        f.set(q, c);
        f.while(i32.geS(i, 2), () => {
          dispatch(f, w, kernels[1]!, [p, aStep, b, bStep, q, ldc, k]);
          f.advance(p, i32.shl(aStep, 1));
          f.advance(q, i32.shl(ldc, 1));
          f.advance(i, -2);
        });
        f.if(i, () => dispatch(f, w, kernels[0]!, [p, aStep, b, bStep, q, ldc, k]));
        f.advance(b, i32.mul(w, bStep));
        f.advance(c, i32.shl(w, 2));
      },
      () => f.tee(columns, i32.sub(columns, w)),
    );
  });
}

/** combine(a, aStep, b, bStep, c, columns, k): c = sum over k of a[k] * row k of B, four rows at a time. */
function writeCombine(module: Module, machine: Machine): void {
  const madd = multiplyAdd(machine);
  const rowLoop = (rows: number) =>
    routine(module, "", (f, a, aStep, b, bStep, c, columns, first) => {
      const scale: Vec[] = [];
      const at = [b];
      for (let i = 0; i < rows; i++) {
        scale.push(f.let(VECTOR, lanes.loadSplat(a)));
        if (i < rows - 1) {
          f.advance(a, aStep);
          at.push(f.let(I32, i32.add(at[i]!, bStep)));
        }
      }
      const x = f.local(VECTOR);
      inVectors(f, columns, machine, (load, bytes, store) => {
        f.if(
          first,
          () => f.set(x, floats.const(0)),
          () => f.set(x, load(c)),
        );
        for (let i = 0; i < rows; i++) f.set(x, madd(load(at[i]!), scale[i]!, x));
        f.do(store(c, x));
        for (const p of [...at, c]) f.advance(p, bytes);
      });
    });
  const kernels = [1, 2, 3, 4].map(rowLoop);
  routine(module, "combine", (f, a, aStep, b, bStep, c, columns, k) => {
    const first = f.let(I32, 1);
    const r = f.local(I32);
    f.repeat(
      () => {
        f.set(r, select(i32.ltS(k, 4), k, i32.const(4)));
        dispatch(f, r, kernels, [a, aStep, b, bStep, c, columns, first]);
        f.advance(a, i32.mul(r, aStep));
        f.advance(b, i32.mul(r, bStep));
        f.set(first, 0);
      },
      () => f.tee(k, i32.sub(k, r)),
    );
  });
}

/** Fewer multiply-adds are done sooner than machine code is called. */
const FEW = 2048;
const memoryFor = (m: CallMemory, products: number): CallMemory => (products < FEW ? m.wasm : m);

/** Dot products, for so many multiply-adds. */
export const dots = (m: CallMemory, products: number) =>
  machineCode<"dots">(memoryFor(m, products), "dot products", writeDots).dots;
/** The sum of scaled rows, for so many multiply-adds. */
export const combine = (m: CallMemory, products: number) =>
  machineCode<"combine">(memoryFor(m, products), "combination of rows", writeCombine).combine;
