// Sizes that memory is handed out in: a freed block waits for the next request of its class.

/** Classes: four to an octave from 64 bytes on, so at most a quarter of a block is unused. */
export function classOf(bytes: number): number {
  if (bytes <= 64) return 0;
  const octave = 31 - Math.clz32(bytes - 1);
  return (octave - 6) * 4 + (((bytes - 1) >>> (octave - 2)) & 3) + 1;
}

export function bytesOfClass(c: number): number {
  if (c === 0) return 64;
  const octave = 6 + ((c - 1) >> 2);
  // Whole cache lines, also for the small classes.
  return Math.ceil((2 ** octave + (((c - 1) & 3) + 1) * 2 ** (octave - 2)) / 64) * 64;
}
