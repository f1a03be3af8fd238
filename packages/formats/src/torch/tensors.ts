// Tensors as PyTorch pickles them: a storage of elements, and which of them a tensor has, by strides. A storage is read
// after the pickle; whether its elements suffice is known before.
import { printable } from "@weft/tensor";
import { count, quoted, sizeOf } from "@weft/tensor/internals";
import type { Call } from "../pickle/globals.ts";
import { bytesOf, type StoredTensor, type StoredType } from "../safetensors/safetensors.ts";
import { rowMajor } from "../strided.ts";

/** Elements that several tensors may share. */
export class Storage {
  readonly key: string;
  /** The type of its elements; undefined if it is just bytes. */
  readonly type: StoredType | undefined;
  /** How many elements it has. */
  readonly size: number;

  constructor(key: string, type: StoredType | undefined, size: number) {
    this.key = key;
    this.type = type;
    this.size = size;
  }

  /** How many bytes it has. */
  get length(): number {
    return this.size * (this.type === undefined ? 1 : bytesOf[this.type]);
  }
}

/** Which elements of a storage are a tensor. */
export class View {
  readonly storage: Storage;
  readonly dtype: StoredType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: Storage,
    dtype: StoredType,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** As many as a tensor of PyTorch can have. */
const mostAxes = 64;
const isSizes = (x: unknown): x is readonly number[] => Array.isArray(x) && x.length <= mostAxes && x.every(count.is);
/** Nested lists may share parts, and be far longer as a text than in the file. */
const shownNumber = (x: unknown): string =>
  typeof x === "number" || typeof x === "bigint" ? printable(String(x), 40) : "something that is not a number";
const shown = (x: unknown): string => (Array.isArray(x) ? `[${x.slice(0, 9).map(shownNumber)}]` : shownNumber(x));

/** A view whose elements are all in the storage. `dtype` is for storages of bytes. */
export function checkedView(
  [storage, offset, shape, strides]: readonly unknown[],
  dtype: StoredType | undefined,
  call: Call,
): View {
  if (!(storage instanceof Storage)) return call.fail("a tensor has no storage");
  const type = dtype ?? storage.type;
  if (type === undefined || (storage.type !== undefined && storage.type !== type))
    return call.fail("a tensor has not the type of its storage");
  const where = `a tensor of storage ${quoted(storage.key)}`;
  if (!isSizes(shape)) return call.fail(`${where} claims the shape ${shown(shape)}`);
  if (!isSizes(strides) || strides.length !== shape.length)
    return call.fail(`${where} claims the strides ${shown(strides)} for the shape [${shape}]`);
  if (!count.is(offset)) return call.fail(`${where} claims to begin at element ${shown(offset)}`);
  const last = shape.reduce((n, size, axis) => n + (size - 1) * strides[axis]!, offset);
  const empty = shape.includes(0);
  if (!empty && (last + 1) * bytesOf[type] > storage.length)
    return call.fail(`${where} claims elements up to ${last}, the storage has ${storage.size}`);
  if (!empty && !Number.isSafeInteger(sizeOf(shape))) return call.fail(`${where} claims the shape [${shape}]`);
  return new View(storage, type, offset, [...shape], [...strides]);
}

/** Whether the elements follow each other in row-major order. */
function isRowMajor({ shape, strides }: View): boolean {
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (strides[axis] !== stride) return false;
    stride *= shape[axis]!;
  }
  return true;
}

/**
 * The elements of a view of a storage's bytes: a part of them, or a copy in row-major order, of whose size `spend` is
 * told before.
 */
export function elementsOf(view: View, storage: Uint8Array, spend: (size: number) => void): StoredTensor {
  const { dtype, shape, strides, offset } = view;
  const width = bytesOf[dtype];
  const size = sizeOf(shape);
  if (size === 0) return { dtype, shape, bytes: new Uint8Array() };
  const length = size * width;
  if (isRowMajor(view)) return { dtype, shape, bytes: storage.subarray(offset * width, offset * width + length) };
  spend(length);
  return { dtype, shape, bytes: rowMajor(storage, width, shape, strides, offset, false) };
}
