// How a tensor looks in a log: like NumPy's arrays, with aligned columns; large ones show only their corners.
import { untaped } from "./apply.ts";
import { sizeOf, text } from "./axes.ts";
import { ArgumentError } from "./errors.ts";
import { concat, slice } from "./movement.ts";
import { numbers } from "./reading.ts";
import { scope } from "./scope.ts";
import type { Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/** Larger tensors show only their corners: this many elements at each end of an axis. */
const LARGE = 1000;
const EDGE = 3;

/**
 * The values, if the backend knows them or can read them without waiting, with dtype, shape and backend:
 * `tensor([1, 2], f32[2] on …)`. It never throws: a log gets some text, whatever is wrong with the value.
 */
export function print(x: Tensor, name = "tensor"): string {
  const { dtype, shape } = x;
  const plain = untaped(x);
  const kind = `${dtype}${text(shape)} on ${plain.interpreter.name}`;
  if ((x.ended ?? plain.ended) !== undefined) return `${name}(${kind}, released)`;
  const cut = shape.map((d) => sizeOf(shape) > LARGE && d > 2 * EDGE + 1);
  let part: Part | undefined;
  try {
    part = partOf(plain, cut);
  } catch (error) {
    return `${name}(${kind}, no values: ${(error as Error).message})`;
  }
  if (part === undefined) return `${name}(${kind})`;
  const words = dtype === "bool" ? Array.from(part.values, (v) => String(v !== 0)) : aligned([...part.values]);
  return `${name}(${block(words, part.shape, cut, name.length + 2)}, ${kind})`;
}

interface Part {
  readonly shape: Shape;
  readonly values: ArrayLike<number> & Iterable<number>;
}

/** The values to show: all, or the corners. */
function partOf(x: Tensor, cut: readonly boolean[]): Part | undefined {
  const { backend } = x.interpreter;
  const known = cut.includes(true) ? undefined : backend.peek?.(x);
  if (known !== undefined) return { shape: x.shape, values: numbers(x, known) };
  if (backend.readSync === undefined) return undefined;
  return scope(() => {
    const t = cut.reduce(corners, x);
    return { shape: t.shape, values: numbers(t, backend.readSync!(t)) };
  });
}

/**
 * What JavaScript gets when it converts a tensor or a box to a primitive: its text, but never a number, which would
 * have to be awaited.
 */
export function primitive(x: Pick<Tensor, "dtype" | "shape" | "toString">, hint: string, read: string): string {
  if (hint === "string") return x.toString();
  throw new ArgumentError(
    `this ${x.dtype}${text(x.shape)} has no numeric value here (<, +, ==): read it first, as in ${read}; for text use \`\${x}\``,
  );
}

function corners(x: Tensor, isCut: boolean, axis: number): Tensor {
  if (!isCut) return x;
  const before = Array.from({ length: axis }, () => null);
  return concat([slice(x, { ends: [...before, EDGE] }), slice(x, { starts: [...before, -EDGE] })], { axis });
}

/**
 * Numbers in one format, padded to one width: with at most four decimals, or in scientific notation if they are far
 * apart.
 */
function aligned(values: readonly number[]): string[] {
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const whole = sizes.every(Number.isInteger);
  const [least, most] = [sizes.reduce((a, b) => Math.min(a, b), 1), sizes.reduce((a, b) => Math.max(a, b), 1)];
  const scientific = whole ? most >= 1e16 : most >= 1e6 || least < 1e-4;
  const format = (v: number): string => (scientific ? v.toExponential(4) : v.toFixed(whole ? 0 : 4));
  let words = values.map((v) => (Number.isFinite(v) ? format(v) : String(v)));
  if (!whole && !scientific) {
    // Trailing zeros that all numbers share are left out.
    const spare = Math.min(...words.map((w) => (w.includes(".") ? /0*$/.exec(w)![0].length : Infinity)));
    words = words.map((w) => (w.includes(".") ? w.slice(0, w.length - spare) : w));
  }
  const width = Math.max(...words.map((w) => w.length));
  return words.map((w) => w.padStart(width));
}

function block(words: readonly string[], shape: Shape, cut: readonly boolean[], indent: number): string {
  let at = 0;
  const level = (axis: number): string => {
    if (axis === shape.length) return words[at++]!;
    const rows = Array.from({ length: shape[axis]! }, () => level(axis + 1));
    if (cut[axis]) rows.splice(EDGE, 0, "...");
    const rest = shape.length - axis - 1;
    return `[${rows.join(rest === 0 ? ", " : `,${"\n".repeat(rest)}${" ".repeat(indent + axis)}`)}]`;
  };
  return shape.length === 0 ? words[0]!.trim() : level(0);
}
