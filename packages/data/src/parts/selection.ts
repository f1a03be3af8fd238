// Data of any structure as a number of items, of which some can be selected: the result has the structure of the data.
import { ArgumentError, ShapeError, isTensor, readTensor, take, type TypedArray } from "@weft/tensor";
import { describe } from "@weft/tensor/internals";
import { readArray, isHostArray, pick } from "../host-array.ts";
import { isRagged, pickRagged } from "../batches/ragged.ts";
import { nameIn } from "../batches/sources.ts";

/** Items that can be selected by their indices. */
export interface Selectable {
  readonly items: number;
  readonly select: (indices: Int32Array) => unknown;
}

export const isTypedArray = (x: unknown): x is TypedArray => ArrayBuffer.isView(x) && "length" in x;

/** Whether x is a source that no list of items is mistaken for. */
const isArray = (x: unknown): boolean => isTensor(x) || isHostArray(x) || isRagged(x) || isTypedArray(x);

/** A list of sources; a list of anything else is a list of items. */
export const isSourceList = (x: unknown): boolean => Array.isArray(x) && x.length > 0 && x.every(isArray);

/** Data as items. Names are for messages. */
export function selectable(op: string, data: unknown, name = ""): Selectable {
  const called = name === "" ? "the data" : name;
  if (isTensor(data)) {
    const { shape, interpreter } = readTensor(data, op);
    if (shape.length === 0) throw scalar(op, called);
    const { backend } = interpreter;
    return {
      items: shape[0]!,
      select: (indices) => take(data, backend.upload(indices, [indices.length], "i32")),
    };
  }
  if (isRagged(data)) return { items: data.offsets.length - 1, select: (indices) => pickRagged(data, indices) };
  if (isHostArray(data)) {
    const x = readArray(data, op, called);
    if (x.shape.length === 0) throw scalar(op, called);
    // What else it has, such as the categories of a column, is kept.
    return { items: x.shape[0]!, select: (indices) => ({ ...data, ...pick(x, indices) }) };
  }
  if (isTypedArray(data))
    return {
      items: data.length,
      select: (indices) => {
        const kept = data.slice(0, indices.length);
        indices.forEach((i, at) => (kept[at] = data[i]!));
        return kept;
      },
    };
  if (Array.isArray(data) && !isSourceList(data)) {
    if (data.length > 0 && data.every((item) => Array.isArray(item) && item.every((x) => typeof x === "number")))
      throw new ArgumentError(
        `${op}: ${called} is a list of lists of numbers: wanted either sources, as { x, y }, or sequences, as ragged(list).`,
      );
    return { items: data.length, select: (indices) => Array.from(indices, (i) => data[i] as unknown) };
  }
  if (typeof data !== "object" || data === null)
    throw new ArgumentError(`${op}: ${called} is ${describe(data)}. Wanted a source, a list, or an object of them.`);
  return structure(op, data, name);
}

const scalar = (op: string, called: string): ShapeError =>
  new ShapeError(`${op}: ${called} is a scalar, without an axis of items.`);

function structure(op: string, data: object, name: string): Selectable {
  const label = (key: string): string => nameIn(data, name, key);
  const parts = Object.entries(data).map(([key, part]) => [key, selectable(op, part, label(key))] as const);
  const [first] = parts;
  if (first === undefined) throw new ArgumentError(`${op}: wanted at least one source, got none.`);
  const { items } = first[1];
  const other = parts.find(([, part]) => part.items !== items);
  if (other !== undefined)
    throw new ShapeError(
      `${op}: the numbers of items differ: ${label(first[0])} ${items}, ${label(other[0])} ${other[1].items}.` +
        (Array.isArray(data) ? " Sequences of different lengths are one source as ragged(list)." : ""),
    );
  return {
    items,
    select: (indices) =>
      Array.isArray(data)
        ? parts.map(([, part]) => part.select(indices))
        : Object.fromEntries(parts.map(([key, part]) => [key, part.select(indices)])),
  };
}
