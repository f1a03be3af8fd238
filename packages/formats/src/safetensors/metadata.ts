// Metadata of a file. The format allows strings only, so numbers and booleans are written as strings, and an entry of
// its own says which they were: other readers see strings, and this one restores the types.
import { ArgumentError } from "@weft/tensor";
import { describe, quoted } from "@weft/tensor/internals";
import { halfCharacter, isTable, parseStrict, type Table } from "./strict-json.ts";

/** Metadata in a file, by name. */
export type Metadata = Readonly<Record<string, string | number | boolean>>;

/** The entry that says which of the others are not strings: a JSON object from names to `number` or `boolean`. */
const kinds = "weft.types";

const asText = (value: string | number | boolean): string => (Object.is(value, -0) ? "-0" : String(value));

/** The value of a string as each type; undefined if it has none. */
const meanings: Readonly<Record<string, (text: string) => number | boolean | undefined>> = {
  number: (text) => (asText(Number(text)) === text ? Number(text) : undefined),
  boolean: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

const isPlain = (x: unknown): boolean =>
  typeof x === "object" && x !== null && [Object.prototype, null].includes(Object.getPrototypeOf(x) as null);

/** Metadata as a file has it. Throws an ArgumentError for a value that could not be read back unchanged. */
export function writtenMetadata(metadata: Metadata): Readonly<Record<string, string>> {
  if (!isPlain(metadata))
    throw new ArgumentError(`metadata: wanted an object such as { epoch: 3 }, got ${describe(metadata)}`);
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  const types: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(metadata)) {
    const type = typeof value;
    if (type !== "string" && !(type in meanings))
      throw new ArgumentError(
        `metadata: ${quoted(name)} is ${describe(value)}, wanted a string, a number or a boolean; ` +
          "write anything else with JSON.stringify",
      );
    if (name === kinds) throw new ArgumentError(`metadata: the name ${quoted(name)} is reserved; choose another`);
    texts[name] = asText(value);
    if (halfCharacter.test(name) || halfCharacter.test(texts[name]))
      throw new ArgumentError(`metadata: ${quoted(name)} is not valid Unicode: it has a lone surrogate`);
    if (type !== "string") types[name] = type;
  }
  if (Object.keys(types).length > 0) texts[kinds] = JSON.stringify(types);
  return texts;
}

/** Metadata from the strings in a file. */
export function readMetadata(texts: Readonly<Record<string, string>>): Metadata {
  const { [kinds]: listed, ...rest } = texts;
  const metadata = Object.assign(Object.create(null), rest) as Record<string, string | number | boolean>;
  for (const [name, type] of Object.entries(typesIn(listed))) {
    if (typeof type !== "string" || !Object.hasOwn(meanings, type) || !Object.hasOwn(rest, name)) continue;
    metadata[name] = meanings[type]!(rest[name]!) ?? rest[name]!;
  }
  return metadata;
}

/** Another writer may use this entry for something else: then everything stays a string. */
function typesIn(text = "{}"): Table {
  try {
    const types = parseStrict(text);
    return isTable(types) ? types : {};
  } catch {
    return {};
  }
}
