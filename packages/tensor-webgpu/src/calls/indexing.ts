// Reading and adding at indices. Every element of a result belongs to one invocation, so sums have a fixed order and
// need no atomics; where there are many indices, they are sorted first. An index out of range touches nothing and
// raises a flag.
import { linesAlong, type CallLaunch } from "@weft/kernel";
import { sizeOf, type AxisAttrs } from "@weft/tensor/internals";
import { inputsOf } from "../forms/operands.ts";
import type { Words } from "../forms/stage.ts";
import { missing, prepared, type Call, type CallForm } from "./call.ts";
import { longSum } from "./long-sum.ts";
import { summed } from "./sums.ts";

const axisOf = ({ attrs }: CallLaunch<AxisAttrs>): number => attrs.axis;

/** Statements that write element i: that of operand 0 at `place` if `index` is in range of `size`. */
const found = ({ load, store, outOfRange }: Words, { outs: [out] }: CallLaunch, place: string): string => `
  if (index >= 0i && u32(index) < size) {
    let found = ${load(0, place)};
    ${store("i", "found")}
  } else {
    let found = ${missing(out.dtype)};
    ${store("i", "found")}
    ${outOfRange}
  }`;

/** y[o, j, k] = x[o, indices[j], k]. */
export const take: Call<AxisAttrs> = {
  prepare: (launch, machine) => {
    const [x, indices] = inputsOf(launch, 2);
    const { size, inner } = linesAlong(x.shape, axisOf(launch));
    if (inner % 4 === 0 && x.dtype === "f32" && x.bytes % 16 === 0 && launch.outs[0].bytes % 16 === 0)
      return prepared(launch, machine, takeRows(sizeOf(launch.outs[0].shape), size, inner, sizeOf(indices.shape)));
    return prepared(launch, machine, {
      name: "take",
      checksIndices: true,
      count: sizeOf(launch.outs[0].shape),
      numbers: { size, inner, length: sizeOf(indices.shape) },
      text: (w) => `
        let index = ${w.load(1, "(i / inner) % length")};
        ${found(w, launch, "(i / (inner * length) * size + u32(index)) * inner + i % inner")}`,
    });
  },
};

/** `take` of rows that are whole vectors. */
const takeRows = (elements: number, size: number, inner: number, length: number): CallForm => ({
  name: "take four",
  checksIndices: true,
  wide: true,
  count: elements / 4,
  numbers: { size, inner: inner / 4, length },
  text: ({ load, load4, store4, outOfRange }) => `
    let row = i / inner;
    let index = ${load(1, "row % length")};
    var found = vec4f(${missing("f32")});
    if (index >= 0i && u32(index) < size) {
      found = ${load4(0, "4u * ((row / length * size + u32(index)) * inner + i % inner)")};
    } else { ${outOfRange} }
    ${store4("4u * i", "found")}`,
});

/**
 * Indices are sorted where scanning all of them for every row, or every element, would take more than this many
 * comparisons.
 */
const LOOKS = 2 ** 21;
/** With this many updates along the axis or fewer, sorting does not pay, however many elements there are. */
const FEW = 64;

/** Bits of a word: an invocation compares this many indices at a time. */
const WORD = 32;

/**
 * y[o, a, k] = x[o, a, k] + the sum of updates[o, j, k] over all j with indices[j] = a, in order of j. A workgroup owns
 * some features of one row: its invocations find the indices of that row, as bits in its memory; then each adds up one
 * feature, or shares one with others where there are few.
 */
export const indexAdd: Call<AxisAttrs> = {
  inPlace: true,
  prepare: (launch, machine) => {
    const { threads } = machine;
    const [x, indices] = inputsOf(launch, 3);
    const { outer, size, inner } = linesAlong(x.shape, axisOf(launch));
    const features = Math.min(threads, 2 ** Math.ceil(Math.log2(inner)));
    const across = Math.ceil(inner / features);
    const length = sizeOf(indices.shape);
    if (outer * across * size * length > LOOKS)
      return summed(launch, machine, {
        name: "indices",
        outer,
        rows: size,
        inner,
        length,
        numbers: {},
        key: ({ load, outOfRange }) => `
          let index = ${load(0, "place")};
          var key = u32(index);
          if (index < 0i || key >= rows) { key = rows; ${outOfRange} }`,
      });
    return prepared(launch, machine, {
      name: `indexAdd ${features}`,
      checksIndices: true,
      groups: outer * size * across,
      numbers: { size, inner, length, across },
      // A word for each invocation, a bit for each of these words, and the sums of those that share a feature.
      scratch: threads + Math.ceil(threads / WORD) + threads,
      text: (w) => indexed(w, features),
    });
  },
};

function indexed({ at, load, store, outOfRange, result }: Words, features: number): string {
  const { threads } = at;
  const words = Math.ceil(threads / WORD);
  const share = threads / features;
  const part = at.scratch(`${threads + words}u + lane`);
  return `
    let row = group / across;
    let wanted = i32(row % size);
    let f = group % across * ${features}u + lane % ${features}u;
    let sharer = lane / ${features}u;
    let first = row / size * length * inner + f;
    ${longSum(
      "sum",
      result,
      (add) => `
    var seen = 0u;
    for (var start = 0u; start < length; start += ${threads * WORD}u) {
      let base = start + lane * ${WORD}u;
      var found = 0u;
      for (var b = 0u; b < ${WORD}u; b++) {
        if (base + b < length) {
          let index = ${load(1, "base + b")};
          if (index == wanted) { found |= 1u << b; }
          if (index < 0i || u32(index) >= size) { ${outOfRange} }
        }
      }
      ${at.scratch("lane")} = found;
      workgroupBarrier();
      if (lane < ${words}u) {
        var some = 0u;
        for (var b = 0u; b < ${WORD}u; b++) { if (${at.scratch(`lane * ${WORD}u + b`)} != 0u) { some |= 1u << b; } }
        ${at.scratch(`${threads}u + lane`)} = some;
      }
      workgroupBarrier();
      for (var h = 0u; h < ${words}u; h++) {
        var some = ${at.scratch(`${threads}u + h`)};
        while (some != 0u) {
          let place = h * ${WORD}u + firstTrailingBit(some);
          some &= some - 1u;
          var bits = ${at.scratch("place")};
          while (bits != 0u) {
            let j = start + place * ${WORD}u + firstTrailingBit(bits);
            bits &= bits - 1u;
            if (seen % ${share}u == sharer && f < inner) { ${add(load(2, "first + j * inner"))} }
            seen += 1u;
          }
        }
      }
      workgroupBarrier();
    }
`,
    )}
    ${part} = bitcast<u32>(sum);
    workgroupBarrier();
    if (sharer == 0u && f < inner) {
      var all = ${load(0, "row * inner + f")};
      for (var z = 0u; z < ${share}u; z++) {
        all += bitcast<${result}>(${at.scratch(`${threads + words}u + lane + z * ${features}u`)});
      }
      ${store("row * inner + f", "all")}
    }`;
}

/** Sizes of the indices' axes (`d`) and the strides (`s`) of another value along them. */
function walk(indices: readonly number[], other: readonly number[]): Record<string, number> {
  const numbers: Record<string, number> = {};
  let stride = 1;
  for (let l = indices.length - 1; l >= 0; l--) {
    numbers[`d${l}`] = indices[l]!;
    numbers[`s${l}`] = stride;
    stride *= other[l]!;
  }
  return numbers;
}

const axesBackwards = (rank: number): number[] => Array.from({ length: rank }, (_, l) => rank - 1 - l);

/** Statements that name where the line along the axis begins that the index at place `rest` belongs to. */
const lineOf = (name: string, rank: number, axis: number): string =>
  `var ${name} = 0u;\n${axesBackwards(rank)
    .map((l) => (l === axis ? `rest /= d${l};` : `${name} += rest % d${l} * s${l}; rest /= d${l};`))
    .join("\n")}`;

/** y has the shape of indices: each gives the position along the axis in x. */
export const gather: Call<AxisAttrs> = {
  prepare: (launch, machine) => {
    const [x, indices] = inputsOf(launch, 2);
    const axis = axisOf(launch);
    const rank = x.shape.length;
    return prepared(launch, machine, {
      name: `gather ${rank} ${axis}`,
      checksIndices: true,
      count: sizeOf(launch.outs[0].shape),
      numbers: { size: x.shape[axis]!, ...walk(indices.shape, x.shape) },
      text: (w) => `
        var rest = i;
        ${lineOf("place", rank, axis)}
        let index = ${w.load(1, "i")};
        ${found(w, launch, `place + u32(index) * s${axis}`)}`,
    });
  },
};

/** y = x plus each update at the position along the axis that its index gives. */
export const scatterAdd: Call<AxisAttrs> = {
  inPlace: true,
  prepare: (launch, machine) => {
    const [x, indices] = inputsOf(launch, 3);
    const axis = axisOf(launch);
    const rank = x.shape.length;
    if (indices.shape[axis]! > FEW && sizeOf(x.shape) * indices.shape[axis]! > LOOKS)
      return summed(launch, machine, {
        name: `places ${rank} ${axis}`,
        outer: 1,
        rows: sizeOf(x.shape),
        inner: 1,
        length: sizeOf(indices.shape),
        numbers: { size: x.shape[axis]!, ...walk(indices.shape, x.shape) },
        key: (w) => placed(w, rank, axis),
      });
    const sizes = Object.fromEntries(x.shape.map((d, l) => [`n${l}`, d]));
    return prepared(launch, machine, {
      name: `scatterAdd ${rank} ${axis}`,
      checksIndices: true,
      count: sizeOf(launch.outs[0].shape),
      numbers: { ...sizes, ...walk(indices.shape, indices.shape) },
      text: (w) => scattered(w, rank, axis),
    });
  },
};

/** The place in x, as one number, that the index at `place` selects. */
const placed = ({ load, outOfRange }: Words, rank: number, axis: number): string => `
  var rest = place;
  ${lineOf("key", rank, axis)}
  let index = ${load(0, "place")};
  if (index >= 0i && u32(index) < size) { key += u32(index) * s${axis}; } else { key = rows; ${outOfRange} }`;

function scattered({ load, store, outOfRange, result }: Words, rank: number, axis: number): string {
  const cuts = axesBackwards(rank).map((l) => {
    const cut = `let c${l} = rest % n${l}; rest /= n${l};`;
    return l === axis ? cut : `${cut} inside &= c${l} < d${l}; place += c${l} * s${l};`;
  });
  return `
    var rest = i;
    var place = 0u;
    var inside = true;
    ${cuts.join("\n")}
    ${longSum(
      "sum",
      result,
      (add) => `
        if (inside) {
          for (var j = 0u; j < d${axis}; j++) {
            let at = place + j * s${axis};
            let index = ${load(1, "at")};
            if (index == i32(c${axis})) { ${add(load(2, "at"))} }
            if (index < 0i || u32(index) >= n${axis}) { ${outOfRange} }
          }
        }`,
    )}
    let y = ${load(0, "i")} + sum;
    ${store("i", "y")}`;
}
