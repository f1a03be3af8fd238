// A model as a table: its parameters and state, or, given the shapes of its inputs, its layers with what they compute.
import { printable, type DType, type Shape } from "@weft/tensor";
import { callable, dtypeInfo, readValue, sizeOf, type OptionKind } from "@weft/tensor/internals";
import { layerCalls, type Runnable } from "./layer-calls.ts";
import type { AnyBox } from "./parameter.ts";
import { boxes } from "./tree.ts";

/**
 * A table of a model as text. Without inputs: its parameters and state, with path, shape, dtype and number of values.
 * With inputs: each call of a layer in order, with the shape of its result, its parameters and its multiply-adds (those
 * of products and convolutions), and the memory of parameters and of the results of layers. This is computed from
 * shapes alone, as by `shapes`, which says what an input may be; the model is called as it is outside of `diff`. An
 * object that is no function is called by its method `forward`.
 *
 * @example
 * console.log(summary(model));
 * console.log(summary(model, [1, 8])); // for an input of shape [1, 8]
 */
export function summary(model: unknown, ...inputs: unknown[]): string {
  return inputs.length === 0 ? values(model) : layers(model, inputs);
}

const many = (n: number): string => n.toLocaleString("en-US");
const plain = (path: string): string => printable(path, 120).replaceAll("\n", "\\n");
const text = (dtype: string, shape: readonly number[]): string => `${dtype}[${shape.join(", ")}]`;

/** Columns of a table: those from `numbers` on are aligned to the right. */
function table(lines: readonly (readonly string[])[], numbers: number): string {
  const width = lines[0]!.map((_, k) => Math.max(...lines.map((line) => line[k]!.length)));
  const cell = (cell: string, k: number) => (k >= numbers ? cell.padStart(width[k]!) : cell.padEnd(width[k]!));
  return lines.map((line) => line.map(cell).join("  ").trimEnd()).join("\n");
}

const learned = (box: AnyBox): number => (box.kind === "param" ? sizeOf(box.shape) : 0);

const parameters = (all: readonly AnyBox[]): number => all.reduce((n, box) => n + learned(box), 0);

/** How many parameters there are, and how many of them are frozen. */
function total(all: readonly AnyBox[]): string {
  const frozen = parameters(all.filter((box) => box.frozen));
  return `${many(parameters(all))} parameters${frozen === 0 ? "" : ` (${many(frozen)} frozen)`}`;
}

function values(model: unknown): string {
  const places = boxes(model);
  const rows = places.map(({ path, box }) => [
    plain(path),
    text(box.dtype, box.shape),
    box.kind,
    many(sizeOf(box.shape)),
  ]);
  return `${table([["name", "value", "kind", "count"], ...rows], 3)}\n${total(places.map(({ box }) => box))}`;
}

/** A model that can be called, or an object with a method for that. */
const runnable: OptionKind<Runnable> = {
  wanted: "a function, or an object with a method forward,",
  is: (x): x is Runnable => callable.is(x) || callable.is((x as { readonly forward?: unknown } | null)?.forward),
};

function layers(model: unknown, inputs: readonly unknown[]): string {
  const calls = layerCalls(readValue("summary", "the model", model, runnable), inputs);
  const all = new Set([...boxes(model).map(({ box }) => box), ...calls.flatMap((call) => call.boxes)]);
  const some = (n: number): string => (n === 0 ? "" : many(n));
  const rows = calls.map(({ label, depth, results, boxes, multiplyAdds }) => [
    "  ".repeat(depth) + plain(label),
    results.map(({ dtype, shape }) => text(dtype, shape)).join(", "),
    some(parameters(boxes)),
    some(multiplyAdds),
  ]);
  const work = calls.reduce((n, { multiplyAdds }) => n + multiplyAdds, 0);
  const results = calls.flatMap((call) => (call.calls ? [] : call.results));
  return [
    table([["layer", "result", "parameters", "multiply-adds"], ...rows], 2),
    `${total([...all])}, ${many(work)} multiply-adds`,
    `${megabytes([...all])} of parameters and state, ${megabytes(results)} of results of layers`,
  ].join("\n");
}

/** The memory of some values. */
function megabytes(values: readonly { readonly shape: Shape; readonly dtype: DType }[]): string {
  const bytes = values.reduce((n, { shape, dtype }) => n + sizeOf(shape) * dtypeInfo[dtype].bytes, 0);
  return `${(bytes / 2 ** 20).toLocaleString("en-US", { maximumFractionDigits: 2 })} MiB`;
}
