// The form for small and thin products: a workgroup owns a small piece of the result, 4 by 4 per invocation.
// Invocations that share a rectangle each take every n-th group of four along k straight from memory, and their parts
// meet once in the workgroup's memory. One dispatch, no barrier along k.
import type { Side, Target } from "./tile.ts";
import type { Words } from "./stage.ts";

export interface Slicing {
  /** Rows and columns of the piece: multiples of 4. */
  readonly rm: number;
  readonly rn: number;
  /** Whether neighboring invocations share a rectangle (good where both operands lie along k) or not. */
  readonly order: "k" | "column";
  /** Loops along k with this many rounds or fewer are unrolled. */
  readonly written: number;
}

/** How many invocations share a rectangle. */
export const sharers = ({ rm, rn }: Slicing, threads: number): number => threads / ((rm / 4) * (rn / 4));

/** Vectors of workgroup memory. */
export const sliceVectors = (s: Slicing, threads: number): number => (sharers(s, threads) > 1 ? threads * 4 : 0);

export const slicingName = (s: Slicing): string => `${s.rm}x${s.rn} by ${s.order}`;

const four = [0, 1, 2, 3] as const;
const components = "xyzw";

/** How invocations that share sums divide k, each taking every n-th group of four. */
export interface DotSchedule {
  readonly share: number;
  /** The most groups that each of them takes. */
  readonly rounds: number;
  /** Whether the rounds are unrolled. */
  readonly written: boolean;
}

export function scheduleOf(quads: number, share: number, written: number): DotSchedule {
  const rounds = Math.ceil(quads / share);
  return { share, rounds, written: rounds <= written };
}

export const scheduleName = ({ rounds, written }: DotSchedule): string => (written ? `${rounds}` : "rolled");

/** `round` for each group along k, with its number `q` in scope; `s` counts the sharers, `quads` the groups. */
export const walked = ({ share, rounds, written }: DotSchedule, round: string): string =>
  written
    ? Array.from({ length: rounds }, (_, r) => {
        const first = `s + ${r * share}u`;
        return `${r === rounds - 1 ? `if (${first} < quads) ` : ""}{ let q = ${first}; ${round} }`;
      }).join("\n")
    : `for (var q = s; q < quads; q += ${share}u) { ${round} }`;

/**
 * The text of the form. In scope: `m0`, `n0`, the first row and column of the piece, and `quads`, groups of four along
 * k.
 */
export function sliced(s: Slicing, schedule: DotSchedule, a: Side, b: Side, target: Target, w: Words): string {
  const across = s.rn / 4;
  const tiles = (s.rm / 4) * across;
  const { share } = schedule;
  if (!Number.isInteger(share))
    throw new RangeError(`sliced: ${slicingName(s)} does not suit ${w.at.threads} invocations`);
  const loads = (name: string, side: Side): string =>
    side.along === "k"
      ? [
          side.step("q * 4u", name, 0, "q * 4u"),
          ...four.map((i) => side.load(`${name}${i}`, `${name}${i}`, name)),
        ].join("\n")
      : four
          .map(
            (c) =>
              `${side.step(`q * 4u + ${c}u`, `${name}${c}`, c, "q * 4u")}
               ${side.load(`${name}${c}`, name, `${name}${c}`)}`,
          )
          .join("\n");
  const rows = (name: string, side: Side, first: string): string =>
    side.along === "k"
      ? four.map((i) => side.row(`${first} + ${i}u`, `${name}${i}`)).join("\n")
      : side.row(first, name);
  const round = `
    ${four.map((i) => `var a${i} = vec4f(); var b${i} = vec4f();`).join(" ")}
    ${loads("a", a)}
    ${loads("b", b)}
    ${four
      .flatMap((c) =>
        four.map((i) => {
          const x = a.along === "k" ? `a${i}.${components[c]}` : `a${c}.${components[i]}`;
          const y = b.along === "k" ? `vec4f(${four.map((j) => `b${j}.${components[c]}`).join(", ")})` : `b${c}`;
          return `c${i} = fma(vec4f(${x}), ${y}, c${i});`;
        }),
      )
      .join("\n")}`;
  const store = (m: string, n: string, value: string): string =>
    `{ ${target.column(n, "")} ${target.store(m, "", value)} }`;
  const meet = `
    let part = (s * ${tiles}u + tile) * 4u;
    ${four.map((i) => `${w.at.vector(`part + ${i}u`)} = c${i};`).join(" ")}
    workgroupBarrier();
    for (var i = lane; i < ${tiles * 4}u; i += ${w.at.threads}u) {
      var sum = ${w.at.vector("i")};
      for (var z = 1u; z < ${share}u; z++) { sum += ${w.at.vector(`i + z * ${tiles * 4}u`)}; }
      let row = m0 + i / ${across * 4}u * 4u + i % 4u;
      ${store("row", `n0 + i / 4u % ${across}u * 4u`, "sum")}
    }`;
  return `
    ${
      s.order === "k"
        ? `let s = lane % ${share}u; let tile = lane / ${share}u;`
        : `let tile = lane % ${tiles}u; let s = lane / ${tiles}u;`
    }
    let m = m0 + tile / ${across}u * 4u;
    let n = n0 + tile % ${across}u * 4u;
    ${rows("a", a, "m")}
    ${rows("b", b, "n")}
    var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f();
    ${walked(schedule, round)}
    ${share === 1 ? four.map((i) => `{ let row = m + ${i}u; ${store("row", "n", `c${i}`)} }`).join("\n") : meet}`;
}
