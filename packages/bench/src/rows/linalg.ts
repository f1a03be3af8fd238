// Matrix products.
import { matmul, type Creation, type Tensor } from "@weft/tensor";
import { stored, type Row } from "./row.ts";

export const product =
  (n: number) =>
  ({ randn }: Creation): (() => Tensor) => {
    const a = randn([n, n]);
    const b = randn([n, n]);
    return () => matmul(a, b);
  };

const row = (n: number, target?: Row["target"]): Row => ({
  name: `matmul-${n}`,
  what: `matrix product, ${n}³`,
  unit: "ms",
  ...(target === undefined ? {} : { target }),
  weft(backend) {
    const work = product(n)(backend);
    return { run: () => stored(work) };
  },
});

export const linalg: readonly Row[] = [row(256), row(512, { timesPyTorch: 0.35 }), row(1024)];
