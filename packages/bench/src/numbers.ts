// Input numbers for frameworks that take host arrays: they only need the right size, and to be the same every time.

/** `count` numbers, evenly spread in (−scale, scale). */
export function spread(count: number, scale = 1): Float32Array {
  const out = new Float32Array(count);
  let s = 2654435761;
  for (let i = 0; i < count; i++) {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    out[i] = ((s >>> 0) / 2 ** 31 - 1) * scale;
  }
  return out;
}

/** `count` integers from 0 to below `high`. */
export const whole = (count: number, high: number): Int32Array =>
  Int32Array.from(spread(count), (x) => Math.min(high - 1, Math.floor(((x + 1) / 2) * high)));

/** One-hot rows of labels. */
export function hot(labels: Int32Array, depth: number): Float32Array {
  const out = new Float32Array(labels.length * depth);
  for (const [i, label] of labels.entries()) out[i * depth + label] = 1;
  return out;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
