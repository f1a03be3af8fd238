// Machine code of one function: its statements one by one, its expressions as trees, whose values pass through spare
// registers. Addresses of memory are 32 bits, behind the address in `base`.
import type { Expr, Local } from "@weft/kernel/machine";
import { Assembler } from "../assembler/assembler.ts";
import { General, Label, at, general, r15, vector, type Memory, type Vector } from "../assembler/operands.ts";
import type { Condition } from "../assembler/row.ts";
import { Frame } from "./frame.ts";
import { conditions, integers, type WriteInteger } from "./integers.ts";
import { livenessOf, type Liveness } from "./liveness.ts";
import { Spare, TooDeep } from "./spare.ts";
import { assign, bankOf, type Assignment } from "./registers.ts";
import { ordered, type Body } from "./operand-order.ts";
import type { Statement, X64Func } from "./statements.ts";
import type { Target, WriteStore, WriteTest, WriteVector } from "./target.ts";

/** Where memory begins. */
export const base = r15;
/** rax, rcx, rdx and rsi hold what is between instructions; rbx, rdi and r8 to r14 locals. */
const spareIntegers = [0, 1, 2, 6];
const localIntegers = [3, 7, 8, 9, 10, 11, 12, 13, 14];
/** How many vector registers are kept for what is between instructions: more where expressions are deep. */
const spareVectors = [3, 6, 10];
/** No operation takes more for its operands and what it needs besides. */
const spareWhenFlat = 6;

/** The registers that a function overwrites, a bit each. */
export interface Clobbers {
  readonly general: number;
  readonly vector: number;
}

export const everything: Clobbers = { general: -1, vector: -1 };

/** A function that can be called. */
export interface Callee {
  readonly label: Label;
  readonly clobbers: Clobbers;
}

/** Writes a function; what it overwrites. */
export function generate(code: Assembler, f: X64Func, target: Target, callees: readonly Callee[]): Clobbers {
  const write = (body: Body, spare: number): Clobbers => {
    const liveness = livenessOf(body);
    const generator = (into: Assembler): Generator => new Generator(into, body, target, liveness, spare, callees);
    generator(new Assembler()).write();
    return generator(code).write();
  };
  const body = ordered(f, false);
  for (const spare of spareVectors)
    try {
      return write(body, spare);
    } catch (error) {
      if (!(error instanceof TooDeep)) throw error;
    }
  return write(ordered(f, true), spareWhenFlat);
}

/** Operations are looked up by the names in expressions, which may be those of another target. */
type Table<Write> = Readonly<Record<string, Write | undefined>>;
const values: Table<WriteInteger> = integers;
const tests: Table<Condition> = conditions;

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

export class Generator {
  readonly code: Assembler;
  readonly target: Target;
  readonly general: Spare<General<64>>;
  readonly vector: Spare<Vector>;
  readonly frame: Frame;
  readonly #f: Body;
  readonly #liveness: Liveness;
  readonly #assignment: Assignment;
  readonly #callees: readonly Callee[];
  readonly #labels = new Map<number, Label>();
  readonly #exit = new Label("return");
  #called: Clobbers = { general: 0, vector: 0 };

  constructor(code: Assembler, f: Body, target: Target, liveness: Liveness, spare: number, callees: readonly Callee[]) {
    this.code = code;
    this.target = target;
    this.#f = f;
    this.#liveness = liveness;
    this.#callees = callees;
    const kept = target.registers - spare;
    this.general = new Spare(spareIntegers.map(general));
    this.vector = new Spare(range(kept, target.registers).map((n) => vector(n, target.bits)));
    this.#assignment = assign(liveness.intervals, f.locals, {
      general: localIntegers,
      vector: range(0, kept).toReversed(),
    });
    this.frame = new Frame(f.params.length, outgoing(f.body), target.lanes);
    for (const { local } of liveness.intervals) if (!this.#assignment.has(local)) this.frame.reserve(f.locals[local]!);
    for (const [statement, live] of liveness.after)
      live.each((local) => this.#overwrites(statement, local) && this.frame.reserve(f.locals[local]!));
  }

  write(): Clobbers {
    const { code, frame } = this;
    const { params, locals } = this.#f;
    code.align(16);
    code.bind(this.#callees[this.#f.index]!.label);
    frame.enter(code, this.#f.name);
    this.#liveness.unset.each((i) => {
      const [local, register] = [locals[i]!, this.#registerOf(locals[i]!)];
      if (i >= params.length) this.#clear(local, register);
      else if (register !== undefined) frame.load(code, local, register);
    });
    this.#statements(this.#f.body);
    code.bind(this.#exit);
    frame.leave(code);
    // Others may keep locals where this function has what is between instructions.
    let [generals, vectors] = [this.#called.general, this.#called.vector | this.vector.bits];
    for (const [local, register] of this.#assignment)
      if (bankOf(locals[local]!.type) === "general") generals |= 1 << register;
      else vectors |= 1 << register;
    return { general: generals, vector: vectors };
  }

  /** The register of a local, if it has one. */
  #registerOf({ imm, type }: Local): General<64> | Vector | undefined {
    const n = this.#assignment.get(imm);
    if (n === undefined) return undefined;
    return bankOf(type) === "general" ? general(n) : vector(n, this.target.bits);
  }
  /** Whether what a statement calls overwrites a local's register. */
  #overwrites(s: Statement, local: number): boolean {
    const register = this.#assignment.get(local);
    if (register === undefined || s.kind !== "do") return false;
    const { clobbers } = this.#callees[s.value.imm]!;
    return ((clobbers[bankOf(this.#f.locals[local]!.type)] >>> register) & 1) === 1;
  }

  #clear(local: Local, register: General<64> | Vector | undefined): void {
    const { code, frame } = this;
    const to = register ?? (bankOf(local.type) === "general" ? this.general : this.vector).take();
    if (to instanceof General) code.emit("xor", to.low, to.low);
    else code.emit("vxorps", to, to, to);
    if (register !== undefined) return;
    frame.store(code, local, to);
    if (to instanceof General) this.general.give(to);
    else this.vector.give(to);
  }

  #statements(statements: readonly Statement[]): void {
    for (const s of statements) this.#statement(s);
  }
  #statement(s: Statement): void {
    const { code } = this;
    if (s.kind === "set") this.assign(s.target, s.value);
    else if (s.kind === "do") {
      if (s.value.op === "call") this.#call(s);
      else this.#store(s.value);
    } else if (s.kind === "if") {
      const [otherwise, end] = [new Label("else"), new Label("end")];
      this.unless(s.condition, s.otherwise.length > 0 ? otherwise : end);
      this.#statements(s.body);
      if (s.otherwise.length > 0) {
        code.emit("jmp", end);
        code.bind(otherwise);
        this.#statements(s.otherwise);
      }
      code.bind(end);
    } else if (s.kind === "loop") {
      code.align(16);
      this.#labels.set(s.label, code.here("loop"));
      this.#statements(s.body);
    } else if (s.kind === "block") {
      const end = new Label("block");
      this.#labels.set(s.label, end);
      this.#statements(s.body);
      code.bind(end);
    } else if (s.kind === "jump") {
      const to = this.#labels.get(s.label)!;
      if (s.condition === undefined) code.emit("jmp", to);
      else this.when(s.condition, to);
    } else code.emit("jmp", this.#exit);
  }

  /** Sets a local. */
  assign(local: Local, value: Expr): void {
    const { code } = this;
    const register = this.#registerOf(local);
    if (bankOf(local.type) === "general") {
      const into = register as General<64> | undefined;
      const found = this.int(value, into);
      if (into === undefined) this.frame.store(code, local, found);
      else if (found !== into) code.emit("mov", into.low, found.low);
      this.general.give(found);
      return;
    }
    const into = register as Vector | undefined;
    const found = this.vec(value, into);
    if (into === undefined) this.frame.store(code, local, found);
    else if (found !== into) code.emit("vmovaps", into, found);
    this.vector.give(found);
  }

  #call(s: Statement & { readonly kind: "do" }): void {
    const { code, frame } = this;
    const { label, clobbers } = this.#callees[s.value.imm]!;
    s.value.args.forEach((a, i) => {
      const found = this.int(a);
      code.emit("mov", frame.argument(i), found.low);
      this.general.give(found);
    });
    const saved: [Local, General<64> | Vector][] = [];
    this.#liveness.after.get(s)!.each((i) => {
      const local = this.#f.locals[i]!;
      if (this.#overwrites(s, i)) saved.push([local, this.#registerOf(local)!]);
    });
    for (const [local, register] of saved) frame.store(code, local, register);
    code.emit("call", label);
    for (const [local, register] of saved) frame.load(code, local, register);
    this.#called = {
      general: this.#called.general | clobbers.general,
      vector: this.#called.vector | clobbers.vector,
    };
  }

  #store(e: Expr): void {
    const stores: Table<WriteStore> = this.target.stores;
    (stores[e.op] ?? this.#lacks(e))(this, e);
  }

  /** The memory that a load or store addresses, and the register that it needs meanwhile. */
  addressed(e: Expr): { readonly memory: Memory; readonly held: General<64> | undefined } {
    const [address] = e.args as [Expr];
    if (address.op === "i32.const" && address.imm >= 0 && address.imm + e.imm < 2 ** 31)
      return { memory: at(base, address.imm + e.imm), held: undefined };
    const held = this.int(address);
    return { memory: at(base, e.imm, held), held };
  }

  /** The value of an i32, with zeros above: in `into`, in the register of a local, or in one that the caller gives back. */
  int(e: Expr, into?: General<64>): General<64> {
    const { code } = this;
    if (e.op === "local") {
      const local = this.#f.locals[e.imm]!;
      const register = this.#registerOf(local) as General<64> | undefined;
      if (register !== undefined) return register;
      const to = into ?? this.general.take();
      this.frame.load(code, local, to);
      return to;
    }
    if (e.op === "tee") {
      const local = this.#f.locals[e.imm]!;
      this.assign(local, e.args[0]!);
      return this.int(local, into);
    }
    const write = values[e.op];
    if (write !== undefined) return write(this, e, into);
    if (tests[e.op] === undefined && e.op !== "i32.eqz" && !Object.hasOwn(this.target.tests, e.op)) this.#lacks(e);
    const condition = this.test(e);
    const to = this.general.take();
    code.emit("setcc", condition, to);
    code.emit("movzx8", to.low, to);
    return to;
  }

  /** The value of a vector or of a floating-point number, likewise. */
  vec(e: Expr, into?: Vector): Vector {
    if (e.op === "local") {
      const local = this.#f.locals[e.imm]!;
      const register = this.#registerOf(local) as Vector | undefined;
      if (register !== undefined) return register;
      const to = into ?? this.vector.take();
      this.frame.load(this.code, local, to);
      return to;
    }
    if (e.op === "tee") {
      const local = this.#f.locals[e.imm]!;
      this.assign(local, e.args[0]!);
      return this.vec(local, into);
    }
    const vectors: Table<WriteVector> = this.target.values;
    return (vectors[e.op] ?? this.#lacks(e))(this, e, into);
  }

  /** Jumps if an i32 is not 0. */
  when(e: Expr, to: Label): void {
    this.code.emit("jcc", this.test(e), to);
  }
  /** Jumps if an i32 is 0. */
  unless(e: Expr, to: Label): void {
    this.code.emit("jcc", opposite[this.test(e)]!, to);
  }

  /** Sets the flags; the condition says whether an i32 is not 0. */
  test(e: Expr): Condition {
    const { code } = this;
    const [a, b] = e.args;
    const condition = tests[e.op];
    if (condition !== undefined) {
      const left = this.int(a!);
      if (b!.op === "i32.const") code.emit("cmp", left.low, b!.imm);
      else {
        const right = this.int(b!);
        code.emit("cmp", left.low, right.low);
        this.general.give(right);
      }
      this.general.give(left);
      return condition;
    }
    if (e.op === "i32.eqz") return opposite[this.test(a!)]!;
    const targeted: Table<WriteTest> = this.target.tests;
    const write = targeted[e.op];
    if (write !== undefined) return write(this, e);
    const value = this.int(e);
    code.emit("test", value.low, value.low);
    this.general.give(value);
    return "ne";
  }

  #lacks({ op }: Expr): never {
    throw new TypeError(
      `x64: function ${this.#f.name}: there is no ${op} for ${this.target.name}; WebAssembly may have it`,
    );
  }
}

/** The condition that holds where another does not. */
const opposite: Readonly<Record<Condition, Condition>> = {
  o: "no", no: "o", b: "ae", ae: "b", e: "ne", ne: "e", be: "a", a: "be",
  s: "ns", ns: "s", p: "np", np: "p", l: "ge", ge: "l", le: "g", g: "le",
}; // prettier-ignore

/** The most arguments that a call among the statements has. */
function outgoing(statements: readonly Statement[]): number {
  let most = 0;
  for (const s of statements) {
    if (s.kind === "do" && s.value.op === "call") most = Math.max(most, s.value.args.length);
    else if (s.kind === "if") most = Math.max(most, outgoing(s.body), outgoing(s.otherwise));
    else if (s.kind === "block" || s.kind === "loop") most = Math.max(most, outgoing(s.body));
  }
  return most;
}
