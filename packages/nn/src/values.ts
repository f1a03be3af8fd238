// Plain values in a saved tree: the step of a run, its best loss, where a pass through the data is. They are metadata of
// the file, by path, so that programs which read only tensors are not disturbed. Typed arrays are tensors of the file.
import { StateError } from "@weft/autograd";
import { FormatError, type Metadata, type StoredTensor } from "@weft/formats";
import { isTable } from "@weft/formats/internals";
import { ArgumentError, printable } from "@weft/tensor";
import { describe, quoted, text } from "@weft/tensor/internals";
import { contentsOf, isList, isScalar, type ArrayPlace, type Place, type Value } from "./contents.ts";
import { plain, some } from "./name-lists.ts";
import type { Listing } from "./source.ts";

/**
 * The version of the files that `save` writes. Version 1 had no plain values, and did not say its version; version 2 had
 * no null and no typed arrays.
 */
const VERSION = 3;
const versionName = "weft.version";
const valuesName = "weft.values";
const reserved = "weft.";

const kindOf = (x: Value): string => (x === null ? "null" : `a ${isList(x) ? "list" : typeof x}`);

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

/** The metadata of a file, those of the user and ours, and its tensors that are typed arrays in the tree, copied. */
export function annotated(
  op: string,
  tree: unknown,
  metadata: Metadata,
): { readonly notes: Metadata; readonly arrays: readonly (readonly [ArrayPlace, StoredTensor])[] } {
  const taken = Object.keys(metadata).find((name) => name.startsWith(reserved));
  if (taken !== undefined)
    throw new ArgumentError(
      `${op}: names of metadata that begin with "${reserved}" are reserved, got ${quoted(taken)}`,
    );
  const contents = contentsOf(tree);
  if (contents.lost.length > 0)
    throw new StateError(
      `${op}: ${some(
        contents.lost.map(({ path, what }) => `${plain(path)} is ${what}`),
        ". ",
      )}. What need not be saved can be a field of a function or of an instance of a class`,
    );
  const values = new Map<string, unknown>();
  for (const { path, value } of contents.values) {
    if (values.has(path)) throw new StateError(`${op}: two values have the path ${quoted(path)}`);
    values.set(path, coded(value));
  }
  const arrays = contents.arrays.map((place) => {
    const { array, type } = place;
    return [place, { dtype: type, shape: [array.length], bytes: bytesIn(array).slice() }] as const;
  });
  const all = { ...metadata, [versionName]: String(VERSION) };
  const notes = values.size === 0 ? all : { ...all, [valuesName]: JSON.stringify(Object.fromEntries(values)) };
  return { notes, arrays };
}

/** As in files: little-endian, as every machine that runs JavaScript engines today. */
const bytesIn = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** The metadata without ours. */
export const withoutNotes = (metadata: Metadata): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => !name.startsWith(reserved)));

/** The version that a file says: 1 if it is of another program. */
function versionOf(where: string, metadata: Metadata): number {
  const version = metadata[versionName];
  if (version === undefined) return 1;
  if (!/^[1-9]\d*$/.test(String(version)))
    throw new FormatError(`${where}: ${versionName} is ${quoted(String(version))}, wanted a number from 1`);
  if (Number(version) > VERSION)
    throw new FormatError(
      `${where}: the file is of version ${String(version)}, and this @weft/nn reads versions up to ${VERSION}; update it`,
    );
  return Number(version);
}

/** The values of a file by path; of a file of version 1 none. */
function storedValues(where: string, metadata: Metadata, version: number): ReadonlyMap<string, Value> {
  if (version < 2) return new Map();
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

/** What will be assigned to the values and typed arrays of a tree. */
export interface ValueFit {
  /** Paths that only the tree, and only the file has. */
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** The paths of typed arrays in the tree. */
  readonly paths: readonly string[];
  /** The names of the tensors that are typed arrays in the tree. */
  readonly arrays: readonly string[];
  /** How many values and arrays will be assigned. */
  readonly count: number;
  /** Assigns all, or none if a setter throws. `stored` returns a tensor in `arrays`. */
  take(stored: (name: string) => StoredTensor): void;
}

/**
 * Which values and tensors of a file go into which values and typed arrays of a tree. Throws a StateError if one is of
 * another kind; null may take the place of any value, and the other way round, but not of a typed array. What the version of the file could not
 * hold stays as it is. `source` is the name under which the file has a tensor.
 */
export function fittingValues(
  { metadata, entries }: Listing,
  tree: unknown,
  where: string,
  source: (name: string) => string,
): ValueFit {
  const version = versionOf(where, metadata);
  const stored = storedValues(where, metadata, version);
  const contents = contentsOf(tree);
  const known = new Set(contents.values.map(({ path }) => path));
  const found = contents.values.filter(({ path }) => stored.has(path));
  for (const { path, value } of found) {
    const other = stored.get(path)!;
    if (value !== null && other !== null && kindOf(value) !== kindOf(other))
      throw new StateError(`${where}: ${quoted(path)} is ${kindOf(other)}, wanted ${kindOf(value)}`);
  }
  const missing =
    version < 2
      ? []
      : contents.values.filter(({ path, value }) => !stored.has(path) && (version > 2 || value !== null));
  const arrays = contents.arrays.map((place) => {
    const names = [...new Set([place.path, ...place.aliases].map(source))].filter((name) => entries.has(name));
    for (const path of [place.path, ...place.aliases])
      if (stored.has(path)) throw new StateError(`${where}: ${quoted(path)} is ${kindOf(stored.get(path)!)}, wanted ${arrayText(place)}: make it null before loading`); // oxfmt-ignore
    for (const name of names) {
      const { shape, dtype } = entries.get(name)!;
      if (shape.length !== 1 || shape[0] !== place.array.length || dtype !== place.type)
        throw new StateError(`${where}: ${quoted(name)} is ${dtype} ${printable(text(shape), 120)}, wanted ${arrayText(place)}`); // oxfmt-ignore
    }
    return { place, names };
  });
  return {
    missing: [
      ...missing.map(({ path }) => path),
      ...arrays.flatMap(({ place, names }) => (version > 2 && names.length === 0 ? [place.path] : [])),
    ],
    unexpected: [...stored.keys()].filter((path) => !known.has(path)),
    paths: contents.arrays.map(({ path }) => path),
    arrays: arrays.flatMap(({ names }) => names),
    count: found.length + arrays.filter(({ names }) => names.length > 0).length,
    take: (read) => {
      const filled = arrays.flatMap(({ place, names: [name, ...others] }) => {
        if (name === undefined) return [];
        const { bytes } = read(name);
        const other = others.find((other) => read(other).bytes.some((byte, i) => byte !== bytes[i]));
        if (other !== undefined) throw new StateError(`${where}: ${quoted(name)} and ${quoted(other)} are one typed array in the tree, the file has different values for them`); // oxfmt-ignore
        return [[place.array, bytes] as const];
      });
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
      for (const [array, bytes] of filled) bytesIn(array).set(bytes);
    },
  };
}

const arrayText = ({ array, type }: ArrayPlace): string =>
  `${type} [${array.length}], which this ${array.constructor.name} holds`;
