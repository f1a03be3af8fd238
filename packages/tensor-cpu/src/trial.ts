// Whether machine code does what it should: a product of matrices, compared with its sums.
import { nativeArguments as at, type NativeCode } from "@weft/kernel/machine";
import { panelOf, tileBytes, writeBlock } from "./calls/gemm.ts";

/** More than one block in each direction, and a rest in each. */
const [ROWS, DEPTH] = [19, 7];

/** Why it must not be used; undefined if it may. */
export function trial(code: NativeCode): { readonly reason: string } | undefined {
  const { machine } = code;
  const columns = panelOf(machine) + 5;
  const sizes = [ROWS * DEPTH, DEPTH * columns, ROWS * columns];
  const numbers = new Float32Array(sizes.reduce((a, b) => a + b) + tileBytes(machine) / 4);
  for (let i = 0; i < sizes[0]! + sizes[1]!; i++) numbers[i] = ((i * 7) % 11) - 5;
  const [b, c, tile] = [sizes[0]!, sizes[0]! + sizes[1]!, sizes[0]! + sizes[1]! + sizes[2]!];
  const words = new Int32Array(64);
  new BigUint64Array(words.buffer, 4 * at.base, 1)[0] = BigInt(code.addressOf(numbers));
  const step = 4 * columns;
  const sum = (i: number, j: number): number => {
    let s = 0;
    for (let k = 0; k < DEPTH; k++) s += numbers[i * DEPTH + k]! * numbers[b + k * columns + j]!;
    return s;
  };
  try {
    const { address } = code.compile("product of rows", writeBlock("rows"));
    for (const overlap of [0, 1]) {
      const args = [0, 4 * DEPTH, 4 * DEPTH, 0, 4 * b, step, 4 * panelOf(machine), 4 * c, step, ROWS, columns, DEPTH, 0, overlap, 4 * tile]; // prettier-ignore
      words.set([0, ...args], at.entry);
      numbers.fill(NaN, c, tile);
      code.call(code.addressOf(words), address);
      for (let i = 0; i < ROWS * columns; i++)
        if (numbers[c + i] !== sum(Math.floor(i / columns), i % columns))
          return { reason: `${machine.name}: a product came out wrong` };
    }
  } catch (error) {
    return { reason: `${machine.name}: ${(error as Error).message}` };
  }
  return undefined;
}
