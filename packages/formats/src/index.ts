// File formats: bytes to arrays and back. Nothing in a file is trusted, and nothing in it is executed.
export { FormatError } from "./format-error.ts";
export type { ObjectArray } from "./numpy/globals.ts";
export { fromNpy, toNpy, type NpyOptions, type NumberArray } from "./numpy/npy.ts";
export { fromNpz, toNpz, type NpzOptions } from "./numpy/npz.ts";
export { fromPickle } from "./numpy/pickle.ts";
export type { Metadata } from "./safetensors/metadata.ts";
export { readSafetensors, writeSafetensors } from "./safetensors/safetensors.ts";
export type { Stored, StoredTensor, StoredType } from "./safetensors/safetensors.ts";
export { fromPt, type PtFile } from "./torch/pt.ts";
export { hostArray, type HostArray } from "./stored-values.ts";
export { fromZip, toZip, type PackOptions, type UnpackOptions, type ZipFile } from "./zip/zip.ts";
