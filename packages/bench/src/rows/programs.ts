// The programs of Knet's published tables, as `weft train` runs them, on real data. PyTorch's side is
// torch-programs.py; it gets the same texts and trees in a file.
import { writeFileSync } from "node:fs";
import type { BackendName, Learner, Step } from "@weft/examples/internals";
import { isValues, measurements, started, stepsOf } from "@weft/examples/internals";
import { gutenberg, ptb, sst, wikiner, type Tree } from "@weft/data";
import type { RowFacts, TimedStep } from "./row.ts";

/** How many updates a measured step takes; of programs that count words, trees or pictures, how many of these. */
const sizes = {
  linreg: 200,
  softmax: 100,
  mlp: 100,
  lenet: 10,
  charlm: 2,
  rnnlm: 5000,
  tagger: 1000,
  "tagger-chars": 500,
  treenn: 20,
  vgg: 4,
  gru: 4,
  resnet50: 32,
} as const;
type Name = keyof typeof sizes;
const names = Object.keys(sizes) as Name[];

/** A row, with Weft's side on one of its backends. */
export interface ProgramRow extends RowFacts {
  readonly line: Name;
  readonly start: (backend: BackendName) => Promise<TimedStep>;
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
    start: async (backend) => advancing(await started(line, backend), per),
  };
});

/** Goes on until so many more updates, or so many more of what the learner counts; then the last loss is read. */
function advancing(learner: Learner, per: number): TimedStep {
  const steps = stepsOf(learner);
  let [updates, wanted] = [0, 0];
  const done = (): number => learner.counted?.soFar() ?? updates;
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
  };
}

/** A tree as PyTorch's side reads it. */
type Nested = [label: number, word: string] | [label: number, left: Nested, right: Nested];
const nested = ({ label, word, children }: Tree<number>): Nested =>
  word === undefined ? [label, nested(children[0]!), nested(children[1]!)] : [label, word];

/** Writes the texts and trees that these rows need. */
export async function writeInputs(file: string, rows: readonly ProgramRow[]): Promise<void> {
  const wanted = new Set<Name>(rows.map(({ line }) => line));
  const inputs: Record<string, unknown> = {};
  if (wanted.has("charlm")) inputs["characters"] = Array.from((await gutenberg(19)).ids.data);
  if (wanted.has("rnnlm")) {
    const { train, vocabulary } = await ptb();
    inputs["sentences"] = train.sentences.map((ids) => Array.from(ids));
    inputs["end"] = vocabulary.indexOf("<eos>");
  }
  if (wanted.has("tagger") || wanted.has("tagger-chars"))
    inputs["tagged"] = (await wikiner()).train.map(({ words, labels }) => [words, Array.from(labels)]);
  if (wanted.has("treenn")) {
    const { train, vocabulary } = await sst();
    inputs["trees"] = train.map(nested);
    inputs["vocabulary"] = vocabulary;
  }
  writeFileSync(file, JSON.stringify(inputs));
}
