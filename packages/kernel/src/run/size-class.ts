// Size classes of memory: a freed block is reused for the next request of its class.

/** The class of a size: four classes per octave from 64 bytes on, so at most a quarter of a block is unused. */
export function classOf(bytes: number): number {
  if (bytes <= 64) return 0;
  const octave = 31 - Math.clz32(bytes - 1);
  return (octave - 6) * 4 + (((bytes - 1) >>> (octave - 2)) & 3) + 1;
}

export function bytesOfClass(c: number): number {
  if (c === 0) return 64;
  const octave = 6 + ((c - 1) >> 2);
  // A multiple of a cache line, for small classes, too.
  return Math.ceil((2 ** octave + (((c - 1) & 3) + 1) * 2 ** (octave - 2)) / 64) * 64;
}
