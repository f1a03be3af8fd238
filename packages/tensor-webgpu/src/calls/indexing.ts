// Reading and adding at indices. Every element of a result is one invocation's own, so sums have one order and need no
// atomics. An index outside its axis touches nothing and is noted.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { around, missing, prepared, sizeOf, type Call, type Words } from "./call.ts";

const axisOf = (launch: CallLaunch): number => (launch.attrs as { axis: number }).axis;

/** y[o, j, k] = x[o, indices[j], k]. */
export const take: Call = {
  prepare: (launch, machine) => {
    const [x, indices] = launch.inputs as [CallOperand, CallOperand];
    const { size, inner } = around(x.shape, axisOf(launch));
    return prepared(launch, machine, {
      name: "take",
      marks: true,
      count: sizeOf(launch.out.shape),
      numbers: { size, inner, length: sizeOf(indices.shape) },
      text: ({ load, store, mark }) => `
        let index = ${load(1, "(i / inner) % length")};
        if (index >= 0i && u32(index) < size) {
          let found = ${load(0, "(i / (inner * length) * size + u32(index)) * inner + i % inner")};
          ${store("i", "found")}
        } else {
          let found = ${missing(launch.out.dtype)};
          ${store("i", "found")}
          ${mark}
        }`,
    });
  },
};

/** y[o, a, k] = x[o, a, k] + the sum of updates[o, j, k] over all j with indices[j] = a. */
export const indexAdd: Call = {
  inPlace: true,
  prepare: (launch, machine) => {
    const [x, indices] = launch.inputs as [CallOperand, CallOperand];
    const { size, inner } = around(x.shape, axisOf(launch));
    return prepared(launch, machine, {
      name: "indexAdd",
      marks: true,
      count: sizeOf(launch.out.shape),
      numbers: { size, inner, length: sizeOf(indices.shape) },
      text: ({ load, store, mark }) => `
        let row = i32((i / inner) % size);
        let first = i / (inner * size) * length;
        var sum = ${load(0, "i")};
        for (var j = 0u; j < length; j++) {
          let index = ${load(1, "j")};
          if (index == row) { sum += ${load(2, "(first + j) * inner + i % inner")}; }
          if (index < 0i || u32(index) >= size) { ${mark} }
        }
        ${store("i", "sum")}`,
    });
  },
};

/** Sizes of the indices' axes (`d`) and strides (`s`) of another value along them. */
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

/** y has the shape of indices: each names the place along the axis in x. */
export const gather: Call = {
  prepare: (launch, machine) => {
    const [x, indices] = launch.inputs as [CallOperand, CallOperand];
    const axis = axisOf(launch);
    const rank = x.shape.length;
    return prepared(launch, machine, {
      name: `gather ${rank} ${axis}`,
      marks: true,
      count: sizeOf(launch.out.shape),
      numbers: { size: x.shape[axis]!, ...walk(indices.shape, x.shape) },
      text: ({ load, store, mark }) => `
        var rest = i;
        var place = 0u;
        ${axesBackwards(rank)
          .map((l) => (l === axis ? `rest /= d${l};` : `place += rest % d${l} * s${l}; rest /= d${l};`))
          .join("\n")}
        let index = ${load(1, "i")};
        if (index >= 0i && u32(index) < size) {
          let found = ${load(0, `place + u32(index) * s${axis}`)};
          ${store("i", "found")}
        } else {
          let found = ${missing(launch.out.dtype)};
          ${store("i", "found")}
          ${mark}
        }`,
    });
  },
};

/** y = x plus each update at the place its index names along the axis. */
export const scatterAdd: Call = {
  inPlace: true,
  prepare: (launch, machine) => {
    const [x, indices] = launch.inputs as [CallOperand, CallOperand];
    const axis = axisOf(launch);
    const rank = x.shape.length;
    const sizes = Object.fromEntries(x.shape.map((d, l) => [`n${l}`, d]));
    return prepared(launch, machine, {
      name: `scatterAdd ${rank} ${axis}`,
      marks: true,
      count: sizeOf(launch.out.shape),
      numbers: { ...sizes, ...walk(indices.shape, indices.shape) },
      text: (w) => scattered(w, rank, axis),
    });
  },
};

function scattered({ load, store, mark }: Words, rank: number, axis: number): string {
  const cuts = axesBackwards(rank).map((l) => {
    const cut = `let c${l} = rest % n${l}; rest /= n${l};`;
    return l === axis ? cut : `${cut} inside &= c${l} < d${l}; place += c${l} * s${l};`;
  });
  return `
    var rest = i;
    var place = 0u;
    var inside = true;
    ${cuts.join("\n")}
    var sum = ${load(0, "i")};
    if (inside) {
      for (var j = 0u; j < d${axis}; j++) {
        let at = place + j * s${axis};
        let index = ${load(1, "at")};
        if (index == i32(c${axis})) { sum += ${load(2, "at")}; }
        if (index < 0i || u32(index) >= n${axis}) { ${mark} }
      }
    }
    ${store("i", "sum")}`;
}
