// What a saved tree has beside boxes, in plain objects, lists and maps: plain values, typed arrays, and what no file can
// hold.
import { keeperOf, walk } from "@weft/autograd/internals";
import type { StoredType } from "@weft/formats";
import { isTensor } from "@weft/tensor";
import { isLayer } from "./hidden.ts";

type Scalar = number | string | boolean | bigint | null;
export type Value = Scalar | readonly Scalar[];

/** A value in a tree. */
export interface Place {
  readonly path: string;
  readonly value: Value;
  set(value: Value): void;
}

/** Any typed array, of bigints and of half floats, too. */
type Numbers = ArrayBufferView & { readonly length: number };

/** A typed array in a tree, at one path or several. */
export interface ArrayPlace {
  readonly path: string;
  readonly aliases: string[];
  readonly array: Numbers;
  readonly type: StoredType;
}

/** What no file can hold. */
interface Lost {
  readonly path: string;
  readonly what: string;
}

interface Contents {
  readonly values: readonly Place[];
  readonly arrays: readonly ArrayPlace[];
  readonly lost: readonly Lost[];
}

export const isScalar = (x: unknown): x is Scalar =>
  x === null || ["number", "string", "boolean", "bigint"].includes(typeof x);
/** A list of scalars is one value, of any length: the losses so far. A hole in it is not a scalar. */
export const isList = (x: unknown): x is readonly Scalar[] => Array.isArray(x) && Array.from(x).every(isScalar);
const isValue = (x: unknown): x is Value => isScalar(x) || isList(x);

const plain: readonly unknown[] = [Object.prototype, Array.prototype, null];

/** "Date", "Float32Array", … */
const tagOf = (x: object): string => Object.prototype.toString.call(x).slice(8, -1);

/** How typed arrays are stored. */
const types: { readonly [tag: string]: StoredType } = {
  Float64Array: "F64",
  Float32Array: "F32",
  Float16Array: "F16",
  BigInt64Array: "I64",
  BigUint64Array: "U64",
  Int32Array: "I32",
  Uint32Array: "U32",
  Int16Array: "I16",
  Uint16Array: "U16",
  Int8Array: "I8",
  Uint8Array: "U8",
  Uint8ClampedArray: "U8",
};

/** The class of the typed arrays that a stored type fills; undefined if there is none. */
export const arrayOf = (type: StoredType): string | undefined =>
  Object.keys(types).find((name) => types[name] === type);

/** Objects of the language whose content is not in fields. */
const opaque: readonly string[] =
  "Date RegExp URL Promise ArrayBuffer SharedArrayBuffer DataView WeakMap WeakSet WeakRef Number String Boolean".split(
    " ",
  );

const held = "a file holds numbers, strings, booleans, bigints, null, lists of them, typed arrays and boxes";

/** Why a file cannot hold a value; undefined for one that it can hold, for code, and for instances of classes. */
function lostIn(x: unknown, accessed: boolean): string | undefined {
  if (typeof x === "symbol") return `a symbol; ${held}`;
  if (typeof x !== "object" || x === null) return undefined;
  if (isTensor(x)) return "a tensor; of tensors a file holds those in boxes: make it state(tensor)";
  const tag = tagOf(x);
  if (ArrayBuffer.isView(x) && tag in types)
    return accessed ? `a ${tag} behind an accessor, which may return copies; make it a field` : undefined;
  if (x instanceof Set && (x.size === 0 || [...x].some(isValue))) return "a Set; make it a list or a Map";
  return opaque.includes(tag) ? `${tag.startsWith("A") ? "an" : "a"} ${tag}; ${held}` : undefined;
}

/**
 * The contents of a tree: of plain objects, lists and maps. Values in layers and in fields of functions and of instances
 * of classes are settings of the program, as are those of optimizers and those that cannot be assigned. What is
 * undefined is not there.
 */
export function contentsOf(tree: unknown): Contents {
  const values: Place[] = [];
  const lost: Lost[] = [];
  const arrays = new Map<unknown, ArrayPlace>();
  let layer: string | undefined;
  walk(tree, (part, at) => {
    const prefix = at === "" ? "" : `${at}.`;
    if (layer !== undefined && prefix.startsWith(layer)) return;
    layer = isLayer(part) ? prefix : undefined;
    if (layer !== undefined || keeperOf(part) !== undefined || isList(part)) return;
    const meet = (key: string, value: unknown, set: (x: unknown) => void, accessed = false): void => {
      const path = prefix + key;
      const what = lostIn(value, accessed);
      if (what !== undefined) lost.push({ path, what });
      else if (isValue(value)) values.push({ path, value, set });
      else if (ArrayBuffer.isView(value)) {
        const known = arrays.get(value);
        if (known !== undefined) known.aliases.push(path);
        else arrays.set(value, { path, aliases: [], array: value as Numbers, type: types[tagOf(value)]! });
      }
    };
    if (part instanceof Map) for (const [key, value] of part) meet(String(key), value, (x) => void part.set(key, x));
    else if (typeof part === "object" && plain.includes(Object.getPrototypeOf(part))) {
      const hole = Array.isArray(part) ? part.findIndex((x) => x === undefined) : -1; // also where nothing is assigned
      if (hole >= 0) lost.push({ path: `${prefix}${hole}`, what: "undefined in a list; make it null" });
      for (const [key, { enumerable, writable, set }] of Object.entries(Object.getOwnPropertyDescriptors(part))) {
        if (enumerable !== true || !(writable ?? set !== undefined)) continue;
        meet(key, Reflect.get(part, key), (x) => void Reflect.set(part, key, x), writable === undefined);
      }
    }
  });
  return { values, lost, arrays: [...arrays.values()] };
}
