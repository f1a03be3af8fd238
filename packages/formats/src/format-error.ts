// The error for a file that is not valid safetensors; it names the actual format where the first bytes show it.
import { WeftError } from "@weft/tensor";

/**
 * A file or buffer that is not safetensors, or breaks the format's rules.
 *
 * @example
 * readSafetensors(Uint8Array.of(1, 2, 3)); // throws FormatError
 */
export class FormatError extends WeftError {
  static override readonly name: string = "FormatError";
}

const toPython = "Convert it in Python: safetensors.torch.save_file(torch.load(path, weights_only=True), new_path).";
const link = "Download the file itself: its address has /resolve/ or /raw/ in place of /blob/.";

// oxfmt-ignore
/** Files often mistaken for safetensors: how each begins (as text or as hexadecimal), what it is, and what to do. */
const others: readonly (readonly [RegExp, string, string])[] = [
  [/^version https:\/\/git-lfs/, "a Git LFS pointer, not the file that it stands for", "Run: git lfs pull."],
  [/^504b0304/, "a zip archive, as torch.save writes it (.pt, .pth, .bin)", toPython],
  [/^800[2-5]/, "a Python pickle, as torch.save or pickle.dump writes it", toPython],
  [/^1f8b/, "a gzip file", "Unpack it first: gunzip."],
  [/^89484446/, "an HDF5 file, as Keras writes it", "Convert it to safetensors with Python."],
  [/^934e554d5059/, "a NumPy array (.npy)", "Convert it in Python: safetensors.numpy.save_file."],
  [/^GGUF/, "a GGUF file", "Convert it to safetensors."],
  [/^\s*<(!doctype|html|head|body|\?xml|!--)/i, "an HTML page, not a model", link],
  [/^\s*[[{]/, "JSON text: the index or the configuration of a model", "Use the .safetensors file next to it."],
];

/** Throws a FormatError that says what the file is, if its first bytes show that, and what is wrong with it. */
export function refuse(first: Uint8Array, problem: string): never {
  const start = first.subarray(0, 64);
  const text = new TextDecoder().decode(start);
  const hex = Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const other = others.find(([beginning]) => beginning.test(text) || beginning.test(hex));
  throw new FormatError(
    other === undefined ? `safetensors: ${problem}` : `safetensors: this is ${other[1]}. ${other[2]} (${problem})`,
  );
}
