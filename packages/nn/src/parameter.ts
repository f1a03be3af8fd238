// Lazily initialized parameters: shape and initializer are known when a layer is built, the value is made on the
// backend of the first tensor that the layer meets. The value does not depend on when or where that is.
import { param, state, type Param, type State, type LazyValue } from "@weft/autograd";
import { fromHost } from "@weft/autograd/internals";
import type { StoredType } from "@weft/formats";
import { fromStored, storedAs, storedName, toStored } from "@weft/formats/internals";
import {
  ArgumentError,
  cast,
  type Backend,
  type Box,
  type DType,
  type Operand,
  type Shape,
  type Tensor,
  type TypedArray,
} from "@weft/tensor";
import {
  dtypeInfo,
  callable,
  dtypeName,
  readOptions,
  readValue,
  shapeOf,
  type OptionKinds,
} from "@weft/tensor/internals";
import { draws, nextStart } from "./host-random.ts";
import { run, type Initializer } from "./initializers.ts";

/** Any box of a model: a parameter, or a state, which is not differentiated. */
export type AnyBox = Param | State;

/** Boxes whose type in files is not that of their dtype. */
const storedTypes = new WeakMap<Box, StoredType>();

interface CellOptions {
  readonly dtype?: DType;
  readonly stored?: StoredType;
}

const cellKinds: OptionKinds<CellOptions> = { dtype: dtypeName, stored: storedName };

function cell<C extends AnyBox>(
  op: string,
  make: (x: LazyValue) => C,
  given: Shape,
  init: Initializer,
  options?: CellOptions,
): C {
  readValue(op, "init", init, callable);
  const { dtype, stored } = readOptions(op, options, cellKinds, { dtype: "f32" as DType });
  const shape = shapeOf(op, given);
  const start = nextStart();
  const { array, store } = dtypeInfo[dtype];
  const values = (): TypedArray => {
    const numbers = run(init, shape, draws(...start));
    return Reflect.construct(array, [store === undefined ? numbers : Array.from(numbers, store)]) as TypedArray;
  };
  const box = make(fromHost(shape, dtype, values));
  if (stored !== undefined) storedTypes.set(box, stored);
  return box;
}

/**
 * A parameter of a given shape, which `init` fills when it first meets data. Its random draws have a key of their own,
 * numbered in the order of creation since `seed(n)`.
 *
 * @example
 * const weight = parameter([10, 784], xavier());
 */
export const parameter = (shape: Shape, init: Initializer, options?: Pick<CellOptions, "dtype">): Param =>
  cell("parameter", param, shape, init, options);

/**
 * The same for state that is saved with the model but not differentiated: running moments, counts.
 *
 * @example
 * const steps = running([], zeros());
 */
export const running = (shape: Shape, init: Initializer, options?: CellOptions): State =>
  cell("running", state, shape, init, options);

/** Whether an operand is a `state`, which a function may update. */
export const isState = (x: Operand): x is State =>
  typeof x === "object" && !("interpreter" in x) && (x as Partial<State>).kind === "state";

/** The state that optimizers keep for a box. */
export const belongings = (box: AnyBox): State[] => [...box.belongings].flatMap((record) => Object.values(record));

/** The type of a box in files. */
export const storedType = (box: AnyBox): StoredType => storedTypes.get(box) ?? storedAs(box.dtype);

/**
 * A box like another one, with its value, or with its initializer if it has none yet. On a tape the value is computed
 * from the other one's.
 */
export function copiedBox(box: AnyBox): AnyBox {
  const { kind, lazyValue } = box;
  const make = kind === "param" ? param : state;
  const copy: AnyBox = make(lazyValue ?? box.read());
  copy.scalar = box.scalar;
  copy.frozen = box.frozen;
  const stored = storedTypes.get(box);
  if (stored !== undefined) storedTypes.set(copy, stored);
  return copy;
}

/** A floating-point value that is made later, in another dtype. */
export function lazyIn(dtype: DType, lazyValue: LazyValue): LazyValue {
  const { shape, dtype: old, create, values } = lazyValue;
  if (old === dtype) return lazyValue;
  const converted = (): TypedArray => fromStored("the value", toStored(values!(), shape, storedAs(old)), dtype);
  return { shape, dtype, create: (backend) => cast(create(backend), dtype), values: values && converted };
}

/** The values of a box on the host: its initial values if it is not initialized yet. */
export async function hostValues(box: AnyBox): Promise<TypedArray> {
  if (!box.initialized) return box.lazyValue?.values?.() ?? refuse(box);
  const x: Tensor = box.value;
  try {
    return await x.data();
  } finally {
    x.release();
  }
}

/** For a lazy box that was not made here: only a backend can compute its initial values. */
function refuse(box: AnyBox): never {
  throw new ArgumentError(
    `${box.kind}: this ${box.dtype}[${box.shape}] has no value yet; give it one with: await place(model, backend)`,
  );
}

/** New values of boxes, uploaded but not yet assigned. */
interface Prepared {
  readonly box: AnyBox;
  readonly array: TypedArray;
  readonly x: Tensor | undefined;
}
type Values = Iterable<readonly [AnyBox, TypedArray]>;

/**
 * Uploads values to the backends of their boxes (or to the one given). If one upload fails, releases all and throws.
 */
function prepare(values: Values, backend: Backend | undefined): Prepared[] {
  const made: Prepared[] = [];
  try {
    for (const [box, array] of values)
      made.push({ box, array, x: (backend ?? box.backend)?.upload(array, box.shape, box.dtype) });
    return made;
  } catch (error) {
    for (const { x } of made) x?.release();
    throw error;
  }
}

function take(made: readonly Prepared[]): void {
  for (const { box, array, x } of made) {
    if (x === undefined) box.reset(fromHost(box.shape, box.dtype, () => array));
    else {
      box.value = x;
      if (box.shape.length === 0) box.scalar = array;
    }
    x?.release();
  }
}

/**
 * Gives boxes values, all of them or none: on their backends, or on the host until they are initialized. Nothing is
 * assigned before all values are uploaded. `before` is called then; if it throws, nothing is assigned.
 */
export function assignAll(values: Values, before: () => void): void {
  const made = prepare(values, undefined);
  try {
    before();
  } catch (error) {
    for (const { x } of made) x?.release();
    throw error;
  }
  take(made);
}

/** The same, asynchronously: a device that is out of memory says so only at the next read. */
export async function assignAllSurely(
  values: Values,
  { backend, before }: { readonly backend?: Backend; readonly before?: () => void },
): Promise<void> {
  const made = prepare(values, backend);
  try {
    const backends = new Set(made.flatMap(({ x }) => x?.interpreter.backend ?? []));
    await Promise.all([...backends].map(answered));
    before?.();
  } catch (error) {
    for (const { x } of made) x?.release();
    throw error;
  }
  take(made);
}

/** Waits until a backend has done its pending work; throws the error that it reports, if any. */
async function answered(backend: Backend): Promise<void> {
  const x = backend.upload(Float32Array.of(0), [1], "f32");
  try {
    await x.data();
  } finally {
    x.release();
  }
}
