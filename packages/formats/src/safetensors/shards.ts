// A model in several files of safetensors, and the index that says which tensor is in which, as Hugging Face writes it:
// `{"metadata": {"total_size": BYTES}, "weight_map": {NAME: FILE, …}}`, and all files in one folder.
import { quoted } from "@weft/tensor/internals";
import { FormatError } from "../format-error.ts";
import { byCodePoint } from "../text-order.ts";
import type { StoredTensor } from "./safetensors.ts";
import { isTable, parseStrict } from "./strict-json.ts";

/** As long as the header of a file may be. */
export const longestShardIndex = 100_000_000;

/** Whether a file may be an index, by its first bytes: JSON. The length of a header has zeros. */
export const mayBeShardIndex = (first: Uint8Array): boolean =>
  /^\s*\{/.test(new TextDecoder().decode(first)) && !first.subarray(0, 8).includes(0);

/** Which tensors are in which file: `"model-00001-of-00002.safetensors"`. Files are names, never paths. */
export function readShardIndex(bytes: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const fail = (problem: string): never => {
    throw new FormatError(`index: ${problem}`);
  };
  let index: unknown;
  try {
    index = parseStrict(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    return fail(`it is not JSON${cause instanceof SyntaxError ? `: ${cause.message}` : ""}`);
  }
  const map = isTable(index) ? index["weight_map"] : undefined;
  if (!isTable(map))
    return fail("this is JSON without a weight_map, so it is not the index of a model in several files");
  const files = new Map<string, string[]>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string") return fail(`${quoted(name)} is in something that is not the name of a file`);
    if (/^\.{0,2}$|[/\\:\0]/.test(file))
      return fail(`${quoted(name)} is in ${quoted(file)}, wanted the name of a file in the same folder`);
    const names = files.get(file) ?? [];
    names.push(name);
    files.set(file, names);
  }
  return files;
}

/** The index of files with these tensors. */
export function shardIndex(files: ReadonlyMap<string, ReadonlyMap<string, StoredTensor>>): Uint8Array {
  let total = 0;
  const places: [name: string, file: string][] = [];
  for (const [file, tensors] of files)
    for (const [name, { bytes }] of tensors) {
      total += bytes.length;
      places.push([name, file]);
    }
  places.sort(([a], [b]) => byCodePoint(a, b));
  const lines = places.map((pair) => `    ${pair.map((text) => JSON.stringify(text)).join(": ")}`).join(",\n");
  return new TextEncoder().encode(
    `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${lines}\n  }\n}\n`,
  );
}

/** Tensors in their order, in parts with at most so many bytes each. A tensor that is larger is alone. */
export function inShards(tensors: ReadonlyMap<string, StoredTensor>, most: number): Map<string, StoredTensor>[] {
  const parts: Map<string, StoredTensor>[] = [];
  let room = 0;
  for (const [name, tensor] of tensors) {
    const { length } = tensor.bytes;
    if (parts.length === 0 || (length > room && parts.at(-1)!.size > 0)) {
      parts.push(new Map());
      room = most;
    }
    parts.at(-1)!.set(name, tensor);
    room -= length;
  }
  return parts;
}
