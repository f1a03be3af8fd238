// Narrow floats where WGSL may lack them: exact conversion from and to f32 on bits, rounding to nearest, ties to even.
// WGSL's own `unpack2x16float` and `pack2x16float` may flush small numbers to 0, round either way, and return anything
// beyond 65504.

/** For programs that read or write f16. */
export const halfPrelude = `
fn w_from_half(h: u32) -> f32 {
  let sign = (h & 0x8000u) << 16u;
  let size = h & 0x7fffu;
  if (size >= 0x7c00u) { return w_float(sign | 0x7f800000u | ((size & 0x3ffu) << 13u)); }
  if (size < 0x400u) { return w_float(sign | bitcast<u32>(f32(size) * 0x1p-24f)); }
  return w_float(sign | ((size << 13u) + 0x38000000u));
}
fn w_to_half(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return sign | 0x7e00u; }
  if (size >= 0x477ff000u) { return sign | 0x7c00u; }
  if (size >= 0x38800000u) { return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u); }
  let shift = 126u - (size >> 23u);
  if (shift > 24u) { return sign; }
  let digits = (size & 0x7fffffu) | 0x800000u;
  let whole = digits >> shift;
  let rest = digits & ((1u << shift) - 1u);
  let tie = 1u << (shift - 1u);
  return sign | (whole + select(0u, 1u, rest > tie || (rest == tie && (whole & 1u) == 1u)));
}
`;

/** For programs that write bf16, the upper half of an f32. */
export const bfloatPrelude = `
fn w_to_bfloat(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let upper = bits >> 16u;
  return select((bits + 0x7fffu + (upper & 1u)) >> 16u, (upper & 0x8000u) | 0x7fc0u, w_nan(x));
}
`;
