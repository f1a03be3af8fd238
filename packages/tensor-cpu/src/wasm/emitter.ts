// Modules of WebAssembly: how each statement is written. Expressions are in opcodes.ts.
// oxfmt-ignore
import {
  Expr, F32, F64, Func, I32, I64, Local, VECTOR, VOID, constantOr,
  type Imported, type In, type Label, type Module, type Signature, type Type,
} from "@weft/kernel/machine";
import { borrow, giveBack, type Bytes } from "./bytes.ts";
import { opcodes, opcodesOfFour, type Write } from "./opcodes.ts";

export * from "@weft/kernel/machine";
export { four } from "./opcodes.ts";

class WasmFunc<R extends Type = Type> extends Func<R> {
  readonly #locals: Type[] = [];
  #code = borrow();
  #depth = 0;

  override local<T extends Type>(type: T): Local<T> {
    this.#locals.push(type);
    return new Local(this.params.length + this.#locals.length - 1, type);
  }
  override set<T extends Type>(target: Local<T>, e: In<T>): void {
    this.#write(constantOr(target.type, e));
    this.#code.byte(0x21);
    this.#code.u(target.imm);
  }
  override do(...statements: readonly Expr<typeof VOID>[]): void {
    for (const s of statements) this.#write(s);
  }
  override drop(e: Expr): void {
    this.#write(e);
    this.#code.byte(0x1a);
  }
  override if(condition: In<typeof I32>, then: () => void, otherwise?: () => void): void {
    this.#write(constantOr(I32, condition));
    this.#open(0x04);
    then();
    if (otherwise !== undefined) {
      this.#code.byte(0x05);
      otherwise();
    }
    this.#close();
  }
  override block(body: (label: Label) => void): void {
    this.#open(0x02);
    body(this.#depth);
    this.#close();
  }
  override loop(body: (label: Label) => void): void {
    this.#open(0x03);
    body(this.#depth);
    this.#close();
  }
  override br(label: Label): void {
    this.#code.byte(0x0c);
    this.#code.u(this.#depth - label);
  }
  override brIf(label: Label, condition: In<typeof I32>): void {
    this.#write(constantOr(I32, condition));
    this.#code.byte(0x0d);
    this.#code.u(this.#depth - label);
  }
  override return(e?: Expr<R>): void {
    if (e !== undefined) this.#write(e);
    this.#code.byte(0x0f);
  }
  override result(e: Expr<R>): void {
    this.#write(e);
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
  const own = writers[op];
  if (own === undefined) return choose(code, e);
  for (let i = 0; i < args.length; i++) write(code, args[i]!);
  own(code, e);
}

/** `choose.TYPE`, which is written around its operands. */
function choose(code: Bytes, { op, args }: Expr): void {
  write(code, args[0]!);
  code.byte(0x04);
  code.byte(types[op.slice("choose.".length) as Type]);
  write(code, args[1]!);
  code.byte(0x05);
  write(code, args[2]!);
  code.byte(0x0b);
}

export interface MemoryOptions {
  readonly shared: boolean;
  /** Pages of 64 KiB; must not be below the maximum of the memory that is given. */
  readonly maximum?: number;
}

/** A module that imports the memory `e.m` (4 GiB at most) and functions, and exports the functions with a name. */
export class WasmModule implements Module {
  readonly #memory: Required<MemoryOptions>;
  readonly #signatures: Signature[] = [];
  readonly #imports: WasmFunc[] = [];
  readonly #functions: WasmFunc[] = [];

  constructor(memory: MemoryOptions) {
    this.#memory = { maximum: 65536, ...memory };
  }
  /** A function of the host, `e.<name>`; imports come before functions. */
  import<R extends Type>(name: string, params: readonly Type[], result: R): Imported<R> {
    if (this.#functions.length > 0) throw new TypeError(`wasm: import ${name} comes after a function`);
    const f = new WasmFunc<R>(this.#imports.length, name, this.#signature(params, result));
    this.#imports.push(f);
    return f;
  }
  /** A function; exported if it has a name. */
  func(name: string, params: readonly Type[]): WasmFunc<typeof VOID>;
  func<R extends Type>(name: string, params: readonly Type[], result: R): WasmFunc<R>;
  func(name: string, params: readonly Type[], result: Type = VOID): WasmFunc {
    const f = new WasmFunc(this.#imports.length + this.#functions.length, name, this.#signature(params, result));
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
