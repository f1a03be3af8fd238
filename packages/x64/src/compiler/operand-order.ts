// Functions whose operands may be computed in any order, and stay in the registers of locals until they are used: where
// one operand sets a local that another one mentions, each has a local of its own, set from left to right.
import { Expr, Local, type Type } from "@weft/kernel/machine";
import type { Statement, X64Func } from "./statements.ts";
import { typeOf } from "./type-of.ts";

/** What code is made of: a function, or what it is rewritten to. */
export type Body = Pick<X64Func, "index" | "name" | "params" | "locals" | "body">;

/** The function with operands in any order; with `flat`, none of its operands has operands of its own. */
export function ordered(f: X64Func, flat: boolean): Body {
  const locals = [...f.locals];
  const body = new Order(locals, flat).statements(f.body);
  const { index, name, params } = f;
  return { index, name, params, locals, body };
}

class Order {
  readonly #locals: Local[];
  readonly #flat: boolean;
  #written: Statement[] = [];

  constructor(locals: Local[], flat: boolean) {
    this.#locals = locals;
    this.#flat = flat;
  }

  statements(from: readonly Statement[]): Statement[] {
    const around = this.#written;
    const written: Statement[] = (this.#written = []);
    for (const s of from) {
      const last = this.#statement(s); // after the statements that its operands need
      written.push(last);
    }
    this.#written = around;
    return written;
  }
  #statement(s: Statement): Statement {
    if (s.kind === "set" || s.kind === "do") return { ...s, value: this.#expression(s.value) };
    if (s.kind === "if") {
      const condition = this.#expression(s.condition);
      return { ...s, condition, body: this.statements(s.body), otherwise: this.statements(s.otherwise) };
    }
    if (s.kind === "block" || s.kind === "loop") return { ...s, body: this.statements(s.body) };
    if (s.kind === "jump" && s.condition !== undefined) return { ...s, condition: this.#expression(s.condition) };
    return s;
  }

  #expression(e: Expr): Expr {
    const { op, args } = e;
    if (args.length === 0) return e;
    if (op.startsWith("choose.")) return this.#chosen(e);
    const apart = this.#flat || interfere(args);
    const written = args.map((a, i) => {
      if (!apart) return this.#expression(a);
      if (a.op === "local") return args.slice(i + 1).some((b) => tees(b).has(a.imm)) ? this.#kept(a) : a;
      return a.args.length === 0 ? a : this.#kept(this.#expression(a));
    });
    return written.every((a, i) => a === args[i]) ? e : new Expr(op, written, e.imm, e.more);
  }
  /** A new local with the value of an expression. */
  #kept(value: Expr): Local {
    const target = this.#local(typeOf(value, this.#locals));
    this.#written.push({ kind: "set", target, value });
    return target;
  }
  /** Only one of two values is computed. */
  #chosen({ args }: Expr): Local {
    const [condition, a, b] = args as [Expr, Expr, Expr];
    const target = this.#local(typeOf(a, this.#locals));
    const test = this.#expression(condition);
    const set = (value: Expr): Statement[] => this.statements([{ kind: "set", target, value }]);
    this.#written.push({ kind: "if", condition: test, body: set(a), otherwise: set(b) });
    return target;
  }
  #local(type: Type): Local {
    const local = new Local(this.#locals.length, type);
    this.#locals.push(local);
    return local;
  }
}

/** Whether an operand sets a local that another one mentions. */
const interfere = (args: readonly Expr[]): boolean =>
  args.some((a, i) => {
    const set = tees(a);
    return set.size > 0 && args.some((b, j) => j !== i && mentions(b, set));
  });

function tees(e: Expr, found = new Set<number>()): ReadonlySet<number> {
  if (e.op === "tee") found.add(e.imm);
  for (const a of e.args) tees(a, found);
  return found;
}

const mentions = (e: Expr, locals: ReadonlySet<number>): boolean =>
  ((e.op === "local" || e.op === "tee") && locals.has(e.imm)) || e.args.some((a) => mentions(a, locals));
