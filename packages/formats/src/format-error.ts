// The error for a file that is not of the format that was wanted; it names the actual format where the first bytes show
// it.
import { WeftError } from "@weft/tensor";
import { hex } from "./bytes.ts";

/**
 * A file or buffer that is not of a format, or breaks the format's rules.
 *
 * @example
 * readSafetensors(Uint8Array.of(1, 2, 3)); // throws FormatError
 */
export class FormatError extends WeftError {
  static override readonly name: string = "FormatError";
}

const link = "Download the file itself: its address has /resolve/ or /raw/ in place of /blob/.";
const zips = ["zip", "npz", "pt"];

// oxfmt-ignore
/**
 * Files often mistaken for another: how each begins (as text or as hexadecimal), what it is, what to do, and the formats
 * that begin so themselves.
 */
const others: readonly (readonly [begins: RegExp, what: string, cure: string, of?: readonly string[]])[] = [
  [/^version https:\/\/git-lfs/, "a Git LFS pointer, not the file that it stands for", "Run: git lfs pull."],
  [/^504b0304/, "a zip archive, as torch.save (.pt, .pth, .bin) and numpy.savez (.npz) write it", "fromNpz, fromPt and fromZip read it.", zips],
  [/^800[2-5]/, "a Python pickle, as torch.save and pickle.dump write it", "fromPt reads it if it is of torch.save, fromPickle if it is data.", ["pickle"]],
  [/^1f8b/, "a gzip file", "Unpack it first: gunzip."],
  [/^89484446/, "an HDF5 file, as Keras writes it", "Convert it to safetensors with Python."],
  [/^934e554d5059/, "a NumPy array (.npy)", "fromNpy reads it.", ["npy"]],
  [/^GGUF/, "a GGUF file", "Convert it to safetensors."],
  [/^[0-9a-f]{8}0{8}7b/, "a safetensors file", "readSafetensors reads it.", ["safetensors"]],
  [/^\s*<(!doctype|html|head|body|\?xml|!--)/i, "an HTML page, not a model", link],
  [/^\s*[[{]/, "JSON text: the index or the configuration of a model", "Use the .safetensors file next to it."],
];

/** Throws a FormatError that says what the file is, if its first bytes show that, and what is wrong with it. */
export function refuse(format: string, first: Uint8Array, problem: string): never {
  const start = first.subarray(0, 64);
  const text = new TextDecoder().decode(start);
  const digits = hex(start);
  const other = others.find(
    ([begins, , , of]) => of?.includes(format) !== true && (begins.test(text) || begins.test(digits)),
  );
  throw new FormatError(
    other === undefined ? `${format}: ${problem}` : `${format}: this is ${other[1]}. ${other[2]} (${problem})`,
  );
}
