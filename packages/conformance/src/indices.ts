// An index out of range: an IndexError at each read of a value computed with it, and of no other.
import * as weft from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { IndexError, type Backend, type DType, type Tensor } from "@weft/tensor";
import type { Case } from "./case.ts";

interface Slip {
  /** The operation that the message may name: a fused one, or what its fallback calls. */
  readonly op: string;
  readonly title: string;
  readonly call: (x: Tensor, indices: Tensor) => Tensor;
  readonly dtype?: DType;
}

// x is [1, 2, 3, 4] as a matrix of two rows; the indices are [0, 2, -1].
const slips: readonly Slip[] = [
  { op: "take", title: "rows", call: (x, i) => weft.take(x, i) },
  { op: "take", title: "rows of i32", call: (x, i) => weft.take(x, i), dtype: "i32" },
  { op: "take", title: "what is computed from rows", call: (x, i) => weft.sum(weft.mul(weft.take(x, i), 2)) },
  {
    op: "take",
    title: "indices that were computed",
    call: (x, i) => weft.take(x, weft.add(i, weft.sum(weft.sub(i, i)))),
  },
  {
    op: "gather",
    title: "elements",
    call: (x, i) => weft.gather(x, weft.broadcastTo(weft.reshape(i, [3, 1]), [3, 2]), { axis: 0 }),
  },
  {
    op: "scatterAdd",
    title: "updates",
    call: (x, i) => weft.scatterAdd(x, weft.broadcastTo(weft.reshape(i, [3, 1]), [3, 2]), 10),
  },
  { op: "indexAdd", title: "updates of rows", call: (x, i) => weft.indexAdd(x, i, 10) },
  { op: "at", title: "positions", call: (x, i) => weft.at(x, ":", i) },
  { op: "at", title: "positions on two axes", call: (x, i) => weft.at(x, i, weft.mod(i, 2)) },
  { op: "setAt", title: "assignments", call: (x, i) => weft.setAt(x, i, 10) },
  {
    op: "scatter",
    title: "the last of several updates",
    call: (x, i) => weft.scatter(x, weft.broadcastTo(weft.reshape(i, [3, 1]), [3, 2]), 10),
  },
  {
    op: "crossEntropy",
    title: "a row without a class",
    call: (x, i) => weft.crossEntropyRows(weft.broadcastTo(weft.slice(x, { ends: [1, 1] }), [3, 2]), i),
  },
];

export const indexCases = (open: () => Promise<Backend>): Case[] =>
  slips.map(({ op, title, call, dtype = "f32" }) => ({
    name: `an index out of range: ${op}: ${title}`,
    run: async () => {
      const backend = await open();
      const x = backend.upload(dtypeInfo[dtype].array.of(1, 2, 3, 4), [2, 2], dtype);
      const indices = backend.upload(Int32Array.of(0, 2, -1), [3], "i32");
      const [y, healthy] = [call(x, indices), weft.add(x, 1)];
      try {
        for (let i = 0; i < 2; i++) {
          const data = [...(await backend.read(healthy))];
          if (String(data) !== "2,3,4,5")
            throw new Error(`wanted [2,3,4,5] of the call without indices, got [${data}]`);
          const error = await backend.read(y).then(
            () => undefined,
            (error: unknown) => error,
          );
          if (!(error instanceof IndexError))
            throw new Error(`wanted an IndexError at each read, got ${String(error)} at read ${i}`);
          if (!new RegExp(`^(${op}): `).test(error.message) || !/indices\.(ts|js)/.test(error.message))
            throw new Error(`wanted a message that names ${op} and the call in indices.ts, got "${error.message}"`);
        }
      } finally {
        for (const t of [x, indices, y, healthy]) t.release();
      }
    },
  }));
