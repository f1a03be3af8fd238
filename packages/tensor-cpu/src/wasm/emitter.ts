// A module of WebAssembly under construction: functions whose bodies are statements over the expressions of a machine.
// oxfmt-ignore
import {
  Expr, F32, F64, I32, I64, Local, VECTOR, VOID, f32, f64, i32, type In, type Type,
} from "@weft/kernel/machine";
import { borrow, giveBack, type Bytes } from "./bytes.ts";
import { opcodes, opcodesOfFour, type Write } from "./opcodes.ts";

export * from "@weft/kernel/machine";
export { four } from "./opcodes.ts";

/** A place that `br` can go to: the end of a block, the start of a loop. */
export type Label = number;

interface Signature {
  readonly params: readonly Type[];
  readonly result: Type;
}

export class Func<R extends Type = Type> {
  readonly index: number;
  readonly name: string;
  readonly signature: Signature;
  readonly params: readonly Local[];
  readonly #locals: Type[] = [];
  #code = borrow();
  #depth = 0;

  constructor(index: number, name: string, signature: Signature) {
    this.index = index;
    this.name = name;
    this.signature = signature;
    this.params = signature.params.map((t, i) => new Local(i, t));
  }

  /** Parameter `i`; its type is said here and checked. */
  param<T extends Type>(i: number, type: T): Local<T> {
    const p = this.params[i];
    if (p === undefined || !isOf(p, type))
      throw new TypeError(`wasm function ${this.name}: parameter ${i} is not of that type`);
    return p;
  }
  local<T extends Type>(type: T): Local<T> {
    this.#locals.push(type);
    return new Local(this.params.length + this.#locals.length - 1, type);
  }
  /** A new local that holds the value of `e` from here on. */
  let<T extends Type>(type: T, e: In<T>): Local<T> {
    const l = this.local(type);
    this.set(l, e);
    return l;
  }
  set<T extends Type>(target: Local<T>, e: In<T>): void {
    this.#write(typeof e === "number" ? constants[target.type](e) : e);
    this.#code.byte(0x21);
    this.#code.u(target.imm);
  }
  /** Sets the local and is its value. */
  tee<T extends Type>(target: Local<T>, e: Expr<T>): Expr<T> {
    return new Expr("tee", [e], target.imm);
  }
  /** target += e, for i32 locals. */
  advance(target: Local<typeof I32>, e: In<typeof I32>): void {
    this.set(target, i32.add(target, e));
  }
  /** Runs expressions that leave nothing: stores, calls without a result. */
  do(...statements: readonly Expr<typeof VOID>[]): void {
    for (const s of statements) this.#write(s);
  }
  drop(e: Expr): void {
    this.#write(e);
    this.#code.byte(0x1a);
  }
  if(condition: In<typeof I32>, then: () => void, otherwise?: () => void): void {
    this.#int(condition);
    this.#open(0x04);
    then();
    if (otherwise !== undefined) {
      this.#code.byte(0x05);
      otherwise();
    }
    this.#close();
  }
  /** `br(label)` inside leaves the block. */
  block(body: (label: Label) => void): void {
    this.#open(0x02);
    body(this.#depth);
    this.#close();
  }
  /** `br(label)` inside goes back to the start; without one the body runs once. */
  loop(body: (label: Label) => void): void {
    this.#open(0x03);
    body(this.#depth);
    this.#close();
  }
  /** Runs the body once, then again while `condition` holds (it is evaluated after the body). */
  repeat(body: () => void, condition: () => In<typeof I32>): void {
    this.loop((again) => {
      body();
      this.brIf(again, condition());
    });
  }
  /** Runs the body `n` times, at least once; n is counted down to 0. */
  times(n: Local<typeof I32>, body: () => void): void {
    this.repeat(body, () => this.tee(n, i32.sub(n, 1)));
  }
  /** Runs the body while `condition` holds: tested once before and then at the bottom, so it is written twice. */
  while(condition: In<typeof I32>, body: () => void): void {
    this.if(condition, () => this.repeat(body, () => condition));
  }
  /** Counts `i` from where it stands up to (not including) `end`. */
  for(i: Local<typeof I32>, end: In<typeof I32>, step: In<typeof I32>, body: () => void): void {
    this.while(i32.ltS(i, end), () => {
      body();
      this.advance(i, step);
    });
  }
  br(label: Label): void {
    this.#code.byte(0x0c);
    this.#code.u(this.#depth - label);
  }
  brIf(label: Label, condition: In<typeof I32>): void {
    this.#int(condition);
    this.#code.byte(0x0d);
    this.#code.u(this.#depth - label);
  }
  return(e?: Expr<R>): void {
    if (e !== undefined) this.#write(e);
    this.#code.byte(0x0f);
  }
  /** Leaves the value that the function returns at its end. */
  result(e: Expr<R>): void {
    this.#write(e);
  }
  /** A call of this function, from any function of the module (also from itself). */
  call(...args: readonly In<Type>[]): Expr<R> {
    const { params } = this.signature;
    if (args.length !== params.length)
      throw new TypeError(`wasm function ${this.name}: ${args.length} arguments instead of ${params.length}`);
    return new Expr(
      "call",
      args.map((a, i) => (typeof a === "number" ? constants[params[i]!](a) : a)),
      this.index,
    );
  }

  /** Writes the function into the module, which ends it. */
  finish(into: Bytes): void {
    const at = into.beginLength();
    const runs: [number, Type][] = [];
    for (const t of this.#locals) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last[1] === t) last[0]++;
      else runs.push([1, t]);
    }
    into.u(runs.length);
    for (const [n, t] of runs) {
      into.u(n);
      into.byte(types[t]);
    }
    into.append(this.#code);
    into.byte(0x0b);
    into.endLength(at);
    giveBack(this.#code);
    this.#code = undefined as never;
  }

  #open(op: number): void {
    this.#code.byte(op);
    this.#code.byte(types[VOID]);
    this.#depth++;
  }
  #close(): void {
    this.#code.byte(0x0b);
    this.#depth--;
  }
  #int(e: In<typeof I32>): void {
    this.#write(typeof e === "number" ? i32.const(e) : e);
  }
  #write(e: Expr): void {
    write(this.#code, e);
  }
}

/** How WebAssembly numbers types. */
const types: { readonly [T in Type]: number } = {
  [I32]: 0x7f,
  [I64]: 0x7e,
  [F32]: 0x7d,
  [F64]: 0x7c,
  [VECTOR]: 0x7b,
  [VOID]: 0x40,
};

const writers: Readonly<Record<string, Write>> = { ...opcodes, ...opcodesOfFour };

function write(code: Bytes, e: Expr): void {
  const { op, args } = e;
  if (op.startsWith("choose.")) {
    write(code, args[0]!);
    code.byte(0x04);
    code.byte(types[op.slice(7) as Type]);
    write(code, args[1]!);
    code.byte(0x05);
    write(code, args[2]!);
    return code.byte(0x0b);
  }
  for (let i = 0; i < args.length; i++) write(code, args[i]!);
  writers[op]!(code, e);
}

const refuse = (): never => {
  throw new TypeError("wasm: a plain number stands for i32, f32 and f64 constants only");
};
const constants: { readonly [T in Type]: (n: number) => Expr } = {
  [I32]: i32.const,
  [F32]: f32.const,
  [F64]: f64.const,
  [I64]: refuse,
  [VECTOR]: refuse,
  [VOID]: refuse,
};

const isOf = <T extends Type>(local: Local, type: T): local is Local<T> => local.type === type;

/** A function that the host gives: called like a `Func`. */
export interface Imported<R extends Type> {
  readonly index: number;
  readonly call: Func<R>["call"];
}

export interface MemoryOptions {
  readonly shared: boolean;
  /** Pages of 64 KiB; must not be below the maximum of the memory that is given. */
  readonly maximum?: number;
}

/** A module that imports the memory `e.m` (4 GiB at most) and functions, and exports the functions with a name. */
export class Module {
  readonly #memory: Required<MemoryOptions>;
  readonly #signatures: Signature[] = [];
  readonly #imports: Func[] = [];
  readonly #functions: Func[] = [];

  constructor(memory: MemoryOptions) {
    this.#memory = { maximum: 65536, ...memory };
  }
  /** A function of the host, `e.<name>`; imports come before functions. */
  import<R extends Type>(name: string, params: readonly Type[], result: R): Imported<R> {
    if (this.#functions.length > 0) throw new TypeError(`wasm: import ${name} comes after a function`);
    const f = new Func<R>(this.#imports.length, name, this.#signature(params, result));
    this.#imports.push(f);
    return f;
  }
  /** A function; exported if it has a name. */
  func(name: string, params: readonly Type[]): Func<typeof VOID>;
  func<R extends Type>(name: string, params: readonly Type[], result: R): Func<R>;
  func(name: string, params: readonly Type[], result: Type = VOID): Func {
    const f = new Func(this.#imports.length + this.#functions.length, name, this.#signature(params, result));
    this.#functions.push(f);
    return f;
  }

  /** The binary module; nothing can be added afterwards. */
  bytes(): Uint8Array<ArrayBuffer> {
    const out = borrow();
    for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(b);
    section(out, 1, this.#signatures, (s, b) => {
      b.byte(0x60);
      b.u(s.params.length);
      for (const t of s.params) b.byte(types[t]);
      if (s.result === VOID) b.byte(0);
      else {
        b.byte(1);
        b.byte(types[s.result]);
      }
    });
    section(out, 2, [undefined, ...this.#imports], (f, b) => {
      b.name("e");
      if (f === undefined) {
        b.name("m");
        b.byte(2);
        b.byte(this.#memory.shared ? 3 : 1);
        b.u(1);
        b.u(this.#memory.maximum);
      } else {
        b.name(f.name);
        b.byte(0);
        b.u(this.#signatures.indexOf(f.signature));
      }
    });
    section(out, 3, this.#functions, (f, b) => b.u(this.#signatures.indexOf(f.signature)));
    section(
      out,
      7,
      this.#functions.filter((f) => f.name !== ""),
      (f, b) => {
        b.name(f.name);
        b.byte(0);
        b.u(f.index);
      },
    );
    section(out, 10, this.#functions, (f, b) => f.finish(b));
    const bytes = out.copy();
    giveBack(out);
    return bytes;
  }

  #signature(params: readonly Type[], result: Type): Signature {
    const same = (s: Signature): boolean =>
      s.result === result && s.params.length === params.length && s.params.every((t, i) => t === params[i]);
    let s = this.#signatures.find(same);
    if (s === undefined) this.#signatures.push((s = { params, result }));
    return s;
  }
}

function section<T>(out: Bytes, id: number, items: readonly T[], write: (item: T, into: Bytes) => void): void {
  out.byte(id);
  const at = out.beginLength();
  out.u(items.length);
  for (const item of items) write(item, out);
  out.endLength(at);
}
