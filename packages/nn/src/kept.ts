// Optimizer state in the files of a tree that has both model and optimizer: `{ model, optimizer }`.
import {
  draftState,
  keepers,
  keptState,
  namedParams,
  type Draft,
  type Given,
  type NamedBox,
} from "@weft/autograd/internals";
import type { StoredTensor } from "@weft/formats";
import { fromStored } from "@weft/formats/internals";
import { quoted } from "@weft/tensor/internals";
import type { Listing } from "./source.ts";

/** The prefix of the paths inside a part. */
const prefixOf = (path: string): string => (path === "" ? "" : `${path}.`);

/** What optimizers in a tree keep for its parameters, with the paths under which a file has it. */
export const keptPlaces = (model: unknown): NamedBox[] =>
  keepers(model).flatMap(({ path: at, keeper }) =>
    Object.entries(keptState(keeper, namedParams(model))).map(([path, box]) => ({
      path: prefixOf(at) + path,
      box,
      aliases: [],
    })),
  );

/**
 * The scalars of a file, if the tree has optimizers: they may be counts that an optimizer keeps, and are read first.
 */
export const mayBeNumbers = (model: unknown, { entries }: Listing): string[] =>
  keepers(model).length === 0 ? [] : [...entries].flatMap(([name, { shape }]) => (shape.length === 0 ? [name] : []));

/** The prefixes of the names under which a file has the state of the optimizers in a tree. */
export const keptPrefixes = (model: unknown): string[] => keepers(model).map(({ path }) => prefixOf(path));

/**
 * What the optimizers in a tree load from a file. Without `strict`, those that the file does not mention are left
 * alone.
 */
export const draftsFor = (
  model: unknown,
  entries: Listing["entries"],
  strict: boolean,
  where: string,
  stored: (name: string) => StoredTensor,
): (Draft & { readonly prefix: string })[] => {
  const all = keepers(model).map(({ path, keeper }) => ({ prefix: prefixOf(path), keeper }));
  /** Whether a name begins with a prefix, and with no longer one: a keeper may be a part of another one. */
  const belongs = (name: string, prefix: string): boolean =>
    name.startsWith(prefix) &&
    !all.some((other) => other.prefix.length > prefix.length && name.startsWith(other.prefix));
  return all.flatMap(({ prefix, keeper }) => {
    const given = new Map<string, Given>();
    for (const [name, { shape }] of entries) {
      if (!belongs(name, prefix)) continue;
      const count = () =>
        shape.length === 0 ? fromStored(`safetensors: ${quoted(name)}`, stored(name), "i32")[0] : undefined;
      given.set(name.slice(prefix.length), { shape, count });
    }
    if (!strict && given.size === 0) return [];
    return [{ ...draftState(keeper, `${where}: ${prefix}`, namedParams(model), given), prefix }];
  });
};
