// Parts of a text to validate and to test with. The end of a book is often of another kind (poems after plays), and the
// last files of a folder are about other things; so they are taken from everywhere.
import type { ThreeWaySplit } from "@weft/data";

/** How many parts a text is cut into. */
const usual = 20;

/** The length of a text whose validation has so many ids: it is a twentieth, and each part gives as many as all others. */
export const leastToHoldOut = (validation: number): number => 20 * usual * Math.ceil(validation / usual);

/** The text in `parts` parts: nine tenths of each to learn, and of the last tenth of each a half for either. */
export function heldOut(ids: Int32Array, parts = usual): ThreeWaySplit<Int32Array> {
  const at = (twentieths: number): number => Math.floor((twentieths * ids.length) / (20 * parts));
  const cut = (from: number, to: number): Int32Array => {
    const pieces = Array.from({ length: parts }, (_, part) => ids.subarray(at(20 * part + from), at(20 * part + to)));
    return Int32Array.from(pieces.flatMap((piece) => Array.from(piece)));
  };
  return { train: cut(0, 18), validation: cut(18, 19), test: cut(19, 20) };
}
