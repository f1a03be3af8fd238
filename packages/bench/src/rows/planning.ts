// The cost of planning: a recurrent network written as a loop, whose steps are wired differently each time, so that its
// plan is never cached, compared with the same network with the same wiring; and how many kernels 500 lengths of it
// need. Weft only.
import { diff, param, type Param } from "@weft/autograd";
import { mse } from "@weft/nn";
import { adam } from "@weft/optim";
import { add, matmul, scope, sub, tanh, type Operand, type Tensor } from "@weft/tensor";
import { openSync, type CpuBackend } from "@weft/tensor-cpu";
import type { Row, TimedStep } from "./row.ts";

const BATCH = 4;
const UNITS = 8;
const LENGTH = 40;
const LENGTHS = 500;

interface Network {
  readonly w: Param;
  readonly u: Param;
  readonly b: Param;
}

const network = ({ randn, zeros }: CpuBackend): Network => ({
  w: param(randn([UNITS, UNITS], { std: 0.3 })),
  u: param(randn([UNITS, UNITS], { std: 0.3 })),
  b: param(zeros([UNITS])),
});

/** Where a bit of `wiring` is set, a step subtracts its bias instead of adding it. */
function unrolled({ w, u, b }: Network, xs: readonly Tensor[], start: Tensor, wiring: number): Tensor {
  let h: Operand = start;
  for (const [t, x] of xs.entries()) {
    const sum = add(matmul(x, w), matmul(h, u));
    h = tanh((wiring >>> (t % 32)) % 2 === 1 ? sub(sum, b) : add(sum, b));
  }
  return mse(h, 0.5);
}

function wired(backend: CpuBackend, next: (wiring: number) => number): TimedStep {
  const { randn, zeros } = backend;
  const model = network(backend);
  const xs = Array.from({ length: LENGTH }, () => randn([BATCH, UNITS]));
  const start = zeros([BATCH, UNITS]);
  const optimizer = adam();
  let wiring = 1;
  let nodes = 0;
  const run = (): void =>
    scope(() => {
      wiring = next(wiring);
      optimizer.update(diff(() => unrolled(model, xs, start, wiring)));
      nodes = backend.stats().pending;
    });
  run();
  return { run, per: nodes };
}

export const planning: readonly Row[] = [
  {
    name: "planning-known",
    what: "one node of an unrolled network, trained, with its plan cached",
    unit: "µs",
    group: "planning",
    weft: (backend) => wired(backend, (wiring) => wiring),
  },
  {
    name: "planning-new",
    what: "the same where every step must be planned",
    unit: "µs",
    group: "planning",
    warmUp: 6, // much code and long steps: V8 needs hundreds of them to compile it all
    // A full cycle through 32 bits (Numerical Recipes): no wiring is repeated.
    weft: (backend) => wired(backend, (wiring) => (Math.imul(wiring, 1664525) + 1013904223) >>> 0),
  },
  {
    name: "lengths",
    what: `training on ${LENGTHS} sequence lengths, one step each, under a schedule`,
    unit: "ms",
    per: LENGTHS,
    once: true,
    weft(given) {
      const backend = openSync({ threads: given.info().threads }); // a new one, without cached kernels
      const { randn, zeros } = backend;
      const model = network(backend);
      const xs = Array.from({ length: LENGTHS }, () => randn([BATCH, UNITS]));
      const start = zeros([BATCH, UNITS]);
      const optimizer = adam({ lr: (step) => 0.001 / (1 + step) });
      return {
        run() {
          for (let length = 1; length <= LENGTHS; length++)
            scope(() => optimizer.update(diff(() => unrolled(model, xs.slice(0, length), start, 0))));
        },
        end: () => `${backend.stats().kernels} kernels for ${LENGTHS} lengths (wanted: fewer than 100)`,
      };
    },
  },
];
