// Functions under construction for x86-64: their statements are kept until all are known, since registers go to the locals
// that are used most.
import {
  Func,
  I32,
  Local,
  VOID,
  constantOr,
  type Expr,
  type Imported,
  type In,
  type Label,
  type Module,
  type Type,
} from "@weft/kernel/machine";

export type Statement =
  | { readonly kind: "set"; readonly target: Local; readonly value: Expr }
  /** A store, or a call. */
  | { readonly kind: "do"; readonly value: Expr }
  | {
      readonly kind: "if";
      readonly condition: Expr;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  /** A jump to the label of a block leaves it, to that of a loop starts it again. */
  | { readonly kind: "block" | "loop"; readonly label: Label; readonly body: readonly Statement[] }
  | { readonly kind: "jump"; readonly label: Label; readonly condition: Expr | undefined }
  | { readonly kind: "return" };

export class X64Func<R extends Type = Type> extends Func<R> {
  /** Parameters and locals, by their numbers. */
  readonly locals: Local[] = [...this.params];
  #statements: Statement[] = [];
  #labels = 0;

  get body(): readonly Statement[] {
    return this.#statements;
  }

  override local<T extends Type>(type: T): Local<T> {
    const local = new Local(this.locals.length, type);
    this.locals.push(local);
    return local;
  }
  override set<T extends Type>(target: Local<T>, e: In<T>): void {
    this.#statements.push({ kind: "set", target, value: constantOr(target.type, e) });
  }
  override do(...statements: readonly Expr<typeof VOID>[]): void {
    for (const value of statements) this.#statements.push({ kind: "do", value });
  }
  override drop(): void {
    throw new TypeError(`x64: function ${this.name} drops a value; functions have none here`);
  }
  override if(condition: In<typeof I32>, then: () => void, otherwise?: () => void): void {
    this.#statements.push({
      kind: "if",
      condition: constantOr(I32, condition),
      body: this.#within(then),
      otherwise: otherwise === undefined ? [] : this.#within(otherwise),
    });
  }
  override block(body: (label: Label) => void): void {
    this.#labelled("block", body);
  }
  override loop(body: (label: Label) => void): void {
    this.#labelled("loop", body);
  }
  override br(label: Label): void {
    this.#statements.push({ kind: "jump", label, condition: undefined });
  }
  override brIf(label: Label, condition: In<typeof I32>): void {
    this.#statements.push({ kind: "jump", label, condition: constantOr(I32, condition) });
  }
  override return(e?: Expr<R>): void {
    if (e !== undefined) this.result();
    this.#statements.push({ kind: "return" });
  }
  override result(): void {
    throw new TypeError(`x64: function ${this.name} returns a value; functions have none here`);
  }

  #labelled(kind: "block" | "loop", body: (label: Label) => void): void {
    const label = this.#labels++;
    this.#statements.push({ kind, label, body: this.#within(() => body(label)) });
  }
  /** The statements that `write` adds. */
  #within(write: () => void): Statement[] {
    const around = this.#statements;
    this.#statements = [];
    write();
    const inner = this.#statements;
    this.#statements = around;
    return inner;
  }
}

/** Functions that are compiled together, into one routine. */
export class X64Module implements Module {
  readonly functions: X64Func[] = [];

  import<R extends Type>(name: string, _params: readonly Type[], _result: R): Imported<R> {
    throw new TypeError(`x64: there is no function ${name} of the host here; WebAssembly can call it`);
  }
  func(name: string, params: readonly Type[]): X64Func<typeof VOID>;
  func<R extends Type>(name: string, params: readonly Type[], result: R): X64Func<R>;
  func(name: string, params: readonly Type[], result: Type = VOID): X64Func {
    if (result !== VOID || params.some((t) => t !== I32))
      throw new TypeError(`x64: function ${name} takes and returns other things than i32 and nothing`);
    const f = new X64Func(this.functions.length, name, { params, result });
    this.functions.push(f);
    return f;
  }
}
