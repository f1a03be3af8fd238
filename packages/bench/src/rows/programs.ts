// The programs of Knet's published tables, as `weft train` runs them, on real data. PyTorch's side is
// pytorch/programs.py; it gets the same data, in the same order (inputs.ts).
import type { BackendName, Learner, Step } from "@weft/examples/internals";
import { isValues, measurements, started, stepsOf } from "@weft/examples/internals";
import type { RowFacts, TimedStep } from "./row.ts";

/** How many updates a measured step takes; of programs that count words, trees or pictures, how many of these. */
const sizes = {
  linreg: 200,
  softmax: 100,
  mlp: 100,
  lenet: 10,
  charlm: 2,
  rnnlm: 1500,
  tagger: 1000,
  "tagger-chars": 500,
  treenn: 20,
  vgg: 4,
  gru: 4,
  resnet50: 32,
} as const;
export type ProgramName = keyof typeof sizes;
const names = Object.keys(sizes) as ProgramName[];

/** Of these, steps differ in what they compute, so both sides must measure the same ones. */
const uneven: readonly string[] = ["rnnlm", "tagger", "tagger-chars", "treenn"] satisfies ProgramName[];

/** A row, with Weft's side on one of its backends. */
export interface ProgramRow extends RowFacts {
  readonly line: ProgramName;
  readonly start: (backend: BackendName, threads?: number) => Promise<TimedStep>;
}

export const programs: readonly ProgramRow[] = names.map((line) => {
  const per = sizes[line];
  const { steps: whole } = measurements[line]!;
  return {
    name: `program-${line}`,
    line,
    what: whole === undefined ? `${line}: a word, tree or picture` : `${line}: an update`,
    unit: whole === undefined ? "µs" : "ms",
    per,
    // The code that records and plans is compiled after some seconds; on WebGPU each new length of sentences is, too.
    warmUp: line === "rnnlm" ? 100 : 10,
    ...(whole === undefined ? {} : { whole }),
    ...(uneven.includes(line) ? { inStep: true } : {}),
    start: async (backend, threads) => advancing(await started(line, backend, threads), per, uneven.includes(line)),
  };
});

/** Goes on until so many more updates, or so many more of what the learner counts; then the last loss is read. */
function advancing(learner: Learner, per: number, inStep: boolean): TimedStep {
  let steps = stepsOf(learner);
  let updates = 0;
  const done = (): number => learner.counted?.soFar() ?? updates;
  let wanted = done();
  return {
    async run() {
      wanted += per;
      let last: Step;
      do {
        last = (await steps.next()).value;
        updates++;
      } while (done() < wanted);
      if (!isValues(last) && typeof last === "object") await last.item();
    },
    async begin() {
      if (!inStep) return;
      await steps.return(undefined as never);
      const data = readIn(learner);
      Object.assign(data.position, { pass: 0, batch: Math.floor(data.length / 2) });
      steps = stepsOf(learner);
      wanted = done();
    },
  };
}

/** What a learner reads its cases from, in passes that have a position. */
interface Passes {
  readonly length: number;
  readonly position: object;
}
const isPasses = (x: unknown): x is Passes =>
  typeof x === "object" && x !== null && "position" in x && typeof x.position === "object" && "length" in x;

function readIn({ state = {} }: Learner): Passes {
  const found: unknown = Object.values(state).find(isPasses);
  if (!isPasses(found)) throw new Error("the program's state has nothing that it reads in passes");
  return found;
}
