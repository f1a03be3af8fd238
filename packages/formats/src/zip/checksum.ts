// The checksum of zip: CRC-32, eight bytes at a time.

/** Table k: what a byte contributes that is followed by k other ones. */
function tables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  const all = [first];
  for (let k = 1; k < 8; k++) all.push(all[k - 1]!.map((c) => first[c & 255]! ^ (c >>> 8)));
  return all;
}

let made: Uint32Array[] | undefined;

/** The CRC-32 of some bytes, from 0 to 2^32 - 1. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (made ??= tables()) as [
    Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array,
  ]; // prettier-ignore
  const b = bytes;
  let c = 0xffffffff;
  let i = 0;
  for (; i + 8 <= b.length; i += 8)
    c =
      t7[(c ^ b[i]!) & 255]! ^
      t6[((c >>> 8) ^ b[i + 1]!) & 255]! ^
      t5[((c >>> 16) ^ b[i + 2]!) & 255]! ^
      t4[((c >>> 24) ^ b[i + 3]!) & 255]! ^
      t3[b[i + 4]!]! ^
      t2[b[i + 5]!]! ^
      t1[b[i + 6]!]! ^
      t0[b[i + 7]!]!;
  for (; i < b.length; i++) c = (c >>> 8) ^ t0[(c ^ b[i]!) & 255]!;
  return ~c >>> 0;
}
