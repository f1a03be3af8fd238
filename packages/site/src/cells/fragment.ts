// Values in the fragment of an address, compressed, so that no server sees them.
import { deflateSync, inflateSync, strFromU8, strToU8 } from "fflate";

/** The most characters that are unpacked, and bytes that become of them: a short text can unpack to gigabytes. */
const MOST_CHARACTERS = 200_000;
const MOST_BYTES = 2_000_000;

/** A value as text that may stand in an address. */
export const pack = (value: unknown): string =>
  btoa(Array.from(deflateSync(strToU8(JSON.stringify(value))), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** The value of such a text; undefined if it is none, as of a link that was cut, or too long. */
export function unpack(text: string): unknown {
  if (text.length > MOST_CHARACTERS) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    // What does not fit is left out, and JSON.parse refuses the rest.
    return JSON.parse(strFromU8(inflateSync(bytes, { out: new Uint8Array(MOST_BYTES) })));
  } catch {
    return undefined;
  }
}
