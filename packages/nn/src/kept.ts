// What optimizers keep for a model, in the files of a tree that has both: `{ model, optimizer }`.
import {
  draftState,
  keepers,
  keptState,
  namedParams,
  type Draft,
  type Given,
  type NamedBox,
} from "@weft/autograd/internals";
import type { StoredIndex, StoredTensor } from "./safetensors.ts";
import { fromStored } from "./stored-values.ts";

/** What stands before the paths of a part. */
const prefixOf = (path: string): string => (path === "" ? "" : `${path}.`);

/** What optimizers in a tree keep for its parameters, and where it stands in a file. */
export const keptPlaces = (model: unknown): NamedBox[] =>
  keepers(model).flatMap(({ path: at, keeper }) =>
    Object.entries(keptState(keeper, namedParams(model))).map(([path, box]) => ({
      path: prefixOf(at) + path,
      box,
      aliases: [],
    })),
  );

/** The tensors of a file that may be numbers that an optimizer keeps: those are looked at before anything else. */
export const mayBeNumbers = (model: unknown, { entries }: StoredIndex): string[] =>
  keepers(model).length === 0 ? [] : [...entries].flatMap(([name, { shape }]) => (shape.length === 0 ? [name] : []));

/** What stands before the names of all that optimizers in a tree have in a file. */
export const keptPrefixes = (model: unknown): string[] => keepers(model).map(({ path }) => prefixOf(path));

/** What optimizers in a tree take out of a file; without `strict` those of which it has nothing keep what they have. */
export const draftsFor = (
  model: unknown,
  entries: StoredIndex["entries"],
  strict: boolean,
  where: string,
  stored: (name: string) => StoredTensor,
): (Draft & { readonly prefix: string })[] =>
  keepers(model).flatMap(({ path, keeper }) => {
    const prefix = prefixOf(path);
    const given = new Map<string, Given>();
    for (const [name, { shape }] of entries) {
      if (!name.startsWith(prefix)) continue;
      const count = () => (shape.length === 0 ? fromStored(name, stored(name), "i32")[0] : undefined);
      given.set(name.slice(prefix.length), { shape, count });
    }
    if (!strict && given.size === 0) return [];
    return [{ ...draftState(keeper, `${where}: ${prefix}`, namedParams(model), given), prefix }];
  });
