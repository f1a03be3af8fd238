// A model as a table: its parameters and state, or, given the shapes of its inputs, its layers with what they compute.
import { onShapes, walk } from "@weft/autograd/internals";
import { ArgumentError, type Tensor } from "@weft/tensor";
import { callable, dtypeInfo, printable, readValue, sizeOf, visitTensors } from "@weft/tensor/internals";
import { observing } from "./call-observer.ts";
import type { AnyBox } from "./parameter.ts";
import { boxes } from "./tree.ts";

/**
 * A table of a model as text. Without inputs: its parameters and state, with path, shape, dtype and number of values.
 * With inputs: each call of a layer in order, with the shape of its result, its parameters and its multiply-adds (those
 * of products and convolutions), and the memory of parameters and of the results of layers. This is computed from
 * shapes alone, as by `shapes`, which says what an input may be; the model is called as it is outside of `diff`.
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

const bytesOf = ({ shape, dtype }: AnyBox | Tensor): number => sizeOf(shape) * dtypeInfo[dtype].bytes;

const parameters = (all: readonly AnyBox[]): number => all.reduce((n, box) => n + learned(box), 0);

function values(model: unknown): string {
  const places = boxes(model);
  const rows = places.map(({ path, box }) => [
    plain(path),
    text(box.dtype, box.shape),
    box.kind,
    many(sizeOf(box.shape)),
  ]);
  const total = parameters(places.map(({ box }) => box));
  return `${table([["name", "value", "kind", "count"], ...rows], 3)}\n${many(total)} parameters`;
}

/** A call of a layer. Parameters and multiply-adds are those of the layer without the layers that it calls. */
interface Row {
  readonly name: string;
  readonly inside: boolean;
  result: string;
  parameters: number;
  multiplyAdds: number;
}

function layers(model: unknown, inputs: readonly unknown[]): string {
  readValue("summary", "the model", model, callable);
  const call = model as (...args: unknown[]) => unknown;
  const all = new Set(boxes(model).map(({ box }) => box));
  const paths = new Map<object, string>();
  walk(model, (part, path) => void paths.set(part, path));
  const rows: Row[] = [];
  const counted = new Set<AnyBox>();
  let resultBytes = 0;
  const total = onShapes(inputs, (given, backend) => {
    /** The parts that are being called, and how many multiply-adds the parts in each did. */
    const open: { readonly part: object; inside: number; deep: boolean }[] = [];
    const see = <R>(part: object, make: () => R, key?: string | number): R => {
      if (open.at(-1)?.part === part) return make(); // a chain calls a layer, which says so itself
      const name = key ?? paths.get(part)?.split(".").at(-1) ?? "";
      const kind = (part as { readonly name?: string }).name || "function";
      const label = name === "" ? kind : `${name}: ${kind}`;
      const row: Row = {
        name: "  ".repeat(open.length) + plain(label),
        inside: open.length > 0,
        result: "",
        parameters: 0,
        multiplyAdds: 0,
      };
      rows.push(row);
      const frame = { part, inside: 0, deep: false };
      const around = open.at(-1);
      if (around !== undefined) around.deep = true;
      const before = backend.multiplyAdds;
      open.push(frame);
      let y: R;
      try {
        y = make();
      } finally {
        open.pop();
      }
      const made = backend.multiplyAdds - before;
      row.multiplyAdds = made - frame.inside;
      if (around !== undefined) around.inside += made;
      const own = boxes(part).flatMap(({ box }) => (counted.has(box) ? [] : [box]));
      for (const box of own) {
        counted.add(box);
        all.add(box); // that of a layer in a closure
      }
      row.parameters = parameters(own);
      const results: Tensor[] = [];
      visitTensors(y, (x) => void results.push(x));
      row.result = results.map(({ dtype, shape }) => text(dtype, shape)).join(", ");
      if (!frame.deep) for (const x of results) resultBytes += bytesOf(x);
      return y;
    };
    const y = observing(see, () => see(call, () => call(...given)));
    if (y instanceof Promise) throw new ArgumentError("summary: wanted a model that returns no promise");
    return backend.multiplyAdds;
  });

  let valueBytes = 0;
  for (const box of all) valueBytes += bytesOf(box);
  const some = (n: number): string => (n === 0 ? "" : many(n));
  const cells = rows.map((row) => [row.name, row.result, some(row.parameters), some(row.multiplyAdds)]);
  return [
    table([["layer", "result", "parameters", "multiply-adds"], ...cells], 2),
    `${many(parameters([...all]))} parameters, ${many(total)} multiply-adds`,
    `${megabytes(valueBytes)} of parameters and state, ${megabytes(resultBytes)} of results of layers`,
  ].join("\n");
}

const megabytes = (bytes: number): string =>
  `${(bytes / 2 ** 20).toLocaleString("en-US", { maximumFractionDigits: 2 })} MiB`;
