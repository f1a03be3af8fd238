// Operations so small that only what surrounds them is measured: additions of ten elements.
import { diff, param } from "@weft/autograd";
import { add, scope, sum, type Tensor } from "@weft/tensor";
import { stored, type Row } from "./row.ts";

/** So many additions stand in one step. */
const MANY = 1000;
const CHAIN = 200;

export const elementwise: readonly Row[] = [
  {
    name: "add10",
    what: "add of 10 elements, every result stored",
    unit: "µs",
    per: MANY,
    target: { below: 1 },
    weft({ randn }) {
      const a = randn([10]);
      const b = randn([10]);
      return {
        run() {
          stored(() => {
            const sums: Tensor[] = [];
            for (let i = 0; i < MANY; i++) sums.push(add(a, b));
            return sums;
          });
        },
      };
    },
  },
  {
    name: "add10-read",
    what: "add of 10 elements, each run at once and read",
    unit: "µs",
    weft({ randn }) {
      const a = randn([10]);
      const b = randn([10]);
      return { run: () => scope(() => void add(a, b).dataSync()) };
    },
  },
  {
    name: "add10-grad",
    what: "add of 10 elements with gradient, each of a chain of 200",
    unit: "µs",
    per: CHAIN,
    target: { below: 2.5 },
    weft({ randn }) {
      const a = param(randn([10]));
      const b = param(randn([10]));
      const chain = (): Tensor => {
        let y = add(a, b);
        for (let i = 1; i < CHAIN; i++) y = add(y, b);
        return sum(y);
      };
      return { run: () => stored(() => diff(chain)) };
    },
  },
  {
    name: "add10-grad-one",
    what: "one add of 10 elements, its sum, and backward",
    unit: "µs",
    weft({ randn }) {
      const a = param(randn([10]));
      const b = param(randn([10]));
      return { run: () => stored(() => diff(() => sum(add(a, b)))) };
    },
  },
];
