// Indexing: rows copied or added in vectors for elements of four bytes, by loops for other sizes; single elements by
// strides. An index out of range touches no memory: it reads as NaN (integers: 0), its update is ignored, and the call
// reports it.
import { linesAlong } from "@weft/kernel";
import type { DType, TypedArray } from "@weft/tensor";
import { type AxisAttrs, dtypeInfo, isFloat, sizeOf } from "@weft/tensor/internals";
import { four, floats, type Func, I32, i32, ints, type Local, type Module, lanes, type VOID } from "../wasm/emitter.ts";
import {
  aligned,
  blocksOf,
  dense,
  elements,
  idle,
  machineCode,
  outOfRange,
  routine,
  type CallMemory,
  type Operand,
} from "./call.ts";

type Int = Local<typeof I32>;

/** What an index out of range reads. */
function missing(dtype: DType): number {
  const nothing = isFloat(dtype) ? NaN : 0;
  return dtypeInfo[dtype].store?.(nothing) ?? nothing;
}

/**
 * take(to, x, indices, n, size, bytes, fill, fault): rows of x, `bytes` long, in the order of the indices; words of
 * `fill` and 1 at `fault` where an index is not below `size`. add(to, updates, indices, n, size, bytes, first, rows,
 * fault): rows added as f32 where the index is one of the `rows` from `first` on, which lie at `to`.
 */
function writeIndexing(module: Module): void {
  const eachPart = (
    f: Func<typeof VOID>,
    bytes: Int,
    moved: readonly Int[],
    wide: () => void,
    one: () => void,
  ): void => {
    const left = f.let(I32, bytes);
    for (const [step, body] of [
      [16, wide],
      [4, one],
    ] as const)
      f.while(i32.geS(left, step), () => {
        body();
        for (const p of moved) f.advance(p, step);
        f.advance(left, -step);
      });
  };
  routine(module, "take", (f, to, from, indices, n, size, bytes, fill, fault) => {
    const [i, p] = [f.local(I32), f.local(I32)];
    f.times(n, () => {
      f.set(i, i32.load(indices));
      f.if(
        i32.ltU(i, size),
        () => {
          f.set(p, i32.add(from, i32.mul(i, bytes)));
          eachPart(
            f,
            bytes,
            [p, to],
            () => f.do(lanes.store(to, lanes.load(p))),
            () => f.do(i32.store(to, i32.load(p))),
          );
        },
        () => {
          eachPart(
            f,
            bytes,
            [to],
            () => f.do(lanes.store(to, ints.splat(fill))),
            () => f.do(i32.store(to, fill)),
          );
          f.do(i32.store(fault, 1));
        },
      );
      f.advance(indices, 4);
    });
  });
  routine(module, "add", (f, to, from, indices, n, size, bytes, first, rows, fault) => {
    const [i, p, q] = [f.local(I32), f.local(I32), f.local(I32)];
    f.times(n, () => {
      f.set(i, i32.sub(i32.load(indices), first));
      f.if(
        i32.ltU(i, rows),
        () => {
          f.set(p, from);
          f.set(q, i32.add(to, i32.mul(i, bytes)));
          eachPart(
            f,
            bytes,
            [p, q],
            () => f.do(lanes.store(q, floats.add(lanes.load(q), lanes.load(p)))),
            () => f.do(four.store32(q, floats.add(lanes.loadFirst(q), lanes.loadFirst(p)), 0)),
          );
        },
        () => f.if(i32.geU(i32.load(indices), size), () => f.do(i32.store(fault, 1))),
      );
      f.advance(from, bytes);
      f.advance(indices, 4);
    });
  });
}

const vectors = (m: CallMemory) => machineCode<"take" | "add">(m.wasm, "indexing", writeIndexing);

/** x around the axis, and the number of indices. */
const rows = (x: Operand, { axis }: AxisAttrs, indices: Operand) => {
  const { outer, size, inner } = linesAlong(x.shape, axis);
  return { outer, size, inner, n: sizeOf(indices.shape) };
};

export const take = dense((m, attrs: AxisAttrs, [out], [x, indices]) => {
  const { outer, size, inner, n } = rows(x!, attrs, indices!);
  const { dtype } = out;
  const bytes = inner * dtypeInfo[dtype].bytes;
  if (outer * inner * n === 0) return idle;
  if (dtypeInfo[dtype].bytes === 4) {
    const run = vectors(m).take;
    const fill = dtype === "f32" ? 0x7fc00000 : 0;
    return {
      units: outer * n,
      scratch: 0,
      run: ([to], [from, at], _scratch, begin, end, { fault }) =>
        blocksOf(begin, end, n, (o, i, j) => {
          run(to + (o * n + i) * bytes, from! + o * size * bytes, at! + 4 * i, j - i, size, bytes, fill, fault);
        }),
    };
  }
  return {
    units: outer * n,
    scratch: 0,
    run: ([to], [from, at], _scratch, begin, end, { fault }) => {
      const memory = elements(m, dtype);
      const unit = memory.BYTES_PER_ELEMENT;
      let q = to + begin * bytes;
      blocksOf(begin, end, n, (o, first, last) => {
        for (let i = first; i < last; i++, q += bytes) {
          const index = m.i32[(at! >>> 2) + i]!;
          if (index >= 0 && index < size) {
            const p = from! + (o * size + index) * bytes;
            m.u8.copyWithin(q, p, p + bytes);
          } else {
            memory.fill(missing(dtype), q / unit, (q + bytes) / unit);
            outOfRange(m, fault);
          }
        }
      });
    },
  };
});

/** Copies x to out, unless they share memory. */
const copyFirst = (m: CallMemory, to: number, from: number, bytes: number): void => {
  if (to !== from) m.u8.copyWithin(to, from, from + bytes);
};

/** How many updates one place can sum in f32 without losing digits: more are added in f64. */
const CROWD = 256;

function addTo(to: TypedArray, at: number, from: TypedArray, begin: number, n: number): void {
  for (let k = 0; k < n; k++) to[at + k]! += from[begin + k]!;
}

/** The rows with more updates; `counts` holds their numbers in that list as -1, -2, … */
function crowdedRows(counts: Int32Array, indices: Int32Array): number[] {
  counts.fill(0);
  for (const i of indices) if (i >= 0 && i < counts.length) counts[i]!++;
  const crowded: number[] = [];
  for (const i of indices) if (counts[i]! > CROWD) counts[i] = -crowded.push(i);
  return crowded;
}

// Sums at indices are divided by destination: a range reads all updates, and adds those that fall into its part of the
// result.
export const indexAdd = dense(
  (m, attrs: AxisAttrs, [out], [x, indices]) => {
    const { outer, size, inner, n } = rows(x!, attrs, indices!);
    const { dtype } = out;
    const bytes = inner * dtypeInfo[dtype].bytes;
    const units = outer * size;
    if (dtype !== "f32")
      return {
        units,
        scratch: 0,
        run: ([to], [from, at, updates], _scratch, begin, end, { fault }) => {
          copyFirst(m, to + begin * bytes, from! + begin * bytes, (end - begin) * bytes);
          const memory = elements(m, dtype);
          const unit = memory.BYTES_PER_ELEMENT;
          blocksOf(begin, end, size, (o, first, last) => {
            for (let i = 0, p = updates! / unit + o * n * inner; i < n; i++, p += inner) {
              const index = m.i32[(at! >>> 2) + i]!;
              if (index >= first && index < last)
                addTo(memory, to / unit + (o * size + index) * inner, memory, p, inner);
              else if (index < 0 || index >= size) outOfRange(m, fault);
            }
          });
        },
      };
    const run = vectors(m).add;
    const few = n <= CROWD;
    const counted = aligned(4 * size);
    return {
      units,
      scratch: few ? 0 : aligned(counted + 8 * inner * Math.floor(n / CROWD)),
      run: ([to], [from, at, updates], scratch, begin, end, { fault }) => {
        copyFirst(m, to + begin * bytes, from! + begin * bytes, (end - begin) * bytes);
        if (n * inner === 0) return;
        const list = m.i32.subarray(at! >>> 2, (at! >>> 2) + n);
        const counts = m.i32.subarray(scratch >>> 2, (scratch >>> 2) + size);
        const crowded = few ? [] : crowdedRows(counts, list);
        const sums = (scratch + counted) >>> 3;
        blocksOf(begin, end, size, (o, first, last) => {
          const target = to + (o * size + first) * bytes;
          const source = updates! + o * n * bytes;
          const add = (i: number, count: number): void => {
            run(target, source + i * bytes, at! + 4 * i, count, size, bytes, first, last - first, fault);
          };
          if (crowded.length === 0) return add(0, n);
          m.f64.fill(0, sums, sums + inner * crowded.length);
          list.forEach((index, i) => {
            const place = counts[index] ?? 0;
            if (place >= 0) add(i, 1);
            else if (index >= first && index < last)
              addTo(m.f64, sums + (-1 - place) * inner, m.f32, (source + i * bytes) >>> 2, inner);
          });
          crowded.forEach((row, k) => {
            if (row >= first && row < last)
              addTo(m.f32, (target + (row - first) * bytes) >>> 2, m.f64, sums + k * inner, inner);
          });
        });
      },
    };
  },
  { inPlace: true },
);

/** Indices with the rank of x, and where they point: positions are in elements. */
function pointers(like: Operand, { axis }: AxisAttrs, { shape }: Operand) {
  const strides = like.shape.map((_, i) => sizeOf(like.shape.slice(i + 1)));
  const axes = shape.flatMap((d, i) => (d === 1 ? [] : [{ d, step: i === axis ? 0 : strides[i]! }]));
  const { d: n, step } = axes.pop() ?? { d: 1, step: 0 };
  return {
    size: like.shape[axis]!,
    along: strides[axis]!,
    step,
    /**
     * Line by line along the last axis: `each` gets the place in x of index 0, the first index and how many there are.
     */
    walk(begin: number, end: number, each: (x: number, first: number, n: number) => void): void {
      blocksOf(begin, end, n, (line, from, to) => {
        let x = from * step;
        for (let a = axes.length - 1, rest = line; a >= 0; a--) {
          const { d, step } = axes[a]!;
          x += (rest % d) * step;
          rest = Math.floor(rest / d);
        }
        each(x, line * n + from, to - from);
      });
    },
  };
}

type Pointers = ReturnType<typeof pointers>;

/** Handles one line of indices. Returns whether one was out of range. */
function gatherLine(
  memory: TypedArray,
  indices: Int32Array,
  at: number,
  n: number,
  x: number,
  { size, along, step }: Pointers,
  to: number,
  nothing: number,
): boolean {
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
}

/** The same, adding what falls on places begin…end of x; place 0 is at `sums[origin]`. */
function scatterLine(
  memory: TypedArray,
  indices: Int32Array,
  at: number,
  n: number,
  x: number,
  { size, along, step }: Pointers,
  from: number,
  sums: TypedArray,
  origin: number,
  begin: number,
  end: number,
): boolean {
  let wrong = false;
  for (let i = 0; i < n; i++, x += step) {
    const index = indices[at + i]!;
    if (index >= 0 && index < size) {
      const place = x + index * along;
      if (place >= begin && place < end) sums[origin + place]! += memory[from + i]!;
    } else wrong = true;
  }
  return wrong;
}

// Two-byte floats (f16, bf16) are converted before they come here.
export const gather = dense((m, attrs: AxisAttrs, [{ dtype }], [x, indices]) => {
  const p = pointers(x!, attrs, indices!);
  return {
    units: sizeOf(indices!.shape),
    scratch: 0,
    run: ([to], [from, at], _scratch, begin, end, { fault }) => {
      const memory = elements(m, dtype);
      const [source, target] = [from! / memory.BYTES_PER_ELEMENT, to / memory.BYTES_PER_ELEMENT];
      p.walk(begin, end, (x, i, n) => {
        if (gatherLine(memory, m.i32, (at! >>> 2) + i, n, source + x, p, target + i, missing(dtype)))
          outOfRange(m, fault);
      });
    },
  };
});

export const scatterAdd = dense(
  (m, attrs: AxisAttrs, [{ shape, dtype }], [, indices]) => {
    const p = pointers({ shape, strides: [], dtype }, attrs, indices!);
    const units = sizeOf(shape);
    const count = sizeOf(indices!.shape);
    const bytes = dtypeInfo[dtype].bytes;
    // With more places than updates, few updates meet.
    const wide = dtype === "f32" && count > Math.max(CROWD, units);
    return {
      units,
      scratch: wide ? aligned(8 * units) : 0,
      run: ([to], [from, at, updates], s, begin, end, { fault }) => {
        copyFirst(m, to + begin * bytes, from! + begin * bytes, (end - begin) * bytes);
        const memory = elements(m, dtype);
        const unit = memory.BYTES_PER_ELEMENT;
        const sums = s >>> 3;
        if (wide) m.f64.fill(0, sums, sums + end - begin);
        const [where, origin] = wide ? [m.f64, sums - begin] : [memory, to / unit];
        p.walk(0, count, (x, i, n) => {
          const source = updates! / unit + i;
          if (scatterLine(memory, m.i32, (at! >>> 2) + i, n, x, p, source, where, origin, begin, end))
            outOfRange(m, fault);
        });
        if (wide) addTo(m.f32, (to >>> 2) + begin, m.f64, sums, end - begin);
      },
    };
  },
  { inPlace: true },
);
