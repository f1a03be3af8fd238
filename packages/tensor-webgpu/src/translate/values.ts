// What is known of the values of a kernel before it is written: which are used, and which must be rounded as they are written.
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
 * Sums in f32 whose rounding a formula depends on: those that one of their terms is taken from again, as in (a + b) - a.
 * Compilers may take that for b.
 */
export function roundedBy({ code }: Kernel): Set<V> {
  const isSum = (v: V): boolean => {
    const c = code[v]!;
    return c.kind === "apply" && c.type === "f32" && (c.fn === "add" || c.fn === "sub");
  };
  const termsOf = (v: V): readonly V[] => (code[v] as { readonly args: readonly V[] }).args;
  const isConst = (v: V): boolean => code[v]!.kind === "const";
  const rounded = new Set<V>();
  code.forEach((_, v) => {
    if (!isSum(v)) return;
    const [a, b] = termsOf(v) as [V, V];
    for (const [sum, other] of [
      [a, b],
      [b, a],
    ] as const)
      if (isSum(sum) && termsOf(sum).some((t) => t === other || (isConst(t) && isConst(other)))) rounded.add(sum);
  });
  return rounded;
}
