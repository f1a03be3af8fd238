// Matrix products.
import { matmul } from "@weft/tensor";
import { stored, type Row } from "./row.ts";

const product = (n: number, target?: Row["target"]): Row => ({
  name: `matmul-${n}`,
  what: `matrix product, ${n}³`,
  unit: "ms",
  ...(target === undefined ? {} : { target }),
  weft({ randn }) {
    const a = randn([n, n]);
    const b = randn([n, n]);
    return { run: () => stored(() => matmul(a, b)) };
  },
});

export const linalg: readonly Row[] = [product(256), product(512, { timesPyTorch: 0.35 }), product(1024)];
