/** A seeded generator of random programs, so that one that fails can be made again from its number. */
export function draws(seed: number): (below: number) => number {
  let s = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    s ^= s << 13;
    s >>>= 0;
    s ^= s >>> 17;
    s ^= s << 5;
    s >>>= 0;
    return s % below;
  };
}
