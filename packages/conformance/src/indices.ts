// What becomes of an index outside its axis: NaN (integers: 0), an update dropped, and an IndexError at the next read.
import * as weft from "@weft/tensor";
import { IndexError, type Backend, type DType, type Tensor } from "@weft/tensor";
import type { Case } from "./case.ts";

interface Slip {
  /** The operation that the message may name: a fused one, or what its fallback calls. */
  readonly op: string;
  readonly title: string;
  readonly call: (x: Tensor, indices: Tensor) => Tensor;
  readonly dtype?: DType;
  readonly wanted: readonly number[];
}

// x is [1, 2, 3, 4] as a matrix of two rows; the indices are [0, 2, -1].
const slips: readonly Slip[] = [
  { op: "take", title: "rows of NaN", call: (x, i) => weft.take(x, i), wanted: [1, 2, NaN, NaN, NaN, NaN] },
  { op: "take", title: "rows of 0 in i32", call: (x, i) => weft.take(x, i), dtype: "i32", wanted: [1, 2, 0, 0, 0, 0] },
  {
    op: "gather",
    title: "NaN",
    call: (x, i) => weft.gather(x, weft.broadcastTo(weft.reshape(i, [3, 1]), [3, 2]), { axis: 0 }),
    wanted: [1, 2, NaN, NaN, NaN, NaN],
  },
  {
    op: "scatterAdd",
    title: "updates are dropped",
    call: (x, i) => weft.scatterAdd(x, weft.broadcastTo(weft.reshape(i, [3, 1]), [3, 2]), 10),
    wanted: [11, 12, 3, 4],
  },
  { op: "indexAdd", title: "rows are dropped", call: (x, i) => weft.indexAdd(x, i, 10), wanted: [11, 12, 3, 4] },
  {
    op: "crossEntropy|gather",
    title: "a row without a class is NaN",
    call: (x, i) => weft.crossEntropyRows(weft.broadcastTo(weft.slice(x, { ends: [1, 1] }), [3, 2]), i),
    wanted: [Math.fround(Math.log(2)), NaN, NaN],
  },
];

export const indexCases = (open: () => Promise<Backend>): Case[] =>
  slips.map(({ op, title, call, dtype = "f32", wanted }) => ({
    name: `an index out of range: ${op}: ${title}`,
    run: async () => {
      const backend = await open();
      const x = backend.upload(weft.arrayOf[dtype].of(1, 2, 3, 4), [2, 2], dtype);
      const indices = backend.upload(Int32Array.of(0, 2, -1), [3], "i32");
      const y = call(x, indices);
      try {
        const error = await backend.read(y).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (!(error instanceof IndexError))
          throw new Error(`wanted an IndexError at the next read, got ${String(error)}`);
        if (!new RegExp(`^(${op}): `).test(error.message) || !/indices\.(ts|js)/.test(error.message))
          throw new Error(`wanted a message that names ${op} and the call in indices.ts, got "${error.message}"`);
        const data = [...(await backend.read(y))].map(Math.fround);
        if (String(data) !== String(wanted)) throw new Error(`wanted [${wanted}], got [${data}]`);
      } finally {
        for (const t of [x, indices, y]) t.release();
      }
    },
  }));
