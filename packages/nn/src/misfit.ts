// What to do where the names of a file are not those of the model: they may be the same names at another depth.
import { quoted } from "@weft/tensor/internals";
import { plain, some } from "./name-lists.ts";

/** More places than these where names may belong are a coincidence. */
const mostPlaces = 3;
const mostTried = 100;

/** The prefixes with which at least half of `names`, and more than without, are in `others`. */
function prefixes(names: readonly string[], others: ReadonlySet<string>): string[] {
  const first = names.find((name) => !others.has(name));
  if (first === undefined) return [];
  const tried = new Set<string>();
  for (const other of others) {
    if (other.endsWith(`.${first}`)) tried.add(other.slice(0, -first.length));
    if (tried.size > mostTried) return [];
  }
  const count = (prefix: string): number => names.filter((name) => others.has(prefix + name)).length;
  const plainly = count("");
  const found = [...tried].filter((prefix) => count(prefix) > plainly && 2 * count(prefix) >= names.length);
  return found.length > mostPlaces ? [] : found.map((prefix) => prefix.slice(0, -1));
}

/** `{ model }` for "model", `{ a: { b: model } }` for "a.b". */
function literal(path: string): string {
  if (path === "model") return "{ model }";
  const key = (name: string): string => (/^([A-Za-z_$][\w$]*|\d+)$/.test(name) ? name : quoted(name));
  return path.split(".").reduceRight((inner, name) => `{ ${key(name)}: ${inner} }`, "model");
}

/**
 * A sentence, with a space before it, that says into what to load a file; nothing if that is not known. `held` are the
 * names in the file.
 */
export function advice(model: readonly string[], held: readonly string[]): string {
  const deeper = prefixes(model, new Set(held));
  if (deeper.length > 0) {
    const rest = held.every((name) => deeper.length === 1 && name.startsWith(`${deeper[0]!}.`))
      ? ""
      : ", with { strict: false } for what is beside it";
    const under = some(deeper.map(plain), " and ");
    return `. The file has names of this model under ${under}: load into ${deeper.map(literal).join(" or ")}${rest}`;
  }
  const parts = prefixes(held, new Set(model));
  return parts.length === 0
    ? ""
    : `. The file has the names of a part of this model: load into what is at ${some(parts.map(plain), " or ")}`;
}

/** What to say of lists that have entries of their own on one side and none on the other. */
export const lists = (missing: readonly string[], unexpected: readonly string[]): string =>
  [missing, unexpected]
    .flatMap((names, k) =>
      names
        .filter((name) => [unexpected, missing][k]!.some((other) => other.startsWith(`${name}.`)))
        .map(
          (name) =>
            `. ${plain(name)} is a list of values in ${["the model", "the file"][k]!} and has entries with names in ` +
            `${["the file", "the model"][k]!}: make it as long as in the file before loading`,
        ),
    )
    .join("");
