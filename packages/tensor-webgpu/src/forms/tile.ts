// The tiled form of a matrix product: a workgroup owns a tile of the result and steps along k; both operands are staged
// in its memory with k outermost, four elements per vector, and every invocation keeps a small tile in registers. The
// two sides know where elements come from, so that convolutions use the same text.
// Measured: an operand that lies along k is transposed while it is written; its rows are padded by a vector; the next
// step is loaded into registers during the arithmetic (`prefetch`); 32 neighboring invocations cover 4 by 8 small
// tiles.
import type { Words } from "./stage.ts";

export interface Tiling {
  /** Rows and columns of the result that a workgroup owns, and the length of a step along k. */
  readonly bm: number;
  readonly bn: number;
  readonly bk: number;
  /** Rows and columns that an invocation keeps: multiples of 4. */
  readonly tm: number;
  readonly tn: number;
  /** Whether the next step is loaded during the arithmetic of this one. */
  readonly prefetch: boolean;
  /** Whether the arithmetic of a step is unrolled. */
  readonly unroll: boolean;
  /** How an operand along k is transposed: component by component, or in registers, four by four. */
  readonly transpose: "components" | "registers";
}

/** One operand: its rows are rows of the result (left) or columns (right). */
export interface Side {
  /** The index along which neighbors are adjacent in memory: its row or k. */
  readonly along: "row" | "k";
  /** How many elements an invocation loads at once: 4, or 1, so that neighboring invocations load neighbors. */
  readonly width: 4 | 1;
  /** Statements that name what depends on a row (the first of four, where `along` is row); names end in `n`. */
  readonly row: (row: string, n: string) => string;
  /** Statements that name what all invocations share in the step from `k0`, a multiple of the tiling's `bk`. */
  readonly walk?: (k0: string) => string;
  /**
   * Statements that name what depends on that step, on row `n`, and on `first`, the offset of the first element from
   * `k0`.
   */
  readonly meet?: (n: string, first: string) => string;
  /** The same for an element at `k`, which is `more` after the first. */
  readonly step: (k: string, n: string, more: number, first: string) => string;
  /** Statements that load neighbors into variable `into`, 0 where there are none, using what the others named. */
  readonly load: (into: string, row: string, step: string) => string;
}

/** Where a side's elements are. */
export interface Gather extends Omit<Side, "load" | "width"> {
  /** Place of the `i`-th of four neighbors, using what `row` and `step` named. */
  readonly place: (row: string, step: string, i: number) => string;
  /** Tests in parentheses that hold where that element exists. */
  readonly inside: (row: string, step: string, i: number) => readonly string[];
  /**
   * Whether the four may be loaded at once, when the operand lies at a multiple of 16 bytes: all or none are inside.
   */
  readonly four: boolean;
}

/**
 * The side that loads operand `k`. What is outside is 0, selected without a branch: branches cost more than such loads.
 */
export function sideOf({ place, inside, four, ...rest }: Gather, k: number, aligned: boolean, w: Words): Side {
  const element = (row: string, step: string, i: number, at: (place: string) => string, none: string): string => {
    const test = inside(row, step, i).join(" & ");
    const where = place(row, step, i);
    return test === "" ? at(where) : `select(${none}, ${at(`select(0u, ${where}, ${test})`)}, ${test})`;
  };
  return {
    ...rest,
    width: 4,
    load: (into, row, step) =>
      four && aligned
        ? `${into} = ${element(row, step, 0, (p) => w.load4(k, p), "vec4f()")};`
        : `${into} = vec4f(${[0, 1, 2, 3].map((i) => element(row, step, i, (p) => w.load(k, p), "0f")).join(", ")});`,
  };
}

/** Where the result goes. */
export interface Target {
  /** Statements that name what depends on a column, the first of four; names end in `n`. */
  readonly column: (column: string, n: string) => string;
  /** Statements that write four neighbors of a row. */
  readonly store: (row: string, column: string, value: string) => string;
}

export const threadsOf = ({ bm, bn, tm, tn }: Tiling): number => (bm / tm) * (bn / tn);

const rowVectors = (rows: number, { along }: Pick<Side, "along">): number => rows / 4 + (along === "k" ? 1 : 0);

/** Vectors of workgroup memory. */
export const tileVectors = (t: Tiling, a: Pick<Side, "along">, b: Pick<Side, "along">): number =>
  t.bk * (rowVectors(t.bm, a) + rowVectors(t.bn, b));

export const tilingName = (t: Tiling): string =>
  `${t.bm}x${t.bn}x${t.bk} ${t.tm}x${t.tn}${t.prefetch ? " prefetch" : ""}${t.unroll ? "" : " rolled"} ${t.transpose}`;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const components = ["x", "y", "z", "w"] as const;

interface Staging {
  readonly declare: string;
  readonly load: string;
  readonly store: string;
}

/** How all invocations together load `rows` rows of a side, `bk` long, into workgroup memory from vector `base` on. */
function staging(name: string, side: Side, rows: number, first: string, base: number, t: Tiling, w: Words): Staging {
  const { along, width } = side;
  const threads = w.at.threads;
  const stride = rowVectors(rows, side);
  const block = along === "k" && width === 4 && t.transpose === "registers" ? 4 : 1;
  // Units of work; `near` of them lie along the index whose neighbors are adjacent.
  const near = (along === "row" ? rows : t.bk) / width;
  const units = ((along === "row" ? t.bk : rows) / block) * near;
  const per = Math.ceil(units / threads);
  if (along === "k" && threads % near !== 0)
    throw new RangeError(`tiled: ${tilingName(t)} does not suit ${threads} invocations`);
  // An invocation keeps its position along that index where possible, and advances along the other by `by`.
  const still = threads % near === 0;
  const by = still ? threads / near : 0;
  const here = (i: number): string => (still ? `(lane % ${near}u)` : `((lane + ${i * threads}u) % ${near}u)`);
  const start = (i: number): string => (still ? `lane / ${near}u` : `(lane + ${i * threads}u) / ${near}u`);
  // Without parentheses after others: a compiler then keeps the part that is the same for every step in a register.
  const there = (i: number): string => `${start(i)} + ${i * by}u`;
  // Only the last round may have fewer units than invocations.
  const some = (i: number, text: string): string =>
    units < (i + 1) * threads ? `if (lane < ${units - i * threads}u) { ${text} }` : text;
  const type = width === 4 ? "vec4f()" : "0f";
  const declare: string[] = [];
  const load: string[] = [side.walk?.("k0") ?? ""];
  const store: string[] = [];
  const meet = side.meet ?? (() => "");
  if (along === "row") {
    const rowOf = (i: number): string => `${name}${still ? "" : i}`;
    for (const i of range(still ? 1 : per))
      declare.push(side.row(`${first} + ${here(i)}${width === 4 ? " * 4u" : ""}`, rowOf(i)));
    if (still) load.push(meet(name, start(0)));
    for (const i of range(per)) {
      const g = `g${name}${i}`;
      declare.push(`var ${g} = ${type};`);
      const step = side.step(`k0 + ${there(i)}`, g, i * by, start(i));
      load.push(some(i, `${still ? "" : meet(rowOf(i), start(i))} ${step} ${side.load(g, rowOf(i), g)}`));
      const at = `${base}u + (${there(i)}) * ${stride}u`;
      store.push(
        some(
          i,
          width === 4
            ? `${w.at.vector(`${at} + ${here(i)}`)} = ${g};`
            : `${w.at.vector(`${at} + ${here(i)} / 4u`)}[${here(i)} & 3u] = ${g};`,
        ),
      );
    }
  } else {
    const within = `${here(0)}${width === 4 ? " * 4u" : ""}`;
    load.push(side.step(`k0 + ${within}`, name, 0, within));
    for (const i of range(per)) {
      const g = range(block).map((c) => `g${name}${i}_${c}`);
      g.forEach((x, c) =>
        declare.push(side.row(`${first} + (${there(i)}) * ${block}u + ${c}u`, x), `var ${x} = ${type};`),
      );
      load.push(some(i, g.map((x) => side.load(x, x, name)).join("\n")));
      const at = (c: number): string => `${base}u + (${within} + ${c}u) * ${stride}u`;
      const put =
        width === 1
          ? [`${w.at.vector(`${at(0)} + (${there(i)}) / 4u`)}[(${there(i)}) & 3u] = ${g[0]};`]
          : components.map((x, c) =>
              block === 4
                ? `${w.at.vector(`${at(c)} + ${there(i)}`)} = vec4f(${g.map((r) => `${r}.${x}`).join(", ")});`
                : `${w.at.vector(`${at(c)} + (${there(i)}) / 4u`)}[(${there(i)}) & 3u] = ${g[0]}.${x};`,
            );
      store.push(some(i, put.join(" ")));
    }
  }
  return { declare: declare.join("\n"), load: load.join("\n"), store: store.join("\n") };
}

/**
 * The text of the form. In scope: `m0`, `n0`, the first row and column of the workgroup's tile; `kFrom`, where it
 * begins along k; and `steps`, the number of steps of `bk`.
 */
export function tiled(t: Tiling, a: Side, b: Side, target: Target, w: Words): string {
  const [across, down] = [t.bn / t.tn, t.bm / t.tm];
  if (across * down > w.at.threads)
    throw new RangeError(`tiled: ${tilingName(t)} does not suit ${w.at.threads} invocations`);
  // Where the small tiles are fewer, some invocations only stage.
  const all = across * down === w.at.threads;
  const working = (text: string): string => (all ? text : `if (lane < ${across * down}u) { ${text} }`);
  // Which of the small tiles an invocation has.
  const inWarps = all && down % 4 === 0 && across % 8 === 0;
  const [pm, pn] = inWarps ? [4, 8] : [down, across];
  const place = inWarps
    ? `let my = lane / 8u % 4u; let nx = lane % 8u;
       let mw = lane / 32u / ${across / 8}u * ${4 * t.tm}u; let nw = lane / 32u % ${across / 8}u * ${8 * t.tn}u;`
    : `let my = lane / ${across}u; let nx = lane % ${across}u; let mw = 0u; let nw = 0u;`;
  const strideA = rowVectors(t.bm, a);
  const strideB = rowVectors(t.bn, b);
  const baseB = t.bk * strideA;
  const left = staging("a", a, t.bm, "m0", 0, t, w);
  const right = staging("b", b, t.bn, "n0", baseB, t, w);
  const rows = range(t.tm);
  const columns = range(t.tn / 4);
  const step = (k: string): string =>
    [
      ...range(t.tm / 4).map((q) => `let a${q} = ${w.at.vector(`${k} * ${strideA}u + ${q * pm}u + ma`)};`),
      ...columns.map((j) => `let b${j} = ${w.at.vector(`${baseB}u + ${k} * ${strideB}u + ${j * pn}u + na`)};`),
      ...rows.flatMap((i) =>
        columns.map((j) => `c${i}_${j} = fma(vec4f(a${i >> 2}.${components[i & 3]}), b${j}, c${i}_${j});`),
      ),
    ].join("\n");
  const arithmetic = t.unroll
    ? range(t.bk)
        .map((k) => `{ ${step(`${k}u`)} }`)
        .join("\n")
    : `for (var k = 0u; k < ${t.bk}u; k++) { ${step("k")} }`;
  const fetch = (k: string): string => `{ let k0 = ${k};\n${left.load}\n${right.load}\n}`;
  const put = `workgroupBarrier();\n${left.store}\n${right.store}\nworkgroupBarrier();`;
  const walk = t.prefetch
    ? `${fetch("kFrom")}
       for (var t = 0u; t < steps; t++) {
         ${put}
         if (t + 1u < steps) ${fetch(`kFrom + (t + 1u) * ${t.bk}u`)}
         ${working(arithmetic)}
       }`
    : `for (var t = 0u; t < steps; t++) {
         ${fetch(`kFrom + t * ${t.bk}u`)}
         ${put}
         ${working(arithmetic)}
       }`;
  return `
    ${place}
    let ma = mw / 4u + my; let na = nw / 4u + nx;
    ${left.declare}
    ${right.declare}
    ${rows.flatMap((i) => columns.map((j) => `var c${i}_${j} = vec4f();`)).join(" ")}
    ${walk}
    ${working(
      [
        ...columns.map((j) => target.column(`n0 + nw + ${j * 4 * pn}u + nx * 4u`, `${j}`)),
        ...rows.map((i) => {
          const row = `let m = m0 + mw + ${(i >> 2) * 4 * pm + (i & 3)}u + my * 4u;`;
          return `{ ${row} ${columns.map((j) => target.store("m", `${j}`, `c${i}_${j}`)).join("\n")} }`;
        }),
      ].join("\n"),
    )}`;
}
