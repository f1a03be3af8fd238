// A model as text, for logs: each layer with its fields, and boxes as shape and dtype. No value is read.
import { printable } from "@weft/tensor";
import { children } from "@weft/autograd/internals";
import { BRAND, quoted } from "@weft/tensor/internals";

/** The fields of a part; a tensor, a box, or a value that is not an object has none. */
const fieldsOf = (x: unknown): (readonly [string, unknown])[] =>
  (typeof x === "object" || typeof x === "function") && x !== null ? children(x) : [];

/**
 * The fields of a layer and of the layers in it: `Linear(weight: param f32[10, 784], bias: param f32[10])`, with a line
 * for each field where layers are nested.
 */
export function outline(x: unknown, indent = "", around: readonly unknown[] = []): string {
  if (typeof x === "string") return quoted(x);
  if ((typeof x !== "object" && typeof x !== "function") || x === null) return String(x);
  if (BRAND in x) {
    const { kind = "tensor", dtype, shape } = x as { kind?: string; dtype?: string; shape?: readonly number[] };
    return `${kind} ${dtype}[${shape?.join(", ")}]`;
  }
  const name = onOneLine(typeof x === "function" ? x.name || "function" : nameOf(x));
  const fields = fieldsOf(x);
  if (fields.length === 0) return name;
  if (around.includes(x)) return `${name}(…)`;
  const inside = [...around, x];
  const deep = fields.some(([, field]) => fieldsOf(field).length > 0);
  const texts = fields.map(
    ([key, field]) => `${onOneLine(key)}: ${outline(field, deep ? `${indent}  ` : indent, inside)}`,
  );
  if (!deep) return `${name}(${texts.join(", ")})`;
  return `${name}(\n${texts.map((text) => `${indent}  ${text}\n`).join("")}${indent})`;
}

/** A name without control characters and line breaks. */
const onOneLine = (name: string): string => printable(name, 120).replaceAll("\n", "\\u000a");

const nameOf = (x: object): string =>
  Array.isArray(x) ? "" : ((x.constructor as { name?: string } | undefined)?.name ?? "");
