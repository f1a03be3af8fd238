// Copies of models. A model is code as well as boxes, and its code refers to the original: layers are closures. So the
// functions of a copy run those of the original, while what is in the copy stands in for what is in the original.
import { keeperOf, substituted, walk, type Substitution } from "@weft/autograd/internals";
import { ArgumentError } from "@weft/tensor";
import { BRAND, readValue, refusePromise, resultOf } from "@weft/tensor/internals";
import { refuseHidden } from "./hidden.ts";
import { callOf, named } from "./layer.ts";
import { copiedBox, type AnyBox } from "./parameter.ts";
import { boxes, modelKind } from "./tree.ts";

type AnyFunction = (...args: never[]) => unknown;

/** "Object", "Function", "Map", … */
const kindOf = (x: unknown): string => Object.prototype.toString.call(x).slice(8, -1);

/** The fields of a part: their names and values. */
interface Fields {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
}

function fieldsOf(x: object): Fields {
  const names = Object.keys(x);
  return { names, values: names.map((name) => Reflect.get(x, name) as unknown) };
}

/** Lets each original have the fields of its copy; the result gives it its own back. */
function lend(parts: ReadonlyMap<object, object>): () => void {
  const lent: (readonly [original: object, copy: object, own: Fields, given: Fields])[] = [];
  const giveBack = (): void => {
    for (const [original, copy, own, given] of lent) {
      const now = fieldsOf(original); // what the call assigned is the copy's
      exchange(copy, given, now);
      exchange(original, now, own);
    }
  };
  try {
    for (const [original, copy] of parts) {
      const [own, given] = [fieldsOf(original), fieldsOf(copy)];
      exchange(original, own, given);
      lent.push([original, copy, own, given]);
    }
  } catch (error) {
    giveBack(); // an accessor of the user's threw
    throw error;
  }
  return giveBack;
}

/** Gives x other fields than those it had before. */
function exchange(x: object, before: Fields, after: Fields): void {
  const { names, values } = after;
  const same = names.length === before.names.length && names.every((name, i) => name === before.names[i]);
  if (!same) for (const name of before.names) if (!names.includes(name)) Reflect.deleteProperty(x, name);
  for (const [i, name] of names.entries()) if (!same || values[i] !== before.values[i]) Reflect.set(x, name, values[i]);
}

/** What stands in for the boxes and parts of an original while functions of a copy run. */
interface Likeness extends Substitution {
  readonly boxes: Map<AnyBox, AnyBox>;
  readonly parts: Map<object, object>;
}

function likeness(): Likeness {
  const parts = new Map<object, object>();
  return { boxes: new Map(), parts, enter: () => lend(parts) };
}

/** Of each function or object in a copy: what it is a copy of in the first original, and how its functions run. */
const copies = new WeakMap<object, { readonly original: object; readonly like: Likeness }>();

/** Properties of functions that a copy has by itself. */
const ofFunctions: readonly PropertyKey[] = ["name", "prototype", "arguments", "caller"];

class Copying {
  readonly #copies: Map<object, unknown> = new Map();
  readonly #like: Likeness = likeness();
  /**
   * For copies of copies: they run the first original, so that it does not matter how many copies are between, and these
   * can be collected.
   */
  readonly #further: Map<Likeness, Likeness> = new Map();

  whole(x: unknown): void {
    this.of(x);
    for (const [from, to] of this.#further) {
      for (const [box, between] of from.boxes) to.boxes.set(box, this.#like.boxes.get(between) ?? between);
      for (const [part, between] of from.parts) to.parts.set(part, this.#like.parts.get(between) ?? between);
    }
  }

  of(x: unknown): unknown {
    if ((typeof x !== "object" && typeof x !== "function") || x === null) return x;
    const known = this.#copies.get(x);
    if (known !== undefined) return known;
    const make = makers[kindOf(x)] ?? (ArrayBuffer.isView(x) ? views : walk(x).length > 0 ? copiedObject : kept);
    return make(x as never, this);
  }

  /** Notes the copy of x, before it has its fields: they may refer to it. */
  note<T extends object>(x: object, copy: T): T {
    this.#copies.set(x, copy);
    return copy;
  }

  box(box: AnyBox): AnyBox {
    const copy = this.note(box, copiedBox(box));
    this.#like.boxes.set(box, copy);
    return copy;
  }

  /** Notes the copy of a part that closures may refer to. */
  part<T extends object>(x: object, copy: T): T {
    this.#like.parts.set(x, copy);
    return this.note(x, copy);
  }

  /** How the functions of a copy run. */
  likeOf(x: object): Likeness {
    const before = copies.get(x);
    if (before === undefined) return this.#like;
    let like = this.#further.get(before.like);
    if (like === undefined) this.#further.set(before.like, (like = likeness()));
    return like;
  }

  /** Gives a copy the fields of x, copied. */
  fields<T extends object>(x: object, copy: T): T {
    for (const key of Reflect.ownKeys(x)) {
      const property = Object.getOwnPropertyDescriptor(x, key)!;
      if (!property.enumerable) continue;
      if ("value" in property) property.value = this.of(property.value);
      Object.defineProperty(copy, key, property);
    }
    return Object.isFrozen(x) ? Object.freeze(copy) : copy;
  }
}

/**
 * A function that runs while the parts of a copy stand in for the original's. After an `await` they would not, which is
 * refused, unless it finds them by `this`.
 */
function within<F extends AnyFunction>(like: Likeness, run: F, closure = true): F {
  const call = function (this: unknown, ...args: unknown[]): unknown {
    let y: unknown;
    try {
      y = substituted(like, () => Reflect.apply(run, this, args) as unknown);
    } catch (error) {
      throw closure ? error : explained(error, run.name);
    }
    if (!closure) return y;
    const kind = kindOf(y);
    const refusal = "clone: a function in a copy of a model is asynchronous: after an await it would use the original";
    refusePromise(y, refusal);
    if (kind === "AsyncGenerator") throw new ArgumentError(refusal);
    return kind === "Generator" ? stepwise(like, y as Generator) : y;
  };
  return call as unknown as F;
}

/** An engine's error where a method of a copy looks for a #private field: engines say no more than that word. */
function explained(error: unknown, method: string): unknown {
  if (!(error instanceof TypeError && error.message.includes("private"))) return error;
  return new ArgumentError(
    `clone: ${method} uses a #private field, which a copy of its object does not have. Make it a field without #, or build the model again and use copyInto`,
    { cause: error },
  );
}

/** A method of a copy that runs as it is, which finds what it uses by `this`; `name` is what messages call it. */
const plainly = (run: AnyFunction, name: string): AnyFunction =>
  function (this: unknown, ...args: unknown[]): unknown {
    try {
      return Reflect.apply(run, this, args);
    } catch (error) {
      throw explained(error, name);
    }
  };

const plainlyLater = (run: AnyFunction): AnyFunction =>
  async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    try {
      return await (Reflect.apply(run, this, args) as unknown);
    } catch (error) {
      throw explained(error, run.name);
    }
  };

/** A member of a class, as copies have it; one that is as in the class is undefined. */
function memberOf(
  name: string,
  { value, get, set }: PropertyDescriptor,
  like: Likeness,
): PropertyDescriptor | undefined {
  const kind = kindOf(value);
  if (kind === "Function")
    return { value: within(like, value as AnyFunction, false), writable: true, configurable: true };
  if (kind === "AsyncFunction")
    return { value: plainlyLater(value as AnyFunction), writable: true, configurable: true };
  if (get === undefined && set === undefined) return undefined;
  return {
    get: get && (plainly(get, `the getter of ${name}`) as () => unknown),
    set: set && (plainly(set as AnyFunction, `the setter of ${name}`) as (x: unknown) => void),
    configurable: true,
  };
}

/** A generator each of whose steps runs so. */
function stepwise(like: Likeness, y: Generator): Generator {
  const steps = (["next", "return", "throw"] as const).map((name) => [
    name,
    within(like, (...args: never[]) => Reflect.apply(y[name], y, args) as unknown),
  ]);
  return Object.assign(Object.create(y) as Generator, Object.fromEntries(steps));
}

const isClass = (f: AnyFunction): boolean => /^class\b/.test(Function.prototype.toString.call(f));

function copiedFunction(f: AnyFunction, copying: Copying): unknown {
  if (isClass(f)) return f;
  const original = (copies.get(f)?.original ?? f) as AnyFunction;
  const like = copying.likeOf(f);
  const call = callOf(original);
  const copy = copying.part(
    f,
    call === undefined ? within(like, original) : named(original.name, within(like, call), {}),
  );
  copies.set(copy, { original, like });
  if (call === undefined) {
    Object.defineProperty(copy, "name", { value: original.name });
    Object.defineProperty(copy, "toString", { value: () => String(original) });
  }
  for (const key of Reflect.ownKeys(original)) {
    const property = Object.getOwnPropertyDescriptor(original, key)!;
    if (property.enumerable || ofFunctions.includes(key) || (key !== "length" && Object.hasOwn(copy, key))) continue;
    if (property.get !== undefined) property.get = within(like, property.get);
    if (typeof property.value === "function") property.value = within(like, property.value as AnyFunction);
    Object.defineProperty(copy, key, property);
  }
  return copying.fields(f, copy);
}

/**
 * A copy of an object, yet without fields. The synchronous methods of its class run in one substitution, however many
 * layers they call.
 */
function copiedObject(x: object, copying: Copying): object {
  const original = copies.get(x)?.original ?? x;
  const like = copying.likeOf(x);
  const prototype = Object.getPrototypeOf(original) as object | null;
  const methods = Object.create(prototype) as object;
  const met = new Set(["constructor"]);
  for (let from = prototype; from !== null && from !== Object.prototype; from = Object.getPrototypeOf(from) as object)
    for (const name of Object.getOwnPropertyNames(from)) {
      if (met.has(name)) continue;
      met.add(name);
      const member = memberOf(name, Object.getOwnPropertyDescriptor(from, name)!, like);
      if (member !== undefined) Object.defineProperty(methods, name, member);
    }
  const classless = prototype === null || prototype === Object.prototype;
  const copy = copying.part(x, Object.create(classless ? prototype : methods) as object);
  copies.set(copy, { original, like });
  return copying.fields(x, copy);
}

const kept = (x: object): object => x;
const views = (x: Float32Array): Float32Array => x.slice();

/** How a thing is copied, by its kind. Everything else is shared. */
const makers: Readonly<Record<string, (x: never, copying: Copying) => unknown>> = {
  Function: copiedFunction,
  AsyncFunction: copiedFunction,
  AsyncGeneratorFunction: copiedFunction,
  GeneratorFunction: copiedFunction,
  Array: (x: readonly unknown[], copying) => {
    const copy: unknown[] = copying.note(x, []);
    for (const item of x) copy.push(copying.of(item));
    return copy;
  },
  Map: (x: ReadonlyMap<unknown, unknown>, copying) => {
    const copy = copying.note(x, new Map<unknown, unknown>());
    for (const [key, item] of x) copy.set(key, copying.of(item));
    return copy;
  },
  Set: (x: ReadonlySet<unknown>, copying) => {
    const copy = copying.note(x, new Set());
    for (const item of x) copy.add(copying.of(item));
    return copy;
  },
  Object: (x: object, copying) => {
    if (BRAND in x) return "interpreter" in x ? x : copying.box(x as AnyBox);
    if ("contract" in x && "backend" in x) return x;
    if (keeperOf(x) !== undefined)
      throw new ArgumentError(
        "clone: an optimizer cannot be copied with its model. Make another one for the copy, and let it continue as the first: " +
          "adam().load(optimizer.state(model), copy)",
      );
    return copiedObject(x, copying);
  },
};

/**
 * A copy of a model, with parameters and states of its own: it can be trained, changed, placed and saved by itself. It
 * has the structure of the original: names, tied weights, classes, what is frozen. Values are shared until one side is
 * assigned others, so a copy takes no memory at first. A parameter without a value yet gets the same initial one on
 * both sides. Optimizers' state is not copied, nor what a `stateful` layer keeps.
 *
 * Also functions and closures in the model work on the copy where they refer to boxes, layers and objects that are in
 * the model; a list, map or set that they refer to keeps the original's entries (with the copy's layers), so exchange
 * layers in objects. What is not among the model's fields is shared: throws a StateError if a layer is known to use such
 * parameters. A function in the copy must not be asynchronous, and the #private fields of an object cannot be copied (a
 * method or an accessor that uses one throws an ArgumentError). Within a `diff` the copy is computed from the original, and gradients go through it.
 *
 * @example
 * const target = clone(model);
 * target.weight === model.weight; // false
 */
export function clone<Model>(model: Model): Model {
  readValue("clone", "the model", model, modelKind);
  refuseHidden("clone", model, "would be shared with the copy", "are shared with the copy");
  const copying = new Copying();
  resultOf(() => void copying.whole(model));
  const copy = copying.of(model) as Model;
  for (const part of [model, copy]) boxes(part); // two models: neither hides the other's boxes
  return copy;
}
