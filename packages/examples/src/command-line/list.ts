// `weft list`: what there is to train.
import type { Program } from "../training/program.ts";
import { programNames, programs } from "../programs.ts";
import type { Print } from "../format.ts";

const titles: Readonly<Record<string, string>> = { mnist: "MNIST", cifar10: "CIFAR-10" };

/** Prints a line for each program: its name, the method, the data, how long it takes, and what it learns. */
export function listCommand(print: Print): void {
  const lines = programNames.map((name) => {
    const { title, data, source, time, about }: Program = programs[name];
    const from = data?.map((one) => titles[one] ?? one).join(" or ") ?? source;
    return { name, line: `${title} · ${from} · ${time} · ${about}` };
  });
  const wide = Math.max(...lines.map(({ name }) => name.length));
  for (const { name, line } of lines) print(`${name.padEnd(wide)}  ${line}`);
  print("\nWhere nothing else is said, times are those of two cores of an AMD EPYC (Zen 5), with machine code.");
}
