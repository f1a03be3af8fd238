// Errors name the operation, what was given and what was wanted. Each kind of mistake has a class of its own.
import { context } from "./context.ts";

/**
 * Characters that a terminal obeys instead of showing, and those that change the direction of text. Newlines are not
 * among them.
 */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * Text from elsewhere (the name of a tensor in a file) for a message or a terminal: characters that a terminal obeys or
 * that change the direction of text are escaped; of a text with more than `limit` characters the middle is left out.
 * Newlines stay.
 *
 * @example printable("a\tb") // "a\\u0009b"
 */
export function printable(text: string, limit = 4000): string {
  if (typeof text !== "string" || typeof limit !== "number")
    throw new ArgumentError(`printable: wanted a text and a number, got ${typeof text} and ${typeof limit}`);
  const short =
    text.length <= limit
      ? text
      : `${text.slice(0, limit * 0.75)} … (${text.length} characters) … ${text.slice(-limit / 4)}`;
  return short.replace(unprintable, escaped);
}

/** A name from a file, as messages show it: in quotes, on one line, and short. */
export const quoted = (name: string): string => printable(JSON.stringify(name), 120);

/**
 * The base of every error Weft throws on purpose. Its message is printable, whatever names are in it.
 *
 * @example
 * try {
 *   add(zeros([2]), zeros([3]));
 * } catch (error) {
 *   if (error instanceof WeftError) console.log(error.message);
 * }
 */
export class WeftError extends Error {
  /** Written out, since minifiers rename classes. */
  static readonly name: string = "WeftError";
  /** Whether it is about the current call: then a function of several operations puts its own name into the message. */
  static readonly ofCall: boolean = false;

  constructor(message = "", options?: ErrorOptions) {
    const caller = new.target.ofCall ? context.caller : undefined;
    super(printable(caller === undefined ? message : message.replace(/^\w+(?=:)/, () => caller.name)), options);
  }
  override get name(): string {
    return this.constructor.name;
  }
}

/**
 * Shapes, axes or sizes that do not fit the operation.
 *
 * @example
 * add(zeros([2]), zeros([3])); // throws ShapeError
 */
export class ShapeError extends WeftError {
  static override readonly name: string = "ShapeError";
  static override readonly ofCall: boolean = true;
}
/**
 * A dtype the operation does not take.
 *
 * @example
 * mul(tensor([1], { dtype: "i32" }), 0.5); // throws DTypeError
 */
export class DTypeError extends WeftError {
  static override readonly name: string = "DTypeError";
  static override readonly ofCall: boolean = true;
}
/**
 * An argument that is not a tensor, or an option outside its range.
 *
 * @example
 * sum(tensor([1]), { dim: 0 }); // throws ArgumentError
 */
export class ArgumentError extends WeftError {
  static override readonly name: string = "ArgumentError";
  static override readonly ofCall: boolean = true;
}
/**
 * An operation was given tensors of two backends.
 *
 * @example
 * const [one, other] = [await open({}), await open({})];
 * add(one.tensor([1]), other.tensor([1])); // throws BackendMismatchError
 */
export class BackendMismatchError extends WeftError {
  static override readonly name: string = "BackendMismatchError";
  static override readonly ofCall: boolean = true;
}
/**
 * A tensor was used after its handle was released.
 *
 * @example
 * const x = tensor([1]);
 * x.release();
 * neg(x); // throws ReleasedTensorError
 */
export class ReleasedTensorError extends WeftError {
  static override readonly name: string = "ReleasedTensorError";
  static override readonly ofCall: boolean = true;
}
/**
 * An index or a label was out of range. Thrown by each read of a value that was computed with it.
 *
 * @example
 * const y = take(tensor([1, 2]), tensor([5], { dtype: "i32" }));
 * await y.data(); // throws IndexError
 */
export class IndexError extends WeftError {
  static override readonly name: string = "IndexError";
}
/**
 * Two packages with different contract numbers were used together.
 *
 * @example
 * const foreign = { [Symbol.for("weft.tensor")]: 99 }; // what a package of another contract makes
 * add(foreign, 1); // throws VersionError
 */
export class VersionError extends WeftError {
  static override readonly name: string = "VersionError";
}
/**
 * A parameter was used while an asynchronous `diff` waits, outside any context.
 *
 * @example
 * const w = param(tensor([1, 2]));
 * const step = async () => (await null, sum(w)); // await t.wait(null) would do
 * await diff(step); // throws ContextError
 */
export class ContextError extends WeftError {
  static override readonly name: string = "ContextError";
}
/**
 * A backend has no memory left.
 *
 * @example
 * const { ones } = await open({ memoryLimit: 2 ** 20 });
 * await exp(ones([1000, 1000])).data(); // throws MemoryError
 */
export class MemoryError extends WeftError {
  static override readonly name: string = "MemoryError";
}
/**
 * A backend cannot do what was asked (no device, no f64, …).
 *
 * @example
 * const onGpu = tensor([1]);
 * onGpu.dataSync(); // on WebGPU an UnsupportedError: use await onGpu.data()
 */
export class UnsupportedError extends WeftError {
  static override readonly name: string = "UnsupportedError";
}

/** Like `describe`, for messages that ask for a number: numbers stand there without their type. */
export const shown = (x: unknown): string => (typeof x === "number" ? String(x) : describe(x));

/** Refuses a promise. If it is rejected later, nobody is told, since it belongs to a call that has failed. */
export function refusePromise(x: unknown, message: string): void {
  if (!(x instanceof Promise)) return;
  x.catch(() => undefined);
  throw new ArgumentError(message);
}

/** A wrong argument as messages show it: short, whatever it is. Arrays nested deeper than `depth` are only counted. */
export function describe(x: unknown, depth = 2): string {
  if (x === null || x === undefined) return String(x);
  if (Array.isArray(x))
    return x.length > 8 || depth === 0
      ? `an array of ${x.length}`
      : `[${x.map((v: unknown) => (typeof v === "number" ? String(v) : describe(v, depth - 1))).join(", ")}]`;
  // Whoever is told of a promise in place of a value does not hear that it was rejected, too.
  if (x instanceof Promise) x.catch(() => undefined);
  if (typeof x === "object") {
    if ("dtype" in x && "shape" in x)
      return `${"data" in x && "interpreter" in x === false ? "host data" : "a tensor"} ${String(x.dtype)}[${String(x.shape)}]`;
    const name: unknown = Object.getPrototypeOf(x)?.constructor?.name;
    const keys = Object.keys(x);
    return name === "Object" && keys.length < 8
      ? `{ ${keys.join(", ")} }`
      : `${typeof name === "string" ? name : "an object"}`;
  }
  if (typeof x === "function") return x.name === "" ? "a function" : `the function ${x.name.slice(0, 40)}`;
  return typeof x === "string" ? JSON.stringify(x.slice(0, 40)) : `${typeof x} ${String(x).slice(0, 40)}`;
}
