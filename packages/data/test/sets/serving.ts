// What tests of data sets are given in place of published files: a source of files in memory, and small files in the same
// formats.
import type { FileSource } from "../../src/files/files.ts";

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

/** A source that has the files of these names, and takes no others. */
export const serving = (bytesOf: (name: string) => Uint8Array | undefined): FileSource => ({
  place: "nowhere",
  async find({ name }) {
    const bytes = bytesOf(name);
    return bytes === undefined ? undefined : copy(bytes);
  },
  async keep({ name }) {
    throw new Error(`${name} was downloaded`);
  },
});

/** The bytes of text: in UTF-8, or each character one byte. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** A tar archive; headers may be changed before their checksum is made. */
export function tarOf(
  files: Readonly<Record<string, Uint8Array>>,
  change: (header: Uint8Array) => void = () => {},
): Uint8Array {
  const blocks = Object.entries(files).flatMap(([name, bytes]) => {
    const header = new Uint8Array(512);
    const size = bytes.length.toString(8).padStart(11, "0");
    for (const [at, text] of [
      [0, name],
      [100, "0000644\0"],
      [124, `${size}\0`],
      [156, "0"],
      [257, "ustar  \0"],
    ] as const)
      header.set(latin(text), at);
    change(header);
    header.fill(0x20, 148, 156);
    const sum = header.reduce((a, b) => a + b, 0);
    header.set(latin(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    const padded = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
    padded.set(bytes);
    return [header, padded];
  });
  return new Uint8Array(Buffer.concat([...blocks, new Uint8Array(1024)]));
}

/** Lists of small numbers, as Keras's files have them: a NumPy array of objects in a pickle of Python 2. */
export function pickledLists(lists: readonly (readonly number[])[], item = listOf): Uint8Array {
  const n = lists.length;
  const body =
    "\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\0\x85U\x01b\x87Rq\x03" +
    `(K\x01K${String.fromCharCode(n)}\x85cnumpy\ndtype\nq\x04U\x02O8K\0K\x01\x87Rq\x05` +
    "(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]q\x06(" +
    `${lists.map(item).join("")}etb.`;
  const header = `{'descr': '|O', 'fortran_order': False, 'shape': (${n},), }`.padEnd(69) + "\n";
  return latin(`\x93NUMPY\x01\0${String.fromCharCode(header.length)}\0${header}${body}`);
}
const listOf = (ranks: readonly number[]): string =>
  `](${ranks.map((rank) => `M${String.fromCharCode(rank & 255, rank >> 8)}`).join("")}e`;

/** An IDX file of unsigned bytes. */
export function idxOf(shape: readonly number[], body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + body.length);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((d, axis) => new DataView(bytes.buffer).setUint32(4 + 4 * axis, d));
  bytes.set(body, 4 + 4 * shape.length);
  return bytes;
}

/** A zip archive whose files claim to have this size when they are unpacked. */
export function claiming(archive: Uint8Array, size: number): Uint8Array {
  const bytes = archive.slice();
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const mark = view.getUint32(at, true);
    if (mark === 0x04034b50) view.setUint32(at + 22, size, true);
    if (mark === 0x02014b50) view.setUint32(at + 24, size, true);
  }
  return bytes;
}
