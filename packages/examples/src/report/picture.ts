// Pictures inside a page: pixels become a PNG, and the PNG a data URL, so that nothing has to be fetched.
import { crc32, deflateSync } from "node:zlib";
import type { Labeled } from "@weft/data";

/** Rows of pixels from the top, each pixel one gray byte or three bytes of red, green and blue. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A picture of a data set. */
export function pictureAt({ images }: Pick<Labeled, "images">, index: number): Pixels {
  const [channels, height, width] = images.shape.slice(1) as [number, number, number];
  const size = channels * height * width;
  return { width, height, data: interleaved(images.data.subarray(index * size, (index + 1) * size), channels) };
}

/** A picture of at most `side` pixels in each direction: every so many pixels of one, where it is larger. */
export function thumbnail({ width, height, data }: Pixels, side: number): Pixels {
  const step = Math.ceil(Math.max(width, height) / side);
  const channels = data.length / (width * height);
  const [wide, high] = [Math.ceil(width / step), Math.ceil(height / step)];
  const small = new Uint8Array(wide * high * channels);
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++) {
      const from = (y * step * width + x * step) * channels;
      small.set(data.subarray(from, from + channels), (y * wide + x) * channels);
    }
  return { width: wide, height: high, data: small };
}

/** From a plane of values for each channel to the values of all channels, pixel by pixel. */
function interleaved(planes: Uint8Array, channels: number): Uint8Array {
  const pixels = planes.length / channels;
  return planes.map((_, at) => planes[(at % channels) * pixels + Math.floor(at / channels)]!);
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const whole = Buffer.alloc(body.length + 12);
  whole.writeUInt32BE(body.length, 0);
  whole.write(type, 4, "latin1");
  whole.set(body, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), body.length + 8);
  return whole;
}

/** A PNG file: signature, header, rows (each after a 0: no filter), end. */
export function png({ width, height, data }: Pixels): Uint8Array {
  const row = data.length / height;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, row === width ? 0 : 2], 8); // bits per channel; gray or color
  const rows = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const chunks = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", new Uint8Array())];
  return Buffer.concat([signature, ...chunks]);
}

/** The data URL of a picture. */
export const address = (pixels: Pixels): string =>
  `data:image/png;base64,${Buffer.from(png(pixels)).toString("base64")}`;

const [blue, white, red] = [
  [33, 102, 172],
  [247, 247, 247],
  [178, 24, 43],
] as const;

/** Weights as colors: blue below zero, white at zero, red above, saturated at `limit`. */
export function weighed(weights: ArrayLike<number>, width: number, height: number, limit: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const part = Math.min(Math.abs(weights[i]!) / (limit || 1), 1);
    const end = weights[i]! < 0 ? blue : red;
    for (let c = 0; c < 3; c++) data[3 * i + c] = white[c]! + part * (end[c]! - white[c]!);
  }
  return { width, height, data };
}

/** Weights for red, green and blue, a plane each, as a color: gray at zero, brighter above, full at `limit`. */
export function weighedColors(weights: ArrayLike<number>, width: number, height: number, limit: number): Pixels {
  const planes = Uint8Array.from(weights, (w) => 128 + 127 * (w / (limit || 1)));
  return { width, height, data: interleaved(planes, 3) };
}

/** Square gray pictures in rows, from values between 0 and 1: each has `side`² of them. */
export function tiled(values: ArrayLike<number>, side: number, columns: number): Pixels {
  const count = values.length / side ** 2;
  const [width, height] = [columns * side, Math.ceil(count / columns) * side];
  const data = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i++) {
    const [picture, place] = [Math.floor(i / side ** 2), i % side ** 2];
    const y = Math.floor(picture / columns) * side + Math.floor(place / side);
    const x = (picture % columns) * side + (place % side);
    data[y * width + x] = Math.round(255 * Math.min(1, Math.max(0, values[i]!)));
  }
  return { width, height, data };
}
