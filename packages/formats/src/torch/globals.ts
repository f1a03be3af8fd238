// What pickles of PyTorch name: tensors, parameters, types of storages and dtypes. NumPy's numbers may be among them.
import { count, quoted } from "@weft/tensor/internals";
import { numpyGlobals } from "../numpy/globals.ts";
import { StandIn, type Call, type Globals } from "../pickle/globals.ts";
import type { References } from "../pickle/pickle.ts";
import type { StoredType } from "../safetensors/safetensors.ts";
import { Storage, View, checkedView } from "./tensors.ts";

/** The type of a storage's elements: `torch.FloatStorage`. */
class StorageType {
  readonly elements: StoredType | undefined;

  constructor(elements: StoredType | undefined) {
    this.elements = elements;
  }
}

const storageTypes: Readonly<Record<string, StoredType>> = {
  Double: "F64",
  Float: "F32",
  Half: "F16",
  BFloat16: "BF16",
  Long: "I64",
  Int: "I32",
  Short: "I16",
  Char: "I8",
  Byte: "U8",
  Bool: "BOOL",
};

/** Dtypes by name. A dtype in a pickle is its name with the module, as a text. */
const dtypes: Readonly<Record<string, StoredType>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};

const wantPlain = (metadata: unknown, call: Call): void => {
  if (!(metadata instanceof Map)) return;
  for (const [mark, on] of metadata)
    if (on !== false) call.fail(`a tensor is marked${typeof mark === "string" ? ` as ${quoted(mark)}` : ""}`);
};

const rebuild = new StandIn((args, call) => {
  wantPlain(args[6], call);
  return checkedView(args, undefined, call);
});

/** Of a storage of bytes. */
const rebuildTyped = new StandIn((args, call) => {
  wantPlain(args[7], call);
  const name = typeof args[6] === "string" ? args[6].replace("torch.", "") : "";
  if (!Object.hasOwn(dtypes, name)) return call.fail("a tensor has no dtype");
  return checkedView(args, dtypes[name], call);
});

const parameter = new StandIn(([data], call) =>
  data instanceof View ? data : call.fail("a parameter is made of something that is not a tensor"),
);

const size = new StandIn(([sizes], call) =>
  Array.isArray(sizes) ? (sizes as unknown) : call.fail("a shape is made of something that is not a tuple"),
);

const device = new StandIn(([kind], call) =>
  typeof kind === "string" ? kind : call.fail("a device is made of something that is not a text"),
);

/** By name in module `torch`. */
const named = <T>(names: readonly string[], value: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [`torch.${name}`, value(name)]));

function globalsOfTorch(): Globals {
  const bytes = new StorageType(undefined);
  const storages = Object.entries(storageTypes).flatMap(([name, type]) => {
    const elements = new StorageType(type);
    return [`${name}Storage`, `cuda.${name}Storage`].map((name) => [`torch.${name}`, elements] as const);
  });
  return {
    ...numpyGlobals,
    ...Object.fromEntries(storages),
    ...named(["storage.UntypedStorage", "storage._UntypedStorage"], () => bytes),
    ...named(Object.keys(dtypes), (name) => `torch.${name}`),
    "torch._utils._rebuild_tensor": rebuild,
    "torch._utils._rebuild_tensor_v2": rebuild,
    "torch._utils._rebuild_tensor_v3": rebuildTyped,
    "torch._utils._rebuild_parameter": parameter,
    "torch._utils._rebuild_parameter_with_state": parameter,
    "torch.Size": size,
    "torch.device": device,
  };
}

let made: Globals | undefined;

/** What is no value by itself. */
export const isPart = (x: unknown): boolean => x instanceof Storage || x instanceof StorageType || x instanceof StandIn;

/** What a pickle of PyTorch may refer to, and the storages that it did refer to, by key. */
export function torchReferences(): References & { readonly storages: ReadonlyMap<string, Storage> } {
  const storages = new Map<string, Storage>();
  const persistent = (id: unknown, call: Call): Storage => {
    const [kind, type, key, , total, view]: readonly unknown[] = Array.isArray(id) ? id : [];
    if (kind !== "storage")
      return call.fail(`it refers to ${typeof kind === "string" ? quoted(kind) : "something"} outside of itself`);
    if (!(type instanceof StorageType)) return call.fail("a storage has no type");
    if (typeof key !== "string" || !count.is(total)) return call.fail("a storage has no name or no size");
    if (view !== undefined && view !== null) return call.fail(`storage ${quoted(key)} is a part of another`);
    const made = storages.get(key) ?? new Storage(key, type.elements, total);
    if (made.type !== type.elements || made.size !== total)
      return call.fail(`storage ${quoted(key)} is described in two ways`);
    storages.set(key, made);
    return made;
  };
  return { globals: (made ??= globalsOfTorch()), persistent, storages };
}
