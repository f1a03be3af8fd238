// Code under construction: modules of functions, whose bodies are statements over expressions. A target says how each
// statement is written; what is made of others is here.
// oxfmt-ignore
import {
  Expr, F32, F64, I32, I64, VECTOR, VOID, Local, f32, f64, i32, type In, type Type,
} from "./expression.ts";

/** A place that `br` can go to: the end of a block, the start of a loop. */
export type Label = number;

export interface Signature {
  readonly params: readonly Type[];
  readonly result: Type;
}

const refuse = (): never => {
  throw new TypeError("machine: a plain number stands for i32, f32 and f64 constants only");
};
const constants: { readonly [T in Type]: (n: number) => Expr } = {
  [I32]: i32.const,
  [F32]: f32.const,
  [F64]: f64.const,
  [I64]: refuse,
  [VECTOR]: refuse,
  [VOID]: refuse,
};
/** An operand of a type as an expression. */
export const constantOr = (type: Type, e: In<Type>): Expr => (typeof e === "number" ? constants[type](e) : e);

const isOf = <T extends Type>(local: Local, type: T): local is Local<T> => local.type === type;

export abstract class Func<R extends Type = Type> {
  readonly index: number;
  readonly name: string;
  readonly signature: Signature;
  readonly params: readonly Local[];

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
      throw new TypeError(`function ${this.name}: parameter ${i} is not of type ${type}`);
    return p;
  }
  abstract local<T extends Type>(type: T): Local<T>;
  abstract set<T extends Type>(target: Local<T>, e: In<T>): void;
  /** A new local that holds the value of `e` from here on. */
  let<T extends Type>(type: T, e: In<T>): Local<T> {
    const l = this.local(type);
    this.set(l, e);
    return l;
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
  abstract do(...statements: readonly Expr<typeof VOID>[]): void;
  abstract drop(e: Expr): void;
  abstract if(condition: In<typeof I32>, then: () => void, otherwise?: () => void): void;
  /** `br(label)` inside leaves the block. */
  abstract block(body: (label: Label) => void): void;
  /** `br(label)` inside goes back to the start; without one the body runs once. */
  abstract loop(body: (label: Label) => void): void;
  abstract br(label: Label): void;
  abstract brIf(label: Label, condition: In<typeof I32>): void;
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
  abstract return(e?: Expr<R>): void;
  /** Leaves the value that the function returns at its end. */
  abstract result(e: Expr<R>): void;
  /** A call of this function, from any function of the module (also from itself). */
  call(...args: readonly In<Type>[]): Expr<R> {
    const { params } = this.signature;
    if (args.length !== params.length)
      throw new TypeError(`function ${this.name}: ${args.length} arguments instead of ${params.length}`);
    return new Expr(
      "call",
      args.map((a, i) => constantOr(params[i]!, a)),
      this.index,
    );
  }
}

/** A function that the host gives: called like a `Func`. */
export type Imported<R extends Type> = Pick<Func<R>, "index" | "call">;

/** Functions that are compiled together. */
export interface Module {
  /** A function of the host; imports come before functions. */
  import<R extends Type>(name: string, params: readonly Type[], result: R): Imported<R>;
  /** A function; exported if it has a name. */
  func(name: string, params: readonly Type[]): Func<typeof VOID>;
  func<R extends Type>(name: string, params: readonly Type[], result: R): Func<R>;
}
