// Where values lie while a function runs: parameters, locals that have no register, and operands that a later one changes.
import { F32, F64, I32, I64, VECTOR, f32, f64, floats, i32, i64, ints, lanes, partial } from "@weft/kernel/machine";
import { select, type Expr, type Func, type Local, type Type, type VOID } from "@weft/kernel/machine";
import { avx2, avx512 } from "@weft/x64";
import { describe, expect, test } from "vitest";
import { buffer, functionsOf, views } from "./calling.ts";
import { lacking } from "./opened.ts";

type F = Func<typeof VOID>;
const doubles = new Float64Array(buffer);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

for (const target of [avx2, avx512]) {
  const missing = lacking(target.needs);
  const because = missing === undefined ? "" : ` (skipped: ${missing})`;
  /** Runs a function of these parameters once. */
  const run = (arity: number, write: (f: F, params: Local<typeof I32>[]) => void, ...args: number[]): void => {
    const { f } = functionsOf<"f">(target, (m) => {
      const f = m.func("f", Array<typeof I32>(arity).fill(I32));
      write(
        f,
        range(arity).map((i) => f.param(i, I32)),
      );
    });
    f(...args);
  };

  describe.skipIf(missing !== undefined)(`${target.name}${because}`, () => {
    test("a parameter that is written before it is read leaves the others alone", () => {
      run(
        2,
        (f, [q, p]) => {
          f.do(i32.store(q!, 7));
          f.set(p!, 5);
          f.do(i32.store(1024, p!));
        },
        2048,
        4096,
      );
      expect([views.i32[512], views.i32[256]]).toEqual([7, 5]);
    });

    test("a parameter that is needed on one way only is there on that way", () => {
      for (const way of [0, 1])
        run(
          3,
          (f, [c, p, q]) => {
            f.if(c!, () => {
              f.do(i32.store(1024, p!));
              f.return();
            });
            f.set(p!, 9);
            f.do(i32.store(1024, i32.add(p!, q!)));
          },
          way,
          5,
          6,
        );
      run(
        3,
        (f, [c, p, q]) => {
          f.block((end) => {
            f.if(c!, () => {
              f.do(i32.store(1024, p!));
              f.br(end);
            });
            f.set(p!, 9);
            f.do(i32.store(1024, i32.add(p!, q!)));
          });
        },
        1,
        5,
        6,
      );
      expect(views.i32[256]).toBe(5);
    });

    test("a call keeps what is needed only before a jump or a return", () => {
      const { outer } = functionsOf<"outer">(target, (m) => {
        const inner = m.func("", [I32]);
        const all = range(12).map((i) => inner.let(I32, i32.add(inner.param(0, I32), i)));
        inner.do(i32.store(1024, all.reduce<Expr<typeof I32>>(i32.add, i32.const(0))));
        const f = m.func("outer", [I32]);
        const n = f.param(0, I32);
        const kept = f.let(I32, i32.mul(n, 3));
        const vector = f.let(VECTOR, ints.splat(kept));
        f.loop((again) => {
          f.do(inner.call(n));
          f.if(i32.eqz(n), () => {
            f.do(i32.store(2048, kept), lanes.storeFirst(2052, vector));
            f.return();
          });
          f.advance(n, -1);
          f.br(again);
        });
      });
      outer(4);
      expect([views.i32[512], views.i32[513]]).toEqual([12, 12]);
    });

    test("what is read before it is written is 0, of each type", () => {
      views.u8.fill(0xff, 0, 2048);
      run(0, (f) => {
        const [a, b, c, d, e] = [f.local(I32), f.local(I64), f.local(F32), f.local(F64), f.local(VECTOR)];
        f.do(i32.store(1024, a), f32.store(1028, c), i64.store(1032, b), f64.store(1040, d), lanes.store(1048, e));
      });
      expect([...views.u8.subarray(1024, 1048 + 4 * target.lanes)].filter((x) => x !== 0)).toEqual([]);
    });

    const numbers = {
      [F32]: { at: (i: number) => 4096 + 4 * i, load: f32.load, store: f32.store, seen: views.f32, from: 1024 },
      [F64]: { at: (i: number) => 4096 + 8 * i, load: f64.load, store: f64.store, seen: doubles, from: 512 },
      [I64]: { at: (i: number) => 4096 + 8 * i, load: i64.load, store: i64.store, seen: doubles, from: 512 },
    } as const;
    test.each([F32, F64, I64] as const)("more numbers of type %s than there are registers", (type) => {
      const { at, load, store, seen, from } = numbers[type];
      const count = 80;
      for (let i = 0; i < count; i++) seen[from + i] = i + 0.5;
      run(1, (f, [n]) => {
        const all = range(count).map((i) => f.let<Type>(type, load(at(i))));
        const vectors = range(4).map((i) => f.let(VECTOR, ints.const(i)));
        f.times(n!, () => vectors.forEach((v) => f.set(v, ints.add(v, ints.const(1)))));
        all.forEach((x, i) => f.do(store(at(count + i), x as never)));
        vectors.forEach((v, i) => f.do(lanes.storeFirst(16 * i, v)));
      }, 3); // prettier-ignore
      expect([...seen.subarray(from + count, from + 2 * count)]).toEqual(range(count).map((i) => i + 0.5));
      expect(range(4).map((i) => views.i32[4 * i])).toEqual([3, 4, 5, 6]);
    });

    test("a call keeps numbers of each type", () => {
      const { outer } = functionsOf<"outer">(target, (m) => {
        const inner = m.func("", []);
        const all = range(60).map((i) => inner.let(VECTOR, ints.splat(i32.load(4 * i))));
        inner.do(lanes.store(8192, all.reduce<Expr<typeof VECTOR>>(ints.add, ints.const(0))));
        const f = m.func("outer", []);
        const kept = range(9).map((i) => [
          f.let(F32, f32.load(4096 + 4 * i)),
          f.let(F64, f64.load(5120 + 8 * i)),
          f.let(I64, i64.load(5120 + 8 * i)),
        ] as const); // prettier-ignore
        f.do(inner.call());
        kept.forEach(([a, b, c], i) =>
          f.do(f32.store(6144 + 4 * i, a), f64.store(7168 + 8 * i, b), i64.store(10240 + 8 * i, c)),
        );
      });
      for (let i = 0; i < 9; i++) [views.f32[1024 + i], doubles[640 + i]] = [i + 0.5, i - 0.25];
      outer();
      expect([...views.f32.subarray(1536, 1545)]).toEqual(range(9).map((i) => i + 0.5));
      expect([...doubles.subarray(896, 905)]).toEqual(range(9).map((i) => i - 0.25));
      expect([...doubles.subarray(1280, 1289)]).toEqual(range(9).map((i) => i - 0.25));
    });

    describe("operands are computed from left to right", () => {
      test("of integers", () => {
        let wanted: number[] = [];
        run(1, (f, [x]) => {
          const set = (n: number) => f.tee(x!, i32.const(n));
          const steps: [Expr<typeof I32>, number][] = [
            [i32.add(x!, set(5)), 100 + 5],
            [i32.sub(i32.add(x!, 1), set(9)), 5 + 1 - 9],
            [i32.shl(x!, set(2)), 9 << 2],
            [i32.ltS(x!, set(4)), 1],
            [i32.mul(set(7), i32.add(x!, set(3))), 7 * (7 + 3)],
            [select(set(0), x!, set(8)), 8],
            [select(i32.eqz(set(6)), i32.const(1), x!), 0],
            [i32.sub(f.tee(x!, i32.add(x!, 1)), f.tee(x!, i32.add(x!, 1))), 7 - 8],
            [i32.divS(set(40), f.tee(x!, i32.sub(x!, 32))), 5],
            [i32.add(i32.load(x!), i32.load(set(80))), 30 + 6],
          ];
          wanted = steps.map(([, value]) => value);
          f.do(i32.store(8, 30), i32.store(80, 6));
          steps.forEach(([e], i) => f.do(i32.store(1024 + 4 * i, e)));
        }, 100); // prettier-ignore
        expect([...views.i32.subarray(256, 256 + wanted.length)]).toEqual(wanted);
      });

      test("of numbers", () => {
        let wanted: number[] = [];
        run(0, (f) => {
          const [x, y] = [f.let(F64, 2), f.let(F32, 3)];
          const set = (n: number) => f.tee(x, f64.const(n));
          const steps: [Expr<typeof F64>, number][] = [
            [f64.sub(x, set(5)), 2 - 5],
            [f64.max(set(1), f64.neg(f64.add(x, set(-9)))), 8],
            [f64.convertI32(f64.lt(x, set(3))), 1],
            [select(f64.eq(x, set(4)), x, set(7)), 7],
            [f64.promoteF32(f32.div(y, f.tee(y, f32.const(4)))), 0.75],
          ];
          wanted = steps.map(([, value]) => value);
          steps.forEach(([e], i) => f.do(f64.store(1024 + 8 * i, e)));
        });
        expect([...doubles.subarray(128, 128 + wanted.length)]).toEqual(wanted);
      });

      test("of vectors", () => {
        let wanted: number[] = [];
        run(0, (f) => {
          const [x, y, p] = [f.let(VECTOR, ints.const(10)), f.let(VECTOR, floats.const(2)), f.let(I32, 4096)];
          const set = (n: number) => f.tee(x, ints.const(n));
          const put = (n: number) => f.tee(y, floats.const(n));
          const whole = ints.truncSatFloats;
          const steps: [Expr<typeof VECTOR>, number][] = [
            [ints.sub(x, set(4)), 10 - 4],
            [lanes.andnot(set(7), x), 7 & ~7],
            [lanes.andnot(x, set(3)), 7 & ~3],
            [whole(floats.pmin(y, put(1))), 1],
            [whole(floats.madd(y, put(3), y)), 1 * 3 + 3],
            [whole(floats.madd(y, y, put(5))), 3 * 3 + 5],
            [whole(floats.madd(put(6), y, put(7))), 6 * 6 + 7],
            [whole(floats.max(y, put(8))), 8],
            [ints.shl(x, i32.and(lanes.any(set(2)), 1)), 3 << 1],
            [lanes.bitselect(x, set(12), set(-1)), 2],
            [lanes.bitselect(x, set(12), ints.eq(x, set(0))), 12],
            [ints.ltS(x, set(9)), -1],
            [select(lanes.any(ints.eq(x, set(1))), x, set(2)), 9 - 9 + 2],
            [whole(floats.sub(lanes.load(p), lanes.load(f.tee(p, i32.const(8192))))), 50 - 60],
          ];
          wanted = steps.map(([, value]) => value);
          f.do(lanes.store(4096, floats.const(50)), lanes.store(8192, floats.const(60)));
          steps.forEach(([e], i) => f.do(lanes.store(1024 + 64 * i, e)));
          // Addresses come before values, and values before counts.
          f.set(p, 2048);
          f.do(lanes.store(p, ints.splat(f.tee(p, i32.const(3072)))));
          f.do(i32.store(p, f.tee(p, i32.const(2112))));
          f.do(partial.store(p, ints.splat(f.tee(p, i32.const(1))), p));
        });
        const lane = target.lanes - 1;
        expect(wanted.map((_, i) => views.i32[256 + 16 * i + lane])).toEqual(wanted);
        expect([views.i32[512], views.i32[768], views.i32[528]]).toEqual([3072, 2112, 1]);
      });

      test("of calls", () => {
        const { outer } = functionsOf<"outer">(target, (m) => {
          const inner = m.func("", [I32, I32, I32]);
          for (const i of [0, 1, 2]) inner.do(i32.store(1024 + 4 * i, inner.param(i, I32)));
          const f = m.func("outer", [I32]);
          const x = f.param(0, I32);
          f.do(inner.call(x, f.tee(x, i32.const(5)), i32.add(x, f.tee(x, i32.const(6)))));
        });
        outer(4);
        expect([...views.i32.subarray(256, 259)]).toEqual([4, 5, 11]);
      });
    });

    test.each([
      -(2 ** 31),
      -256,
      -1,
      0,
      1,
      target.lanes - 1,
      target.lanes,
      target.lanes + 1,
      255,
      256,
      257,
      2 ** 31 - 1,
    ])("a part of %i lanes is none at least and all at most", (part) => {
      const here = range(target.lanes).map((i) => i < part);
      for (const constant of [false, true]) {
        views.i32.fill(-7, 256, 512);
        run(1, (f, [n]) => {
            const count = constant ? i32.const(part) : n!;
            f.do(lanes.store(1024, ints.add(ints.ramp(), ints.const(1))));
            f.do(partial.store(1152, lanes.load(1024), count), lanes.store(1280, partial.load(1024, count)));
          }, part); // prettier-ignore
        expect([...views.i32.subarray(288, 288 + target.lanes)]).toEqual(here.map((x, i) => (x ? i + 1 : -7)));
        expect([...views.i32.subarray(320, 320 + target.lanes)]).toEqual(here.map((x, i) => (x ? i + 1 : 0)));
        expect(views.i32[288 - 1]).toBe(-7);
        expect(views.i32[288 + target.lanes]).toBe(-7);
      }
    });
  });
}
