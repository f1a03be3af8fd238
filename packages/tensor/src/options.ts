// The one reader of options. It checks each name and value, so that a typo or a bad call from plain JavaScript is an
// error and not a silent default. An option given as undefined counts as not given.
import { dtypeInfo, type DType } from "./dtype.ts";
import { ArgumentError, describe } from "./errors.ts";
import type { Backend } from "./interpreter.ts";

/** The values that an option accepts: a test, and words for a message. */
export interface OptionKind<T = unknown> {
  readonly wanted: string;
  readonly is: (x: unknown) => x is T;
}

/** A kind for each option of T. */
export type OptionKinds<T> = { readonly [K in keyof T]-?: OptionKind<Exclude<T[K], undefined>> };

const kind = <T>(wanted: string, is: (x: unknown) => boolean): OptionKind<T> => ({
  wanted,
  is: is as (x: unknown) => x is T,
});

const isNumber = (x: unknown): x is number => typeof x === "number";

/** Kinds of options. NaN is refused by all of them but `anything` and `anyNumber`. */
export const anything: OptionKind<any> = kind("any value", () => true);
export const boolean: OptionKind<boolean> = kind("true or false", (x) => typeof x === "boolean");
export const callable: OptionKind<(...args: any) => any> = kind("a function", (x) => typeof x === "function");
export const string: OptionKind<string> = kind("a string", (x) => typeof x === "string");
/** NaN, too. */
export const anyNumber: OptionKind<number> = kind("a number", isNumber);
export const finite: OptionKind<number> = kind("a finite number", (x) => Number.isFinite(x));
export const positive: OptionKind<number> = kind("a positive number", (x) => isNumber(x) && x > 0);
export const positiveFinite: OptionKind<number> = kind(
  "a positive finite number",
  (x) => Number.isFinite(x) && (x as number) > 0,
);
export const nonNegative: OptionKind<number> = kind("a non-negative number", (x) => isNumber(x) && x >= 0);
export const nonNegativeFinite: OptionKind<number> = kind(
  "a non-negative finite number",
  (x) => Number.isFinite(x) && (x as number) >= 0,
);
/** A probability or a share. */
export const fraction: OptionKind<number> = kind("a number from 0 to 1", (x) => isNumber(x) && x >= 0 && x <= 1);
/** A decay rate: at least 0, below 1. */
export const decay: OptionKind<number> = kind(
  "a number of at least 0 and below 1",
  (x) => isNumber(x) && x >= 0 && x < 1,
);
export const integer: OptionKind<number> = kind("an integer", (x) => Number.isSafeInteger(x));
/** An integer that an i32 tensor can hold. */
export const int32: OptionKind<number> = kind(
  "an integer that fits i32",
  (x) => Number.isInteger(x) && x === ((x as number) | 0),
);
export const count: OptionKind<number> = kind(
  "a non-negative integer",
  (x) => Number.isSafeInteger(x) && (x as number) >= 0,
);
export const positiveCount: OptionKind<number> = kind(
  "a positive integer",
  (x) => Number.isSafeInteger(x) && (x as number) >= 1,
);
/** A list, as an array or a typed array. */
export const list: OptionKind<readonly never[]> = kind(
  "a list",
  (x) => Array.isArray(x) || (ArrayBuffer.isView(x) && "length" in x),
);
/** One number, or a list of them. */
export const numbers: OptionKind<number | readonly number[]> = kind(
  "a number or a list of numbers",
  (x) => isNumber(x) || (list.is(x) && Array.from(x).every(isNumber)),
);
/** A seed of random numbers. */
export const seedNumber: OptionKind<number> = kind(
  "an integer from 0 to 2^53 - 1",
  (x) => Number.isSafeInteger(x) && (x as number) >= 0,
);

export const backendKind: OptionKind<Backend> = kind(
  "a backend, such as the result of await open()",
  (x) => typeof (x as Backend | null)?.upload === "function",
);

/** One of these values. */
export const oneOf = <const T extends readonly (string | number)[]>(...values: T): OptionKind<T[number]> =>
  kind(values.map((v) => JSON.stringify(v)).join(" or "), (x) => values.includes(x as T[number]));

export const dtypeName: OptionKind<DType> = oneOf(...(Object.keys(dtypeInfo) as DType[]));

/** That kind, or null. */
export const orNull = <T>({ wanted, is }: OptionKind<T>): OptionKind<T | null> =>
  kind(`${wanted}, or null`, (x) => x === null || is(x));

/** One kind or another. */
export const either = <A, B>(a: OptionKind<A>, b: OptionKind<B>): OptionKind<A | B> =>
  kind(`${a.wanted}, or ${b.wanted}`, (x) => a.is(x) || b.is(x));

/** Options after reading: those with a default are set. */
export type ReadOptions<T, D> = T & { readonly [K in keyof T & keyof D]-?: Exclude<T[K], undefined> };

/**
 * Reads options: checks names and values, and fills in defaults. Throws an ArgumentError that names the operation, the
 * option and what is accepted.
 *
 * @example
 * const { lr } = readOptions("sgd", { lr: 0.5 }, { lr: positive }, { lr: 0.1 });
 * lr; // 0.5
 */
export function readOptions<T extends object, D extends Partial<T>>(
  op: string,
  given: T | undefined,
  kinds: OptionKinds<NoInfer<T>>,
  defaults: D,
): ReadOptions<T, D> {
  if (given === undefined) return defaults as never;
  const known = kinds as { readonly [name: string]: OptionKind };
  if (typeof given !== "object" || given === null || Symbol.iterator in given) throw noOptions(op, given, known);
  const read: Record<string, unknown> = { ...defaults };
  let empty = true;
  for (const name in given) {
    empty = false;
    const kind = known[name];
    // A name that every object inherits, such as `constructor`, is not an option.
    if (kind?.wanted === undefined) throw unknown(op, name, given, known);
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined) read[name] = readValue(op, name, value, kind);
  }
  // A Date, a promise and the like have no enumerable names.
  if (empty && Object.prototype.toString.call(given) !== "[object Object]") throw noOptions(op, given, known);
  return read as never;
}

const noOptions = (op: string, given: unknown, known: OptionKinds<object>): ArgumentError =>
  new ArgumentError(`${op}: wanted options { ${Object.keys(known).join(", ")} }, got ${describe(given)}`);

/** The error for an unknown name, or for a tensor or a box in place of options. */
const unknown = (op: string, name: string, given: object, known: OptionKinds<object>): ArgumentError =>
  "read" in given || "interpreter" in given
    ? noOptions(op, given, known)
    : new ArgumentError(
        `${op}: there is no option ${JSON.stringify(name.slice(0, 40))}; known options: ${Object.keys(known).join(", ") || "none"}`,
      );

/** Checks one value that is given by position, like an option of that name. */
export function readValue<T>(op: string, name: string, value: unknown, { wanted, is }: OptionKind<T>): T {
  if (!is(value)) throw new ArgumentError(`${op}: wanted ${wanted} as ${name}, got ${describe(value)}`);
  return value;
}

/**
 * Refuses options given to a function that has none. Other extra arguments are let through: `xs.map(relu)` passes an
 * index and an array.
 */
export function refuseMore(op: string, more: unknown): void {
  if (typeof more !== "object" || more === null) return;
  const prototype: unknown = Object.getPrototypeOf(more);
  if (prototype === Object.prototype || prototype === null)
    throw new ArgumentError(`${op}: takes no options, got ${describe(more)}`);
}

/** A deep copy of options: records and lists, as lists. The caller cannot change what is kept. */
export function copyOf<T>(x: T): T {
  if (typeof x !== "object" || x === null) return x;
  if (ArrayBuffer.isView(x) || Array.isArray(x)) return Array.from(x as unknown as readonly unknown[], copyOf) as T;
  const own: Record<string, unknown> = {};
  for (const name in x) own[name] = copyOf(x[name]);
  return own as T;
}
