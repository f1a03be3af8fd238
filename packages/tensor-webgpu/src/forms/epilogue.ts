// The elementwise work that the planner hands over with a call or a reduction: it runs on each element of the result
// while that is in a register, in the dispatch that computes it.
import type { DType } from "@weft/tensor";
import { layout, type KernelLaunch } from "@weft/kernel";
import { following, type Epilogue } from "../translate/program.ts";
import { elementOf } from "../translate/kernel.ts";
import { wgslType } from "../translate/scalar.ts";

/** Where a result goes. */
interface Result {
  readonly slot: number;
  readonly bytes: number;
  readonly dtype: DType;
}

/**
 * The loops' indices, by coordinates `c0`… along axes that cover the same elements in the same order; undefined where a
 * loop ends within an axis.
 */
function indicesBy(axes: readonly number[], loops: readonly number[]): string[] | undefined {
  let end = axes.length;
  const found = loops.toReversed().map((size) => {
    let start = end;
    let n = 1;
    while (n < size && start > 0) n *= axes[--start]!;
    if (n !== size) return undefined;
    const one = start === 0 && end === axes.length;
    let index = one ? "place" : "0u";
    if (!one) for (let a = start; a < end; a++) index = index === "0u" ? `c${a}` : `(${index} * ${axes[a]}u + c${a})`;
    end = start;
    return index;
  });
  const whole = axes.slice(0, end).every((n) => n === 1) && found.every((i) => i !== undefined);
  return whole ? found.toReversed() : undefined;
}

/**
 * Whether everything is f32 and four neighbors along the last loop are stored side by side, at multiples of 16 bytes.
 */
function storesFour({ kernel, places, words }: KernelLaunch, loops: readonly number[], out: Result): boolean {
  const { rank, stores, operands } = kernel;
  if (rank === 0 || loops.at(-1)! % 4 !== 0 || out.dtype !== "f32" || words[layout.begin] !== 0) return false;
  const memory = operands.flatMap((o, k) => (o.use === "index" ? [] : [k]));
  return stores.every(({ operand }) => {
    const strides = loops.map((_, l) => words[layout.operand(kernel, operand) + 1 + l]!);
    return (
      operands[operand]!.dtype === "f32" &&
      strides.at(-1) === 4 &&
      strides.slice(0, -1).every((s) => s % 16 === 0) &&
      places[memory.indexOf(operand)]!.bytes % 16 === 0
    );
  });
}

/** The epilogue of a result, f32 or i32. `axes` are the sizes of the axes along which coordinates are given. */
export function epilogueOf(
  launch: KernelLaunch | undefined,
  out: Result,
  axes: readonly number[] = [],
): Epilogue | undefined {
  if (launch === undefined) return undefined;
  const { kernel, places, words } = launch;
  const memory = kernel.operands.filter((o) => o.use !== "index");
  const isResult = (write: boolean): number =>
    places.findIndex((p) => p.write === write && p.slot === out.slot && p.bytes === out.bytes);
  const read = isResult(false);
  const given = read < 0 ? -1 : (places[read]!.word - layout.operand(kernel, 0)) / (1 + kernel.rank);
  // Where the epilogue overwrites the call's result, nobody else reads that.
  const keeps = isResult(true) < 0;
  const loops = Array.from({ length: kernel.rank }, (_, l) =>
    l === 0 ? words[layout.end]! - words[layout.begin]! : words[layout.size(l)]!,
  );
  const known = axes.length === 0 ? undefined : indicesBy(axes, loops);
  const four = storesFour(launch, loops, out) && (!keeps || out.bytes % 16 === 0);
  return {
    key: `then ${kernel.key}#${given}${keeps ? "+" : ""}${four ? " 4" : ""} ${known?.join() ?? ""}`,
    operands: memory.map((o) => ({ dtype: o.dtype, write: o.use === "write", wide: four && o.use === "write" })),
    launch,
    coordinates: axes.length,
    four,
    functions: (at, first, operands, result, word) => {
      const type = wgslType[out.dtype === "i32" ? "i32" : "f32"];
      const address = `(bitcast<u32>(${at.word(word)}) + (place << 2u))`;
      const shifted = following(at, first, operands);
      const { name } = at;
      const { indices, compute, stores } = elementOf(kernel, shifted, given);
      const begin = `${shifted.word(layout.begin)}`;
      const named =
        known === undefined
          ? indices
          : known.map((index, l) => `let i${l} = i32(${index})${l === 0 ? ` + ${begin}` : ""};`).join(" ");
      const list = (more: string): string =>
        loops.map((_, l) => `i${l}${l === loops.length - 1 ? more : ""}, `).join("");
      const coordinates = axes.map((_, a) => `c${a}: u32, `).join("");
      const put = (store: (s: (typeof stores)[number], n: number) => string): string =>
        stores.map((s, n) => `{ ${s.address} ${store(s, n)} }`).join("\n");
      return `
        struct ${name}_stored { ${stores.map((s, n) => `s${n}: ${wgslType[s.type]}`).join(", ")} }
        fn ${name}_each(${loops.map((_, l) => `i${l}: i32, `).join("")}value: ${type}) -> ${name}_stored {
          ${compute}
          return ${name}_stored(${stores.map((s) => s.value).join(", ")});
        }
        fn ${name}_after(place: u32, ${coordinates}value: ${type}) {
          ${keeps ? at.store(result, out.dtype === "i32" ? "i32" : "f32", "value", address) : ""}
          ${named}
          let e = ${name}_each(${list("")}value);
          ${put((s, n) => `let x = e.s${n}; ${shifted.store(s.memory, s.type, "x", s.to)}`)}
        }
        ${
          four
            ? `fn ${name}_after4(place: u32, ${coordinates}value: vec4f) {
                ${keeps ? at.store4(result, "value", address) : ""}
                ${named}
                ${[..."xyzw"].map((x, i) => `let ${x} = ${name}_each(${list(` + ${i}i`)}value.${x});`).join(" ")}
                ${put(
                  (s, n) => `let four = vec4f(x.s${n}, y.s${n}, z.s${n}, w.s${n});
                  ${shifted.store4(s.memory, "four", s.to)}`,
                )}
              }`
            : ""
        }`;
    },
  };
}
