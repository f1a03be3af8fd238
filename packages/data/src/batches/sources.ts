// Sources as a tree of columns: each is read and checked once, and gives its part of any batch.
import { ArgumentError, BackendMismatchError, ShapeError, isTensor, mul, readTensor, slice, take } from "@weft/tensor";
import { describe } from "@weft/tensor/internals";
import type { Backend, Tensor } from "@weft/tensor";
import { readArray, isHostArray, isNumbers, pick, rows, show, type HostArray, type Numbers } from "../host-array.ts";
import { COLUMN, type Column, type CustomSource, type Cut } from "./batch.ts";

/** Columns in the structure of the sources. */
export type Tree = Column | readonly Tree[];

const isCustom = (x: unknown): x is CustomSource<unknown, 1 | 2> => typeof x === "object" && x !== null && COLUMN in x;

/** Reads sources. Their names are for messages: `images`, `source 1`, `source 0.left`. */
export function treeOf(op: string, arrays: unknown, name = ""): Tree {
  const called = name === "" ? "the source" : name;
  if (isCustom(arrays)) return arrays[COLUMN](op, called);
  const nested = typeof arrays === "object" && arrays !== null;
  if (!nested && name === "")
    throw new ArgumentError(`${op}: wanted a source, a list or an object of sources, got ${describe(arrays)}.`);
  if (!nested || isTensor(arrays) || isHostArray(arrays) || ArrayBuffer.isView(arrays) || isNumbers(arrays))
    return columnOf(op, arrays as Tensor | Numbers, called);
  const entries = Object.entries(arrays) as [string, unknown][];
  if (entries.length === 0)
    throw new ArgumentError(`${op}: wanted at least one source${name === "" ? "" : ` in ${name}`}, got none.`);
  return entries.map(([key, source]) => treeOf(op, source, nameIn(arrays, name, key)));
}

/** The name of a field of sources, or of one of a list of them, for messages. */
export const nameIn = (sources: object, name: string, key: string): string =>
  name !== "" ? `${name}.${key}` : Array.isArray(sources) ? `source ${key}` : key;

/** Reads one array. */
export function columnOf(op: string, source: Tensor | Numbers, name: string): Column {
  const x = isTensor(source) ? readTensor(source, op) : readArray(source, op, name);
  if (x.shape.length === 0) throw new ShapeError(`${op}: ${name} is a scalar, without an axis to slice along.`);
  const column = { name, items: x.shape[0]!, shown: show(x) };
  return isTensor(source)
    ? {
        ...column,
        backend: readTensor(source, op).interpreter.backend,
        parts: ({ start, end, indices, positions }, backend) => [
          indices && backend ? take(source, positions(backend)) : slice(source, { starts: [start], ends: [end] }),
        ],
      }
    : { ...column, backend: undefined, parts: (cut, backend) => [ofHost(x as HostArray, cut, backend)] };
}

function ofHost(source: HostArray, { start, end, indices }: Cut, backend: Backend | undefined): HostArray | Tensor {
  const part = indices ? pick(source, indices) : rows(source, start, end);
  if (backend === undefined) return indices ? part : { ...part, data: part.data.slice() };
  return uploaded(part, backend);
}

/** Host data on a backend, multiplied by its scale there. */
export function uploaded({ data, shape, dtype, scale }: HostArray, backend: Backend): Tensor {
  const x = backend.upload(data, shape, dtype);
  return scale === undefined ? x : mul(x, scale);
}

export const columnsOf = (tree: Tree): Column[] => ("parts" in tree ? [tree] : tree.flatMap(columnsOf));

/** The batch of a tree. */
export function partsOf(tree: Tree, cut: Cut, backend: Backend | undefined): unknown {
  if ("parts" in tree) {
    const parts = tree.parts(cut, backend);
    return parts.length === 1 ? parts[0] : parts;
  }
  return tree.flatMap((part) => ("parts" in part ? part.parts(cut, backend) : [partsOf(part, cut, backend)]));
}

/** How many items all columns have. */
export function itemsOf(op: string, columns: readonly Column[]): number {
  const [first] = columns;
  const other = columns.find(({ items }) => items !== first!.items);
  if (other !== undefined)
    throw new ShapeError(
      `${op}: the first axes differ: ${first!.name} ${first!.shown}, ${other.name} ${other.shown}. ` +
        "All sources need the same number of items.",
    );
  return first!.items;
}

/** The backend of the batches: the wanted one, or that of the tensors. */
export function backendOf(op: string, columns: readonly Column[], wanted: Backend | undefined): Backend | undefined {
  let backend = wanted;
  for (const { name, backend: its } of columns) {
    if (its === undefined) continue;
    backend ??= its;
    if (its !== backend)
      throw new BackendMismatchError(
        `${op}: ${name} is on ${its.name}, but batches go to ${backend.name}. ` +
          "Move it with place(), or make it there.",
      );
  }
  return backend;
}
