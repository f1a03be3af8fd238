// What is measured on a GPU. Models and operations are those of the CPU table; PyTorch's side knows rows by name.
import { stopGradient } from "@weft/autograd";
import type { Backend, Creation } from "@weft/tensor";
import { CHAIN, chain, MANY, sums } from "../rows/elementwise.ts";
import { product } from "../rows/linalg.ts";
import { task, type Work } from "../rows/tasks.ts";

export interface GpuRow {
  readonly name: string;
  readonly what: string;
  readonly unit: "ms" | "µs";
  /** How many operations one step does: times are for one of them. */
  readonly per: number;
  /** The number of steps submitted before waiting for the device. */
  readonly steps: number;
  /** Floating-point operations per step, where the table shows them per second. */
  readonly flop?: number;
  readonly weft: (backend: Backend & Creation) => Work;
}

const trained = (name: string, steps: number): GpuRow => {
  const { what, made } = task(name);
  return { name, what, unit: "ms", per: 1, steps, weft: (backend) => made(backend).step };
};

const matmul = (n: number, steps: number): GpuRow => ({
  name: `matmul-${n}`,
  what: `matrix product, ${n}³`,
  unit: "ms",
  per: 1,
  steps,
  flop: 2 * n ** 3,
  weft: product(n),
});

/** In the order of the table: rows that PyTorch compiles slowly come last. */
export const rows: readonly GpuRow[] = [
  matmul(1024, 100),
  matmul(2048, 50),
  matmul(4096, 20),
  { name: "add10", what: "add of 10 elements, every result stored", unit: "µs", per: MANY, steps: 20, weft: sums },
  {
    name: "add10-tape",
    what: "add of 10 elements, recorded on a tape, each of a chain of 200",
    unit: "µs",
    per: CHAIN,
    steps: 50,
    weft: (backend) => chain(backend, stopGradient),
  },
  {
    name: "add10-grad",
    what: "the same with the backward pass",
    unit: "µs",
    per: CHAIN,
    steps: 50,
    weft: (backend) => chain(backend),
  },
  trained("linreg-sgd", 300),
  trained("softmax-sgd", 300),
  trained("mlp-sgd", 300),
  trained("mlp-adam", 300),
  trained("lenet-sgd", 200),
  trained("lenet-adam", 200),
  trained("vgg-momentum", 50),
  trained("charlm-adam", 20),
  trained("gru-adam", 20),
  {
    name: "charlm-adam-cell",
    what: "the same, in PyTorch as a loop over LSTMCell",
    unit: "ms",
    per: 1,
    steps: 5,
    weft: (backend) => task("charlm-adam").made(backend).step,
  },
];
