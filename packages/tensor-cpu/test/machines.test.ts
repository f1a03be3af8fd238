// Machine code against WebAssembly: operations on single numbers, and random programs.
import {
  F32, F64, I32, I64, VECTOR, choose, f32, f64, i32, ints, lanes, nativeArguments, partial, select,
  type Expr, type Local, type Module, type NativeCode, type Type,
} from "@weft/kernel/machine"; // prettier-ignore
import { nativeCode } from "@weft/x64";
import { beforeEach, describe, expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { WasmModule } from "../src/wasm/emitter.ts";
import { memory as parts, parameters, writeProgram, type Lanes, type Result } from "./random-functions.ts";
import { random } from "./random-kernel.ts";

type Write = (module: Module) => void;
type Functions = Readonly<Record<string, (...args: number[]) => void>>;

const memory = new WebAssembly.Memory({ initial: parts.bytes >> 16, maximum: parts.bytes >> 16 });
const bytes = new Uint8Array(memory.buffer);
const words = new Int32Array(64);
const longs = new BigInt64Array(words.buffer);

function webAssembly(write: Write): Functions {
  const module = new WasmModule({ shared: false, maximum: parts.bytes >> 16 });
  write(module);
  return new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { e: { m: memory } }).exports as Functions;
}
function native(code: NativeCode, name: string, write: Write): Functions {
  const compiled = code.compile(name, write);
  if ("reason" in compiled) throw new Error(compiled.reason);
  const { entries, address } = compiled;
  const call = (entry: number) => (...args: number[]) => {
    longs[nativeArguments.base / 2] = BigInt(code.addressOf(bytes));
    words[nativeArguments.entry] = entry;
    words.set(args, nativeArguments.first);
    code.call(code.addressOf(words), address);
  }; // prettier-ignore
  return Object.fromEntries(entries.map((name, entry) => [name, call(entry)]));
}

const types = { [I32]: i32, [F32]: f32, [F64]: f64 } as const;
type Numeric = keyof typeof types;
type Operation = readonly [name: string, from: Numeric, to: Numeric, write: (...args: Expr[]) => Expr, arity: 1 | 2];

const ofNames = (type: Numeric, to: Numeric, names: string, arity: 1 | 2): Operation[] =>
  names.split(" ").map((name) => [`${type}.${name}`, type, to, (types[type] as never)[name], arity]);
const tests = "eq ne lt gt le ge";
const one = "abs neg ceil floor trunc nearest sqrt";
const two = "add sub mul div min max";
const operations: readonly Operation[] = [
  ...ofNames(I32, I32, "eq ne ltS ltU gtS gtU leS leU geS geU add sub mul divS divU remS remU and or xor shl shrS shrU", 2),
  ...ofNames(I32, I32, "eqz", 1),
  ...([F32, F64] as const).flatMap((type) => [
    ...ofNames(type, I32, tests, 2), ...ofNames(type, type, one, 1), ...ofNames(type, type, two, 2),
  ]),
  ["i32.reinterpretF32", F32, I32, i32.reinterpretF32 as never, 1], ["i32.truncSatF32", F32, I32, i32.truncSatF32 as never, 1],
  ["i32.truncSatF64", F64, I32, i32.truncSatF64 as never, 1], ["f32.convertI32", I32, F32, f32.convertI32 as never, 1],
  ["f32.demoteF64", F64, F32, f32.demoteF64 as never, 1], ["f32.reinterpretI32", I32, F32, f32.reinterpretI32 as never, 1],
  ["f64.convertI32", I32, F64, f64.convertI32 as never, 1], ["f64.promoteF32", F32, F64, f64.promoteF32 as never, 1],
  ...([I32, F32, F64] as const).flatMap((type): Operation[] => [
    [`select of ${type}`, type, type, (a, b) => select(i32.load(512), a!, b!), 2],
    [`choose of ${type}`, type, type, (a, b) => choose(type, i32.load(512), a as never, b as never) as Expr, 2],
  ]),
]; // prettier-ignore
const reals = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 3e9, -3e9, 2 ** 31, -(2 ** 31), 2 ** 31 - 1, 2 ** 31 - 0.5, -(2 ** 31) - 0.5, 1e-40, 1e30, -1e300, Infinity, -Infinity, NaN]; // prettier-ignore
const whole = [0, 1, -1, 2, 3, -7, 31, 32, 33, 100, 65_536, 1 << 30, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1, 0x7f80_0000, 0x3f80_0001]; // prettier-ignore

/** Each as it is, and with operands and a result in registers: in the first one's, and in the second one's. */
const writeOperation = ([name, from, to, write, arity]: Operation): Write => (m) => {
  const f = m.func(name, []);
  const load = (at: number) => types[from].load(at) as Expr;
  const store = (at: number, e: Expr) => types[to].store(at, e as never);
  f.do(store(16, write(load(0), load(8))));
  const [a, b] = [f.let<Type>(from, load(0)), f.let<Type>(from, load(8))];
  f.do(store(24, write(a, b)));
  if (from !== to) return;
  const [c, d] = [f.let<Type>(from, a), f.let<Type>(from, b)];
  f.set(c, write(c, b));
  f.do(store(32, c));
  if (arity === 2) f.set(d, write(a, d));
  f.do(store(40, d));
}; // prettier-ignore

const own: Lanes = { load: partial.load, store: partial.store, blend: lanes.blend };
const below = (n: Expr<typeof I32>) => ints.gtS(ints.splat(n), ints.ramp());
const inOtherWays: Lanes = {
  load: (address, n, offset) => lanes.and(lanes.load(address, offset), below(n)),
  store: (address, value, n) => lanes.store(address, lanes.bitselect(value, lanes.load(address), below(n))),
  blend: lanes.bitselect,
};

/** What a program left, in as many lanes as WebAssembly has. */
function valueOf({ type, at }: Result): unknown {
  if (type === F32) return new Float32Array(memory.buffer, at, 1)[0];
  if (type === F64) return new Float64Array(memory.buffer, at, 1)[0];
  return [...new Int32Array(memory.buffer, at, type === VECTOR ? 4 : type === I64 ? 2 : 1)];
}

const programs = everything ? 400 : 40;

describe.each(["avx2", "avx512"] as const)("%s", (vectors) => {
  const code = nativeCode(vectors);
  const lacks = "reason" in code ? code.reason : undefined;
  beforeEach(({ skip }) => skip(lacks !== undefined, lacks));

  test.each(operations)("%s", (...operation) => {
    const [name, from, to] = operation;
    const write = writeOperation(operation);
    const [wanted, given] = [webAssembly(write), native(code as NativeCode, name, write)];
    const view = (type: Numeric) => new { i32: Int32Array, f32: Float32Array, f64: Float64Array }[type](memory.buffer);
    const [input, output] = [view(from), view(to)];
    const values = from === I32 ? whole : reals;
    const second = 8 / input.BYTES_PER_ELEMENT;
    for (const x of values)
      for (const y of values) {
        // Here WebAssembly stops.
        if (/div[SU]|rem[SU]/.test(name) && (y === 0 || (x === -(2 ** 31) && y === -1))) continue;
        const results = [wanted, given].map((functions) => {
          bytes.fill(0, 0, 64);
          [input[0], input[second]] = [x, y];
          view(I32)[128] = x > y ? 1 : 0;
          functions[name]!();
          return [16, 24, 32, 40].map((at) => output[at / output.BYTES_PER_ELEMENT]!);
        });
        expect(results[1], `${name}(${x}, ${y})`).toEqual(results[0]);
      }
  });

  test("divisions that WebAssembly stops at give 0, all of the number, or what wraps", () => {
    const write: Write = (m) => {
      const f = m.func("f", [I32, I32]);
      const [a, b] = f.params as readonly Local<typeof I32>[];
      f.do(i32.store(0, i32.divS(a!, b!)), i32.store(4, i32.divU(a!, b!)));
      f.do(i32.store(8, i32.remS(a!, b!)), i32.store(12, i32.remU(a!, b!)));
    };
    const { f } = native(code as NativeCode, "divisions", write);
    const results = (a: number, b: number): number[] => (f!(a, b), [...new Int32Array(memory.buffer, 0, 4)]);
    expect(results(7, 0)).toEqual([0, 0, 7, 7]);
    expect(results(-7, 0)).toEqual([0, 0, -7, -7]);
    expect(results(-(2 ** 31), -1)).toEqual([-(2 ** 31), 0, 0, -(2 ** 31)]);
  });

  test("random programs", () => {
    for (let seed = 1; seed <= programs; seed++) {
      let left: readonly Result[] = [];
      const writer =
        (lanesOf: Lanes): Write =>
        (m) =>
          void (left = writeProgram(m, seed, lanesOf));
      const functions = [webAssembly(writer(inOtherWays)), native(code as NativeCode, `program ${seed}`, writer(own))];
      const results = functions.map(({ main }) => {
        const r = random(seed);
        bytes.fill(0).set(Uint8Array.from({ length: parts.inputs }, () => 256 * r()));
        main!(3, ...Array.from({ length: parameters - 1 }, () => Math.floor(2 ** 32 * r()) | 0));
        return [...left.map(valueOf), bytes.slice(parts.scratch, parts.results)];
      });
      expect(results[1], `program ${seed}`).toEqual(results[0]);
    }
  });
});
