// Arrays that files have in another order than row-major: their elements are copied into it.
import { sizeOf } from "@weft/tensor/internals";

/**
 * The elements of an array of bytes, `width` bytes each, in row-major order: the first is element `offset`, and
 * `strides` says how many elements lie between neighbors along an axis. With `flip`, the bytes of each are reversed.
 */
export function rowMajor(
  from: Uint8Array,
  width: number,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  flip: boolean,
): Uint8Array {
  const bytes = new Uint8Array(sizeOf(shape) * width);
  const mask = flip ? width - 1 : 0; // with it, byte b becomes byte width - 1 - b, since widths are powers of 2
  const position = shape.map(() => 0);
  for (let to = 0, at = offset; to < bytes.length; to += width) {
    for (let b = 0; b < width; b++) bytes[to + b] = from[at * width + (b ^ mask)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      at -= position[axis]! * strides[axis]!;
      position[axis] = 0;
    }
  }
  return bytes;
}
