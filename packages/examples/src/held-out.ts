// A part of a text for the test. The end of a book is often of another kind (poems after plays), and the last files of a
// folder are about other things; so the test set is taken from everywhere.

/** The text in `parts` parts: nine tenths of each to learn, the last tenth of each for the test. */
export function heldOut(ids: Int32Array, parts = 20): { readonly train: Int32Array; readonly test: Int32Array } {
  const at = (tenths: number): number => Math.floor((tenths * ids.length) / (10 * parts));
  const joined = (pieces: readonly Int32Array[]) => Int32Array.from(pieces.flatMap((piece) => Array.from(piece)));
  const all = Array.from({ length: parts }, (_, part) => 10 * part);
  return {
    train: joined(all.map((from) => ids.subarray(at(from), at(from + 9)))),
    test: joined(all.map((from) => ids.subarray(at(from + 9), at(from + 10)))),
  };
}
