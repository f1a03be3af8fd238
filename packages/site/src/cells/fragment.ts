// Values in the fragment of an address, compressed, so that no server sees them.
import { deflateSync, Inflate, strFromU8, strToU8 } from "fflate";

/** The most characters that are unpacked, and bytes that become of them: a short text can unpack to gigabytes. */
const MOST_CHARACTERS = 200_000;
const MOST_BYTES = 2_000_000;

/** A value as text that may stand in an address. */
export const pack = (value: unknown): string =>
  btoa(Array.from(deflateSync(strToU8(JSON.stringify(value))), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** An address whose fragment carries a value under a name, in place of the fragment that it had. */
export const withFragment = (address: string, name: string, value: unknown): string =>
  `${withoutFragment(address)}#${name}=${pack(value)}`;

export const withoutFragment = (address: string): string => address.replace(/#.*$/, "");

/** The value that a fragment carries under a name; undefined if it carries none. */
export const carriedBy = (fragment: string, name: string): unknown =>
  fragment.startsWith(`#${name}=`) ? unpack(fragment.slice(name.length + 2)) : undefined;

/** The value of such a text; undefined if it is none, as of a link that was cut, or too long. */
export function unpack(text: string): unknown {
  if (text.length > MOST_CHARACTERS) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    return JSON.parse(strFromU8(inflated(bytes)));
  } catch {
    return undefined;
  }
}

/** Bytes that are unpacked at once, to a thousand times as many at the most. */
const PART = 1024;

/** Unpacks as long as the result is not too large. */
function inflated(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(MOST_BYTES);
  let filled = 0;
  const stream = new Inflate((part) => {
    result.set(part, filled); // throws where it does not fit
    filled += part.length;
  });
  for (let i = 0; i < bytes.length; i += PART) stream.push(bytes.subarray(i, i + PART), i + PART >= bytes.length);
  return result.subarray(0, filled);
}
