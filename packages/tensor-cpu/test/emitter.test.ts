// The emitter: every vector instruction against JavaScript on its lanes, control flow, calls, imports.
import { describe, expect, test } from "vitest";
import * as wasm from "../src/wasm/emitter.ts";
import {
  F32,
  F64,
  I32,
  WasmModule,
  VECTOR,
  f32,
  f64,
  i32,
  i64,
  four,
  lanes,
  type Expr,
  type Type,
} from "../src/wasm/emitter.ts";
import { relaxedSimd, sharedMemory } from "../src/wasm/features.ts";

type Vector = Expr<typeof VECTOR>;
const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });

/** Compiles one function `run` and gives it to call. */
function compile(params: readonly Type[], result: Type, write: (f: wasm.Func) => void): (...args: number[]) => number {
  const m = new WasmModule({ shared: false });
  const f = m.func("run", params, result);
  write(f as wasm.Func);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.bytes()), { e: { m: memory } });
  return instance.exports["run"] as (...args: number[]) => number;
}

const table = (mask: (yes: boolean) => number) => ({
  eq: (a: number, b: number) => mask(a === b),
  ne: (a: number, b: number) => mask(a !== b),
  lt: (a: number, b: number) => mask(a < b),
  le: (a: number, b: number) => mask(a <= b),
  gt: (a: number, b: number) => mask(a > b),
  ge: (a: number, b: number) => mask(a >= b),
});
const ints = {
  ...table((yes) => (yes ? -1 : 0)),
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: Math.imul,
  neg: (a: number) => -a,
  abs: Math.abs,
  minS: (a: number, b: number) => Math.min(a, b),
  maxS: (a: number, b: number) => Math.max(a, b),
  ltS: (a: number, b: number) => (a < b ? -1 : 0),
  leS: (a: number, b: number) => (a <= b ? -1 : 0),
  gtS: (a: number, b: number) => (a > b ? -1 : 0),
  geS: (a: number, b: number) => (a >= b ? -1 : 0),
  minU: (a: number, b: number) => (a >>> 0 < b >>> 0 ? a : b),
  maxU: (a: number, b: number) => (a >>> 0 > b >>> 0 ? a : b),
  ltU: (a: number, b: number) => (a >>> 0 < b >>> 0 ? -1 : 0),
  leU: (a: number, b: number) => (a >>> 0 <= b >>> 0 ? -1 : 0),
  gtU: (a: number, b: number) => (a >>> 0 > b >>> 0 ? -1 : 0),
  geU: (a: number, b: number) => (a >>> 0 >= b >>> 0 ? -1 : 0),
};
const floats = {
  add: ints.add,
  sub: ints.sub,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  neg: ints.neg,
  abs: Math.abs,
  sqrt: Math.sqrt,
  ceil: Math.ceil,
  floor: Math.floor,
  trunc: Math.trunc,
  nearest: (a: number) => (Math.abs(a % 1) === 0.5 ? 2 * Math.round(a / 2) : Math.round(a)),
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
  pmin: (a: number, b: number) => (b < a ? b : a),
  pmax: (a: number, b: number) => (a < b ? b : a),
};

const spaces = {
  ints: { array: Int32Array, values: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 100000, 7, -3], rules: ints },
  floats: { array: Float32Array, values: [0, -0, 1.5, -2.5, NaN, Infinity, 1e30, 0.25], rules: floats },
  doubles: { array: Float64Array, values: [0, -0, 1.5, -2.5, NaN, Infinity, 1e300, 0.25], rules: floats },
} as const;

describe("vector instructions", () => {
  for (const [space, { array, values, rules }] of Object.entries(spaces)) {
    const ops = wasm[space as keyof typeof spaces] as unknown as Record<string, (a: Vector, b?: Vector) => Vector>;
    const make = array as unknown as {
      new (b: ArrayBuffer, at: number, n: number): number[];
      BYTES_PER_ELEMENT: number;
    };
    const n = 16 / make.BYTES_PER_ELEMENT;
    test.each(Object.keys(rules).filter((op) => op in ops))(`${space}.%s`, (op) => {
      const rule = (rules as Record<string, (a: number, b: number) => number>)[op]!;
      const run = compile([], I32, (f) => {
        const [a, b] = [lanes.load(0), lanes.load(16)];
        f.do(lanes.store(32, rule.length === 1 ? ops[op]!(a) : ops[op]!(a, b)));
        f.result(i32.const(7));
      });
      const [a, b, out] = [0, 16, 32].map((at) => new make(memory.buffer, at, n)) as [number[], number[], number[]];
      const wrapped = new make(new ArrayBuffer(16), 0, n);
      for (const x of values) {
        for (const y of values) {
          for (let i = 0; i < n; i++) {
            a[i] = i & 1 ? y : x;
            b[i] = i & 2 || n === 2 ? x : y;
          }
          expect(run()).toBe(7);
          for (let i = 0; i < n; i++) {
            wrapped[i] = rule(a[i]!, b[i]!);
            expect(out[i]).toBe(wrapped[i]);
          }
        }
      }
    });
  }

  test("conversions, shuffles, lanes", () => {
    const run = compile([F32, I32], I32, (f) => {
      const x = f.let(VECTOR, wasm.floats.splat(f.param(0, F32)));
      const y = f.let(VECTOR, wasm.ints.add(wasm.ints.splat(f.param(1, I32)), four.const([0, 1, 2, 3])));
      f.do(lanes.store(0, four.replaceFloat(x, 2, four.extract(wasm.floats.convertInts(y), 3))));
      f.do(lanes.store(16, four.shuffle(y, wasm.ints.const(-9), [3, 0, 4, 2])));
      f.do(lanes.store(32, wasm.doubles.ofFloats(x)), lanes.store(176, lanes.rotate(y, 1)));
      f.do(lanes.store(192, wasm.doubles.ofInts(y)), lanes.store(208, wasm.floats.ofDoubles(wasm.doubles.const(-1.9))));
      f.do(lanes.store(224, wasm.ints.ofDoubles(wasm.doubles.const(-1.9))));
      f.do(lanes.store16(64, y), lanes.store8(72, y), lanes.store(80, lanes.load8(72)));
      f.do(lanes.store(144, lanes.load16(64)), lanes.storeFirst(160, wasm.ints.ramp(), 4));
      f.do(four.store16(96, wasm.ints.const(-2), 4, 2));
      f.do(i64.store(104, i64.load(16)));
      f.do(lanes.store(112, four.load8(3, wasm.ints.const(0), 4)));
      f.result(i32.eqz(f.param(1, I32)));
    });
    expect(run(1.25, 0)).toBe(1);
    expect([...new Float32Array(memory.buffer, 0, 4)]).toEqual([1.25, 1.25, 3, 1.25]);
    expect([...new Int32Array(memory.buffer, 16, 4)]).toEqual([3, 0, -9, 2]);
    expect([...new Float64Array(memory.buffer, 32, 2)]).toEqual([1.25, 1.25]);
    expect([...new Int32Array(memory.buffer, 176, 4)]).toEqual([1, 2, 3, 0]);
    expect([...new Float64Array(memory.buffer, 192, 2)]).toEqual([0, 1]);
    expect([...new Float32Array(memory.buffer, 208, 4)]).toEqual([-1.9, -1.9, 0, 0].map(Math.fround));
    expect([...new Int32Array(memory.buffer, 224, 4)]).toEqual([-1, -1, 0, 0]);
    expect([...new Uint16Array(memory.buffer, 64, 4)]).toEqual([0, 1, 2, 3]);
    expect([...new Uint8Array(memory.buffer, 72, 4)]).toEqual([0, 1, 2, 3]);
    for (const at of [80, 144]) expect([...new Int32Array(memory.buffer, at, 4)]).toEqual([0, 1, 2, 3]);
    expect([...new Int32Array(memory.buffer, 160, 3)]).toEqual([0, 0, 0]);
    expect([...new Int32Array(memory.buffer, 104, 2)]).toEqual([3, 0]);
    expect(new Int16Array(memory.buffer, 98, 1)[0]).toBe(-2);
    expect(new Uint8Array(memory.buffer, 116, 1)[0]).toBe(0x3f); // the top byte of 1.0
  });

  test("relaxed instructions, where there are any", () => {
    if (!relaxedSimd()) return;
    const run = compile([F32], F32, (f) => {
      const x = f.let(VECTOR, wasm.floats.splat(f.param(0, F32)));
      const mask = wasm.floats.gt(x, 2);
      f.result(wasm.floats.first(lanes.blend(wasm.floats.madd(x, x, 1), x, mask)));
    });
    expect([run(3), run(2)]).toEqual([10, 2]);
  });
});

describe("functions", () => {
  test("loops, branches and recursion", () => {
    const sum = compile([I32], I32, (f) => {
      const [n, i, total] = [f.param(0, I32), f.local(I32), f.local(I32)];
      f.for(i, n, 1, () => {
        f.block((next) => {
          f.brIf(next, i32.and(i, 1));
          f.set(total, i32.add(total, i));
        });
      });
      f.result(total);
    });
    expect([sum(10), sum(0), sum(-5)]).toEqual([20, 0, 0]);

    const factorial = compile([F64], F64, (f) => {
      const n = f.param(0, F64);
      f.if(f64.lt(n, 2), () => f.return(f64.const(1)));
      f.result(f64.mul(n, f.call(f64.sub(n, 1)) as Expr<typeof F64>));
    });
    expect(factorial(10)).toBe(3628800);

    const collatz = compile([I32], I32, (f) => {
      const [n, steps] = [f.param(0, I32), f.local(I32)];
      f.while(i32.ne(n, 1), () => {
        f.if(
          i32.and(n, 1),
          () => f.set(n, i32.add(i32.mul(n, 3), 1)),
          () => f.set(n, i32.shrU(n, 1)),
        );
        f.advance(steps, 1);
      });
      f.result(wasm.choose(I32, i32.eqz(steps), i32.const(-1), steps));
    });
    expect([collatz(27), collatz(1)]).toEqual([111, -1]);
  });

  test("imports, constants and locals of all types", () => {
    const m = new WasmModule({ shared: false });
    const pow = m.import("pow", [F64, F64], F64);
    const inner = m.func("", [I32, F64], F64);
    inner.result(f64.add(pow.call(inner.param(1, F64), 2), f64.convertI32(inner.param(0, I32))));
    const f = m.func("run", [I32], F64);
    const [a, b] = [f.let(F64, -0.5), f.let(F32, f32.const(1e-3))];
    f.set(a, f64.add(a, f64.promoteF32(b)));
    f.if(f32.lt(b, 1), () => f.set(a, f64.mul(a, -2)));
    f.result(f64.add(inner.call(f.param(0, I32), 3), a));
    const { run } = new WebAssembly.Instance(new WebAssembly.Module(m.bytes()), { e: { m: memory, pow: Math.pow } })
      .exports as { run: (n: number) => number };
    expect(run(-(2 ** 31))).toBeCloseTo(9 - 2 ** 31 + 1 - 2 * Math.fround(1e-3), 6);
    expect(() => m.import("late", [], F64)).toThrow(/comes after/);
    expect(() => inner.call(1)).toThrow(/1 arguments instead of 2/);
    expect(() => inner.param(0, F64)).toThrow(/parameter 0/);
  });

  test("numbers of all lengths in LEB128", () => {
    for (const n of [0, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 31 - 1, -(2 ** 31)])
      expect(compile([], I32, (f) => f.result(i32.const(n)))()).toBe(n);
    expect(compile([], I32, (f) => f.result(i32.load8u(0, 65535)))()).toBe(0);
  });
});

test("shared memory can be asked for", () => {
  const m = new WasmModule({ shared: true });
  const f = m.func("run", [], I32);
  f.do(i32.store(0, i32.add(i32.load(0, 8), 5), 8));
  f.result(i32.load(0, 8));
  const bytes = m.bytes();
  expect(WebAssembly.validate(bytes)).toBe(sharedMemory());
  if (!sharedMemory()) return;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory } }).exports as {
    run: () => number;
  };
  expect([run(), run(), new Int32Array(memory.buffer)[2]]).toEqual([5, 10, 10]);
});
