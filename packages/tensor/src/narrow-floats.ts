// 16-bit floats on the host: from a number to the bits of the nearest one, ties to even, and from bits to the number.
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * The bits of the f32 next to a number toward zero, with the last one set if the number lies behind it. Rounded to fewer
 * bits it gives what the number itself would: the nearest f32 may be a tie between two narrow floats where the number is
 * none.
 */
function bitsOf(x: number): number {
  float[0] = x;
  const near = float[0];
  const b = bits[0]!;
  return near === x || x !== x ? b : (b - (Math.abs(near) > Math.abs(x) ? 1 : 0)) | 1;
}

/** IEEE 754 half precision: 5 bits of exponent, 10 bits of fraction. */
export const half = { store: toHalf, load: fromHalf };

/** bfloat16: the upper half of an f32. */
export const bfloat = { store: toBfloat, load: fromBfloat };

function toHalf(x: number): number {
  const b = bitsOf(x);
  const sign = (b >>> 16) & 0x8000;
  const magnitude = b & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below the smallest normal number: adding ½ lets the processor round to multiples of 2⁻²⁴.
    bits[0] = magnitude;
    float[0] = float[0]! + 0.5;
    return sign | (bits[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function fromHalf(h: number): number {
  const exponent = (h >>> 10) & 31;
  const fraction = h & 1023;
  const magnitude =
    exponent === 31
      ? fraction > 0
        ? NaN
        : Infinity
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return h & 0x8000 ? -magnitude : magnitude;
}

function toBfloat(x: number): number {
  const b = bitsOf(x);
  if (x !== x) return ((b >>> 16) & 0x8000) | 0x7fc0; // truncating or rounding a NaN could give infinity
  return (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
}

function fromBfloat(h: number): number {
  bits[0] = h << 16;
  return float[0]!;
}
