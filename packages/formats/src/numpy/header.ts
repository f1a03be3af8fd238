// The header of a .npy file: a dict in Python's notation, with the type of elements, their order and the shape.
import { count, quoted } from "@weft/tensor/internals";
import { FormatError } from "../format-error.ts";

type Literal = string | number | boolean | readonly Literal[] | ReadonlyMap<string, Literal>;

const fail = (problem: string): never => {
  throw new FormatError(`npy: its header ${problem}`);
};

/** What the header of an array says. */
export interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

export function readHeader(text: string): Header {
  const dict = literal(text);
  const keys = ["descr", "fortran_order", "shape"];
  if (!(dict instanceof Map) || dict.size !== 3 || !keys.every((key) => dict.has(key)))
    return fail(`is ${quoted(text)}, wanted a dict of ${keys.join(", ")}`);
  const [descr, fortran, shape] = keys.map((key) => dict.get(key) as Literal) as [Literal, Literal, Literal];
  if (Array.isArray(descr))
    return fail("describes records (a structured dtype); save each of their fields as an array");
  if (typeof descr !== "string") return fail(`has the dtype ${quoted(String(descr))}, wanted a text such as "<f4"`);
  if (typeof fortran !== "boolean") return fail(`has the order ${quoted(String(fortran))}, wanted True or False`);
  if (!Array.isArray(shape) || !shape.every(count.is))
    return fail(`has the shape ${quoted(String(shape))}, wanted sizes`);
  return { descr, fortran, shape: shape as number[] };
}

/** Deeper than the header of a structured dtype is. */
const deepest = 8;
const space = /\s*/y;
const token = /'([^'\\]*)'|"([^"\\]*)"|(\d+)L?|(True|False)|[[\](){}:,]/y;

/** A value in Python's notation: texts without escapes, integers, booleans, tuples, lists and dicts. */
function literal(text: string): Literal {
  let at = 0;
  let current: RegExpExecArray | null = null;
  const advance = (): void => {
    space.lastIndex = at;
    at += space.exec(text)![0].length;
    token.lastIndex = at;
    current = token.exec(text);
    at += current?.[0].length ?? 0;
  };
  const is = (mark: string): boolean => current?.[0] === mark;
  const want = (mark: string): void => (is(mark) ? advance() : fail(`has no ${mark} at character ${at}`));
  const value = (depth: number): Literal => {
    if (depth > deepest) return fail("is nested too deeply");
    if (current === null) return fail(`is not a value of Python at character ${at}`);
    const [mark, single, double, digits, truth] = current as RegExpExecArray;
    advance();
    if (mark === "{") return dict(depth);
    if (mark === "[" || mark === "(") return items(mark === "[" ? "]" : ")", depth);
    if (digits !== undefined) return Number(digits);
    if (truth !== undefined) return truth === "True";
    return single ?? double ?? fail(`is not a value of Python at character ${at}`);
  };
  const items = (end: string, depth: number): Literal[] => {
    const list: Literal[] = [];
    while (!is(end)) {
      list.push(value(depth + 1));
      if (!is(end)) want(",");
    }
    want(end);
    return list;
  };
  const dict = (depth: number): Map<string, Literal> => {
    const entries = new Map<string, Literal>();
    while (!is("}")) {
      const key = value(depth + 1);
      if (typeof key !== "string" || entries.has(key)) return fail("has a key twice, or one that is not a text");
      want(":");
      entries.set(key, value(depth + 1));
      if (!is("}")) want(",");
    }
    want("}");
    return entries;
  };
  advance();
  const result = value(1);
  if (current !== null || at !== text.length) fail(`has more than a dict, from character ${at} on`);
  return result;
}
