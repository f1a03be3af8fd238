// `weft list`: what there is to train.
import { programs } from "../programs.ts";
import type { Print } from "../words.ts";

/** Prints a line for each program: its name, what it learns, and how long that takes. */
export function listCommand(print: Print): void {
  const all = Object.entries(programs);
  const wide = Math.max(...all.map(([name]) => name.length));
  for (const [name, { about, time }] of all) print(`${name.padEnd(wide)}  ${about} (${time})`);
}
