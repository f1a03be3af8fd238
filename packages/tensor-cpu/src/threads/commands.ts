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
 * Carries out the commands in words `from` to `to` of the heap. A command begins with the number of a routine (0 or
 * more) and how many arguments follow; or it is -1 (clear: address, bytes), -2 (put: address, value) or -3 (flag: the
 * address of a word that becomes 1 if the byte at the second address is not 0).
 *
 * A worker gets the text of this function, so it may use nothing but its parameters.
 */
export function execute(from: number, to: number, { i32, u8 }: Views, routines: readonly Routine[]): void {
  for (let i = from; i < to;) {
    const kind = i32[i]!;
    const a = i32[i + 1]!;
    const b = i32[i + 2]!;
    if (kind >= 0) {
      // More arguments than a routine has are dropped.
      routines[kind]!(
        b,
        i32[i + 3]!,
        i32[i + 4]!,
        i32[i + 5]!,
        i32[i + 6]!,
        i32[i + 7]!,
        i32[i + 8]!,
        i32[i + 9]!,
        i32[i + 10]!,
        i32[i + 11]!,
        i32[i + 12]!,
        i32[i + 13]!,
        i32[i + 14]!,
        i32[i + 15]!,
        i32[i + 16]!,
        i32[i + 17]!,
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
