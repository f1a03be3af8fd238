// What pickles of NumPy's arrays name: arrays, their dtypes and scalars, made of the bytes that the pickle has of them.
import { count, sizeOf } from "@weft/tensor/internals";
import { bytesFrom, plainGlobals, StandIn, type Call, type Globals } from "../pickle/globals.ts";
import { held, type HostArray } from "../stored-values.ts";
import { elementType, ordered, wantSize, type ElementType } from "./elements.ts";

/** An array of Python objects: plain values. */
export interface ObjectArray {
  readonly data: readonly unknown[];
  readonly shape: readonly number[];
  readonly dtype: "object";
}

/** A dtype in a pickle. Its byte order comes later, with its state. */
class PickledType {
  readonly name: string;
  order = "<";

  constructor(name: string) {
    this.name = name;
  }

  get type(): ElementType | "object" {
    return elementType("pickle: an array", this.order + this.name);
  }
}

const where = "pickle: an array";
const sizes = (x: unknown): x is readonly number[] => Array.isArray(x) && x.every(count.is);

/** An array of a pickle; `raw` is its bytes, or the list of its objects. */
function arrayOf(type: unknown, shape: unknown, fortran: boolean, raw: unknown, call: Call): HostArray | ObjectArray {
  if (!(type instanceof PickledType) || !sizes(shape)) return call.fail("an array has no dtype or no shape");
  const element = type.type;
  if (element === "object") {
    if (!Array.isArray(raw) || raw.length !== sizeOf(shape))
      return call.fail("an array has not as many objects as its shape");
    call.spend(raw.length);
    return { data: [...raw], shape: [...shape], dtype: "object" }; // row-major, whatever the order of the array
  }
  const bytes = bytesFrom(raw, call);
  call.spend(bytes.length);
  wantSize(where, shape, element, bytes.length);
  return held(where, ordered(element, shape, fortran, bytes));
}

/** Makes an array that is empty until its state comes. */
const reconstruct = new StandIn((_, call) => {
  const array = { data: new Uint8Array(), shape: [0], dtype: "u8" };
  call.takesState(array, (state) => {
    if (!Array.isArray(state) || state.length !== 5) return call.fail("the state of an array is not one");
    const [, shape, type, fortran, raw] = state as unknown[];
    Object.assign(array, arrayOf(type, shape, fortran === true, raw, call));
  });
  return array;
});

const dtype = new StandIn(([name], call) => {
  if (typeof name !== "string") return call.fail("a dtype has no name");
  const type = new PickledType(name.replace(/^[<>|=]/, ""));
  if (name.startsWith(">")) type.order = ">";
  call.takesState(type, (state) => {
    const order: unknown = Array.isArray(state) ? state[1] : undefined;
    if (typeof order !== "string" || !/^[<>|=]$/.test(order)) return call.fail("a dtype has no byte order");
    type.order = order;
  });
  return type;
});

/** One number of NumPy's. */
const scalar = new StandIn(([type, raw], call) => {
  const array = arrayOf(type, [], false, raw, call);
  if (array.dtype === "object" || array.dtype === "f16" || array.dtype === "bf16")
    return call.fail(`a single number is of the type ${array.dtype}`);
  return array.dtype === "bool" ? array.data[0] === 1 : array.data[0];
});

const fromBuffer = new StandIn(([raw, type, shape, order], call) => arrayOf(type, shape, order === "F", raw, call));

/** Arrays, dtypes and scalars, in the modules of NumPy 1 and 2. */
export const numpyGlobals: Globals = {
  ...plainGlobals,
  "numpy.ndarray": new StandIn((_, call) => call.fail("it makes an array without its elements")),
  "numpy.dtype": dtype,
  "numpy.core.multiarray._reconstruct": reconstruct,
  "numpy._core.multiarray._reconstruct": reconstruct,
  "numpy.core.multiarray.scalar": scalar,
  "numpy._core.multiarray.scalar": scalar,
  "numpy.core.numeric._frombuffer": fromBuffer,
  "numpy._core.numeric._frombuffer": fromBuffer,
};
