// Names in messages: a model may have many of them, and a file any.
import { quoted } from "@weft/tensor/internals";

/** A name in a list, quoted if it could be misread. */
export const plain = (name: string): string => (/^[\w.\-/:]+$/.test(name) && name.length < 120 ? name : quoted(name));

/** A list for a message, shortened if it is long. */
export const some = (items: readonly string[], separator: string): string =>
  items.length <= 20
    ? items.join(separator)
    : `${items.slice(0, 16).join(separator)}${separator}and ${items.length - 16} more`;

/** What is missing, or not expected, as a part of a message; nothing if the list is empty. */
export const list = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${what} ${some(names.map(plain), ", ")}`];
