// The tiled form of a product of matrices: a workgroup owns a rectangle of the result and walks along k; both operands are
// staged in its memory with k outermost, four elements to a vector, and every invocation keeps a small rectangle in registers.
// Where the elements come from is the business of the two sides, so that convolutions use the same text.
// Measured: the operand that lies along k is turned while it is written; its rows are padded by a vector; the next rectangle
// is loaded into registers during the arithmetic (`prefetch`); 32 neighbouring invocations cover 4 by 8 rectangles.
import type { Words } from "./stage.ts";

export interface Tiling {
  /** Rows and columns of the result that a workgroup owns, and how far it walks along k at a time. */
  readonly bm: number;
  readonly bn: number;
  readonly bk: number;
  /** Rows and columns that an invocation keeps: multiples of 4. */
  readonly tm: number;
  readonly tn: number;
  /** Whether the next step is loaded during the arithmetic of this one. */
  readonly prefetch: boolean;
  /** Whether the arithmetic of a step is written out. */
  readonly unroll: boolean;
  /** How an operand along k is turned: component by component, or in registers, four by four. */
  readonly turn: "components" | "registers";
}

/** One operand: its rows are rows of the result (left) or columns (right). */
export interface Side {
  /** Along which index four neighbours are loaded together: its row or k. */
  readonly along: "row" | "k";
  /** Statements that name what depends on a row (the first of four, where `along` is row); names end in `n`. */
  readonly row: (row: string, n: string) => string;
  /** The same for a place along k. */
  readonly step: (k: string, n: string) => string;
  /** Statements that load four neighbours into variable `into`, 0 where there are none, by what `row` and `step` named. */
  readonly load: (into: string, row: string, step: string) => string;
}

/** Where a side's elements are. */
export interface Gather extends Omit<Side, "load"> {
  /** Place of the `i`-th of four neighbours, by what `row` and `step` named. */
  readonly place: (row: string, step: string, i: number) => string;
  /** Tests in parentheses that hold where there is such an element. */
  readonly inside: (row: string, step: string, i: number) => readonly string[];
  /** Whether the four may be loaded at once, when the operand lies at a multiple of 16 bytes: all or none are inside. */
  readonly four: boolean;
}

/** The side that loads operand `k`. What is not inside is 0, chosen without a branch: branches cost more than such loads. */
export function sideOf({ place, inside, four, ...rest }: Gather, k: number, aligned: boolean, w: Words): Side {
  const element = (row: string, step: string, i: number, at: (place: string) => string, none: string): string => {
    const test = inside(row, step, i).join(" & ");
    const where = place(row, step, i);
    return test === "" ? at(where) : `select(${none}, ${at(`select(0u, ${where}, ${test})`)}, ${test})`;
  };
  return {
    ...rest,
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
  /** Statements that write four neighbours of a row. */
  readonly store: (row: string, column: string, value: string) => string;
}

export const threadsOf = ({ bm, bn, tm, tn }: Tiling): number => (bm / tm) * (bn / tn);

const rowVectors = (rows: number, { along }: Pick<Side, "along">): number => rows / 4 + (along === "k" ? 1 : 0);

/** Vectors of workgroup memory. */
export const tileVectors = (t: Tiling, a: Pick<Side, "along">, b: Pick<Side, "along">): number =>
  t.bk * (rowVectors(t.bm, a) + rowVectors(t.bn, b));

export const tilingName = (t: Tiling): string =>
  `${t.bm}x${t.bn}x${t.bk} ${t.tm}x${t.tn}${t.prefetch ? " prefetch" : ""}${t.unroll ? "" : " rolled"} ${t.turn}`;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const components = ["x", "y", "z", "w"] as const;

interface Staging {
  readonly declare: string;
  readonly load: string;
  readonly store: string;
}

/** How all invocations together bring `rows` rows of a side, `bk` long, into workgroup memory from vector `base` on. */
function staging(name: string, side: Side, rows: number, first: string, base: number, t: Tiling, w: Words): Staging {
  const threads = w.threads;
  const stride = rowVectors(rows, side);
  const declare: string[] = [];
  const load: string[] = [];
  const store: string[] = [];
  const some = (units: number, text: string): string => (units < threads ? `if (lane < ${units}u) { ${text} }` : text);
  const variables = (names: readonly string[]): number => declare.push(...names.map((g) => `var ${g} = vec4f();`));
  if (side.along === "row") {
    const quads = rows / 4;
    const units = quads * t.bk;
    const per = Math.max(1, units / threads);
    declare.push(side.row(`${first} + lane % ${quads}u * 4u`, name));
    variables(range(per).map((i) => `g${name}${i}`));
    const fetch = range(per).map(
      (i) => `${side.step(`k0 + lane / ${quads}u + ${(i * threads) / quads}u`, `${name}${i}`)}
      ${side.load(`g${name}${i}`, name, `${name}${i}`)}`,
    );
    load.push(some(units, fetch.join("\n")));
    const put = range(per).map(
      (i) =>
        `${w.vector(`${base}u + (lane / ${quads}u + ${(i * threads) / quads}u) * ${stride}u + lane % ${quads}u`)} = g${name}${i};`,
    );
    store.push(some(units, put.join("\n")));
  } else {
    const quads = t.bk / 4;
    const block = t.turn === "registers" ? 4 : 1;
    const units = (rows * quads) / block;
    const per = Math.max(1, units / threads);
    const row = (i: number): string => `(lane / ${quads}u + ${(i * threads) / quads}u)`;
    for (const i of range(per)) {
      for (const c of range(block)) {
        declare.push(side.row(`${first} + ${row(i)} * ${block}u + ${c}u`, `${name}${i}_${c}`));
        variables([`g${name}${i}_${c}`]);
      }
    }
    const fetch = range(per).flatMap((i) =>
      range(block).map((c) => side.load(`g${name}${i}_${c}`, `${name}${i}_${c}`, name)),
    );
    load.push(some(units, [side.step(`k0 + lane % ${quads}u * 4u`, name), ...fetch].join("\n")));
    const put = range(per).map((i) => {
      const at = (c: number): string => `${base}u + (lane % ${quads}u * 4u + ${c}u) * ${stride}u`;
      return components
        .map((x, c) =>
          block === 4
            ? `${w.vector(`${at(c)} + ${row(i)}`)} = vec4f(${range(4)
                .map((r) => `g${name}${i}_${r}.${x}`)
                .join(", ")});`
            : `${w.vector(`${at(c)} + ${row(i)} / 4u`)}[${row(i)} & 3u] = g${name}${i}_0.${x};`,
        )
        .join(" ");
    });
    store.push(some(units, put.join("\n")));
  }
  return { declare: declare.join("\n"), load: load.join("\n"), store: store.join("\n") };
}

/**
 * The text of the form. In scope: `m0`, `n0`, the first row and column of the workgroup's rectangle; `kFrom`, where it begins
 * along k, and `steps`, how often it goes on by `bk`.
 */
export function tiled(t: Tiling, a: Side, b: Side, target: Target, w: Words): string {
  const [across, down] = [t.bn / t.tn, t.bm / t.tm];
  if (across * down !== w.threads) throw new RangeError(`tiled: ${tilingName(t)} is not for ${w.threads} invocations`);
  // Which of the small rectangles an invocation has.
  const crowd = down % 4 === 0 && across % 8 === 0;
  const [pm, pn] = crowd ? [4, 8] : [down, across];
  const place = crowd
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
      ...range(t.tm / 4).map((q) => `let a${q} = ${w.vector(`${k} * ${strideA}u + ${q * pm}u + ma`)};`),
      ...columns.map((j) => `let b${j} = ${w.vector(`${baseB}u + ${k} * ${strideB}u + ${j * pn}u + na`)};`),
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
         ${arithmetic}
       }`
    : `for (var t = 0u; t < steps; t++) {
         ${fetch(`kFrom + t * ${t.bk}u`)}
         ${put}
         ${arithmetic}
       }`;
  return `
    ${place}
    let ma = mw / 4u + my; let na = nw / 4u + nx;
    ${left.declare}
    ${right.declare}
    ${rows.flatMap((i) => columns.map((j) => `var c${i}_${j} = vec4f();`)).join(" ")}
    ${walk}
    ${columns.map((j) => target.column(`n0 + nw + ${j * 4 * pn}u + nx * 4u`, `${j}`)).join("\n")}
    ${rows
      .map((i) => {
        const row = `let m = m0 + mw + ${(i >> 2) * 4 * pm + (i & 3)}u + my * 4u;`;
        return `{ ${row} ${columns.map((j) => target.store("m", `${j}`, `c${i}_${j}`)).join("\n")} }`;
      })
      .join("\n")}`;
}
