// A JPEG file made by hand, of each kind that tests need.

/** A JPEG of one block, 8 x 8 pixels, in which each component has one value: 128, or one from 192 to 254. */
export function jpeg(values: readonly number[], { progressive = false, adobe = false } = {}): Uint8Array {
  const segment = (marker: number, body: readonly number[]): number[] => [
    0xff,
    marker,
    (body.length + 2) >> 8,
    (body.length + 2) & 255,
    ...body,
  ];
  const ids = values.map((_, i) => i + 1);
  const counts = (short: number, next: number): number[] => [short, next, ...new Array<number>(14).fill(0)];
  // Codes of differences: 00 for none, 01 for ten bits; after them 0 for a block that ends.
  const bits = values
    .map((v) => (v === 128 ? "00" : `01${((v - 128) * 8).toString(2).padStart(10, "0")}`) + (progressive ? "" : "0"))
    .join("");
  const data = Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
    Number.parseInt(bits.slice(8 * i, 8 * i + 8).padEnd(8, "1"), 2),
  );
  return Uint8Array.from([
    0xff,
    0xd8,
    ...(adobe ? segment(0xee, [...new TextEncoder().encode("Adobe"), 0, 100, 0, 0, 0, 0, 0]) : []),
    ...segment(0xdb, [0, ...new Array<number>(64).fill(1)]),
    ...segment(progressive ? 0xc2 : 0xc0, [8, 0, 8, 0, 8, values.length, ...ids.flatMap((id) => [id, 0x11, 0])]),
    ...segment(0xc4, [0x00, ...counts(0, 2), 0, 10]),
    ...segment(0xc4, [0x10, ...counts(1, 0), 0]),
    ...segment(0xda, [values.length, ...ids.flatMap((id) => [id, 0]), 0, progressive ? 0 : 63, 0]),
    ...data.flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte])),
    0xff,
    0xd9,
  ]);
}
