// Values of kernel code as WGSL functions of others, for the texts of calls: the same polynomials as in kernels.
import type { Instruction, V } from "@weft/kernel";
import { applied, constant, registerOf, wgslType } from "./scalar.ts";
import { roundedBy } from "./values.ts";

/** A constant, or a function of values `v0`, `v1`, …; undefined for anything else. */
export function valueOf(code: readonly Instruction[], v: V, rounded = roundedBy({ code })): string | undefined {
  const c = code[v]!;
  if (c.kind === "const") return constant(c.value, c.type);
  if (c.kind !== "apply") return undefined;
  const names = c.args.map((a) => `v${a}`);
  const value = applied(c.fn, code[c.args[0]!]!.type, names, c.imm);
  return rounded.has(v) ? `w_rounded(${value}, none)` : value;
}

/** A value as a WGSL function of others. */
export interface Part {
  readonly params: readonly V[];
  /** Whether the first parameter is `none`: a u32 that is always 0, but no compiler knows that. */
  readonly rounds: boolean;
  readonly text: (name: string) => string;
}

/**
 * Value `root` as a function of the values that it depends on: those that are `given`, and those that are not
 * applications.
 */
export function partOf(code: readonly Instruction[], root: V, given: (v: V) => boolean): Part {
  const params = new Set<V>();
  const inside = new Set<V>();
  const visit = (v: V): void => {
    const c = code[v]!;
    if (c.kind !== "apply" && c.kind !== "const") params.add(v);
    else if (v !== root && c.kind === "apply" && given(v)) params.add(v);
    else {
      inside.add(v);
      if (c.kind === "apply") c.args.forEach(visit);
    }
  };
  visit(root);
  const all = roundedBy({ code });
  const rounds = [...inside].some((v) => all.has(v));
  const inOrder = (values: ReadonlySet<V>): V[] => [...values].toSorted((a, b) => a - b);
  const typed = (v: V): string => `v${v}: ${wgslType[registerOf(code[v]!.type)]}`;
  return {
    params: inOrder(params),
    rounds,
    text: (name) => {
      const parameters = [...(rounds ? ["none: u32"] : []), ...inOrder(params).map(typed)].join(", ");
      const lines = inOrder(inside).map((v) => `let ${typed(v)} = ${valueOf(code, v, all)!};`);
      const result = wgslType[registerOf(code[root]!.type)];
      return `fn ${name}(${parameters}) -> ${result} { ${lines.join(" ")} return v${root}; }`;
    },
  };
}
