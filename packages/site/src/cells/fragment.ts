// Values in the fragment of an address, compressed, so that no server sees them.
import { deflateSync, inflateSync, strFromU8, strToU8 } from "fflate";

/** A value as text that may stand in an address. */
export const pack = (value: unknown): string =>
  btoa(Array.from(deflateSync(strToU8(JSON.stringify(value))), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** The value of such a text; undefined if it is none, as of a link that was cut. */
export function unpack(text: string): unknown {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    return JSON.parse(strFromU8(inflateSync(bytes)));
  } catch {
    return undefined;
  }
}
