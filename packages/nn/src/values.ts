// Plain values in a saved tree: the step of a run, its best loss, where a pass through the data is. They are metadata of
// the file, by path, so that programs which read only tensors are not disturbed.
import { StateError } from "@weft/autograd";
import { keeperOf, walk } from "@weft/autograd/internals";
import { FormatError, type Metadata } from "@weft/formats";
import { isTable } from "@weft/formats/internals";
import { ArgumentError } from "@weft/tensor";
import { describe, quoted } from "@weft/tensor/internals";
import { isLayer } from "./hidden.ts";

/** The version of the files that `save` writes. Version 1 had no plain values, and did not say its version. */
const VERSION = 2;
const versionName = "weft.version";
const valuesName = "weft.values";
const reserved = "weft.";

type Scalar = number | string | boolean | bigint;
type Value = Scalar | readonly Scalar[];

/** A value in a tree. */
interface Place {
  readonly path: string;
  readonly value: Value;
  set(value: Value): void;
}

const isScalar = (x: unknown): x is Scalar => ["number", "string", "boolean", "bigint"].includes(typeof x);
/** A list of scalars is one value, of any length: the losses so far. */
const isList = (x: unknown): x is readonly Scalar[] => Array.isArray(x) && x.every(isScalar);
const isValue = (x: unknown): x is Value => isScalar(x) || isList(x);
const kindOf = (x: Value): string => (isList(x) ? "list" : typeof x);

const plain: readonly unknown[] = [Object.prototype, Array.prototype, null];

/**
 * The values of a tree: in plain objects, lists and maps. Those in layers and in fields of functions and of instances of
 * classes are settings of the program, as are those of optimizers and those that cannot be assigned.
 */
function valuesIn(tree: unknown): Place[] {
  const places: Place[] = [];
  let layer: string | undefined;
  walk(tree, (part, path) => {
    const prefix = path === "" ? "" : `${path}.`;
    if (layer !== undefined && prefix.startsWith(layer)) return;
    layer = isLayer(part) ? prefix : undefined;
    if (layer !== undefined || keeperOf(part) !== undefined || isList(part)) return;
    if (part instanceof Map) {
      for (const [key, value] of part)
        if (isValue(value)) places.push({ path: prefix + String(key), value, set: (x) => void part.set(key, x) });
    } else if (typeof part === "object" && plain.includes(Object.getPrototypeOf(part)))
      for (const [key, { enumerable, writable, set }] of Object.entries(Object.getOwnPropertyDescriptors(part))) {
        if (enumerable !== true || !(writable ?? set !== undefined)) continue;
        const value: unknown = Reflect.get(part, key);
        if (isValue(value)) places.push({ path: prefix + key, value, set: (x) => void Reflect.set(part, key, x) });
      }
  });
  return places;
}

/** What JSON has no number for. */
const special = ["NaN", "Infinity", "-Infinity", "-0"];

function coded(x: Value): unknown {
  if (isList(x)) return x.map(coded);
  if (typeof x === "bigint") return { bigint: String(x) };
  const text = Object.is(x, -0) ? "-0" : String(x);
  return typeof x === "number" && special.includes(text) ? { number: text } : x;
}

/** The value of a code; undefined if there is none. */
function decoded(code: unknown): Value | undefined {
  if (Array.isArray(code)) {
    const list = code.map(decoded);
    return list.every(isScalar) ? list : undefined;
  }
  if (isScalar(code)) return code;
  if (!isTable(code)) return undefined;
  const { number, bigint } = code;
  if (typeof bigint === "string" && /^-?\d+$/.test(bigint)) return BigInt(bigint);
  return typeof number === "string" && special.includes(number) ? Number(number) : undefined;
}

/** The metadata of a file: those of the user, and ours. */
export function annotated(op: string, tree: unknown, metadata: Metadata): Metadata {
  const taken = Object.keys(metadata).find((name) => name.startsWith(reserved));
  if (taken !== undefined)
    throw new ArgumentError(
      `${op}: names of metadata that begin with "${reserved}" are reserved, got ${quoted(taken)}`,
    );
  const values = new Map<string, unknown>();
  for (const { path, value } of valuesIn(tree)) {
    if (values.has(path)) throw new StateError(`${op}: two values have the path ${quoted(path)}`);
    values.set(path, coded(value));
  }
  const all = { ...metadata, [versionName]: String(VERSION) };
  return values.size === 0 ? all : { ...all, [valuesName]: JSON.stringify(Object.fromEntries(values)) };
}

/** The metadata without ours. */
export const withoutNotes = (metadata: Metadata): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => !name.startsWith(reserved)));

/** The values of a file by path; undefined if it does not say: it is of version 1, or of another program. */
function storedValues(where: string, metadata: Metadata): ReadonlyMap<string, Value> | undefined {
  const version = metadata[versionName];
  if (version === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(String(version)))
    throw new FormatError(`${where}: ${versionName} is ${quoted(String(version))}, wanted a number from 1`);
  if (Number(version) > VERSION)
    throw new FormatError(
      `${where}: the file is of version ${String(version)}, and this @weft/nn reads versions up to ${VERSION}; update it`,
    );
  if (Number(version) < 2) return undefined;
  let codes: unknown;
  try {
    codes = JSON.parse(String(metadata[valuesName] ?? "{}"));
  } catch (cause) {
    throw new FormatError(`${where}: ${valuesName} is not JSON`, { cause });
  }
  if (!isTable(codes)) throw new FormatError(`${where}: ${valuesName} is not a JSON object`);
  return new Map(
    Object.entries(codes).map(([path, code]) => {
      const value = decoded(code);
      if (value === undefined)
        throw new FormatError(`${where}: ${valuesName} has ${describe(code)} at ${quoted(path)}, which is no value`);
      return [path, value] as const;
    }),
  );
}

/** What will be assigned to the values of a tree. */
export interface ValueFit {
  /** Paths that only the tree, and only the file has. */
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** Assigns all, or none if a setter throws. */
  take(): void;
}

/** Which values of a file go where. Throws a StateError if one is of another kind. A file that has none changes none. */
export function fittingValues(metadata: Metadata, tree: unknown, where: string): ValueFit {
  const stored = storedValues(where, metadata);
  if (stored === undefined) return { missing: [], unexpected: [], take: () => undefined };
  const places = valuesIn(tree);
  const known = new Set(places.map(({ path }) => path));
  const found = places.filter(({ path }) => stored.has(path));
  for (const { path, value } of found) {
    const other = stored.get(path)!;
    if (kindOf(value) !== kindOf(other))
      throw new StateError(`${where}: ${quoted(path)} is a ${kindOf(other)}, wanted a ${kindOf(value)}`);
  }
  return {
    missing: places.flatMap(({ path }) => (stored.has(path) ? [] : [path])),
    unexpected: [...stored.keys()].filter((path) => !known.has(path)),
    take: () => {
      const done: Place[] = [];
      try {
        for (const place of found) {
          place.set(stored.get(place.path)!);
          done.unshift(place);
        }
      } catch (error) {
        for (const { set, value } of done) set(value);
        throw error;
      }
    },
  };
}
