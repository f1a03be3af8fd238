// What the kernels of a launch do, as words in shared memory: whichever thread claims them carries them out.
import type { Routine } from "../calls/call.ts";

/** The views of the heap that commands use. */
export interface Views {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
}

/** How many arguments a routine may have. */
export const MOST_ARGUMENTS = 16;

/**
 * Carries out the commands in words `from` to `to`. A command begins with the number of a routine (0 or more) and how
 * many arguments follow; or it is -1 (clear: address, bytes), -2 (put: address, value) or -3 (flag: the address of a
 * word that becomes 1 if the byte at the second address is not 0).
 *
 * A worker gets the text of this function, so it may use nothing but its parameters.
 */
export function execute(
  words: Int32Array,
  from: number,
  to: number,
  { i32, u8 }: Views,
  routines: readonly Routine[],
): void {
  for (let i = from; i < to;) {
    const kind = words[i]!;
    const a = words[i + 1]!;
    const b = words[i + 2]!;
    if (kind >= 0) {
      // More arguments than a routine has are dropped.
      routines[kind]!(
        b,
        words[i + 3]!,
        words[i + 4]!,
        words[i + 5]!,
        words[i + 6]!,
        words[i + 7]!,
        words[i + 8]!,
        words[i + 9]!,
        words[i + 10]!,
        words[i + 11]!,
        words[i + 12]!,
        words[i + 13]!,
        words[i + 14]!,
        words[i + 15]!,
        words[i + 16]!,
        words[i + 17]!,
      );
      i += 2 + a;
    } else {
      if (kind === -1) u8.fill(0, a >>> 0, (a >>> 0) + (b >>> 0));
      else if (kind === -2) i32[a >>> 2] = b;
      else if (u8[b >>> 0] !== 0) i32[a >>> 2] = 1;
      i += 3;
    }
  }
}
