// PNG files made by hand, of each kind that tests need.
import { crc32, deflateSync } from "node:zlib";

export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly depth?: number;
  readonly color: number;
  readonly interlace?: number;
  /** Bytes of the lines, without the numbers of their filters; all lines of all passes. */
  readonly lines: readonly (readonly number[])[];
  readonly palette?: readonly number[];
  readonly clear?: readonly number[];
  /** More chunks before the pixels. */
  readonly extra?: readonly Uint8Array[];
}

export function chunk(type: string, body: Uint8Array | readonly number[]): Uint8Array {
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
  return bytes;
}

export const joined = (...parts: (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const word = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

export function png({
  width,
  height,
  depth = 8,
  color,
  interlace = 0,
  lines,
  palette,
  clear,
  extra = [],
}: PngParts): Uint8Array {
  const pixels = deflateSync(Uint8Array.from(lines.flatMap((line) => [0, ...line])));
  return joined(
    signature,
    chunk("IHDR", [...word(width), ...word(height), depth, color, 0, 0, interlace]),
    ...extra,
    ...(palette === undefined ? [] : [chunk("PLTE", palette)]),
    ...(clear === undefined ? [] : [chunk("tRNS", clear)]),
    chunk("IDAT", pixels),
    chunk("IEND", []),
  );
}
