// Additions of ten elements: operations so small that only their overhead is measured.
import { diff, param } from "@weft/autograd";
import { add, scope, sum, type Creation, type Tensor } from "@weft/tensor";
import { stored, type Row } from "./row.ts";
import type { Work } from "./tasks.ts";

/** The number of additions in one step. */
export const MANY = 1000;
export const CHAIN = 200;

/** Many independent sums. */
export function sums({ randn }: Creation): Work {
  const a = randn([10]);
  const b = randn([10]);
  return () => {
    const all: Tensor[] = [];
    for (let i = 0; i < MANY; i++) all.push(add(a, b));
    return all;
  };
}

/** A chain of additions to a parameter, and its gradients; `end` may drop them. */
export function chain({ randn }: Creation, end = (y: Tensor): Tensor => y): Work {
  const a = param(randn([10]));
  const b = param(randn([10]));
  const forward = (): Tensor => {
    let y = add(a, b);
    for (let i = 1; i < CHAIN; i++) y = add(y, b);
    return end(sum(y));
  };
  return () => diff(forward);
}

export const elementwise: readonly Row[] = [
  {
    name: "add10",
    what: "add of 10 elements, every result stored",
    unit: "µs",
    per: MANY,
    target: { below: 1 },
    weft(backend) {
      const work = sums(backend);
      return { run: () => stored(work) };
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
    weft(backend) {
      const work = chain(backend);
      return { run: () => stored(work) };
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
