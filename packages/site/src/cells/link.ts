// A link that carries changed code: in the fragment, compressed, so that no server sees it.
import { deflateSync, inflateSync, strFromU8, strToU8 } from "fflate";

interface Changeable {
  readonly original: string;
  code: string;
}

const prefix = "#code=";

const encode = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const decode = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

/** The address of the page with the cells as they are. */
export function linkTo(address: string, cells: readonly Changeable[]): string {
  const changed = cells.flatMap(({ code, original }, i) => (code === original ? [] : [[i, code] as const]));
  const url = address.replace(/#.*$/, "");
  return changed.length === 0 ? url : `${url}${prefix}${encode(deflateSync(strToU8(JSON.stringify(changed))))}`;
}

/** The code that a fragment carries, by the place of the cell; nothing if it carries none. */
export function codeIn(fragment: string): ReadonlyMap<number, string> {
  if (!fragment.startsWith(prefix)) return new Map();
  try {
    const found = JSON.parse(strFromU8(inflateSync(decode(fragment.slice(prefix.length))))) as unknown;
    const isPair = (x: unknown): x is [number, string] =>
      Array.isArray(x) && Number.isInteger(x[0]) && typeof x[1] === "string";
    return new Map(Array.isArray(found) ? found.filter(isPair) : []);
  } catch {
    return new Map(); // a link that was cut: the page as it is
  }
}
