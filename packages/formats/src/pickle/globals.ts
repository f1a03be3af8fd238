// What a pickle may name, and what stands for it here. A pickle is a program that may name any function of Python to be
// called: here only a name in the caller's table has a meaning, and that is a function of ours on plain values.

/** What calls of stand-ins may use. */
export interface Call {
  /** Throws a FormatError. */
  fail(problem: string): never;
  /**
   * To be called with the size of whatever a call copies. A pickle may pass one value to many calls: what all of them
   * copy is bounded by a few times its length.
   */
  spend(size: number): void;
  /** Lets an object that a call makes take the state that may follow (`__setstate__`). */
  takesState(object: object, take: (state: unknown) => void): void;
}

/** Stands for a function or a class of Python. */
export class StandIn {
  readonly call: (args: readonly unknown[], call: Call) => unknown;

  constructor(call: StandIn["call"]) {
    this.call = call;
  }
}

/** By name with module, such as `collections.OrderedDict`: a stand-in, or a plain value. */
export type Globals = Readonly<Record<string, unknown>>;

const latin1 = (text: string, { fail, spend }: Call): Uint8Array => {
  spend(text.length);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 255) fail("a text for bytes has other characters than bytes");
    bytes[i] = c;
  }
  return bytes;
};

/** Bytes, or what Python 2 wrote for them: a text of bytes. */
export const bytesFrom = (x: unknown, call: Call): Uint8Array =>
  x instanceof Uint8Array
    ? x
    : typeof x === "string"
      ? latin1(x, call)
      : call.fail("something stands in place of bytes");

const bytes = new StandIn(([x], call) => {
  if (x === undefined) return new Uint8Array();
  return bytesFrom(x, call);
});

const set = new StandIn(([items = []], { fail, spend }) => {
  if (!Array.isArray(items)) return fail("a set is made of something that is not a list");
  spend(items.length);
  return new Set<unknown>(items);
});

const orderedDict = new StandIn(([pairs = []], { fail, spend, takesState }) => {
  if (!Array.isArray(pairs)) return fail("a dict is made of something that is not a list");
  spend(pairs.length);
  const dict = new Map<unknown, unknown>();
  takesState(dict, () => undefined); // attributes of a dict, which PyTorch keeps versions of layers in
  for (const pair of pairs as unknown[]) {
    if (!Array.isArray(pair) || pair.length !== 2)
      return fail("a dict is made of something that is not a list of pairs");
    dict.set(pair[0], pair[1]);
  }
  return dict;
});

/** Containers and bytes, as older protocols write them. */
export const plainGlobals: Globals = {
  "collections.OrderedDict": orderedDict,
  "_codecs.encode": bytes,
  "builtins.bytes": bytes,
  "__builtin__.bytes": bytes,
  "builtins.bytearray": bytes,
  "__builtin__.bytearray": bytes,
  "builtins.set": set,
  "__builtin__.set": set,
  "builtins.frozenset": set,
  "__builtin__.frozenset": set,
};
