// Pooling and its gradients. Windows of two by two side by side, the usual case, are vector code that reads two rows at
// once; every other shape walks its windows in JavaScript.
import { sizeOf, type PoolAttrs } from "@weft/tensor/internals";
import { four, floats, I32, i32, type Expr, type Local, type Module, lanes, VECTOR } from "../wasm/emitter.ts";
import { aligned, dense, machineCode, type Call, type CallMemory, type Operand, type Prepared } from "./call.ts";
import { three, type Three } from "./geometry.ts";

type Vec = Expr<typeof VECTOR>;
type Int = Local<typeof I32>;
type Four<T> = readonly [T, T, T, T];
type Corners = Four<Local<typeof VECTOR>>;
type Name = "maxPool" | "maxPoolGrad" | "maxPoolPick" | "sumPool" | "sumPoolGrad";

/** What a pooling reads and writes, image or pooled, in the order of its operands: output first. */
const operands: Record<Name, readonly ("image" | "pooled")[]> = {
  maxPool: ["pooled", "image"],
  maxPoolGrad: ["image", "image", "pooled"],
  maxPoolPick: ["pooled", "image", "image"],
  sumPool: ["pooled", "image"],
  sumPoolGrad: ["image", "pooled"],
};

const even = (a: Vec, b: Vec): Vec => four.shuffle(a, b, [0, 2, 4, 6]);
const odd = (a: Vec, b: Vec): Vec => four.shuffle(a, b, [1, 3, 5, 7]);

/**
 * name(out, ...inputs, planes, rows, columns, gap, row): planes of 2x2 windows; `row` bytes in a row of the image,
 * `gap` bytes from the end of the last pair of rows to the next plane. At least four columns: the last four overlap
 * those before.
 */
function writePools(module: Module): void {
  for (const name of Object.keys(operands) as Name[]) {
    const kinds = operands[name];
    const f = module.func(
      name,
      Array.from({ length: kinds.length + 5 }, () => I32),
    );
    const at = kinds.map((_, i) => f.param(i, I32));
    const [planes, rows, columns, gap, row] = Array.from({ length: 5 }, (_, i) => f.param(kinds.length + i, I32)) as [
      Int,
      Int,
      Int,
      Int,
      Int,
    ];
    const [y, left, step] = [f.local(I32), f.local(I32), f.local(I32)];
    const below = kinds.map(() => f.local(I32));
    /** The four elements of four windows, in window order, as values that may be used twice. */
    const corners = (i: number): Corners => {
      const rowsOf = [at[i]!, below[i]!].map(
        (p) => [f.let(VECTOR, lanes.load(p)), f.let(VECTOR, lanes.load(p, 16))] as const,
      );
      return rowsOf.flatMap(([a, b]) => [f.let(VECTOR, even(a, b)), f.let(VECTOR, odd(a, b))]) as unknown as Corners;
    };
    const spread = (values: readonly Vec[]): void =>
      [at[0]!, below[0]!].forEach((p, r) => {
        const [a, b] = [f.let(VECTOR, values[2 * r]!), f.let(VECTOR, values[2 * r + 1]!)];
        f.do(lanes.store(p, four.shuffle(a, b, [0, 4, 1, 5])), lanes.store(p, four.shuffle(a, b, [2, 6, 3, 7]), 16));
      });
    /**
     * The greatest, and for elements 1 to 3 whether they beat all before them. NaN beats numbers, and the first of
     * equals wins.
     */
    const contest = ([first, ...rivals]: Corners) => {
      const best = f.let(VECTOR, first);
      const beats = (rival: Vec) => {
        const won = f.let(VECTOR, lanes.andnot(floats.eq(best, best), floats.le(rival, best)));
        f.set(best, lanes.bitselect(rival, best, won));
        return won;
      };
      return { best, winners: [beats(rivals[0]), beats(rivals[1]), beats(rivals[2])] as const };
    };
    const work: Record<Name, () => void> = {
      maxPool: () => f.do(lanes.store(at[0]!, contest(corners(1)).best)),
      sumPool: () => {
        const [a, b, c, d] = corners(1);
        f.do(lanes.store(at[0]!, floats.add(floats.add(a, b), floats.add(c, d))));
      },
      maxPoolGrad: () => {
        const [b, c, d] = contest(corners(1)).winners;
        const g = f.let(VECTOR, lanes.load(at[2]!));
        const parts: Vec[] = [];
        for (const winner of [d, c, b]) {
          parts.unshift(f.let(VECTOR, lanes.and(g, winner)));
          f.set(g, lanes.andnot(g, winner));
        }
        spread([g, ...parts]);
      },
      maxPoolPick: () => {
        const { winners } = contest(corners(1));
        const [first, ...others] = corners(2);
        const u = f.let(VECTOR, first);
        winners.forEach((beats, i) => f.set(u, lanes.bitselect(others[i]!, u, beats)));
        f.do(lanes.store(at[0]!, u));
      },
      sumPoolGrad: () => {
        const g = f.let(VECTOR, lanes.load(at[1]!));
        spread([g, g, g, g]);
      },
    };
    const forward = (bytes: Expr<typeof I32>): void =>
      kinds.forEach((kind, i) => f.advance(at[i]!, kind === "image" ? i32.shl(bytes, 1) : bytes));
    f.times(planes, () => {
      f.set(y, rows);
      f.times(y, () => {
        f.set(left, columns);
        f.repeat(
          () => {
            kinds.forEach((kind, i) => kind === "image" && f.set(below[i]!, i32.add(at[i]!, row)));
            work[name]();
            f.advance(left, -4);
            f.set(step, i32.shl(left, 2));
            f.if(i32.gtS(left, 4), () => f.set(step, 16));
            // After the last four of a row: on to the next row, over the columns that no window covers.
            f.if(
              left,
              () => forward(step),
              () =>
                kinds.forEach((kind, i) =>
                  f.advance(
                    at[i]!,
                    kind === "pooled" ? 16 : i32.add(32, i32.sub(i32.shl(row, 1), i32.shl(columns, 3))),
                  ),
                ),
            );
            f.if(i32.and(i32.gtS(left, 0), i32.ltS(left, 4)), () => f.set(left, 4));
          },
          () => left,
        );
      });
      kinds.forEach((kind, i) => kind === "image" && f.advance(at[i]!, gap));
    });
  }
}

/** The windows of one plane: on each axis, where they begin and end in the image, and how far elements are apart. */
interface Windows {
  readonly image: Three;
  readonly count: Three;
  readonly step: Three;
  readonly from: readonly [Int32Array, Int32Array, Int32Array];
  readonly to: readonly [Int32Array, Int32Array, Int32Array];
}

function windows(image: Three, count: Three, { window, stride, padding, dilation }: PoolAttrs): Windows {
  const [w, s, step] = [three(window, 1), three(stride, 1), three(dilation, 1)];
  const low = three(
    padding.map((p) => p[0]),
    0,
  );
  const places = (axis: 0 | 1 | 2, place: (start: number) => number) =>
    Int32Array.from({ length: count[axis] }, (_, i) => place(i * s[axis] - low[axis]));
  /** The first element that is in the image. */
  const from = (axis: 0 | 1 | 2) => {
    const d = step[axis];
    return places(axis, (start) => (start < 0 ? start + d * Math.ceil(-start / d) : start));
  };
  const to = (axis: 0 | 1 | 2) =>
    places(axis, (start) => Math.min(image[axis], start + step[axis] * (w[axis] - 1) + 1));
  return { image, count, step, from: [from(0), from(1), from(2)], to: [to(0), to(1), to(2)] };
}

type Elements = Float32Array | Float64Array;

/** For each window of the plane at `at`, the place of its first maximum (the first NaN, if there is one). */
function findMaxima(memory: Elements, at: number, { image, count, step, from, to }: Windows, found: Int32Array): void {
  const [, height, width] = image;
  const [columns, ends] = [from[2], to[2]];
  let place = 0;
  for (let a = 0; a < count[0]; a++)
    for (let b = 0; b < count[1]; b++)
      for (let c = 0; c < count[2]; c++) {
        const [x0, x1] = [columns[c]!, ends[c]!];
        let where = (from[0][a]! * height + from[1][b]!) * width + x0;
        let best = memory[at + where]!;
        for (let i = from[0][a]!; i < to[0][a]!; i += step[0])
          for (let j = from[1][b]!; j < to[1][b]!; j += step[1]) {
            const row = (i * height + j) * width;
            for (let k = row + x0; k < row + x1; k += step[2]) {
              const rival = memory[at + k]!;
              if (!(rival <= best) && best === best) {
                best = rival;
                where = k;
              }
            }
          }
        found[place++] = where;
      }
}

/** Sums windows of the image into the pooled plane, or adds the pooled plane to all elements of its windows. */
function sumWindows(memory: Elements, plane: number, pooled: number, w: Windows, toImage: boolean): void {
  const { image, count, step, from, to } = w;
  const [, height, width] = image;
  for (let a = 0; a < count[0]; a++)
    for (let b = 0; b < count[1]; b++)
      for (let c = 0; c < count[2]; c++, pooled++) {
        const g = toImage ? memory[pooled]! : 0;
        let sum = 0;
        for (let i = from[0][a]!; i < to[0][a]!; i += step[0])
          for (let j = from[1][b]!; j < to[1][b]!; j += step[1]) {
            const row = plane + (i * height + j) * width;
            for (let k = row + from[2][c]!; k < row + to[2][c]!; k += step[2])
              if (toImage) memory[k]! += g;
              else sum += memory[k]!;
          }
        if (!toImage) memory[pooled] = sum;
      }
}

/** Each pooling of one plane, by its definition: addresses in elements, output first. */
type Plane = (memory: Elements, at: readonly number[], w: Windows, found: Int32Array) => void;

const picking =
  (source: 1 | 2): Plane =>
  (memory, at, w, found) => {
    findMaxima(memory, at[1]!, w, found);
    const [to, from] = [at[0]!, at[source]!];
    for (let i = 0; i < found.length; i++) memory[to + i] = memory[from + found[i]!]!;
  };

const planes: Record<Name, Plane> = {
  maxPool: picking(1),
  maxPoolPick: picking(2),
  maxPoolGrad: (memory, at, w, found) => {
    findMaxima(memory, at[1]!, w, found);
    const [to, from] = [at[0]!, at[2]!];
    for (let i = 0; i < found.length; i++) memory[to + found[i]!]! += memory[from + i]!;
  },
  sumPool: (memory, at, w) => sumWindows(memory, at[1]!, at[0]!, w, false),
  sumPoolGrad: (memory, at, w) => sumWindows(memory, at[0]!, at[1]!, w, true),
};

function prepare(name: Name, m: CallMemory, attrs: PoolAttrs, out: Operand, inputs: readonly Operand[]): Prepared {
  const all = [out, ...inputs];
  const kinds = operands[name];
  const image = all[kinds.indexOf("image")]!.shape;
  const pooled = all[kinds.indexOf("pooled")]!.shape;
  const [x, y] = [three(image.slice(2), 1), three(pooled.slice(2), 1)];
  const count = image[0]! * image[1]!;
  const sizes = kinds.map((kind) => (kind === "image" ? sizeOf(x) : sizeOf(y)));
  const { window, stride, padding, dilation } = attrs;
  const pairs =
    window.length === 2 &&
    [...window, ...stride].every((n) => n === 2) &&
    dilation.every((n) => n === 1) &&
    padding.flat().every((n) => n === 0);
  if (pairs && out.dtype === "f32" && y[2] >= 4 && count > 0) {
    const run = machineCode<Name>(m.wasm, "pools", writePools)[name];
    const clear = kinds[0] === "image" && sizeOf(x) !== 4 * sizeOf(y);
    const [rows, columns, row] = [y[1], y[2], 4 * x[2]];
    const gap = row * (x[1] - 2 * rows);
    return {
      units: count,
      scratch: 0,
      run: ([to], [a, b = 0], _scratch, begin, end) => {
        if (clear) m.clear(to + 4 * begin * sizes[0]!, 4 * (end - begin) * sizes[0]!);
        const [t, p, q] = [to, a!, b].map((at, i) => at + 4 * begin * (sizes[i] ?? 0)) as [number, number, number];
        if (kinds.length === 2) run(t, p, end - begin, rows, columns, gap, row);
        else run(t, p, q, end - begin, rows, columns, gap, row);
      },
    };
  }
  const w = windows(x, y, attrs);
  return {
    units: count,
    scratch: aligned(4 * sizeOf(y)),
    run: ([to], addresses, s, begin, end) => {
      const memory = out.dtype === "f64" ? m.f64 : m.f32;
      const found = m.i32.subarray(s >>> 2, (s >>> 2) + sizeOf(y));
      const at = [to, ...addresses].map((a, i) => a / memory.BYTES_PER_ELEMENT + begin * sizes[i]!);
      if (kinds[0] === "image") memory.fill(0, at[0]!, at[0]! + (end - begin) * sizes[0]!);
      for (let p = begin; p < end; p++) {
        planes[name](memory, at, w, found);
        sizes.forEach((size, i) => (at[i]! += size));
      }
    },
  };
}

const call = (name: Name): Call<PoolAttrs> =>
  dense((m, attrs: PoolAttrs, [out], inputs) => prepare(name, m, attrs, out, inputs));

export const pools: Record<Name, Call<PoolAttrs>> = {
  maxPool: call("maxPool"),
  maxPoolGrad: call("maxPoolGrad"),
  maxPoolPick: call("maxPoolPick"),
  sumPool: call("sumPool"),
  sumPoolGrad: call("sumPoolGrad"),
};
