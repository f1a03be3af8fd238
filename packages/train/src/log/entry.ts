// What may be noted in a log: a step, numbers by name, texts, settings. Anything else is refused where it is given.
import { ArgumentError, isTensor, type Tensor } from "@weft/tensor";
import { describe, finiteNumber, integer, list, quoted, readValue, string } from "@weft/tensor/internals";
import type { Scalars, Setting } from "./log.ts";

/** What throws an ArgumentError unless it is right. */
export interface Checks {
  step(step: number): void;
  time(time: number): void;
  text(name: string, text: string): void;
  scalars(values: Scalars): void;
  settings(settings: Readonly<Record<string, Setting>>): void;
  histogram(name: string, values: Tensor | ArrayLike<number>): void;
}

const isSetting = (x: unknown): boolean => ["string", "number", "boolean"].includes(typeof x);
const isNumber = (x: unknown): boolean => typeof x === "number";

function wantRecord(op: string, what: string, x: unknown, is: (value: unknown) => boolean, wanted: string): void {
  if (typeof x !== "object" || x === null || Symbol.iterator in x || isTensor(x))
    throw new ArgumentError(`${op}: wanted ${what} by name, as in { lr: 0.1 }, got ${describe(x)}`);
  for (const [name, value] of Object.entries(x))
    if (!is(value)) throw new ArgumentError(`${op}: wanted ${wanted} as ${quoted(name)}, got ${describe(value)}`);
}

/** `op` is for messages; steps are integers where `whole`. */
export const checksOf = (op: string, whole: boolean): Checks => ({
  step: (step) => void readValue(op, "the step", step, whole ? integer : finiteNumber),
  time: (time) => void readValue(op, "the time", time, finiteNumber),
  text(name, text) {
    readValue(op, "the name", name, string);
    readValue(op, "the text", text, string);
  },
  scalars: (values) => wantRecord(op, "numbers", values, isNumber, "a number"),
  settings: (settings) => wantRecord(op, "settings", settings, isSetting, "a string, a number, true or false"),
  histogram(name, values) {
    readValue(op, "the name", name, string);
    if (isTensor(values)) return;
    const given = readValue(op, "the values", values, { ...list, wanted: "a tensor or a list of numbers" });
    const wrong = Array.from(given as ArrayLike<unknown>).find((x) => typeof x !== "number" && typeof x !== "bigint");
    if (wrong !== undefined) throw new ArgumentError(`${op}: wanted numbers in the values, got ${describe(wrong)}`);
  },
});
