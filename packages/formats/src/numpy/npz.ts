// .npz files: zip archives of .npy files, one for each array.
import { ArgumentError } from "@weft/tensor";
import { boolean, describe, quoted, readOptions } from "@weft/tensor/internals";
import { wantBytes } from "../bytes.ts";
import { FormatError } from "../format-error.ts";
import type { HostArray } from "../stored-values.ts";
import { packed, unpackDefaults, unpacked, unpackKinds, type PackOptions, type UnpackOptions } from "../zip/zip.ts";
import type { ObjectArray } from "./globals.ts";
import { read, toNpy, type NpyOptions, type NumberArray } from "./npy.ts";

/** Options of `fromNpz`. */
export interface NpzOptions extends NpyOptions, UnpackOptions {}

/**
 * Reads the arrays that NumPy saved together (`numpy.savez` and `savez_compressed`), by name. See `fromNpy` for what
 * they may be, and `fromZip` for what is checked before anything is unpacked.
 *
 * @example
 * const file = toNpz({ x: Float32Array.of(1, 2), y: Int32Array.of(3) }, { compress: true });
 * fromNpz(file).get("y").shape; // [1]
 */
export function fromNpz(
  bytes: Uint8Array,
  options?: NpzOptions & { readonly objects?: false },
): ReadonlyMap<string, HostArray>;
export function fromNpz(bytes: Uint8Array, options?: NpzOptions): ReadonlyMap<string, HostArray | ObjectArray>;
export function fromNpz(bytes: Uint8Array, options?: NpzOptions): ReadonlyMap<string, HostArray | ObjectArray> {
  const { objects, maxBytes } = readOptions(
    "fromNpz",
    options,
    { objects: boolean, ...unpackKinds },
    { objects: false, ...unpackDefaults },
  );
  const arrays = new Map<string, HostArray | ObjectArray>();
  for (const [file, member] of unpacked(wantBytes("fromNpz", bytes), maxBytes)) {
    const name = file.replace(/\.npy$/, "");
    if (arrays.has(name)) throw new FormatError(`npz: two arrays are named ${quoted(name)}`);
    try {
      arrays.set(name, read(member.bytes(), objects));
    } catch (cause) {
      if (cause instanceof FormatError) throw new FormatError(`npz: ${quoted(name)}: ${cause.message}`, { cause });
      throw cause;
    }
  }
  return arrays;
}

/**
 * Writes arrays by name, as `numpy.savez` does, and with `{ compress: true }` as `savez_compressed`. The same arrays give
 * the same bytes.
 *
 * @example
 * const file = toNpz({ x: Float32Array.of(1, 2) });
 * [...fromNpz(file).get("x").data]; // [1, 2]
 */
export function toNpz(
  arrays: Readonly<Record<string, NumberArray>> | ReadonlyMap<string, NumberArray>,
  options?: PackOptions,
): Uint8Array<ArrayBuffer> {
  const { compress } = readOptions("toNpz", options, { compress: boolean }, { compress: false });
  if (typeof arrays !== "object" || arrays === null || ArrayBuffer.isView(arrays) || Array.isArray(arrays))
    throw new ArgumentError(`toNpz: wanted arrays by name, such as { x, y }, got ${describe(arrays)}`);
  const entries = arrays instanceof Map ? [...(arrays as ReadonlyMap<string, NumberArray>)] : Object.entries(arrays);
  return packed(
    entries.map(([name, array]) => [`${name}.npy`, toNpy(array)] as const),
    compress,
  );
}
