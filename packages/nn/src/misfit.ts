// What to do where the names of a file are not those of the model: they may be the same names at another depth.
import { printable } from "@weft/tensor";
import { quoted, text } from "@weft/tensor/internals";
import { arrayOf } from "./contents.ts";
import { plain, some } from "./name-lists.ts";
import type { Listing } from "./source.ts";

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
 * The rest of a message, after the sentence before it: into what to load a file; nothing if that is not known. `held`
 * are the names in the file.
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

/** The same for names that are on both sides, yet a tensor on one and a plain value on the other. */
export const adviceOnKinds = (
  missing: readonly string[],
  unexpected: readonly string[],
  entries: Listing["entries"],
): string =>
  missing
    .filter((name) => unexpected.includes(name))
    .map((name) => {
      const entry = entries.get(name);
      if (entry === undefined) return `. ${plain(name)} is a plain value in the file: make it null before loading`;
      const { dtype, shape } = entry;
      const array = shape.length === 1 ? arrayOf(dtype) : undefined;
      const other = array === undefined ? "" : `a ${array} of length ${shape[0]!}, or `;
      const comma = other && ",";
      const what = `${dtype} ${printable(text(shape), 120)}`;
      return `. ${plain(name)} is ${what} in the file: make it ${other}a parameter of that shape${comma} before loading`;
    })
    .join("");

/** Whether all entries under a name are those of a list. */
const ofList = (name: string, names: readonly string[]): boolean =>
  names.every((other) => !other.startsWith(`${name}.`) || /^\d+(\.|$)/.test(other.slice(name.length + 1)));

/** The same for lists and objects that have entries of their own on one side and none on the other. */
export const adviceOnLists = (missing: readonly string[], unexpected: readonly string[]): string =>
  [missing, unexpected]
    .flatMap((names, k) =>
      names
        .filter((name) => [unexpected, missing][k]!.some((other) => other.startsWith(`${name}.`)))
        .map((name) => {
          const [here, there] = k === 0 ? ["the model", "the file"] : ["the file", "the model"];
          return ofList(name, [unexpected, missing][k]!)
            ? `. ${plain(name)} is a list of values in ${here} and has entries with names in ${there}: ` +
                "make it as long as in the file before loading"
            : `. ${plain(name)} is one value in ${here} and an object in ${there}: make it what it is in the file before loading`;
        }),
    )
    .join("");

/** The name of the bias of h beside one of x in a recurrent layer or cell. */
const recurrentBias = /(^|\.)bias_hh(_l\d+(_reverse)?)?$/;

/** The same for recurrent layers that have two biases on one side and one on the other. */
export function adviceOnBiases(missing: readonly string[], unexpected: readonly string[]): string {
  const areBiases = (names: readonly string[]): boolean =>
    names.length > 0 && names.every((name) => recurrentBias.test(name));
  if (missing.length === 0 && areBiases(unexpected))
    return ". Recurrent layers of the file have two biases: make those of the model without { recurrentBias: false }";
  if (unexpected.length === 0 && areBiases(missing))
    return ". Recurrent layers of the file have one bias: make those of the model with { recurrentBias: false }";
  return "";
}
