// JSON as safetensors headers use it: objects nested a few levels deep, without duplicate names. `JSON.parse` would
// take the last of two values for one name, and another reader the first.

/** A JSON object of a header. It has no prototype, so no name has a special meaning. */
export type Table = { readonly [name: string]: unknown };

/** Deeper than any header is. */
const deepestHeader = 4;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const words = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;
/** A lone surrogate: it cannot be written in UTF-8. */
export const halfCharacter = /\p{Cs}/u;
const blank = /[ \t\n\r]*/y;

export const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads a text, or throws a SyntaxError that says what is wrong at which character. */
export function parseStrict(text: string, deepest: number = deepestHeader): unknown {
  let at = 0;
  const fail = (problem: string): never => {
    throw new SyntaxError(`${problem} at character ${at}`);
  };
  const skip = (): void => {
    blank.lastIndex = at;
    blank.test(text);
    at = blank.lastIndex;
  };
  const take = (c: string): boolean => {
    skip();
    if (text[at] !== c) return false;
    at++;
    return true;
  };
  const want = (c: string): void => {
    if (!take(c)) fail(`wanted ${c}`);
  };
  const string = (): string => {
    want('"');
    const begin = at - 1;
    for (; text[at] !== '"'; at++) {
      if (at >= text.length) fail("unterminated string");
      if (text[at] === "\\") at++;
    }
    at++;
    let value = "";
    try {
      value = JSON.parse(text.slice(begin, at)) as string;
    } catch {
      fail("invalid string");
    }
    return halfCharacter.test(value) ? fail("string is not valid Unicode") : value;
  };
  const value = (depth: number): unknown => {
    if (depth > deepest) fail("nested too deeply");
    skip();
    const c = text[at];
    if (c === '"') return string();
    if (c === "[") return list(depth);
    if (c === "{") return table(depth);
    number.lastIndex = at;
    const digits = number.exec(text)?.[0];
    if (digits === undefined) return word();
    at += digits.length;
    // 1e3, 2.0 and -0 are not valid sizes, although JavaScript takes them for integers.
    return Number.isInteger(Number(digits)) && !/^(-?[1-9]\d*|0)$/.test(digits) ? NaN : Number(digits);
  };
  const word = (): boolean | null => {
    for (const [name, meaning] of words) if (text.startsWith(name, at)) return ((at += name.length), meaning);
    return fail("wanted a value");
  };
  const list = (depth: number): unknown[] => {
    const items: unknown[] = [];
    want("[");
    if (take("]")) return items;
    do items.push(value(depth + 1));
    while (take(","));
    want("]");
    return items;
  };
  const table = (depth: number): Table => {
    const entries: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    want("{");
    if (take("}")) return entries;
    do {
      skip();
      const name = string();
      if (name in entries) fail(`duplicate name ${JSON.stringify(name.slice(0, 80))}`);
      want(":");
      entries[name] = value(depth + 1);
    } while (take(","));
    want("}");
    return entries;
  };
  const result = value(1);
  skip();
  return at === text.length ? result : fail("unexpected text after the end");
}
