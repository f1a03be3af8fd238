// The order of texts by their code points, which is that of their bytes in UTF-8. JavaScript compares the halves of
// characters, so that "😀" comes before "Ａ".

/** A number for a unit of UTF-16 that grows with the code point: halves of characters are above all others. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/** Compares two texts, for `sort`. */
export function byCodePoint(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}
