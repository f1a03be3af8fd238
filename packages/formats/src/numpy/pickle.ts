// Pickles of plain values and of NumPy's arrays, as data sets come in.
import { wantBytes } from "../bytes.ts";
import { FormatError } from "../format-error.ts";
import { unpickled } from "../pickle/pickle.ts";
import { numpyGlobals } from "./globals.ts";

/**
 * Reads a pickle of Python 2 or 3, protocols 0 to 5, whose values are plain. Nothing of Python is called: what asks for
 * anything else is a FormatError that names it.
 *
 * None is null, a list or a tuple is an array, a dict a Map, a set a Set, bytes a Uint8Array, an integer beyond 2^53 a
 * bigint, an array of NumPy's `{ data, shape, dtype }`. Texts of Python 2 may be bytes: each character stands for one.
 * Parts that are shared are shared here, too, and nothing contains itself.
 *
 * Source: CPython, `Lib/pickletools.py`.
 *
 * @example
 * const file = new TextEncoder().encode("(I1\nI2\nl."); // pickle.dumps([1, 2], protocol=0), the memo left out
 * fromPickle(file); // [1, 2]
 */
export function fromPickle(bytes: Uint8Array): unknown {
  const file = wantBytes("fromPickle", bytes);
  const { value, end } = unpickled(file, { globals: numpyGlobals });
  if (end !== file.length) throw new FormatError(`pickle: ${file.length - end} bytes follow its end`);
  return value;
}
