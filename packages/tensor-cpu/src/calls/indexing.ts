// Indexing: rows copied or added in vectors for elements of four bytes, by loops for other sizes; single elements by strides.
// An index out of range touches nothing: it gives NaN (integers: 0), its update is dropped, and the call says so.
import { dtypeInfo, isFloat, type AxisAttrs, type DType, type TypedArray } from "@weft/tensor";
import { storage } from "../translate/storage.ts";
import { f32x4, I32, i32, i32x4, type Local, type Module, v128 } from "../wasm/emitter.ts";
import { aligned, dense, idle, lines, machineCode, routine, sizeOf, type CallMemory, type Operand } from "./call.ts";

type Int = Local<typeof I32>;

/** Memory as elements of a dtype. */
const elements = (m: CallMemory, dtype: DType): TypedArray => m[storage[dtype].view];
/** What stands for an element that there is not. */
function missing(dtype: DType): number {
  const nothing = isFloat(dtype) ? NaN : 0;
  return dtypeInfo[dtype].store?.(nothing) ?? nothing;
}

/**
 * take(to, x, indices, n, size, bytes, fill, wrong): rows of x, `bytes` long, in the order of the indices; words of `fill` and
 * 1 at `wrong` where an index is not below `size`. add(to, updates, …): rows added at the indices, as f32.
 */
function writeIndexing(module: Module): void {
  for (const name of ["take", "add"] as const)
    routine(module, name, (f, to, from, indices, n, size, bytes, fill, wrong) => {
      const [i, p, q, left] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
      const row = (wide: (p: Int, q: Int) => void, one: (p: Int, q: Int) => void): void => {
        for (const [step, body] of [
          [16, wide],
          [4, one],
        ] as const) {
          f.while(i32.geS(left, step), () => {
            body(p, q);
            f.advance(p, step);
            f.advance(q, step);
            f.set(left, i32.sub(left, step));
          });
        }
      };
      f.times(n, () => {
        f.set(i, i32.load(indices));
        f.set(left, bytes);
        f.set(p, from);
        f.set(q, to);
        if (name === "take") {
          f.if(
            i32.ltU(i, size),
            () => {
              f.advance(p, i32.mul(i, bytes));
              row(
                (p, q) => f.do(v128.store(q, v128.load(p))),
                (p, q) => f.do(i32.store(q, i32.load(p))),
              );
            },
            () => {
              row(
                (_, q) => f.do(v128.store(q, i32x4.splat(fill))),
                (_, q) => f.do(i32.store(q, fill)),
              );
              f.do(i32.store(wrong, 1));
            },
          );
          f.advance(to, bytes);
        } else {
          f.if(
            i32.ltU(i, size),
            () => {
              f.advance(q, i32.mul(i, bytes));
              row(
                (p, q) => f.do(v128.store(q, f32x4.add(v128.load(q), v128.load(p)))),
                (p, q) => f.do(v128.store32Lane(q, f32x4.add(v128.load32Zero(q), v128.load32Zero(p)), 0)),
              );
            },
            () => f.do(i32.store(wrong, 1)),
          );
          f.advance(from, bytes);
        }
        f.advance(indices, 4);
      });
    });
}

const vectors = (m: CallMemory) => machineCode<"take" | "add">(m, "indexing", writeIndexing);

/** x around the axis, and the number of indices. */
const rows = (x: Operand, { axis }: AxisAttrs, indices: Operand) => {
  const { outer, n: size, inner } = lines(x, axis);
  return { outer, size, inner, n: sizeOf(indices.shape) };
};

export const take = dense((m, attrs: AxisAttrs, out, [x, indices]) => {
  const { outer, size, inner, n } = rows(x!, attrs, indices!);
  const { dtype } = out;
  const bytes = inner * dtypeInfo[dtype].bytes;
  if (outer * inner * n === 0) return idle;
  if (dtypeInfo[dtype].bytes === 4) {
    const run = vectors(m).take;
    const fill = dtype === "f32" ? 0x7fc00000 : 0;
    return {
      scratch: aligned(4),
      run: (to, [from, at], wrong) => {
        m.i32[wrong >>> 2] = 0;
        for (let o = 0; o < outer; o++)
          run(to + o * n * bytes, from! + o * size * bytes, at!, n, size, bytes, fill, wrong);
        return m.i32[wrong >>> 2] === 1;
      },
    };
  }
  return {
    scratch: 0,
    run: (to, [from, at]) => {
      const memory = elements(m, dtype);
      const unit = memory.BYTES_PER_ELEMENT;
      let wrong = false;
      let q = to;
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < n; i++, q += bytes) {
          const index = m.i32[(at! >>> 2) + i]!;
          if (index >= 0 && index < size) {
            const p = from! + (o * size + index) * bytes;
            m.u8.copyWithin(q, p, p + bytes);
          } else {
            memory.fill(missing(dtype), q / unit, (q + bytes) / unit);
            wrong = true;
          }
        }
      return wrong;
    },
  };
});

/** out = x, unless they are one place. */
const copyFirst = (m: CallMemory, to: number, from: number, bytes: number): void => {
  if (to !== from) m.u8.copyWithin(to, from, from + bytes);
};

/** Updates that a place can take in f32 before digits are lost: where more meet, they are added in f64. */
const CROWD = 256;

function addTo(to: TypedArray, at: number, from: TypedArray, begin: number, n: number): void {
  for (let k = 0; k < n; k++) to[at + k]! += from[begin + k]!;
}

/** The rows where so many meet; their numbers in that list stand in `counts` as -1, -2, … */
function crowdedRows(counts: Int32Array, indices: Int32Array): number[] {
  counts.fill(0);
  for (const i of indices) if (i >= 0 && i < counts.length) counts[i]!++;
  const crowded: number[] = [];
  for (const i of indices) if (counts[i]! > CROWD) counts[i] = -crowded.push(i);
  return crowded;
}

export const indexAdd = dense(
  (m, attrs: AxisAttrs, out, [x, indices]) => {
    const { outer, size, inner, n } = rows(x!, attrs, indices!);
    const { dtype } = out;
    const all = sizeOf(out.shape) * dtypeInfo[dtype].bytes;
    const bytes = inner * dtypeInfo[dtype].bytes;
    const run = dtype === "f32" ? vectors(m).add : undefined;
    const [few, most] = [run === undefined || n <= CROWD, Math.floor(n / CROWD)];
    const counted = aligned(4) + aligned(4 * size);
    return {
      scratch: few ? aligned(4) : counted + 8 * inner * most,
      run: (to, [from, at, updates], flag) => {
        copyFirst(m, to, from!, all);
        if (outer * inner * n === 0) return false;
        if (run !== undefined) {
          m.i32[flag >>> 2] = 0;
          const list = m.i32.subarray(at! >>> 2, (at! >>> 2) + n);
          const counts = m.i32.subarray((flag + aligned(4)) >>> 2, ((flag + aligned(4)) >>> 2) + size);
          const crowded = few ? [] : crowdedRows(counts, list);
          if (crowded.length > 0) {
            const sums = m.f64.subarray((flag + counted) >>> 3, ((flag + counted) >>> 3) + inner * crowded.length);
            for (let o = 0; o < outer; o++) {
              const [target, source] = [to + o * size * bytes, updates! + o * n * bytes];
              sums.fill(0);
              list.forEach((index, i) => {
                const place = index >= 0 && index < size ? counts[index]! : 0;
                if (place < 0) addTo(sums, (-1 - place) * inner, m.f32, (source + i * bytes) >>> 2, inner);
                else run(target, source + i * bytes, at! + 4 * i, 1, size, bytes, 0, flag);
              });
              crowded.forEach((row, k) => addTo(m.f32, (target + row * bytes) >>> 2, sums, k * inner, inner));
            }
            return m.i32[flag >>> 2] === 1;
          }
          for (let o = 0; o < outer; o++)
            run(to + o * size * bytes, updates! + o * n * bytes, at!, n, size, bytes, 0, flag);
          return m.i32[flag >>> 2] === 1;
        }
        const memory = elements(m, dtype);
        const unit = memory.BYTES_PER_ELEMENT;
        let wrong = false;
        let p = updates! / unit;
        for (let o = 0; o < outer; o++)
          for (let i = 0; i < n; i++, p += inner) {
            const index = m.i32[(at! >>> 2) + i]!;
            if (index >= 0 && index < size) {
              const q = to / unit + (o * size + index) * inner;
              for (let k = 0; k < inner; k++) memory[q + k]! += memory[p + k]!;
            } else wrong = true;
          }
        return wrong;
      },
    };
  },
  { inPlace: true },
);

/** One line of indices: true if one was out of range. Positions are in elements, `step` and `along` in elements of x. */
type IndexLine = (
  memory: TypedArray,
  indices: Int32Array,
  at: number,
  n: number,
  x: number,
  step: number,
  along: number,
  size: number,
  other: number,
  nothing: number,
  /** Where sums are. */
  sums: TypedArray,
) => boolean;

const gatherLine: IndexLine = (memory, indices, at, n, x, step, along, size, to, nothing) => {
  let wrong = false;
  for (let i = 0; i < n; i++, x += step) {
    const index = indices[at + i]!;
    if (index >= 0 && index < size) memory[to + i] = memory[x + index * along]!;
    else {
      memory[to + i] = nothing;
      wrong = true;
    }
  }
  return wrong;
};

const scatterLine: IndexLine = (memory, indices, at, n, x, step, along, size, from, _nothing, sums) => {
  let wrong = false;
  for (let i = 0; i < n; i++, x += step) {
    const index = indices[at + i]!;
    if (index >= 0 && index < size) sums[x + index * along]! += memory[from + i]!;
    else wrong = true;
  }
  return wrong;
};

/** Walks indices that have the rank of x, line by line along their last axis; x and `other` are byte addresses. */
function walker(like: Operand, { axis }: AxisAttrs, { shape }: Operand, line: IndexLine) {
  const strides = shape.map((_, i) => sizeOf(like.shape.slice(i + 1)));
  const along = strides[axis]!;
  const steps = strides.map((stride, i) => (i === axis ? 0 : stride));
  const size = like.shape[axis]!;
  const last = shape.length - 1;
  const n = shape[last]!;
  const nothing = missing(like.dtype);
  return (m: CallMemory, x: number, indices: number, other: number, sums?: Float64Array): boolean => {
    const memory = elements(m, like.dtype);
    const bytes = memory.BYTES_PER_ELEMENT;
    let [at, place, wrong] = [indices >>> 2, other / bytes, false];
    const go = (a: number, offset: number): void => {
      if (a < last) for (let i = 0; i < shape[a]!; i++) go(a + 1, offset + i * steps[a]!);
      else {
        if (line(memory, m.i32, at, n, offset, steps[last]!, along, size, place, nothing, sums ?? memory)) wrong = true;
        at += n;
        place += n;
      }
    };
    go(0, sums === undefined ? x / bytes : 0);
    return wrong;
  };
}

export const gather = dense((m, attrs: AxisAttrs, _out, [x, indices]) => {
  const walk = walker(x!, attrs, indices!, gatherLine);
  return { scratch: 0, run: (to, [from, at]) => walk(m, from!, at!, to) };
});

export const scatterAdd = dense(
  (m, attrs: AxisAttrs, out, [, indices]) => {
    const walk = walker(out, attrs, indices!, scatterLine);
    const size = sizeOf(out.shape);
    // Where there are more places than updates, few of them meet.
    const wide = out.dtype === "f32" && sizeOf(indices!.shape) > Math.max(CROWD, size);
    return {
      scratch: wide ? 8 * size : 0,
      run: (to, [from, at, updates], s) => {
        copyFirst(m, to, from!, size * dtypeInfo[out.dtype].bytes);
        if (!wide) return walk(m, to, at!, updates!);
        const sums = m.f64.subarray(s >>> 3, (s >>> 3) + size);
        sums.fill(0);
        const wrong = walk(m, to, at!, updates!, sums);
        addTo(m.f32, to >>> 2, sums, 0, size);
        return wrong;
      },
    };
  },
  { inPlace: true },
);
