// Functions over vectors, compiled for each target and run on this machine, against JavaScript: every operation, control
// flow, calls, and more values than there are registers. Programs of all of that run beside WebAssembly in
// `tensor-cpu/test/machines.test.ts`.
import * as machine from "@weft/kernel/machine";
import { doubles, floats, I32, i32, ints, lanes, partial, VECTOR, type Expr, type Local } from "@weft/kernel/machine";
import { avx2, avx512, X64Module } from "@weft/x64";
import { describe, expect, test } from "vitest";
import { buffer, functionsOf, views } from "./calling.ts";
import { generator, lacking } from "./opened.ts";

type Vector = Expr<typeof VECTOR>;
type Rule = (a: number, b: number) => number;

const yes = (holds: boolean): number => (holds ? -1 : 0);
const { fround } = Math;
const nearest = (x: number): number => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};
const tests: Record<string, Rule> = {
  eq: (a, b) => yes(a === b),
  ne: (a, b) => yes(a !== b),
  lt: (a, b) => yes(a < b),
  gt: (a, b) => yes(a > b),
  le: (a, b) => yes(a <= b),
  ge: (a, b) => yes(a >= b),
};
const floatRules: Record<string, Rule> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  pmin: (a, b) => (b < a ? b : a),
  pmax: (a, b) => (a < b ? b : a),
  abs: Math.abs,
  neg: (a) => -a,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  nearest,
};
const intRules: Record<string, Rule> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  neg: (a) => -a,
  abs: Math.abs,
  minS: Math.min,
  maxS: Math.max,
  eq: tests["eq"]!,
  ne: tests["ne"]!,
  ltS: tests["lt"]!,
  leS: tests["le"]!,
  gtS: tests["gt"]!,
  geS: tests["ge"]!,
  ltU: (a, b) => yes(a >>> 0 < b >>> 0),
  leU: (a, b) => yes(a >>> 0 <= b >>> 0),
  gtU: (a, b) => yes(a >>> 0 > b >>> 0),
  geU: (a, b) => yes(a >>> 0 >= b >>> 0),
};
const someFloats = [0, -0, 1.5, -2.5, NaN, Infinity, -Infinity, 1e30, 0.25, -1e10, 2 ** 31, 3, 0.5, -0.5, 2.5, -7];
const someInts = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 100_000, 7, -3, 255, 65_535, 2, 31, -100, 5, 6, 12_345];

interface Case {
  readonly name: string;
  readonly from: "f32" | "i32";
  readonly to: "f32" | "i32";
  readonly write: (a: Vector, b: Vector) => Vector;
  readonly rule: Rule;
}
type Family = Readonly<Record<string, (a: Vector, b: Vector) => Vector>>;
const family = (name: "floats" | "ints", rules: Record<string, Rule>, from: Case["from"], to: Case["to"]): Case[] =>
  Object.entries(rules).map(([op, rule]) => ({
    name: `${name}.${op}`,
    from,
    to,
    rule,
    write: (a, b) => (machine[name] as unknown as Family)[op]!(a, b),
  }));
const one = (
  name: string,
  write: Case["write"],
  rule: Rule,
  from: Case["from"] = "i32",
  to: Case["to"] = from,
): Case => ({
  name,
  write,
  rule,
  from,
  to,
});
const cases: readonly Case[] = [
  ...family("floats", floatRules, "f32", "f32"),
  ...family("floats", tests, "f32", "i32"),
  ...family("ints", intRules, "i32", "i32"),
  one("lanes.and", lanes.and, (a, b) => a & b),
  one("lanes.or", lanes.or, (a, b) => a | b),
  one("lanes.xor", lanes.xor, (a, b) => a ^ b),
  one("lanes.andnot", lanes.andnot, (a, b) => a & ~b),
  one("lanes.not", lanes.not, (a) => ~a),
  one(
    "lanes.bitselect",
    (a, b) => lanes.bitselect(a, b, ints.const(0x0ff0)),
    (a, b) => (a & 0xff0) | (b & ~0xff0),
  ),
  one("lanes.blend", (a, b) => lanes.blend(a, b, ints.gtS(a, b)), Math.max),
  one(
    "ints.shl",
    (a) => ints.shl(a, 3),
    (a) => a << 3,
  ),
  one(
    "ints.shrS",
    (a) => ints.shrS(a, i32.load(4)),
    (a) => a >> 1,
  ),
  one(
    "ints.shrU",
    (a) => ints.shrU(a, 35),
    (a) => a >>> 3,
  ),
  one(
    "ints.splat",
    (a) => ints.add(ints.sub(a, a), ints.splat(i32.add(i32.load(20), 3))),
    () => 100_003,
  ),
  one(
    "ints.truncSatFloats",
    ints.truncSatFloats,
    (a) => (Number.isNaN(a) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(a)))),
    "f32",
    "i32",
  ),
  one("floats.convertInts", floats.convertInts, (a) => a, "i32", "f32"),
  one(
    "floats.madd",
    (a, b) => floats.madd(a, b, floats.const(0.5)),
    (a, b) => a * b + 0.5,
    "f32",
  ),
  one(
    "floats.madd of more",
    (a, b) => floats.madd(floats.add(a, 1), b, a),
    (a, b) => fround(a + 1) * b + a,
    "f32",
  ),
];

/** Powers of two, by which products are exact: JavaScript rounds a product before the sum. */
const small = [1, 2, -1, 0.5, -0.25, 4, -4, -2, 1, 0, 2, 8, -8, 1, 0.5, 2];

for (const target of [avx2, avx512]) {
  const missing = lacking(target.needs);
  describe.skipIf(missing !== undefined)(
    `${target.name}${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    () => {
      const n = target.lanes;
      test.each(cases)("$name", ({ name, from, to, write, rule }) => {
        const { plain, held } = functionsOf<"plain" | "held">(target, (m) => {
          const f = m.func("plain", []);
          f.do(lanes.store(2048, write(lanes.load(0), lanes.load(1024))));
          // The same with operands in registers, into another one and into an operand's.
          const g = m.func("held", []);
          const [a, b, c] = [g.let(VECTOR, lanes.load(0)), g.let(VECTOR, lanes.load(1024)), g.local(VECTOR)];
          g.set(c, write(a, b));
          g.set(b, write(a, b));
          g.do(lanes.store(2048, c), lanes.store(2112, b));
        });
        const [input, output] = [views[from], views[to]];
        const values = from === "f32" ? someFloats : someInts;
        const others = name.startsWith("floats.madd") ? small : values;
        for (let shift = 0; shift < values.length; shift++) {
          for (let i = 0; i < 16; i++) [input[i], input[256 + i]] = [values[i]!, others[(i + shift) % 16]!];
          const wanted = Array.from({ length: n }, (_, i) => {
            const x = rule(input[i]!, input[256 + i]!);
            return to === "f32" ? fround(x) : x | 0;
          });
          plain();
          expect([...output.subarray(512, 512 + n)]).toEqual(wanted);
          held();
          expect([...output.subarray(512, 512 + n)]).toEqual(wanted);
          expect([...output.subarray(528, 528 + n)]).toEqual(wanted);
        }
      });

      test("lanes turned around, and halves as numbers of 64 bits", () => {
        const { run } = functionsOf<"run">(target, (m) => {
          const f = m.func("run", []);
          const [a, b] = [f.let(VECTOR, lanes.load(0)), f.let(VECTOR, lanes.load(64))];
          for (let by = 0; by <= n; by++) f.do(lanes.store(1024 + 64 * by, lanes.rotate(a, by)));
          f.do(lanes.store(128, doubles.ofInts(a)), lanes.store(192, doubles.ofFloats(b)));
          f.do(lanes.store(256, ints.ofDoubles(doubles.div(doubles.ofInts(a), doubles.const(-2)))));
          f.do(lanes.store(320, floats.ofDoubles(doubles.ofFloats(lanes.load(64)))));
        });
        views.i32.set(someInts);
        views.f32.set(someFloats, 16);
        run();
        const low = someInts.slice(0, n / 2);
        const nothing = low.map(() => 0);
        for (let by = 0; by <= n; by++) {
          const wanted = Array.from({ length: n }, (_, i) => someInts[(i + by) % n]!);
          expect([...views.i32.subarray(256 + 16 * by, 256 + 16 * by + n)]).toEqual(wanted);
        }
        expect([...new Float64Array(buffer, 128, n / 2)]).toEqual(low);
        expect([...new Float64Array(buffer, 192, n / 2)]).toEqual(someFloats.slice(0, n / 2).map(fround));
        expect([...views.i32.subarray(64, 64 + n)]).toEqual([...low.map((x) => Math.trunc(x / -2) | 0), ...nothing]);
        expect([...views.f32.subarray(80, 80 + n)]).toEqual([...someFloats.slice(0, n / 2).map(fround), ...nothing]);
      });

      test("narrow numbers, parts of vectors, first lanes", () => {
        const { run } = functionsOf<"run">(target, (m) => {
          const f = m.func("run", [I32]);
          const part = f.param(0, I32);
          f.do(lanes.store(1024, lanes.load16(0)), lanes.store(1088, lanes.load8(0)));
          f.do(lanes.store16(1152, ints.ramp()), lanes.store8(1184, ints.ramp()));
          f.do(partial.store(1216, ints.add(ints.ramp(), 1), part));
          f.do(lanes.store(1280, partial.load(1024, part)));
          f.do(lanes.storeFirst(1344, lanes.loadFirst(1024, 4)), lanes.store(1408, lanes.loadSplat(1024, 8)));
          f.do(lanes.store(1472, floats.splat(floats.first(lanes.loadFirst(1500)))));
        });
        const ramp = Array.from({ length: n }, (_, i) => i);
        for (let part = 0; part <= n + 3; part++) {
          views.u8.fill(0);
          for (let i = 0; i < 64; i++) views.u8[i] = 200 + i;
          views.f32[375] = 1.25;
          run(part);
          expect([...views.i32.subarray(256, 256 + n)]).toEqual([...new Uint16Array(buffer, 0, n)]);
          expect([...views.i32.subarray(272, 272 + n)]).toEqual([...views.u8.subarray(0, n)]);
          expect([...new Uint16Array(buffer, 1152, n)]).toEqual(ramp);
          expect([...views.u8.subarray(1184, 1184 + n)]).toEqual(ramp);
          expect([...views.i32.subarray(304, 304 + n)]).toEqual(ramp.map((i) => (i < part ? i + 1 : 0)));
          expect([...views.i32.subarray(320, 320 + n)]).toEqual(ramp.map((i) => (i < part ? views.i32[256 + i]! : 0)));
          expect(views.i32[336]).toBe(views.i32[257]);
          expect([...views.i32.subarray(352, 352 + n)]).toEqual(ramp.map(() => views.i32[258]!));
          expect([...views.f32.subarray(368, 368 + n)]).toEqual(ramp.map(() => 1.25));
        }
      });

      test("loops, branches, jumps out of blocks, and what is chosen", () => {
        const { sum, collatz, any } = functionsOf<"sum" | "collatz" | "any">(target, (m) => {
          const f = m.func("sum", [I32, I32]);
          const [n, i, total] = [f.param(0, I32), f.local(I32), f.local(I32)];
          f.for(i, n, 1, () => {
            f.block((next) => {
              f.brIf(next, i32.and(i, 1));
              f.set(total, i32.add(total, i));
            });
          });
          f.if(i32.ltS(n, 0), () => f.return());
          f.do(i32.store(f.param(1, I32), total));
          const g = m.func("collatz", [I32, I32]);
          const [x, steps] = [g.param(0, I32), g.local(I32)];
          g.while(i32.ne(x, 1), () => {
            g.if(
              i32.and(x, 1),
              () => g.set(x, i32.add(i32.mul(x, 3), 1)),
              () => g.set(x, i32.shrU(x, 1)),
            );
            g.advance(steps, 1);
          });
          g.do(i32.store(g.param(1, I32), machine.select(i32.eqz(steps), i32.const(-1), steps)));
          const h = m.func("any", [I32]);
          const found = lanes.any(ints.eq(lanes.load(0), ints.splat(h.param(0, I32))));
          h.if(found, () => h.do(i32.store(4096, i32.add(found, i32.geU(h.param(0, I32), -5)))));
        });
        const result = (): number => views.i32[1024]!;
        const after = (run: () => void): number => {
          views.i32[1024] = 77;
          run();
          return result();
        };
        expect([10, 0, -5].map((n) => after(() => sum(n, 4096)))).toEqual([20, 0, 77]);
        expect([27, 1].map((n) => after(() => collatz(n, 4096)))).toEqual([111, -1]);
        views.i32.set([3, -4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
        expect([5, -4, 99].map((n) => after(() => any(n)))).toEqual([1, 2, 77]);
      });

      test("calls keep what the caller still needs", () => {
        const { outer } = functionsOf<"outer">(target, (m) => {
          const inner = m.func("", [I32, I32, I32]);
          const more = Array.from({ length: 40 }, (_, i) =>
            inner.let(VECTOR, ints.splat(i32.add(inner.param(0, I32), i))),
          );
          const all = inner.let(
            VECTOR,
            more.reduce<Vector>((a, b) => ints.add(a, b), ints.const(0)),
          );
          inner.do(lanes.storeFirst(inner.param(1, I32), all));
          inner.do(i32.store(inner.param(1, I32), inner.param(2, I32), 4));
          const f = m.func("outer", [I32, I32]);
          const [n, to] = [f.param(0, I32), f.param(1, I32)];
          const kept = Array.from({ length: 6 }, (_, i) => f.let(VECTOR, ints.splat(i)));
          const numbers = Array.from({ length: 12 }, (_, i) => f.let(I32, i32.add(to, 16 * i)));
          f.times(n, () => {
            f.do(inner.call(n, to, 9));
            for (const v of kept) f.set(v, ints.add(v, ints.splat(i32.load(to))));
          });
          kept.forEach((v, i) => f.do(lanes.storeFirst(numbers[i]!, v, 1024)));
          numbers.forEach((x, i) => f.do(i32.store(to, i32.sub(x, to), 2048 + 4 * i)));
        });
        outer(3, 8192);
        const added = [3, 2, 1].reduce((all, n) => all + 40 * n + 780, 0);
        expect(Array.from({ length: 6 }, (_, i) => views.i32[2048 + 256 + 4 * i])).toEqual(
          [0, 1, 2, 3, 4, 5].map((i) => i + added),
        );
        expect([...views.i32.subarray(2048 + 512, 2048 + 524)]).toEqual(Array.from({ length: 12 }, (_, i) => 16 * i));
        expect(views.i32[2049]).toBe(9);
      });

      test("a block of a product, as wide as the registers", () => {
        const [rows, width] = n === 16 ? [8, 3] : [6, 2];
        const { block } = functionsOf<"block">(target, (m) => {
          const f = m.func("block", [I32, I32, I32, I32]);
          const [a, b, c, k] = f.params as [Local<typeof I32>, Local<typeof I32>, Local<typeof I32>, Local<typeof I32>];
          const sums = Array.from({ length: rows * width }, () => f.let(VECTOR, floats.const(0)));
          const [left, right] = [f.local(VECTOR), Array.from({ length: width }, () => f.local(VECTOR))];
          f.times(k, () => {
            right.forEach((x, j) => f.set(x, lanes.load(b, 4 * n * j)));
            for (let i = 0; i < rows; i++) {
              f.set(left, lanes.loadSplat(a, 4 * i));
              right.forEach((x, j) => f.set(sums[i * width + j]!, floats.madd(left, x, sums[i * width + j]!)));
            }
            f.advance(a, 4 * rows);
            f.advance(b, 4 * n * width);
          });
          sums.forEach((x, i) => f.do(lanes.store(c, x, 4 * n * i)));
        });
        const [depth, B, C] = [37, 1 << 14, 1 << 16];
        const random = generator(3);
        for (let i = 0; i < C / 4; i++) views.f32[i] = random(9) - 4;
        block(0, B, C, depth);
        const columns = n * width;
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) {
            let sum = 0;
            for (let k = 0; k < depth; k++) sum += views.f32[k * rows + i]! * views.f32[B / 4 + k * columns + j]!;
            expect(views.f32[C / 4 + i * columns + j]).toBe(sum);
          }
      });

      test("programs of random expressions", () => {
        const random = generator(n);
        const binary = [ints.add, ints.sub, ints.mul, lanes.and, lanes.or, lanes.xor, ints.minS, ints.maxS] as const;
        const rules: readonly Rule[] = [
          (a, b) => a + b,
          (a, b) => a - b,
          Math.imul,
          (a, b) => a & b,
          (a, b) => a | b,
          (a, b) => a ^ b,
          Math.min,
          Math.max,
        ];
        for (let round = 0; round < 60; round++) {
          /** Values of one lane beside the locals that hold them. */
          const values: number[] = someInts.slice(0, 4);
          const { run } = functionsOf<"run">(target, (m) => {
            const f = m.func("run", []);
            const locals = values.map((x) => f.let(VECTOR, ints.splat(i32.const(x))));
            const tree = (depth: number): [Vector, number] => {
              const which = random(4);
              if (depth === 0 || which === 0) {
                const i = random(locals.length);
                return [locals[i]!, values[i]!];
              }
              if (which === 1 && depth < 3) {
                const x = random(2000) - 1000;
                return [ints.const(x), x];
              }
              const [[a, x], [b, y], op] = [tree(depth - 1), tree(depth - 1), random(binary.length)];
              return [binary[op]!(a, b), rules[op]!(x, y) | 0];
            };
            for (let i = 0; i < 50; i++) {
              const [e, x] = tree(1 + random(4));
              const at = random(3) === 0 ? random(locals.length) : locals.length;
              if (at === locals.length) locals.push(f.let(VECTOR, e));
              else f.set(locals[at]!, e);
              values[at] = x;
            }
            locals.forEach((x, i) => f.do(lanes.store(64 * i, x)));
          });
          run();
          expect(values.map((_, i) => views.i32[16 * i])).toEqual(values);
          expect(values.map((_, i) => views.i32[16 * i + n - 1])).toEqual(values);
        }
      });
    },
  );
}

test("what cannot be compiled says why", () => {
  const m = new X64Module();
  expect(() => m.import("sin", [machine.F64], machine.F64)).toThrow(/no function sin of the host/);
  expect(() => m.func("f", [machine.F64])).toThrow(/other things than i32/);
  const f = m.func("f", [I32]);
  expect(() => f.call()).toThrow(/0 arguments instead of 1/);
  expect(() => f.param(1, I32)).toThrow(/parameter 1/);
});
