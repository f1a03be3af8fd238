// Values as text: as Node's console would print them, and tensors by the library's own printer, on every backend.
import { isTensor, type Tensor } from "@weft/tensor";
import { format } from "node-inspect-extracted";
import { put, type Output } from "./output.ts";

type Text = Extract<Output, { text: string; kind: "text" | "value" }>;

/** Values in one line or more, as `console.log` has them. */
export const formatted = (values: readonly unknown[]): string => format(...values);

/**
 * Values as an output: at once, unless there is a tensor whose elements must be waited for. A tensor that has no values,
 * as where an index was outside its axis, throws, at once or later.
 */
export function shown(values: readonly unknown[], as: (text: string) => Text): Output | Promise<Output> {
  if (values.some(isFar)) return formattedLater(values).then(as);
  const text = formatted(values);
  if (text.includes("no values: ")) for (const value of values) if (isNear(value)) value.dataSync();
  return as(text);
}

/** The value of a cell, or of `show`. */
export const asValue = (text: string): Text => ({ kind: "value", text });

const logged =
  (level: "log" | "warn" | "error") =>
  (...values: unknown[]): void =>
    put(shown(values, (text) => ({ kind: "text", text, level })));

/** The console of cells. */
export const cellConsole = {
  log: logged("log"),
  info: logged("log"),
  debug: logged("log"),
  warn: logged("warn"),
  error: logged("error"),
};

const isFar = (value: unknown): value is Tensor =>
  isTensor(value) && value.ended === undefined && value.interpreter.backend.readSync === undefined;

const isNear = (value: unknown): value is Tensor =>
  isTensor(value) && value.ended === undefined && value.interpreter.backend.readSync !== undefined;

const formattedLater = async (values: readonly unknown[]): Promise<string> =>
  formatted(await Promise.all(values.map((value) => (isFar(value) ? textOf(value) : value))));

/** A tensor of a device prints as its copy on the CPU does, with the name of the device. */
async function textOf(x: Tensor): Promise<string> {
  const reading = x.data(); // begins now: the tensor may be released before the copy is made
  const { shape, dtype, interpreter } = x;
  const { open } = await import("@weft/tensor-cpu");
  const { tensor, name } = await open();
  const copy = tensor(await reading, { shape, dtype });
  return String(copy).replace(` on ${name}`, ` on ${interpreter.name}`);
}
