// What is written beside the tensors of a file. The format has text only, so numbers and truth values are written as text, and which
// they were stands in an entry of its own: other readers see text, and this one gives back what was given.
import { ArgumentError } from "@weft/tensor";
import { describe, quoted } from "@weft/tensor/internals";
import { halfCharacter, isTable, parseStrict, type Table } from "./strict-json.ts";

/** Notes in a file, by name. */
export type Metadata = Readonly<Record<string, string | number | boolean>>;

/** The entry that says which of the others are no text: a JSON table from names to `number` or `boolean`. */
const kinds = "weft.types";

const asText = (value: string | number | boolean): string => (Object.is(value, -0) ? "-0" : String(value));

/** What a text means as each kind; undefined if it means nothing. */
const meanings: Readonly<Record<string, (text: string) => number | boolean | undefined>> = {
  number: (text) => (asText(Number(text)) === text ? Number(text) : undefined),
  boolean: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

const isPlain = (x: unknown): boolean =>
  typeof x === "object" && x !== null && [Object.prototype, null].includes(Object.getPrototypeOf(x) as null);

/** As it stands in a file. Throws an ArgumentError for whatever could not be read again as it was. */
export function writtenMetadata(metadata: Metadata): Readonly<Record<string, string>> {
  if (!isPlain(metadata))
    throw new ArgumentError(`metadata: wanted a table such as { epoch: 3 }, got ${describe(metadata)}`);
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  const types: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(metadata)) {
    const type = typeof value;
    if (type !== "string" && !(type in meanings))
      throw new ArgumentError(
        `metadata: ${quoted(name)} is ${describe(value)}, wanted text, a number, true or false; anything else as JSON.stringify(…)`,
      );
    if (name === kinds)
      throw new ArgumentError(`metadata: ${quoted(name)} is taken by the writer; choose another name`);
    texts[name] = asText(value);
    if (halfCharacter.test(name) || halfCharacter.test(texts[name]))
      throw new ArgumentError(`metadata: ${quoted(name)} is not Unicode, it has half a character`);
    if (type !== "string") types[name] = type;
  }
  if (Object.keys(types).length > 0) texts[kinds] = JSON.stringify(types);
  return texts;
}

/** What the texts of a file mean. */
export function readMetadata(texts: Readonly<Record<string, string>>): Metadata {
  const { [kinds]: listed, ...rest } = texts;
  const metadata = Object.assign(Object.create(null), rest) as Record<string, string | number | boolean>;
  for (const [name, type] of Object.entries(typesIn(listed))) {
    if (typeof type !== "string" || !Object.hasOwn(meanings, type) || !Object.hasOwn(rest, name)) continue;
    metadata[name] = meanings[type]!(rest[name]!) ?? rest[name]!;
  }
  return metadata;
}

/** Another writer may use the name for something else: then all is text. */
function typesIn(text = "{}"): Table {
  try {
    const types = parseStrict(text);
    return isTable(types) ? types : {};
  } catch {
    return {};
  }
}
