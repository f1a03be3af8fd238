// What integers are computed with, one at a time or four: the same rules over either table of instructions.

type Two<E> = (a: E, b: E) => E;
type Instructions<E> = Readonly<
  Record<"add" | "mul" | "ltS" | "leS" | "gtS" | "geS", Two<E>> &
    Record<"shl" | "shrS" | "shrU", (a: E, n: number) => E>
>;

export const integerRules = <E, T extends Instructions<E>>(t: T) => ({
  ...t,
  fma: (a: E, b: E, c: E): E => t.add(t.mul(a, b), c),
  shl: (a: E, _b: E, _c: E, imm: number): E => t.shl(a, imm),
  shrs: (a: E, _b: E, _c: E, imm: number): E => t.shrS(a, imm),
  shru: (a: E, _b: E, _c: E, imm: number): E => t.shrU(a, imm),
  lt: t.ltS,
  le: t.leS,
  gt: t.gtS,
  ge: t.geS,
});
