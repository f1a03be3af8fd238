// Orders along an axis: the position of the greatest or least element, and sorting. Invocations share a line. NaN wins
// every search and sorts as the greatest.
import type { CallLaunch } from "@weft/kernel";
import type { Attrs } from "@weft/tensor";
import { sizeOf, type AxisAttrs } from "@weft/tensor/internals";
import type { DeviceTraits } from "../forms/device-traits.ts";
import { inputsOf } from "../forms/operands.ts";
import { stageOf, type Staged, type Words } from "../forms/stage.ts";
import { prepared, type Call } from "./call.ts";
import { linesOf, share } from "./lines.ts";
import { sorted, type Key } from "./sort.ts";

/** The greater a key, the later its element: a total order of numbers in which zeros are equal and NaN is the greatest. */
const ascending = (type: string, x: string): string =>
  type === "f32" ? `select(select(w_order(${x}), 0i, ${x} == 0f), 0x7fffffffi, w_nan(${x}))` : `i32(${x})`;
const descending = (type: string, x: string): string => `~(${ascending(type, x)})`;
/** The greater a key, the better its element for a search of the least, which NaN wins, too. */
const least = (type: string, x: string): string =>
  type === "f32" ? `select(~select(w_order(${x}), 0i, ${x} == 0f), 0x7fffffffi, w_nan(${x}))` : `~i32(${x})`;

/**
 * An invocation searches at least this many terms before splitting a line pays, and this many workgroups are enough.
 */
const LONG = 64;
const ENOUGH = 256;

/**
 * The greatest key and its first position. Long lines, where there are few, are split; a second stage searches their
 * parts.
 */
const search =
  (name: string, key: typeof ascending): Call<AxisAttrs>["prepare"] =>
  (launch, machine) => {
    const lines = linesOf(launch);
    const [x] = inputsOf(launch, 1);
    const all = share(lines, machine);
    const wanted = Math.min(Math.floor(ENOUGH / all.groups), Math.floor(lines.size / (all.sharers * LONG)));
    const parts = Math.max(1, wanted);
    const one = parts === 1;
    const numbers = { ...lines, parts, groups: all.groups, length: Math.ceil(lines.size / parts) };
    const first = stageOf(machine, {
      name: `${name} ${all.name}${one ? "" : " in parts"}`,
      operands: [x, one ? launch.outs[0] : "i32"],
      numbers,
      groups: all.groups * parts,
      scratch: 2 * machine.threads,
      text: (w) => `
        let part = group / groups;
        ${all.text("group % groups")}
        ${best(
          w,
          all.sharers,
          all.step,
          "part * length",
          "min(part * length + length, size)",
          `let value = ${w.load(0, "first + j * inner")}; let key = ${key(w.type(0), "value")}; let place = j;`,
        )}
        if (live && slice == 0u) {
          ${
            one
              ? `let found = i32(winner); ${w.store("line", "found")}`
              : `let found = i32(winner);
                ${w.put(1, "2u * (line * parts + part)", "most")}
                ${w.put(1, "2u * (line * parts + part) + 1u", "found")}`
          }
        }`,
    });
    if (one) return { stages: [first], workspace: 0 };
    const rest = share({ ...lines, size: parts, inner: 1 }, machine);
    const second = stageOf(machine, {
      name: `${name} of parts ${rest.name}`,
      operands: ["i32", launch.outs[0]],
      numbers: { count: lines.count, size: parts, inner: 1 },
      groups: rest.groups,
      scratch: 2 * machine.threads,
      text: (w) => `
        ${rest.text("group")}
        ${best(
          w,
          rest.sharers,
          rest.step,
          "0u",
          "size",
          `let key = ${w.load(0, "2u * (line * size + j)")};
           let place = u32(${w.load(0, "2u * (line * size + j) + 1u")});`,
        )}
        if (live && slice == 0u) { let found = i32(winner); ${w.store("line", "found")} }`,
    });
    return { stages: [first, second], workspace: 8 * lines.count * parts };
  };

/**
 * Statements that name `most` and `winner` of places `begin` … end-1, for all that share the line. `candidate` names
 * key, place.
 */
function best(w: Words, sharers: number, step: number, begin: string, end: string, candidate: string): string {
  const { threads } = w.at;
  const [key, place] = [(l: string) => w.at.scratch(l), (l: string) => w.at.scratch(`${threads}u + ${l}`)];
  const better = "key > most || (key == most && place < winner)";
  return `
    var most = w_word(0x80000000u);
    var winner = 0xffffffffu;
    if (live) {
      let end = ${end};
      for (var j = ${begin} + slice; j < end; j += ${sharers}u) {
        ${candidate}
        if (${better}) { most = key; winner = place; }
      }
    }
    ${key("lane")} = bitcast<u32>(most);
    ${place("lane")} = winner;
    workgroupBarrier();
    for (var h = ${sharers >> 1}u; h > 0u; h >>= 1u) {
      if (slice < h) {
        let key = bitcast<i32>(${key(`lane + h * ${step}u`)});
        let place = ${place(`lane + h * ${step}u`)};
        if (${better}) { most = key; winner = place; ${key("lane")} = bitcast<u32>(most); ${place("lane")} = winner; }
      }
      workgroupBarrier();
    }`;
}

export const argmax: Call<Attrs<"argmax">> = { prepare: search("argmax", ascending) };
export const argmin: Call<Attrs<"argmin">> = { prepare: search("argmin", least) };

/** In lines up to this length each element counts those before it; longer ones are radix sorted. */
const COUNTED = 2048;

export const argsort: Call<Attrs<"argsort">> = {
  prepare: (launch, machine) => {
    const down = launch.attrs.descending;
    const key = down ? descending : ascending;
    const { size, inner } = linesOf(launch);
    if (size > COUNTED) return byDigits(launch, machine, `argsort ${down}`, key);
    return prepared(launch, machine, {
      name: `argsort ${down}`,
      numbers: { size, inner },
      count: sizeOf(launch.outs[0].shape),
      text: (w) => place(w, key),
    });
  },
};

function place({ load, store, type }: Words, key: typeof ascending): string {
  return `
    let first = i / (inner * size) * size * inner + i % inner;
    let own = (i / inner) % size;
    let x = ${load(0, "i")};
    let key = ${key(type(0), "x")};
    var before = 0u;
    for (var j = 0u; j < size; j++) {
      let x = ${load(0, "first + j * inner")};
      let other = ${key(type(0), "x")};
      if (other < key || (other == key && j < own)) { before += 1u; }
    }
    let found = i32(own);
    ${store("first + before * inner", "found")}`;
}

/** Sorts all lines together, by element and then by line number: place p is element p % size of line p / size. */
function byDigits(launch: CallLaunch<AxisAttrs>, machine: DeviceTraits, name: string, key: typeof ascending): Staged {
  const { count, size, inner } = linesOf(launch);
  const [x] = inputsOf(launch, 1);
  const element: Key = {
    name,
    bits: 32,
    numbers: { size, inner },
    text: (w) => `
      let line = place / size;
      let value = ${w.load(0, "line / inner * size * inner + place % size * inner + line % inner")};
      let key = bitcast<u32>(${key(w.type(0), "value")}) ^ 0x80000000u;`,
  };
  const line: Key = {
    name: "lines",
    bits: Math.ceil(Math.log2(count)),
    numbers: { size },
    text: () => "let key = place / size;",
  };
  const length = count * size;
  const sort = sorted(launch, machine, x, length, count === 1 ? [element] : [element, line]);
  const last = stageOf(machine, {
    name: "argsort places",
    operands: ["i32", launch.outs[0]],
    numbers: { size, inner, places: sort.places },
    count: length,
    text: (w) => `
      let line = i / size;
      let found = ${w.load(0, "places + i")} % i32(size);
      ${w.store("line / inner * size * inner + i % size * inner + line % inner", "found")}`,
  });
  return { stages: [...sort.stages, last], workspace: 4 * sort.words };
}
