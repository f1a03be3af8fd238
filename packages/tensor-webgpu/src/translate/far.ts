// What the usual formulas cannot reach, by integer arithmetic: the exact remainder of any two floats, and the quarter
// turns of any angle. WGSL guarantees neither rounding nor fused multiply-add; integers are the same everywhere.

/** For programs with a remainder or a circular function. The mask `m` says where the result is needed. */
export const farPrelude = `
fn w_rem(m: bool, a: f32, b: f32) -> f32 {
  if (!m) { return a; }
  let x = bitcast<u32>(a) & 0x7fffffffu;
  let y = bitcast<u32>(b) & 0x7fffffffu;
  if (x >= 0x7f800000u || y > 0x7f800000u || y == 0u) { return w_float(0x7fc00000u); }
  if (x < y) { return a; }
  let ey = max(y >> 23u, 1u);
  let my = select(y, (y & 0x7fffffu) | 0x800000u, y >= 0x800000u);
  var rest = select(x, (x & 0x7fffffu) | 0x800000u, x >= 0x800000u) % my;
  for (var n = max(x >> 23u, 1u) - ey; n > 0u; ) {
    let by = min(n, 8u);
    rest = (rest << by) % my;
    n -= by;
  }
  let up = min(select(countLeadingZeros(rest) - 8u, 0u, rest == 0u), ey - 1u);
  rest = rest << up;
  let bits = select(rest, ((ey - up) << 23u) | (rest & 0x7fffffu), rest >= 0x800000u);
  return w_float(bits | (bitcast<u32>(a) & 0x80000000u));
}
fn w_high(a: u32, b: u32) -> u32 {
  let middle = (a >> 16u) * (b & 0xffffu) + (((a & 0xffffu) * (b & 0xffffu)) >> 16u);
  let low = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (low >> 16u);
}
fn w_quarter(x: f32) -> vec2f {
  // 2/pi after 32 zeros; w holds its 96 bits that start with the one that x scales to two quarter turns.
  var digits = array<u32, 8>(
    0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  let bits = bitcast<u32>(x);
  let m = (bits & 0x7fffffu) | 0x800000u;
  let first = clamp((bits >> 23u) & 255u, 120u, 254u) - 120u;
  let i = first >> 5u;
  let by = first & 31u;
  var w: vec3u;
  for (var j = 0u; j < 3u; j++) { w[j] = (digits[i + j] << by) | ((digits[i + j + 1u] >> 1u) >> (31u - by)); }
  let low = w.z * m;
  let carry = w_high(w.z, m);
  let middle = w.y * m + carry;
  let top = w.x * m + w_high(w.y, m) + select(0u, 1u, middle < carry);
  let n = (top + 0x20000000u) >> 30u;
  var rest = vec3u((top << 2u) | (middle >> 30u), (middle << 2u) | (low >> 30u), low << 2u);
  let below = rest.x >= 0x80000000u;
  if (below) { rest = ~rest; }
  var unit = 0x1.921fb6p-24f;
  if (rest.x == 0u) { rest = vec3u(rest.yz, 0u); unit *= 0x1p-32f; }
  let zeros = countLeadingZeros(rest.x) & 31u;
  let whole = (rest.x << zeros) | ((rest.y >> 1u) >> (31u - zeros));
  let size = f32((whole >> 8u) + ((whole >> 7u) & 1u)) * unit * w_float((127u - zeros) << 23u);
  let minus = bits >= 0x80000000u;
  return vec2f(select(size, -size, below != minus), f32(select(n, 4u - n, minus) & 3u));
}
fn w_rest(m: bool, x: f32) -> f32 { if (!m) { return x; } return w_quarter(x).x; }
fn w_turns(m: bool, x: f32) -> f32 { if (!m) { return x; } return w_quarter(x).y; }
`;
