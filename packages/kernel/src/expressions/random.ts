// Counter-based random numbers in the kernel language: Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", 2011). Additions, rotations and xors only, so every machine draws the same bits.
import type { Builder, V } from "../language.ts";
import { c } from "./floats.ts";

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];
const PARITY = 0x1bd11bda;

const add = (k: Builder, a: V, b: V): V => k.apply("add", [a, b], "i32");
const xor = (k: Builder, a: V, b: V): V => k.apply("xor", [a, b], "i32");
const rotate = (k: Builder, x: V, by: number): V =>
  k.apply("or", [k.apply("shl", [x], "i32", by), k.apply("shru", [x], "i32", 32 - by)], "i32");

/** Word 0 of the block (index, counter) under the key. */
export function threefry(k: Builder, index: V, key0: V, key1: V, counter: V): V {
  const keys = [key0, key1, k.apply("xor", [xor(k, key0, key1), c(PARITY)], "i32")];
  let x = add(k, index, key0);
  let y = add(k, counter, key1);
  for (let round = 0; round < 20; round++) {
    x = add(k, x, y);
    y = xor(k, rotate(k, y, ROTATIONS[round % 8]!), x);
    if (round % 4 === 3) {
      const n = (round + 1) / 4;
      x = add(k, x, keys[n % 3]!);
      y = k.apply("add", [add(k, y, keys[(n + 1) % 3]!), c(n)], "i32");
    }
  }
  return x;
}

/** A number in [0, 1) with 24 random bits. */
export const uniform = (k: Builder, word: V): V =>
  k.apply("mul", [k.apply("f32", [k.apply("shru", [word], "i32", 8)], "f32"), c(2 ** -24)], "f32");
