// Facts about the values of a kernel: which are used, and which must be rounded exactly as written.
import type { Kernel, V } from "@weft/kernel";

/** Which values reach a store or a reduction. */
export function usedBy({ code, stores, reductions }: Kernel): boolean[] {
  const used = code.map(() => false);
  for (const { value } of [...stores, ...reductions]) used[value] = true;
  for (let v = code.length - 1; v >= 0; v--) {
    const c = code[v]!;
    if (used[v] && c.kind === "apply") for (const a of c.args) used[a] = true;
  }
  return used;
}

/**
 * Sums in f32 whose rounding a formula depends on: those from which one of their terms is subtracted, as in (a + b) -
 * a. A compiler may simplify that to b.
 */
export function roundedBy({ code }: Pick<Kernel, "code">): Set<V> {
  /** The terms of a sum; none for anything else. */
  const termsOf = (v: V): readonly V[] => {
    const c = code[v]!;
    return c.kind === "apply" && c.type === "f32" && (c.fn === "add" || c.fn === "sub") ? c.args : [];
  };
  const isConst = (v: V): boolean => code[v]!.kind === "const";
  const rounded = new Set<V>();
  code.forEach((_, v) => {
    const terms = termsOf(v);
    terms.forEach((sum, i) => {
      const other = terms[1 - i]!;
      if (termsOf(sum).some((t) => t === other || (isConst(t) && isConst(other)))) rounded.add(sum);
    });
  });
  return rounded;
}
