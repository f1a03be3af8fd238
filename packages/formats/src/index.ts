// File formats: bytes to arrays and back. Nothing in a file is trusted, and nothing in it is executed.
export { FormatError } from "./format-error.ts";
export type { Metadata } from "./safetensors/metadata.ts";
export { readSafetensors, writeSafetensors } from "./safetensors/safetensors.ts";
export type { Stored, StoredTensor, StoredType } from "./safetensors/safetensors.ts";
