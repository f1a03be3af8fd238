// The checksum of TFRecord files: CRC-32C (Castagnoli), masked.

function made(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    return c;
  });
}

let table: Uint32Array | undefined;

/** The CRC-32C of some bytes, from 0 to 2^32 - 1. */
export function crc32c(bytes: Uint8Array): number {
  table ??= made();
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255]! ^ (c >>> 8);
  return ~c >>> 0;
}

/** Rotated and shifted, since the checksum of bytes that contain their own checksum says little. */
export function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
