// A model in words, for logs: each layer with its fields, boxes by shape and dtype. No value is looked at.
import { BRAND } from "@weft/tensor";

const isContainer = (x: unknown): x is object =>
  (typeof x === "object" || typeof x === "function") && x !== null && !(BRAND in x) && Object.keys(x).length > 0;

/**
 * The fields of a layer and of the layers in it: `Linear(weight: param f32[10, 784], bias: param f32[10])`, with a line for each field
 * where there are layers in layers.
 */
export function outline(x: unknown, indent = "", around: readonly unknown[] = []): string {
  if (typeof x !== "object" && typeof x !== "function") return typeof x === "string" ? JSON.stringify(x) : String(x);
  if (x === null) return "null";
  if (BRAND in x) {
    const { kind = "tensor", dtype, shape } = x as { kind?: string; dtype?: string; shape?: readonly number[] };
    return `${kind} ${dtype}[${shape?.join(", ")}]`;
  }
  const name = typeof x === "function" ? x.name || "function" : nameOf(x);
  if (!isContainer(x)) return name;
  if (around.includes(x)) return `${name}(…)`;
  const inside = [...around, x];
  const fields = Object.entries(x);
  const deep = fields.some(([, field]) => isContainer(field));
  const texts = fields.map(([key, field]) => `${key}: ${outline(field, deep ? `${indent}  ` : indent, inside)}`);
  if (!deep) return `${name}(${texts.join(", ")})`;
  return `${name}(\n${texts.map((text) => `${indent}  ${text}\n`).join("")}${indent})`;
}

const nameOf = (x: object): string =>
  Array.isArray(x) ? "" : ((x.constructor as { name?: string } | undefined)?.name ?? "");
