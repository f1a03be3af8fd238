// PNG files: the structure is checked here, before anything is unpacked, and the pixels are decoded by fast-png.
import { crc32, joined } from "@weft/formats/internals";
import type { DecodedPng } from "fast-png";
import { DataError } from "../data-error.ts";
import { reason } from "../files/files.ts";
import { limited, type Pixels } from "./pixels.ts";

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export const isPng = (bytes: Uint8Array): boolean => signature.every((byte, i) => bytes[i] === byte);

/** Color types: how many samples a pixel has, and of how many bits they may be. */
const colors: Readonly<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};
const PALETTE = 3;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly color: number;
  readonly interlaced: boolean;
}

/** The pixels of a PNG file. Colors with alpha where it has transparency; 16 bits are rounded to 8. */
export async function fromPng(bytes: Uint8Array, maxPixels: number): Promise<Pixels> {
  const { header, packed, clear, file } = structure(bytes, maxPixels);
  await checkSize(packed, unpackedSize(header));
  const { decode } = await import("fast-png");
  try {
    return pixels(header, clear, decode(file, { checkCrc: true }));
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`image: the PNG is damaged: ${reason(cause)}.`, { cause });
  }
}

/** The chunks that say what the pixels are: others, such as profiles and texts, are not even read. */
const needed = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];

/** What a file is made of. */
interface Structure {
  readonly header: Header;
  readonly packed: Uint8Array<ArrayBuffer>;
  /** The samples of the color that is transparent, where there is no palette. */
  readonly clear: readonly number[] | undefined;
  /** A file with nothing but the chunks that are needed. */
  readonly file: Uint8Array;
}

function structure(bytes: Uint8Array, maxPixels: number): Structure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, 8)];
  const packed: Uint8Array[] = [];
  let header: Header | undefined;
  let clear: readonly number[] | undefined;
  for (let at = 8; ;) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Infinity;
    const end = at + 12 + length;
    if (end > bytes.length)
      throw new DataError(`image: the PNG is truncated, or its lengths are wrong: it has ${bytes.length} bytes.`);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (header === undefined) {
      if (type !== "IHDR" || length !== 13) throw new DataError("image: the PNG does not begin with its header.");
      header = readHeader(view, at + 8, maxPixels);
    } else if (type === "IHDR") throw new DataError("image: the PNG has two headers.");
    // Not for fast-png, which refuses it where there are fewer than three pixels.
    if (type === "tRNS" && clearest(header)) clear = clearColor(bytes.subarray(at + 4, end), header);
    else if (needed.includes(type)) kept.push(bytes.subarray(at, end));
    // An upper-case name says that a chunk must be understood.
    else if (bytes[at + 4]! < 0x60)
      throw new DataError(`image: the PNG has an unknown chunk, ${JSON.stringify(type)}.`);
    if (type === "IDAT") packed.push(bytes.subarray(at + 8, end - 4));
    if (type === "IEND") return { header, packed: joined(packed), clear, file: joined(kept) };
    at = end;
  }
}

/** Whether its transparency is one color, rather than an alpha for each color of a palette. */
const clearest = ({ color }: Header): boolean => color === 0 || color === 2;

/** The samples of a chunk with a transparent color, two bytes each, which begins with its name and ends with its checksum. */
function clearColor(chunk: Uint8Array, { color }: Header): readonly number[] {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const { samples } = colors[color]!;
  const length = chunk.length - 8;
  if (crc32(chunk.subarray(0, -4)) !== view.getUint32(4 + length))
    throw new DataError("image: the PNG is damaged: the checksum of its transparent color is wrong.");
  if (length !== 2 * samples)
    throw new DataError(`image: the PNG has ${length} bytes for its transparent color, wanted ${2 * samples}.`);
  return Array.from({ length: samples }, (_, c) => view.getUint16(4 + 2 * c));
}

function readHeader(view: DataView, at: number, maxPixels: number): Header {
  const [width, height] = [view.getUint32(at), view.getUint32(at + 4)];
  const [depth, color, , , interlace] = Array.from({ length: 5 }, (_, i) => view.getUint8(at + 8 + i)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  limited("PNG", width, height, maxPixels);
  if (colors[color]?.depths.includes(depth) !== true)
    throw new DataError(`image: the PNG has color type ${color} with ${depth} bits, which there is not.`);
  if (interlace > 1) throw new DataError(`image: the PNG has interlace method ${interlace}, wanted 0 or 1.`);
  if (interlace === 1 && depth < 8)
    throw new DataError(`image: interlaced PNGs of ${depth} bits are not supported. Save it without interlacing.`);
  return { width, height, depth, color, interlaced: interlace === 1 };
}

/** How many bytes the pixels unpack to: lines, each after the number of its filter. */
function unpackedSize({ width, height, depth, color, interlaced }: Header): number {
  const lines = (w: number, h: number): number =>
    w === 0 ? 0 : h * (1 + Math.ceil((w * colors[color]!.samples * depth) / 8));
  if (!interlaced) return lines(width, height);
  // The passes of Adam7: where each begins, and its steps.
  const passes = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] as const; // prettier-ignore
  return passes.reduce(
    (n, [x, y, dx, dy]) => n + lines(Math.ceil(Math.max(width - x, 0) / dx), Math.ceil(Math.max(height - y, 0) / dy)),
    0,
  );
}

/** Unpacks without keeping anything: data that unpack to another size than the header says end here. */
async function checkSize(packed: Uint8Array<ArrayBuffer>, size: number): Promise<void> {
  let found = 0;
  try {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      found += value.length;
      if (found > size) {
        reader.cancel().catch(() => undefined);
        break;
      }
    }
  } catch (cause) {
    throw new DataError(`image: the pixels of the PNG cannot be unpacked: ${reason(cause)}.`, { cause });
  }
  if (found !== size)
    throw new DataError(
      `image: the pixels of the PNG unpack to ${found > size ? "more than " : ""}${Math.min(found, size)} bytes, wanted ${size}.`,
    );
}

/** Samples as bytes, with the palette looked up and transparency as alpha. */
function pixels(
  { width, height, depth, color }: Header,
  clear: readonly number[] | undefined,
  { data, palette, channels }: DecodedPng,
): Pixels {
  const count = width * height;
  const narrow = depth < 8 ? unpackedBits(data, width, height, depth) : data;
  if (color === PALETTE) return fromPalette(narrow, width, height, palette);
  const most = 2 ** depth - 1;
  const eight = (sample: number): number => (depth === 8 ? sample : Math.round((sample * 255) / most));
  const all = clear === undefined ? channels : channels + 1;
  const out = new Uint8Array(count * all);
  for (let i = 0; i < count; i++) {
    let seen = false;
    for (let c = 0; c < channels; c++) {
      const sample = narrow[i * channels + c]!;
      out[i * all + c] = eight(sample);
      seen ||= clear !== undefined && sample !== clear[c];
    }
    if (clear !== undefined) out[i * all + channels] = seen ? 255 : 0;
  }
  return { width, height, channels: all, data: out };
}

/** Samples of 1, 2 or 4 bits, one per byte. */
function unpackedBits(data: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const line = Math.ceil((width * depth) / 8);
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const byte = data[y * line + ((x * depth) >> 3)]!;
      out[y * width + x] = (byte >> (8 - depth - ((x * depth) % 8))) & (2 ** depth - 1);
    }
  return out;
}

function fromPalette(
  indices: ArrayLike<number>,
  width: number,
  height: number,
  palette: readonly number[][] | undefined,
): Pixels {
  const channels = palette?.some((entry) => entry.length > 3) === true ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const entry = palette?.[indices[i]!];
    if (entry === undefined) throw new DataError(`image: the PNG has no color ${indices[i]} in its palette.`);
    data.set(entry, i * channels);
  }
  return { width, height, channels, data };
}
