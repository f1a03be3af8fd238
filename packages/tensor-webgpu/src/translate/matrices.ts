// Kernels of matrices as WGSL: the invocations of a workgroup share what is done at once, and wait for each other after
// it.
import type { MatrixArithmetic, MatrixKernel, MatrixMemory } from "@weft/tensor";
import { constant } from "./scalar.ts";

/** How the text reads and writes: operands are numbered, results after them; places are u32. */
export interface MatrixWords {
  readonly load: (k: number, place: string) => string;
  /** A statement; `value` is a name. */
  readonly put: (k: number, place: string, value: string) => string;
  /** A word of the workgroup's memory, a u32. */
  readonly scratch: (index: string) => string;
}

const folds = {
  sum: { fold: (a: string, b: string) => `${a} + ${b}`, neutral: "0f" },
  max: { fold: (a: string, b: string) => `w_max(${a}, ${b})`, neutral: constant(-Infinity, "f32") },
  min: { fold: (a: string, b: string) => `w_min(${a}, ${b})`, neutral: constant(Infinity, "f32") },
} as const;

const WAIT = "storageBarrier(); workgroupBarrier();";

/**
 * The statements of a kernel for workgroups of so many invocations. In scope are `group`, `lane`, and the numbers
 * `rows0_`, `columns0_` and so on of all memories.
 */
export const matrixText =
  <A>(kernel: MatrixKernel<A>, attrs: A, threads: number) =>
  (words: MatrixWords): string => {
    const lines: string[] = [];
    let names = 0;
    const named = (): string => `m${names++}`;
    const keep = (x: string): string => {
      const name = named();
      lines.push(`let ${name} = ${x};`);
      return name;
    };
    const block = (head: string, f: () => void): void => {
      lines.push(`${head} {`);
      f();
      lines.push("}");
    };
    const loop = (begin: string, end: string, step: string, f: (i: string) => void): void => {
      const i = named();
      block(`for (var ${i} = ${begin}; ${i} < ${end}; ${i} += ${step})`, () => f(i));
    };
    /** The invocations of the workgroup take turns. */
    const shared = (begin: string, end: string, f: (i: string) => void): void =>
      loop(`${begin} + i32(lane)`, end, `${threads}i`, f);
    const binary =
      (operator: string) =>
      (a: string, b: string): string =>
        `(${a} ${operator} ${b})`;
    const k: MatrixArithmetic<string> = {
      constant: (x) => constant(x, "f32"),
      integer: (x) => constant(x, "i32"),
      epsilon: constant(2 ** -23, "f32"),
      float: (i) => `f32(${i})`,
      whole: (x) => `i32(${x})`,
      add: binary("+"),
      sub: binary("-"),
      mul: binary("*"),
      div: (a, b) => `w_div(${a}, ${b})`,
      quotient: binary("/"),
      remainder: binary("%"),
      max: (a, b) => `max(${a}, ${b})`,
      abs: (a) => `abs(${a})`,
      sqrt: (a) => `sqrt(${a})`,
      less: binary("<"),
      equal: binary("=="),
      where: (condition, a, b) => `select(${b}, ${a}, ${condition})`,
      keep,
      sum: (begin, end, f) => {
        const sum = named();
        lines.push(`var ${sum} = 0f;`);
        loop(begin, end, "1i", (i) => lines.push(`${sum} += ${f(i)};`));
        return sum;
      },
      over: (op, begin, end, f) => {
        const { fold, neutral } = folds[op];
        const part = named();
        const word = (index: string): string => `bitcast<f32>(${words.scratch(index)})`;
        lines.push(`var ${part} = ${neutral};`);
        shared(begin, end, (i) => {
          const x = f(i);
          lines.push(`${part} = ${fold(part, x)};`);
        });
        lines.push(`
          ${words.scratch("lane")} = bitcast<u32>(${part});
          workgroupBarrier();
          for (var h = ${2 ** (Math.ceil(Math.log2(threads)) - 1)}u; h > 0u; h >>= 1u) {
            if (lane < h && lane + h < ${threads}u) {
              ${words.scratch("lane")} = bitcast<u32>(${fold(word("lane"), word("lane + h"))});
            }
            workgroupBarrier();
          }`);
        // It waits, before and after, and tells the compiler that all have the same value.
        return keep(`bitcast<f32>(workgroupUniformLoad(&${words.scratch("0u")}))`);
      },
      loop: (begin, end, f) => loop(begin, end, "1i", f),
      each: (begin, end, f) => {
        shared(begin, end, f);
        lines.push(WAIT);
      },
      grid: ([top, bottom], [left, right], f) => {
        const width = keep(`max(${right} - ${left}, 1i)`);
        shared("0i", `max(${bottom} - ${top}, 0i) * max(${right} - ${left}, 0i)`, (p) =>
          f(keep(`${top} + ${p} / ${width}`), keep(`${left} + ${p} % ${width}`)),
        );
        lines.push(WAIT);
      },
      when: (condition, f) => block(`if (${condition})`, f),
      inner: (x, i, y, j, begin, end) => k.sum(begin, end, (r) => k.mul(x.at(r, i), y.at(r, j))),
      gram: (x, i, j) => {
        const sums = [named(), named(), named()] as const;
        for (const sum of sums) lines.push(`var ${sum} = 0f;`);
        k.loop("0i", x.rows, (r) => {
          const [left, right] = [keep(x.at(r, i)), keep(x.at(r, j))];
          const products = [k.mul(left, left), k.mul(right, right), k.mul(left, right)];
          products.forEach((product, at) => lines.push(`${sums[at]} += ${product};`));
        });
        return sums;
      },
      subtract: (x, i, factor, y, j, begin, end) =>
        k.loop(begin, end, (r) => x.put(k.sub(x.at(r, i), k.mul(factor, y.at(r, j))), r, i)),
      rotate: (x, i, j, sine, half) =>
        k.loop("0i", x.rows, (r) => {
          const [left, right] = [keep(x.at(r, i)), keep(x.at(r, j))];
          x.put(k.sub(left, k.mul(sine, k.add(right, k.mul(half, left)))), r, i);
          x.put(k.add(right, k.mul(sine, k.sub(left, k.mul(half, right)))), r, j);
        }),
      eliminate: (x, rows, columns, y, z, c) =>
        k.grid(rows, columns, (i, j) => x.put(k.sub(x.at(i, j), k.mul(y.at(i, c), z.at(c, j))), i, j)),
    };
    const memories = [...kernel.operands, ...kernel.results].map((kind, m): MatrixMemory<string> => {
      const [rows, columns] = [`rows${m}_`, `columns${m}_`];
      const size = kind === "matrix" ? `${rows} * ${columns}` : columns;
      const place = (i: string, j: string | undefined): string =>
        `u32(i32(group) * ${size} + ${j === undefined ? i : `${i} * ${columns} + ${j}`})`;
      return {
        rows,
        columns,
        at: (i, j) => words.load(m, place(i, j)),
        put: (value, i, j) => {
          const name = keep(value);
          lines.push(words.put(m, place(i, j), name));
        },
      };
    });
    kernel.write(k, attrs, ...memories);
    return lines.join("\n");
  };
