// Positions in a sequence, which attention does not see by itself: as rotations of queries and keys, or as waves that
// are added to the features.
import {
  ArgumentError,
  ShapeError,
  add,
  cos,
  mul,
  readTensor,
  reshape,
  sin,
  split,
  squeeze,
  stack,
  sub,
  type DType,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  boolean,
  inDType,
  inFloats,
  inNameOf,
  integer,
  iota,
  positive,
  positiveCount,
  readOptions,
  readValue,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";

export interface RotaryOptions {
  /** The longest wave is about 2π times as long. */
  readonly base?: number;
  /** The positions along the second-to-last axis, `[T]` or broadcasting to `[…, T]`; by default 0, 1, 2, … */
  readonly positions?: Operand;
  /** Added to the default positions: how many steps came before. */
  readonly offset?: number;
  /** Whether features 2i and 2i + 1 are a pair, instead of i and i + d / 2 (false). */
  readonly interleaved?: boolean;
}

const rotaryKinds: OptionKinds<RotaryOptions> = {
  base: positive,
  positions: anything,
  offset: integer,
  interleaved: boolean,
};

/** Angles of positions `[…]` and d / 2 frequencies base^(−2i / d): `[…, d / 2]`, in f64 where the numbers beside are. */
function angles(positions: Tensor, features: number, base: number, beside: DType): Tensor {
  const dtype = beside === "f64" ? "f64" : "f32";
  const waves = Float64Array.from({ length: features / 2 }, (_, i) => base ** ((-2 * i) / features));
  const data = dtype === "f64" ? waves : Float32Array.from(waves);
  const column = reshape(inDType(positions, dtype), [...positions.shape, 1]);
  return mul(column, positions.backend.upload(data, [data.length], dtype));
}

function checkEven(op: string, features: number | undefined): number {
  if (features !== undefined && features % 2 === 0) return features;
  throw new ShapeError(`${op}: wanted an even number of features, got ${features ?? "no axis of features"}`);
}

/**
 * Rotary positions: pairs of features of x `[…, T, d]` are rotated by position · base^(−2i / d), so that products of
 * queries and keys depend on how far apart they are. Apply it to both before `attention`. Throws a ShapeError if d is
 * odd. Pairs are those of Llama and GPT-NeoX, or with `interleaved` those of the paper (Su et al. 2021).
 *
 * @example
 * const y = attention(rotary(queries), rotary(keys), keys, { causal: true });
 */
export function rotary(x: Operand, options?: RotaryOptions): Tensor {
  const defaults = { base: 10_000, offset: 0, interleaved: false };
  const { base, positions, offset, interleaved } = readOptions("rotary", options, rotaryKinds, defaults);
  if (positions !== undefined && offset !== 0)
    throw new ArgumentError("rotary: wanted offset or positions, got both; add the offset to the positions");
  const t = inFloats(readTensor(x, "rotary"));
  const d = checkEven("rotary", t.shape.at(-1));
  if (t.shape.length < 2) throw new ShapeError(`rotary: wanted x of shape […, T, d], got ${text(t.shape)}`);
  return inNameOf("rotary", () => {
    const steps = iota(t, [t.shape.at(-2)!]);
    const at = positions === undefined ? add(steps, offset) : readTensor(positions, "rotary", t);
    const turn = angles(at, d, base, t.dtype);
    const [c, s] = [inDType(cos(turn), t.dtype), inDType(sin(turn), t.dtype)];
    const lead = t.shape.slice(0, -1);
    const pairs = reshape(t, interleaved ? [...lead, d / 2, 2] : [...lead, 2, d / 2]);
    const axis = interleaved ? -1 : -2;
    const [a, b] = split(pairs, 2, { axis }).map((half) => squeeze(half, axis)) as [Tensor, Tensor];
    const rotated = stack([sub(mul(a, c), mul(b, s)), add(mul(a, s), mul(b, c))], { axis });
    return reshape(rotated, t.shape);
  });
}

/**
 * Waves for positions: `[…]` → `[…, features]`, sin(position · base^(−2i / features)) at 2i and the cosine at 2i + 1. Throws
 * a ShapeError if the number of features is odd (Vaswani et al. 2017).
 *
 * @example
 * sinusoidal(tensor([0, 1]), 2); // [[0, 1], [0.8414709848078965, 0.5403023058681398]]
 */
export function sinusoidal(positions: Operand, features: number, options?: { readonly base?: number }): Tensor {
  const { base } = readOptions("sinusoidal", options, { base: positive }, { base: 10_000 });
  readValue("sinusoidal", "features", features, positiveCount);
  const d = checkEven("sinusoidal", features);
  const at = readTensor(positions, "sinusoidal");
  return inNameOf("sinusoidal", () => {
    const turn = angles(at, d, base, at.dtype);
    return reshape(stack([sin(turn), cos(turn)], { axis: -1 }), [...at.shape, d]);
  });
}
