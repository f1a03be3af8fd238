// Orders and scans along an axis in their plain form: searches and running sums walk a line in one invocation; in a sort
// each element counts the elements that stand before it. NaN wins every search and sorts last.
import type { CallLaunch } from "@weft/kernel";
import { around, prepared, sizeOf, type Call, type Words } from "./call.ts";

/** The greater a key, the later its element: a total order of numbers, zeros equal, NaN last. */
const ascending = (type: string, x: string): string =>
  type === "f32" ? `select(select(w_order(${x}), 0i, ${x} == 0f), 0x7fffffffi, w_nan(${x}))` : `i32(${x})`;
const descending = (type: string, x: string): string =>
  type === "f32" ? `select(~select(w_order(${x}), 0i, ${x} == 0f), 0x7fffffffi, w_nan(${x}))` : `~i32(${x})`;

/** Number of lines along the axis, their length, and the distance of neighbours. */
function lines({ inputs, attrs }: CallLaunch) {
  const { outer, size, inner } = around(inputs[0]!.shape, (attrs as { axis: number }).axis);
  return { count: outer * inner, numbers: { size, inner } };
}

const search =
  (name: string, key: typeof ascending): Call["prepare"] =>
  (launch, machine) =>
    prepared(launch, machine, {
      name,
      ...lines(launch),
      text: ({ load, store, type }) => `
        let first = i / inner * size * inner + i % inner;
        var best = 0u;
        var bestKey = 0i;
        for (var j = 0u; j < size; j++) {
          let x = ${load(0, "first + j * inner")};
          let key = ${key(type(0), "x")};
          if (j == 0u || key > bestKey) { best = j; bestKey = key; }
        }
        let found = i32(best);
        ${store("i", "found")}`,
    });

export const argmax: Call = { prepare: search("argmax", ascending) };
export const argmin: Call = { prepare: search("argmin", descending) };

export const cumsum: Call = {
  prepare: (launch, machine) => {
    const { reverse } = launch.attrs as { reverse: boolean };
    const from = reverse ? "size - 1u - j" : "j";
    return prepared(launch, machine, {
      name: `cumsum ${reverse}`,
      ...lines(launch),
      text: ({ load, store, result }) => `
        let first = i / inner * size * inner + i % inner;
        var sum = ${result}(0);
        for (var j = 0u; j < size; j++) {
          let at = first + (${from}) * inner;
          sum += ${load(0, "at")};
          ${store("at", "sum")}
        }`,
    });
  },
};

export const argsort: Call = {
  prepare: (launch, machine) => {
    const down = (launch.attrs as { descending: boolean }).descending;
    const key = down ? descending : ascending;
    return prepared(launch, machine, {
      name: `argsort ${down}`,
      numbers: lines(launch).numbers,
      count: sizeOf(launch.out.shape),
      text: (w) => place(w, key),
    });
  },
};

function place({ load, store, type }: Words, key: typeof ascending): string {
  return `
    let first = i / (inner * size) * size * inner + i % inner;
    let own = (i / inner) % size;
    let x = ${load(0, "i")};
    let mine = ${key(type(0), "x")};
    var before = 0u;
    for (var j = 0u; j < size; j++) {
      let x = ${load(0, "first + j * inner")};
      let other = ${key(type(0), "x")};
      if (other < mine || (other == mine && j < own)) { before += 1u; }
    }
    let found = i32(own);
    ${store("first + before * inner", "found")}`;
}
