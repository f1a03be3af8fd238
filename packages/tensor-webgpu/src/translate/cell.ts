// The formula of a recurrence's cell as WGSL: statements for the values that its results need.
import { arithmeticOf, Builder, type V } from "@weft/kernel";
import type { CellFormula } from "@weft/tensor/internals";
import { valueOf } from "./function.ts";
import { roundedBy } from "./values.ts";

export interface CellText {
  /** A statement that declares input i; empty if no result needs it. `alive` follows the last input. */
  readonly input: (i: number, value: string) => string;
  /** Statements for all other values. A u32 `none` that is always 0 is in scope. */
  readonly statements: string;
  /** The names of the parts of each result. */
  readonly results: readonly (readonly string[])[];
}

/** The cell's text for so many inputs, all of them f32. */
export function cellText(formula: CellFormula, inputs: number, lengths: boolean): CellText {
  const k = new Builder();
  const xs = Array.from({ length: inputs }, (_, i) => k.load(i, "f32"));
  const alive = lengths ? k.load(inputs, "bool") : undefined;
  const results = formula(arithmeticOf(k, xs[0]!), alive, ...xs);
  const { code } = k;
  const needed = new Set<V>();
  const visit = (v: V): void => {
    const c = code[v]!;
    if (!needed.has(v) && c.kind === "apply") c.args.forEach(visit);
    needed.add(v);
  };
  results.flat().forEach(visit);
  const rounded = roundedBy({ code });
  return {
    input: (i, value) => (needed.has(i) ? `let v${i} = ${value};` : ""),
    statements: code
      .map((c, v) => (c.kind === "load" || !needed.has(v) ? "" : `let v${v} = ${valueOf(code, v, rounded)!};`))
      .join("\n"),
    results: results.map((parts) => parts.map((v) => `v${v}`)),
  };
}
