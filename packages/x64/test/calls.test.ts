// Functions that call each other, themselves and later ones; expressions of any depth; how much of the stack is taken.
import * as machine from "@weft/kernel/machine";
import { F64, I32, VECTOR, f64, i32, ints, lanes, type Expr, type Type } from "@weft/kernel/machine";
import { avx2, avx512, compile, X64Module } from "@weft/x64";
import { describe, expect, test } from "vitest";
import { buffer, functionsOf, views } from "./calling.ts";
import { lacking } from "./opened.ts";

const doubles = new Float64Array(buffer);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A tree that needs a register more for each level; what is used twice is written twice. */
const tree = <T extends Type>(
  depth: number,
  leaf: (i: number) => Expr<T>,
  join: (a: Expr<T>, b: Expr<T>) => Expr<T>,
  i = 1,
): Expr<T> =>
  depth === 0 ? leaf(i) : join(tree(depth - 1, leaf, join, 2 * i), tree(depth - 1, leaf, join, 2 * i + 1));

for (const target of [avx2, avx512]) {
  const missing = lacking(target.needs);
  const because = missing === undefined ? "" : ` (skipped: ${missing})`;
  describe.skipIf(missing !== undefined)(`${target.name}${because}`, () => {
    test("a function calls itself and keeps what it needs", () => {
      const { sum } = functionsOf<"sum">(target, (m) => {
        const f = m.func("sum", [I32]);
        const n = f.param(0, I32);
        const [kept, real] = [f.let(VECTOR, ints.splat(n)), f.let(F64, f64.convertI32(n))];
        f.if(n, () => f.do(f.call(i32.sub(n, 1))));
        f.do(i32.store(1024, i32.add(i32.load(1024), n)));
        f.do(lanes.store(2048, ints.add(lanes.load(2048), kept)));
        f.do(f64.store(4096, f64.add(f64.load(4096), real)));
      });
      views.u8.fill(0, 0, 8192);
      sum(20);
      expect([views.i32[256], views.i32[512], views.i32[512 + target.lanes - 1], doubles[512]]).toEqual([
        210, 210, 210, 210,
      ]);
    });

    test("functions call each other, also one that is written later", () => {
      const { even } = functionsOf<"even">(target, (m) => {
        const [even, odd] = [m.func("even", [I32]), m.func("", [I32])];
        for (const [f, other, yes] of [[even, odd, 1], [odd, even, 0]] as const) {
          const n = f.param(0, I32);
          const kept = range(12).map((i) => f.let(I32, i32.mul(n, i)));
          f.if(n, () => f.do(other.call(i32.sub(n, 1))), () => f.do(i32.store(1024, yes)));
          kept.forEach((x, i) => f.do(i32.store(2048 + 4 * i, x)));
        }
      }); // prettier-ignore
      const results = range(6).map((n) => (even(n), views.i32[256]));
      expect(results).toEqual([1, 0, 1, 0, 1, 0]);
      expect([...views.i32.subarray(512, 524)]).toEqual(range(12).map((i) => 5 * i));
    });

    test("expressions of any depth, of each kind", () => {
      const levels = 9;
      for (let i = 0; i < 1024; i++) [views.i32[i], doubles[2048 + i]] = [i, i / 2];
      const { f } = functionsOf<"f">(target, (m) => {
        const f = m.func("f", []);
        f.do(i32.store(1 << 15, tree(levels, (i) => i32.load(4 * i), i32.add)));
        f.do(i32.store(32_772, tree(levels, (i) => i32.load(4 * i), i32.divU)));
        f.do(f64.store(32_776, tree(levels, (i) => f64.load(16_384 + 8 * i), f64.max)));
        f.do(lanes.store(33_024, tree(5, (i) => ints.splat(i32.load(4 * i)), (a, b) => lanes.bitselect(a, b, ints.ltS(b, a)))));
        f.do(i32.store(32_784, tree(5, (i) => i32.load(4 * i), (a, b) => machine.select(i32.ltS(a, b), a, b))));
      });
      f();
      const [first, last] = [2 ** levels, 2 ** (levels + 1) - 1];
      const quotient = (i: number): number => (i >= first ? i : Math.trunc(quotient(2 * i) / (quotient(2 * i + 1) || Infinity)));
      expect(views.i32[8192]).toBe(((first + last) / 2) * first);
      expect(views.i32[8193]).toBe(quotient(1));
      expect(doubles[4097]).toBe(last / 2);
      expect([views.i32[8256], views.i32[8256 + target.lanes - 1]]).toEqual([63, 63]);
      expect(views.i32[8196]).toBe(32);
    }); // prettier-ignore

    test("a call keeps registers that a deep expression of the function takes", () => {
      const { outer } = functionsOf<"outer">(target, (m) => {
        const inner = m.func("", []);
        const load = (i: number): Expr<typeof VECTOR> => ints.splat(i32.load(4 * i));
        inner.do(lanes.store(8192, tree(6, load, ints.sub)));
        const f = m.func("outer", []);
        const kept = range(target.registers - 3).map((i) => f.let(VECTOR, load(i)));
        f.do(inner.call());
        kept.forEach((x, i) => f.do(lanes.storeFirst(4096 + 4 * i, x)));
      });
      for (let i = 0; i < 1024; i++) views.i32[i] = i;
      outer();
      expect([...views.i32.subarray(1024, 1024 + target.registers - 3)]).toEqual(range(target.registers - 3));
    });

    test("a frame of many pages of the stack", () => {
      const count = Math.floor(40_000 / (4 * target.lanes));
      const { f } = functionsOf<"f">(target, (m) => {
        const f = m.func("f", [I32]);
        const all = range(count).map((i) => f.let(VECTOR, ints.splat(i32.add(f.param(0, I32), i))));
        all.forEach((x, i) => f.do(lanes.storeFirst(4 * i, x)));
      });
      f(7);
      expect([...views.i32.subarray(0, count)]).toEqual(range(count).map((i) => i + 7));
    });
  });

  test(`${target.name}: a frame larger than what a function may take is refused`, () => {
    const m = new X64Module();
    const f = m.func("wide", []);
    const all = range(300_000 / (4 * target.lanes)).map((i) => f.let(VECTOR, ints.splat(i32.load(4 * i))));
    all.forEach((x, i) => f.do(lanes.store(64 * i, x)));
    expect(() => compile(m, target)).toThrow(
      /function wide needs \d+ bytes of the stack for its locals, and may take 262144/,
    );
  });

  test(`${target.name}: an operation of another target is refused by its name`, () => {
    const m = new X64Module();
    const f = m.func("other", []);
    f.do(lanes.store(0, new machine.Expr("four.load64", [i32.const(0)])));
    expect(() => compile(m, target)).toThrow(/function other: there is no four.load64 for AVX/);
    for (const op of ["four.store64", "four.lane"]) {
      const n = new X64Module();
      const g = n.func("g", []);
      if (op === "four.store64") g.do(new machine.Expr(op, [i32.const(0), lanes.load(0)]));
      else g.do(i32.store(0, new machine.Expr(op, [lanes.load(0)])));
      expect(() => compile(n, target)).toThrow(new RegExp(`function g: there is no ${op} for AVX`));
    }
  });
}
