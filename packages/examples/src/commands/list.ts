// `weft list`: what there is to train.
import type { Program } from "../program.ts";
import { programNames, programs, type ProgramName } from "../programs.ts";
import type { Print } from "../words.ts";

/** The data of programs that have no choice of them. */
const ownData: Readonly<Partial<Record<ProgramName, string>>> = {
  linreg: "Housing",
  charlm: "Hiawatha",
  gru: "IMDB",
  resnet50: "random pixels or pictures",
  gpt: "Shakespeare's plays",
  shakespeare: "Shakespeare's works or texts",
  seq2seq: "words of Hiawatha",
  treenn: "SST",
  tagger: "WikiNER",
  rnnlm: "PTB",
  pos: "WikiNER",
  dqn: "CartPole",
  "actor-critic": "CartPole",
  reinforce: "CartPole",
};

const titles: Readonly<Record<string, string>> = { mnist: "MNIST", cifar10: "CIFAR-10" };

/** Prints a line for each program: its name, the method, the data, how long it takes, and what it learns. */
export function listCommand(print: Print): void {
  const lines = programNames.map((name) => {
    const { title, data, time, about }: Program = programs[name];
    const from = data?.map((one) => titles[one] ?? one).join(" or ") ?? ownData[name];
    return { name, line: `${title} · ${from} · ${time} · ${about}` };
  });
  const wide = Math.max(...lines.map(({ name }) => name.length));
  for (const { name, line } of lines) print(`${name.padEnd(wide)}  ${line}`);
}
