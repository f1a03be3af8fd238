// The loops of a kernel. The innermost loop runs over lanes, in rounds of several registers, of one, and of the last
// elements, which do not fill one; or, where a reduction has its lanes along a kept loop, it runs over what is reduced, for a
// block of lanes.
import { layout, masked, type Kernel, type Reduction } from "@weft/kernel";
import { F32, F64, I32, Local, VECTOR, i32, ints, select, type Expr, type Func } from "../wasm/emitter.ts";
import { level, levels, type Levels } from "./levels.ts";
import type { Accumulator, InstructionSet, FunctionScope, ValueType } from "./machine.ts";
import { Positions } from "./positions.ts";

type Int = Local<typeof I32>;

/** Rows of a tile: as many as share the cache lines that are read across. */
const tile = 8;

/** Additions of f32 to one accumulator before its sum is moved to f64. */
const stretch = 64;

/** Locals that are used again in each round. */
type Scratch = { readonly [T in ValueType]: { readonly locals: Local<T>[]; used: number } };
const scratch = (): Scratch => ({
  [I32]: { locals: [], used: 0 },
  [F32]: { locals: [], used: 0 },
  [F64]: { locals: [], used: 0 },
  [VECTOR]: { locals: [], used: 0 },
});

export class Nest<T extends ValueType> {
  readonly #kernel: Kernel;
  readonly #f: Func;
  readonly #args: Int;
  /** The range of loop 0. */
  readonly #begin: Int;
  readonly #end: Int;
  readonly #machine: InstructionSet<T>;
  /** Whether the last elements are those of the first lanes alone. */
  readonly #partial: boolean;
  readonly #levels: Levels;
  readonly #positions: Positions;
  readonly #accumulators: readonly Accumulator<T>[];
  /** Whether the lanes lie along a kept loop, around the reduced ones. */
  readonly #across: boolean;
  /** Whether elements that do not lie side by side along the lanes may lie so along the loop before. */
  readonly #tiled: boolean;
  readonly #wide: boolean;
  /** Registers a round. */
  readonly #vectors: number;
  /** Iterations since sums were moved to f64. */
  readonly #count: Int;

  /** Values that are kept, by instruction. */
  readonly #values: Expr<T>[] = [];
  readonly #locals: (Local<T> | undefined)[] = [];
  readonly #scratch = scratch();
  #round = { vectors: 1, tail: false };
  #mask: Local<typeof VECTOR> | undefined;

  constructor(
    kernel: Kernel,
    f: Func,
    machine: (s: FunctionScope) => InstructionSet<T>,
    rest: Pick<FunctionScope, "target" | "call">,
  ) {
    this.#kernel = kernel;
    this.#f = f;
    [this.#args, this.#begin, this.#end] = [f.param(0, I32), f.param(1, I32), f.param(2, I32)];
    this.#machine = machine({ f, hold: (e, type) => this.#hold(e, type), ...rest });
    this.#levels = levels(kernel);
    const { width } = this.#machine;
    this.#partial = width > 1 && rest.target.partial;
    this.#across = kernel.reduced > 0 && kernel.lanes < kernel.rank - kernel.reduced;
    this.#tiled =
      width > 1 &&
      kernel.rank > 1 &&
      kernel.reduced === 0 &&
      kernel.operands.some((o) => o.step === "stride" && o.use !== "index");
    const inner = new Set([kernel.lanes, this.#tiled ? kernel.rank - 2 : kernel.rank - 1]);
    this.#positions = new Positions(kernel, f, this.#args, width, this.#partial, [...inner]);
    this.#accumulators = kernel.reductions.map(({ fn, value }) =>
      this.#machine.accumulator(fn, kernel.code[value]!.type, this.#across),
    );
    this.#wide = this.#accumulators.some((a) => a.wide);
    this.#vectors = this.#chooseVectors();
    this.#count = f.local(I32);
  }

  /** Short bodies take several registers a round; elements that do not lie side by side cost too much themselves. */
  #chooseVectors(): number {
    const { operands } = this.#kernel;
    if (this.#machine.width === 1) return 1;
    const folded = (k: number): boolean => !this.#across && this.#kernel.reductions.some((r) => r.operand === k);
    if (operands.some((o, k) => !folded(k) && o.step !== "still" && (o.step === "stride" || o.use === "index")))
      return 1;
    const { work } = this.#levels;
    return work <= 8 ? 4 : work <= 16 ? 2 : 1;
  }

  write(): void {
    const { rank } = this.#kernel;
    this.#positions.start(this.#begin);
    this.#evaluate(level.launch, 0, 0);
    if (rank === 0) {
      const n = this.#f.let(I32, this.#size(0));
      this.#f.if(n, () => {
        this.#evaluate(level.row, 0, 0);
        this.#body(0);
      });
    } else this.#nest(0);
  }

  #size(l: number): Expr<typeof I32> {
    if (l === 0) return i32.sub(this.#end, this.#begin);
    return this.#positions.word(layout.size(l));
  }

  #nest(l: number): void {
    const { rank, reduced } = this.#kernel;
    if (reduced === 0 || l !== rank - reduced || this.#across) return this.#loop(l);
    this.#start(this.#vectors);
    this.#loop(l);
    this.#kernel.reductions.forEach((r, i) => {
      const result = this.#accumulators[i]!.folded();
      this.#store(r.operand, r.value, result, Math.max(l - 1, 0), 0);
    });
  }

  #loop(l: number): void {
    const { rank, lanes } = this.#kernel;
    const f = this.#f;
    const n = f.let(I32, this.#size(l));
    this.#positions.enter(l);
    if (this.#tiled && l === rank - 2) this.#tiles(l, n);
    else if (l < rank - 1 && l !== lanes) {
      f.while(n, () => {
        this.#nest(l + 1);
        this.#positions.step(l);
        f.advance(n, -1);
      });
    } else if (l < rank - 1) {
      this.#rounds(l, n, () => this.#block(l));
    } else if (this.#across) {
      this.#stretches(n, stretch, (m) =>
        f.while(m, () => {
          this.#body(l);
          this.#positions.step(l);
          f.advance(m, -1);
        }),
      );
    } else {
      f.if(n, () => {
        this.#evaluate(level.row, l, 0);
        this.#stretches(n, stretch * this.#vectors * this.#machine.width, (m) =>
          this.#rounds(l, m, () => this.#body(l)),
        );
      });
    }
  }

  /**
   * The last two loops of a map in tiles of a few rows and one register: what is read across is used while it is near.
   */
  #tiles(l: number, n: Int): void {
    const f = this.#f;
    const [rows, row, lanes] = [f.local(I32), f.local(I32), f.local(I32)];
    f.while(n, () => {
      f.set(rows, select(i32.ltU(n, tile), n, i32.const(tile)));
      f.set(lanes, this.#size(l + 1));
      this.#positions.enter(l + 1);
      this.#rounds(l + 1, lanes, () => {
        this.#positions.enter(l, l + 2);
        f.set(row, rows);
        f.repeat(
          () => {
            this.#body(l + 2);
            this.#positions.step(l, 1, l + 2);
            f.advance(row, -1);
          },
          () => row,
        );
      });
      this.#positions.step(l, rows);
      f.set(n, i32.sub(n, rows));
    });
  }

  /** Runs over `n` iterations, in stretches if sums are to be moved to f64 in between. */
  #stretches(n: Int, length: number, run: (n: Int) => void): void {
    if (!this.#wide) return run(n);
    const f = this.#f;
    const m = f.local(I32);
    f.while(n, () => {
      f.set(m, select(i32.ltU(n, length), n, i32.const(length)));
      f.advance(this.#count, m);
      f.set(n, i32.sub(n, m));
      run(m);
      f.if(i32.geS(this.#count, length), () => this.#flush());
    });
  }

  /** Runs over the `n` elements of the lane loop: several registers a round, one a round, the rest. */
  #rounds(l: number, n: Int, run: () => void): void {
    const f = this.#f;
    const { width } = this.#machine;
    for (const vectors of this.#vectors > 1 ? [this.#vectors, 1] : [1]) {
      this.#round = { vectors, tail: false };
      f.while(i32.geU(n, width * vectors), () => {
        run();
        this.#positions.step(l, width * vectors);
        f.advance(n, -width * vectors);
      });
    }
    if (width === 1) return;
    this.#round = { vectors: 1, tail: true };
    f.if(n, () =>
      this.#positions.tail(n, () => {
        if (!this.#across && this.#kernel.reductions.some((r) => this.#masks(r)))
          f.set((this.#mask ??= f.local(VECTOR)), ints.gtS(ints.splat(n), ints.ramp()));
        run();
      }),
    );
    this.#round = { vectors: 1, tail: false };
  }

  /** Whether a reduction must not take in the lanes beyond the last element: where they repeat it, an extreme may. */
  #masks({ fn }: Pick<Reduction, "fn">): boolean {
    return fn === "sum" || this.#partial;
  }

  /** The reduced loops for a block of lanes along the last kept loop. */
  #block(l: number): void {
    const { vectors } = this.#round;
    this.#start(vectors);
    this.#loop(l + 1);
    this.#kernel.reductions.forEach((r, i) => {
      const acc = this.#accumulators[i]!;
      if (acc.wide) acc.flush();
      for (let u = 0; u < vectors; u++) this.#store(r.operand, r.value, acc.lanes(u), l, u);
    });
  }

  #start(vectors: number): void {
    for (const a of this.#accumulators) a.start(vectors);
    if (this.#wide) this.#f.set(this.#count, 0);
  }
  #flush(): void {
    for (const a of this.#accumulators) if (a.wide) a.flush();
    this.#f.set(this.#count, 0);
  }

  /** One round: the values of each register, then what becomes of them. */
  #body(l: number): void {
    const { stores, reductions, code } = this.#kernel;
    const { vectors, tail } = this.#round;
    for (const pool of Object.values(this.#scratch)) pool.used = 0;
    if (this.#across || this.#tiled) this.#evaluate(level.row, l, 0);
    for (let u = 0; u < vectors; u++) {
      this.#evaluate(level.element, l, u);
      reductions.forEach(({ fn, value }, i) => {
        const mask = tail && this.#masks({ fn }) && !this.#across ? this.#mask : undefined;
        this.#accumulators[i]!.add(u, this.#values[value]!, mask);
      });
      // Operands may share memory: everything is read before anything is written.
      const values = stores.map(({ value }) =>
        stores.length === 1
          ? this.#values[value]!
          : this.#hold(this.#values[value]!, this.#machine.typeOf(code[value]!.type)),
      );
      stores.forEach(({ operand, value }, i) => this.#store(operand, value, values[i]!, l, u));
    }
  }

  #store(operand: number, v: number, value: Expr<T>, l: number, u: number): void {
    this.#machine.store(
      this.#kernel.operands[operand]!.dtype,
      this.#kernel.code[v]!.type,
      value,
      this.#positions.site(operand, l, u),
    );
  }

  /** Computes the values of one level. What is used once, in the same level, stays an expression. */
  #evaluate(at: number, l: number, u: number): void {
    const { of, uses } = this.#levels;
    this.#kernel.code.forEach((c, v) => {
      if (uses[v] === 0 || of[v] !== at) return;
      const e = this.#expression(v, l, u);
      if (at === level.element ? uses[v] === 1 : this.#machine.width === 1 && c.kind === "const") {
        this.#values[v] = e;
        return;
      }
      const local = (this.#locals[v] ??= this.#f.local(this.#machine.typeOf(c.type)));
      this.#f.set(local, e);
      this.#values[v] = local;
    });
  }

  #expression(v: number, l: number, u: number): Expr<T> {
    const kernel = this.#kernel;
    const c = kernel.code[v]!;
    if (c.kind === "const") return this.#machine.constant(c.value, c.type);
    if (c.kind === "number") return this.#machine.number(this.#args, 4 * layout.number(kernel, c.slot), c.type);
    if (c.kind === "affine") return this.#machine.index(this.#positions.index(c.operand, l));
    if (c.kind === "load")
      return this.#machine.load(kernel.operands[c.operand]!.dtype, c.type, this.#positions.site(c.operand, l, u));
    const known = c.args.map((a) => {
      const x = kernel.code[a]!;
      return x.kind === "const" ? (x.type === "bool" ? Number(x.value !== 0) : x.value) : undefined;
    });
    const of = kernel.code[c.args[c.fn === "select" || masked.has(c.fn) ? 1 : 0]!]!.type;
    return this.#machine.apply({ fn: c.fn, of, args: c.args.map((a) => this.#values[a]!), known, imm: c.imm });
  }

  #hold<U extends ValueType>(e: Expr<U>, type: U): Expr<U> {
    if (e instanceof Local) return e;
    const pool = this.#scratch[type];
    const local = (pool.locals[pool.used++] ??= this.#f.local(type));
    this.#f.set(local, e);
    return local;
  }
}
