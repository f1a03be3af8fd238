// JPEG files: markers are checked here, before anything is decoded, and the pixels are decoded by jpeg-js.
import { DataError } from "../data-error.ts";
import { reason } from "../files/files.ts";
import { limited, type Pixels } from "./pixels.ts";

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/** More scans than any encoder writes: each of them takes as long as the whole picture. */
const SCANS = 500;

/** The pixels of a JPEG file: gray, or colors. */
export async function fromJpeg(bytes: Uint8Array, maxPixels: number): Promise<Pixels> {
  const { width, height, components } = frame(bytes, maxPixels);
  const jpeg = await import("jpeg-js");
  try {
    const { data, ...found } = jpeg.default.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      // The size is checked above.
      maxResolutionInMP: Infinity,
      maxMemoryUsageInMB: 4096,
    });
    if (found.width !== width || found.height !== height)
      throw new DataError(`image: the JPEG has two sizes, ${width} x ${height} and ${found.width} x ${found.height}.`);
    // Gray comes as three equal colors.
    return components === 1
      ? { width, height, channels: 1, data: data.filter((_, i) => i % 3 === 0) }
      : { width, height, channels: 3, data };
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`image: the JPEG is damaged: ${reason(cause)}.`, { cause });
  }
}

const truncated = (bytes: Uint8Array): DataError =>
  new DataError(`image: the JPEG is truncated: it has ${bytes.length} bytes, and its end is missing.`);

/** The size that the frame's header says. */
function frame(bytes: Uint8Array, maxPixels: number): { width: number; height: number; components: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let found: { width: number; height: number; components: number } | undefined;
  for (let at = 2; ;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++; // fill bytes
    if (at + 4 > bytes.length) throw truncated(bytes);
    const marker = bytes[at + 1]!;
    const length = view.getUint16(at + 2);
    if (bytes[at] !== 0xff || length < 2)
      throw new DataError(`image: the JPEG is damaged: there is no marker at byte ${at}.`);
    if (at + 2 + length > bytes.length) throw truncated(bytes);
    // Frames, but for the tables DHT, JPG and DAC among their numbers.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (marker > 0xc2 || length < 8 || bytes[at + 4] !== 8)
        throw new DataError("image: wanted a JPEG of 8 bits, baseline or progressive, found another kind.");
      if (found !== undefined) throw new DataError("image: the JPEG has two frames.");
      found = { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: bytes[at + 9]! };
      limited("JPEG", found.width, found.height, maxPixels);
      if (![1, 3, 4].includes(found.components))
        throw new DataError(`image: the JPEG has ${found.components} color components, wanted 1, 3 or 4.`);
    }
    at += 2 + length;
    if (marker !== 0xda) continue; // the first scan
    if (found === undefined) throw new DataError("image: the JPEG has pixels before the header of its frame.");
    checkScans(bytes, at);
    return found;
  }
}

/** In compressed pixels each byte 255 is followed by 0, so markers are markers. */
function checkScans(bytes: Uint8Array, start: number): void {
  let scans = 1;
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd9) return;
    if (bytes[at + 1] === 0xda && ++scans > SCANS)
      throw new DataError(`image: the JPEG has more than ${SCANS} scans. It was made to take long.`);
  }
  throw truncated(bytes);
}
