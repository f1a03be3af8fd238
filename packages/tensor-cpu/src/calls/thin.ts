// Products with few rows or columns, where packing would cost as much as the product: dot products of rows that lie
// along the inner axis, and the sum of rows scaled by a vector.
import {
  four,
  floats,
  I32,
  i32,
  type Local,
  type Machine,
  type Module,
  select,
  lanes,
  VECTOR,
} from "../wasm/emitter.ts";
import { machineCode, routine, type CallMemory } from "./call.ts";
import { dispatch, multiplyAdd, nextBlock } from "./gemm.ts";

type Vec = Local<typeof VECTOR>;

/** Columns of C that one dot kernel computes at most: with two rows, ten sums in flight. */
const WIDE = 5;

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
    const step = (load: typeof lanes.load, bytes: number): void => {
      as.forEach((p, i) => f.set(left[i]!, load(p)));
      bs.forEach((p, j) => {
        f.set(right, load(p));
        as.forEach((_, i) => f.set(sums[i]![j]!, madd(left[i]!, right, sums[i]![j]!)));
      });
      for (const p of [...as, ...bs]) f.advance(p, bytes);
    };
    const n = f.let(I32, i32.shrU(k, 2));
    f.while(n, () => {
      step(lanes.load, 16);
      f.advance(n, -1);
    });
    f.set(n, i32.and(k, 3));
    f.while(n, () => {
      step(lanes.loadFirst, 4);
      f.advance(n, -1);
    });
    // Four sums at a time become one vector of their totals: four columns of one row, or two columns of two rows. From
    // the last to the first: V8 11 (Node 20) multiplies in the reverse of the order in which sums are used, and in any
    // other order but that of the loads runs out of registers.
    const pick = four.shuffle;
    const pairs = (x: Vec, y: Vec) => floats.add(pick(x, y, [0, 4, 1, 5]), pick(x, y, [2, 6, 3, 7]));
    const [u, w] = [f.local(VECTOR), f.local(VECTOR)];
    if (rows === 2) f.set(ldc, i32.add(c, ldc));
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
      const [n, x] = [f.let(I32, i32.shrU(columns, 2)), f.local(VECTOR)];
      const run = (load: typeof lanes.load, store: () => void, bytes: number): void =>
        f.while(n, () => {
          f.if(
            first,
            () => f.set(x, floats.const(0)),
            () => f.set(x, load(c)),
          );
          for (let i = 0; i < rows; i++) f.set(x, madd(load(at[i]!), scale[i]!, x));
          store();
          for (const p of [...at, c]) f.advance(p, bytes);
          f.advance(n, -1);
        });
      run(lanes.load, () => f.do(lanes.store(c, x)), 16);
      f.set(n, i32.and(columns, 3));
      run(lanes.loadFirst, () => f.do(four.store32(c, x, 0)), 4);
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

export const dots = (m: CallMemory) => machineCode<"dots">(m.wasm, "dot products", writeDots).dots;
export const combine = (m: CallMemory) => machineCode<"combine">(m.wasm, "combination of rows", writeCombine).combine;
