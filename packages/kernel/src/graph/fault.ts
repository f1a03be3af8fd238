// Indices outside their axis. An index out of range is a fault of the call's result and of all that is computed from
// it: every read of these values throws an IndexError, and reads of other values do not.
import { IndexError, type DType, type Indices, type OpName, type Shape } from "@weft/tensor";
import { type Caller, context, sizeOf } from "@weft/tensor/internals";
import { operandsOf, type Node } from "./node.ts";
import { nameOf, type NodeOp } from "./operation.ts";

/** What a call checks its indices against, as a text that two calls share only if they check alike. */
export const checkOf = (trait: Indices, inputs: readonly { readonly shape: Shape }[], attrs: unknown): string =>
  `${trait.size(inputs, attrs)} ${trait.ignored?.(attrs)}`;

/** Frames of Weft's own packages, in the repository or installed. */
const ours = /[\\/](?:packages|@weft)[\\/](?:tensor|kernel|autograd|nn|optim|data|train)[\w-]*[\\/](?:src|dist)[\\/]/;

/** A call as the user knows it: the name of the function, and where it was called. */
export interface Site extends Caller {
  readonly stack?: Error;
}

/** A recorded call with indices: the operation, and the fused one that it is a part of. */
interface Met {
  readonly ops: readonly NodeOp[];
  readonly size: number;
  readonly site: Site;
  fault: Fault | undefined;
}
/** The last calls by their indices: an error in a derivative names the original call. */
const met = new WeakMap<object, Met[]>();
const MOST_MET = 4;

/** Primitives that derivatives consist of, and the operations that these are derivatives of. */
const derivativeOf: { readonly [name: string]: OpName } = { indexAdd: "take", scatterAdd: "gather" };
/** The operation that a derivative belongs to; a fused operation says it. */
const originOf = (op: NodeOp): NodeOp => (typeof op === "object" ? (op.derivativeOf ?? op) : (derivativeOf[op] ?? op));

/**
 * The current call on these indices, or the one that it is the derivative of. `deep`: with a call stack deep enough to
 * reach the user's program through nested models.
 */
export function siteOf(op: NodeOp, { labels = false }: Indices, indices: Node, size: number, deep: boolean): Met {
  const key = indices.range ?? indices;
  const calls = met.get(key) ?? [];
  const { caller, backward = false } = context;
  const whole = caller?.op ?? op;
  const wanted = [whole, originOf(whole)];
  const before = calls.findLast((call) => call.size === size && call.ops.some((x) => wanted.includes(x)));
  if (backward && before !== undefined) return before;
  // A function around the operation, if its name is another one.
  const outer = caller?.name === caller?.op?.name ? undefined : caller?.name;
  const site: Site = {
    name: outer ?? nameOf(backward ? originOf(whole) : whole), // users do not know the derivative
    labels: labels || caller?.labels === true,
    ...(deep && !backward && { stack: here() }),
  };
  const call: Met = { ops: [op, whole], size, site, fault: undefined };
  met.set(key, [...calls, call].slice(-MOST_MET));
  return call;
}

/** The call stack, with more frames than by default. */
function here(): Error {
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  // An assignment would throw if intrinsics are frozen.
  Reflect.set(Error, "stackTraceLimit", 50);
  const stack = new Error("here");
  Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  return stack;
}

/** What the message says of a call. */
interface CheckedCall {
  readonly op: NodeOp;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly site: Site | undefined;
}

/** Counts the reports of devices: between two of them nothing new can be found out. */
let reports = 0;

export class Fault {
  /** Whether an index was outside its axis; undefined until the device has reported. */
  wrong: boolean | undefined;
  /** Which index of how many, if known. */
  readonly #detail: string;
  /** The call; whether it is a part of the function that the program called, by that name. */
  readonly #call: (Omit<CheckedCall, "op"> & { readonly name: string; readonly part: boolean }) | undefined;
  /** Other faults that this value has. */
  #parts: readonly Fault[];
  /** The count of reports when its parts were last checked. */
  #asked = -1;

  constructor(call: CheckedCall | undefined, wrong: boolean | undefined, detail = "", parts: readonly Fault[] = []) {
    if (call !== undefined) {
      const { op, dtype, shape, site } = call;
      const name = site?.name ?? nameOf(op);
      this.#call = { name, dtype, shape, site, part: name !== nameOf(op) };
    }
    this.wrong = wrong;
    this.#detail = detail;
    this.#parts = parts;
  }

  /** A device has reported which of some calls met an index outside its axis. */
  static tell(faults: readonly Fault[], wrong: (place: number) => boolean): void {
    faults.forEach((fault, i) => (fault.wrong = wrong(i)));
    reports++;
  }

  /**
   * The fault of a value with two faulty operands: a known fault goes before an unknown one, the first before the
   * second.
   */
  static both(a: Fault | undefined, b: Fault | undefined): Fault | undefined {
    const x = a?.wrong === false ? undefined : a;
    const y = b?.wrong === false ? undefined : b;
    if (x === undefined || x === y) return y;
    if (y === undefined || x.wrong === true) return x;
    if (y.wrong === true || y.#parts.includes(x)) return y;
    return x.#parts.includes(y) ? x : new Fault(undefined, undefined, "", [x, y]);
  }

  /** The fault as far as it is known now: undefined if no index was outside after all. */
  now(): Fault | undefined {
    // No recursion: a loop without reads makes long chains.
    const stack: Fault[] = this.#known() ? [] : [this];
    const seen = new Set<Fault>();
    while (stack.length > 0) {
      const fault = stack.at(-1)!;
      if (seen.has(fault)) {
        stack.pop();
        fault.#gather();
      } else {
        seen.add(fault);
        for (const part of fault.#parts) if (!part.#known() && !seen.has(part)) stack.push(part);
      }
    }
    return this.wrong === false ? undefined : this;
  }

  /** Whether its parts can tell nothing new. */
  #known(): boolean {
    return this.wrong !== undefined || this.#parts.length === 0 || this.#asked === reports;
  }

  #gather(): void {
    this.#asked = reports;
    const first = this.#parts.find((part) => part.wrong === true);
    if (first === undefined && this.#parts.some((part) => part.wrong === undefined)) return;
    this.wrong = first !== undefined;
    this.#parts = first === undefined ? [] : [first];
  }

  /** The fault of the call that met the wrong index. */
  get cause(): Fault {
    let fault: Fault = this;
    while (fault.#call === undefined) fault = fault.#parts[0]!;
    return fault;
  }

  /** The error that a read of the value throws. */
  error(): IndexError {
    const fault = this.cause;
    const { name, dtype, shape, site, part } = fault.#call!;
    const frames = site?.stack?.stack?.split("\n").slice(1) ?? [];
    // The first frame is one of ours. In a bundle it does not look like one, and the program's frames cannot be told
    // from ours.
    const line = ours.test(frames[0] ?? "") ? frames.find((frame) => !ours.test(frame)) : undefined;
    const where = line === undefined ? "" : `, called ${line.trim()}`;
    const result = part ? "" : ` (result ${dtype}[${shape}])`; // a program knows nothing of the parts of a function
    return new IndexError(`${name}: an index was outside its axis${result}${where}${fault.#detail}`);
  }
}

/**
 * The fault of a call that was just recorded: known if its indices were uploaded and one of them is outside the axis,
 * undefined if none is, otherwise open.
 */
export function faultOf(
  call: CheckedCall & Pick<Node, "inputs" | "attrs">,
  trait: Indices,
): Fault | "open" | undefined {
  const { attrs } = call;
  const inputs = operandsOf(call);
  const indices = inputs[trait.operand]!;
  const { range } = indices;
  if (range === undefined) return "open";
  const size = trait.size(inputs, attrs);
  if (range.least >= 0 && range.most < size) return undefined;
  if (!range.whole || sizeOf(indices.shape) === 0) return "open";
  const ignored = trait.ignored?.(attrs);
  const outside = [range.least, range.most].find((i) => (i < 0 || i >= size) && i !== ignored);
  if (outside === undefined) return "open";
  const known = siteOf(call.op, trait, indices, size, true);
  if (known.fault !== undefined) return known.fault;
  const { site } = known;
  const detail = site.labels
    ? `. The label is ${outside}, and there are ${size} classes`
    : `. It is ${outside}, and the axis has size ${size}`;
  return (known.fault = new Fault({ ...call, site }, true, detail));
}
