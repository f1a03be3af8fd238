// Kernels of the language as bodies of WGSL: a map has one invocation an element; a reduction gives each result to some
// invocations of a workgroup (`slices`), which join their parts in its memory.
import { bytesOf } from "@weft/tensor";
import { layout, type Kernel, type Reduction, type Scalar, type V } from "@weft/kernel";
import type { Epilogue } from "../forms/epilogue.ts";
import { splitting, type Block, type Slices } from "./partition.ts";
import { elementIn, wordOf, type Body, type Surroundings } from "./program.ts";
import { applied, constant, registerOf, wgslType, type Register } from "./scalar.ts";
import { roundedBy, usedBy } from "./values.ts";

/** Sums move from one accumulator to another after so many terms, so that rounding errors do not pile up. */
const BLOCK = 64;

/** How a kernel is written. */
export interface Form {
  /** What is done to the results of a reduction. */
  readonly epilogue?: Epilogue | undefined;
  readonly block?: Block;
  /**
   * Of a reduction: its terms are split among groups, whose sums go to the workspace, an operand behind its own, and `Splitting`
   * follows its arguments.
   */
  readonly split?: boolean;
  /** Of a map: an invocation does four elements, side by side in memory that is aligned, else as far apart as a workgroup is wide. */
  readonly four?: "beside" | "apart";
}

export function bodyOf(kernel: Kernel, slices: Slices, threads: number, form: Form = {}): Body {
  const { epilogue, block, split = false, four } = form;
  const memory = memoryOperands(kernel);
  const words = layout.words(kernel);
  const own = memory.map((k) => {
    const { dtype, use, step } = kernel.operands[k]!;
    const beside = four === "beside" && step === "unit";
    return {
      dtype,
      write: use === "write",
      wide: beside && bytesOf[dtype] === 4,
      whole: beside && bytesOf[dtype] === 1,
    };
  });
  const body = {
    key: `${kernel.key}#${slices}${block === undefined ? "" : `/${block}`}${split ? "split" : ""}${four === undefined ? "" : ` four ${four}`}`,
    operands: split ? [...own, { dtype: "f32" as const, write: true }] : own,
    words: split ? words + splitting.words : words,
    scratch: slices > 1 ? threads : 0,
    text: (at: Surroundings) => new Text(kernel, slices, at, { form }).write(),
  };
  if (epilogue === undefined) return body;
  const { operand } = kernel.reductions[0]!;
  return {
    ...body,
    key: `${body.key} ${epilogue.key}`,
    operands: [...own, ...epilogue.operands],
    words: words + epilogue.words.length,
    functions: (at) =>
      epilogue.functions(at, words, own.length, memory.indexOf(operand), layout.operand(kernel, operand)),
    text: (at) => new Text(kernel, slices, at, { form }).write(),
  };
}

/** A map at one index, in parts. */
export interface ElementText {
  /** Statements that name the loops' indices, `i0`…, at the linear index `place`. */
  readonly indices: string;
  /** Statements that compute what is stored, with the indices and `value` in scope. */
  readonly compute: string;
  /** Names of what is stored, by which of the operands with memory, and statements that name the address `to`. */
  readonly stores: readonly {
    readonly value: string;
    readonly type: Register;
    readonly memory: number;
    readonly address: string;
    readonly to: string;
  }[];
}

/** A map, where `value` stands for the element that operand `given` would be loaded from (-1: none). */
export const elementOf = (kernel: Kernel, at: Surroundings, given: number): ElementText =>
  new Text(kernel, 1, at, { given }).apart();

/** Operands that have memory, in the order of a launch's places. */
const memoryOperands = (kernel: Kernel): number[] => kernel.operands.flatMap((o, k) => (o.use === "index" ? [] : [k]));

const fold: Record<Reduction["fn"], (type: Scalar, a: string, b: string) => string> = {
  sum: (_, a, b) => `${a} + ${b}`,
  max: (type, a, b) => applied("max", type, [a, b], 0),
  min: (type, a, b) => applied("min", type, [a, b], 0),
};

const neutral: Record<Reduction["fn"], (type: Scalar) => number> = {
  sum: () => 0,
  max: (type) => (type === "i32" ? -(2 ** 31) : type === "bool" ? 0 : -Infinity),
  min: (type) => (type === "i32" ? 2 ** 31 - 1 : type === "bool" ? 1 : Infinity),
};

/** A register's value as a word of workgroup memory, and back. */
const toWord = (type: Scalar, x: string): string => (type === "bool" ? `u32(${x})` : `bitcast<u32>(${x})`);
const fromWord = (type: Scalar, x: string): string => (type === "bool" ? `${x} != 0u` : `bitcast<${type}>(${x})`);

class Text {
  readonly #kernel: Kernel;
  readonly #slices: Slices;
  readonly #at: Surroundings;
  readonly #place: ReadonlyMap<number, number>;
  readonly #used: readonly boolean[];
  readonly #rounded: ReadonlySet<V>;

  /** The operand whose element is at hand (-1: none). */
  readonly #given: number;
  readonly #form: Form;

  constructor(
    kernel: Kernel,
    slices: Slices,
    at: Surroundings,
    { given = -1, form = {} }: { readonly given?: number; readonly form?: Form },
  ) {
    this.#given = given;
    this.#form = form;
    this.#kernel = kernel;
    this.#slices = slices;
    this.#at = at;
    this.#place = new Map(memoryOperands(kernel).map((k, i) => [k, i]));
    this.#used = usedBy(kernel);
    this.#rounded = roundedBy(kernel);
  }

  write(): string {
    return this.#kernel.reduced > 0 ? this.#reduction() : this.#map();
  }

  #type(v: V): Scalar {
    return this.#kernel.code[v]!.type;
  }

  /** The sizes of all loops, as u32. */
  #sizes(): string[] {
    const { rank } = this.#kernel;
    const first = `u32(${this.#at.word(layout.end)} - ${this.#at.word(layout.begin)})`;
    if (rank === 0) return [`let n0 = ${first};`];
    return Array.from(
      { length: rank },
      (_, l) => `let n${l} = ${l === 0 ? first : `u32(${this.#at.word(layout.size(l))})`};`,
    );
  }

  /** Numbers and constants: the same everywhere. */
  #constants(): string[] {
    const { code } = this.#kernel;
    // Always 0, which no compiler knows.
    const none = this.#rounded.size > 0 ? [`let none = bitcast<u32>(${this.#at.word(layout.end)}) >> 31u;`] : [];
    return none.concat(
      code.flatMap((c, v) => {
        if (!this.#used[v]) return [];
        if (c.kind === "const") return [`let v${v} = ${constant(c.value, c.type)};`];
        if (c.kind !== "number") return [];
        const word = this.#at.word(layout.number(this.#kernel, c.slot));
        return [
          `let v${v} = ${{ f32: `bitcast<f32>(${word})`, i32: word, bool: `${word} != 0i` }[registerOf(c.type)]};`,
        ];
      }),
    );
  }

  /** Cuts the linear index `name` into indices of the loops from…to-1. */
  #indices(name: string, from: number, to: number): string[] {
    const lines: string[] = [];
    let rest = name;
    for (let l = to - 1; l > from; l--) {
      lines.push(`let i${l} = i32(${rest} % n${l});`, `let r${l} = ${rest} / n${l};`);
      rest = `r${l}`;
    }
    if (to > from) lines.push(`let i${from} = i32(${rest})${from === 0 ? ` + ${this.#at.word(layout.begin)}` : ""};`);
    return lines;
  }

  /** Base and strides of an operand at these loops, an i32. */
  #position(k: number, loops: number): string {
    const base = layout.operand(this.#kernel, k);
    const o = this.#kernel.operands[k]!;
    const terms = Array.from({ length: loops }, (_, l) => {
      if (l === this.#kernel.lanes && o.step === "still") return "";
      return ` + i${l} * ${this.#at.word(base + 1 + l)}`;
    });
    return this.#at.word(base) + terms.join("");
  }

  #address(k: number, loops: number): string {
    return `let a${k} = bitcast<u32>(${this.#position(k, loops)});`;
  }

  #store(k: number, v: string, type: Scalar): string {
    return this.#at.store(this.#place.get(k)!, registerOf(type), v, `a${k}`);
  }

  /** Whether four elements of the operand are at hand together, in a form of four. */
  #isFour(k: number): boolean {
    const { use, step } = this.#kernel.operands[k]!;
    return use !== "index" && step === "unit";
  }

  /** Everything that is computed at one index; notes the operands whose addresses are named. It may be element `e` of four that are at hand together. */
  #values(addressed: Set<number>, e?: number): string[] {
    const { code, rank, operands } = this.#kernel;
    const lines: string[] = [];
    code.forEach((c, v) => {
      if (!this.#used[v]) return;
      if (c.kind === "load" && c.operand === this.#given) lines.push(`let v${v} = value;`);
      else if (c.kind === "load" && e !== undefined && this.#isFour(c.operand)) {
        const { dtype } = operands[c.operand]!;
        const word = bytesOf[dtype] === 4 ? `q${c.operand}.${"xyzw"[e]}` : `q${c.operand}`;
        lines.push(`let v${v} = ${elementIn(dtype, registerOf(c.type), word, `${e}u`)};`);
      } else if (c.kind === "load") {
        if (!addressed.has(c.operand)) lines.push(this.#address(c.operand, rank));
        addressed.add(c.operand);
        lines.push(`let v${v} = ${this.#at.load(this.#place.get(c.operand)!, registerOf(c.type), `a${c.operand}`)};`);
      } else if (c.kind === "affine") lines.push(`let v${v} = ${this.#position(c.operand, rank)};`);
      else if (c.kind === "apply") {
        const names = c.args.map((a) => `v${a}`);
        const value = applied(c.fn, this.#type(c.args[0]!), names, c.imm);
        lines.push(`let v${v} = ${this.#rounded.has(v) ? `w_rounded(${value}, none)` : value};`);
      }
    });
    return lines;
  }

  /** Everything that is computed at one index, and the stores. */
  #element(e?: number): string[] {
    const { rank, stores, operands } = this.#kernel;
    const addressed = new Set<number>();
    const lines = this.#values(addressed, e);
    for (const s of stores) {
      if (e !== undefined) {
        const { dtype } = operands[s.operand]!;
        const word = wordOf(dtype, registerOf(this.#type(s.value)), `v${s.value}`);
        lines.push(
          bytesOf[dtype] === 4 ? `y${s.operand}.${"xyzw"[e]} = ${word};` : `y${s.operand} |= ${word} << ${8 * e}u;`,
        );
        continue;
      }
      if (!addressed.has(s.operand)) lines.push(this.#address(s.operand, rank));
      addressed.add(s.operand);
      lines.push(`${this.#store(s.operand, `v${s.value}`, this.#type(s.value))} // ${operands[s.operand]!.dtype}`);
    }
    return lines;
  }

  apart(): ElementText {
    const { rank, stores } = this.#kernel;
    return {
      indices: [...this.#sizes(), ...this.#indices("place", 0, rank)].join("\n"),
      compute: [...this.#constants(), ...this.#values(new Set())].join("\n"),
      stores: stores.map((s) => ({
        value: `v${s.value}`,
        type: registerOf(this.#type(s.value)),
        memory: this.#place.get(s.operand)!,
        address: this.#address(s.operand, rank),
        to: `a${s.operand}`,
      })),
    };
  }

  /** Which result, `t`, is the turn of `place` in its workgroup, where each has so many; not every place has one (`mine`). */
  #turn(each: number, place: string): string[] {
    const { block, split } = this.#form;
    if (split === true)
      return [
        `let ofPart = u32(${this.#split("groups")});`,
        "let part = group / ofPart;",
        `let t = group % ofPart * ${each}u + ${place};`,
        "const mine = true;",
      ];
    if (block === undefined) return [`let t = group * ${each}u + ${place};`, "const mine = true;"];
    const groups = Math.ceil(block / each);
    return [
      `let e = group % ${groups}u * ${each}u + ${place};`,
      `let t = group / ${groups}u * ${block}u + e;`,
      `let mine = e < ${block}u;`,
    ];
  }

  #split(word: keyof typeof splitting): string {
    return this.#at.word(layout.words(this.#kernel) + splitting[word]);
  }

  /** Four elements side by side along the last loop: a load and a store for all of them. */
  #beside(): string {
    const { rank, operands, stores } = this.#kernel;
    const last = rank - 1;
    const before = Array.from({ length: last }, (_, l) => ` * n${l}`).join("");
    const whole = operands.flatMap((o, k) => (this.#isFour(k) ? [{ ...o, k, words: bytesOf[o.dtype] as 1 | 4 }] : []));
    const written = new Set(stores.map((s) => s.operand));
    const at = (k: number): number => this.#place.get(k)!;
    return [
      `let t = group * ${this.#at.threads}u + lane;`,
      ...this.#sizes(),
      `let fours = n${last} / 4u;`,
      `if (t >= fours${before}) { return; }`,
      ...(last === 0 ? ["let along = t;"] : ["let along = t % fours;", "let rest = t / fours;"]),
      ...this.#indices("rest", 0, last),
      `let first = i32(along * 4u)${last === 0 ? ` + ${this.#at.word(layout.begin)}` : ""};`,
      `let i${last} = first;`,
      ...this.#constants(),
      ...whole.flatMap(({ k, words, use }) => [
        this.#address(k, rank),
        use === "read"
          ? `let q${k} = ${this.#at.loadWords(at(k), words, `a${k}`)};`
          : `var y${k} = ${words === 4 ? "vec4u()" : "0u"};`,
      ]),
      ...[0, 1, 2, 3].flatMap((e) => ["{", `let i${last} = first + ${e}i;`, ...this.#element(e), "}"]),
      ...whole.flatMap(({ k, words }) => (written.has(k) ? [this.#at.storeWords(at(k), words, `y${k}`, `a${k}`)] : [])),
    ].join("\n");
  }

  /** Four elements of an invocation where memory is not aligned: neighbours are those of neighbouring invocations. */
  #apart(): string {
    const { rank } = this.#kernel;
    const { threads } = this.#at;
    return [
      ...this.#sizes(),
      `let all = ${Array.from({ length: rank }, (_, l) => `n${l}`).join(" * ")};`,
      ...this.#constants(),
      `for (var e = 0u; e < 4u; e++) { let t = (group * 4u + e) * ${threads}u + lane;`,
      "if (t >= all) { return; }",
      ...this.#indices("t", 0, rank),
      ...this.#element(),
      "}",
    ].join("\n");
  }

  #map(): string {
    const { rank } = this.#kernel;
    const { four } = this.#form;
    if (four !== undefined) return four === "beside" ? this.#beside() : this.#apart();
    const all = Array.from({ length: Math.max(rank, 1) }, (_, l) => `n${l}`).join(" * ");
    return [
      ...this.#turn(this.#at.threads, "lane"),
      ...this.#sizes(),
      `if (!(mine && t < ${all})) { return; }`,
      ...this.#indices("t", 0, rank),
      ...this.#constants(),
      ...this.#element(),
    ].join("\n");
  }

  /** Invocation `lane` is slice `slice` of result `column` of its workgroup. */
  #reduction(): string {
    const { rank, reduced, reductions, lanes } = this.#kernel;
    const { threads } = this.#at;
    const { epilogue, split = false } = this.#form;
    const kept = rank - reduced;
    const slices = this.#slices;
    const columns = threads / slices;
    const along = lanes >= kept; // neighbours share a row
    const product = (from: number, to: number): string =>
      to === from ? "1u" : Array.from({ length: to - from }, (_, l) => `n${from + l}`).join(" * ");
    const type = (r: Reduction): Scalar => this.#type(r.value);
    const blocked = (r: Reduction): boolean => r.fn === "sum" && type(r) === "f32";
    const lines = [
      along
        ? `let column = lane / ${slices}u; let slice = lane % ${slices}u;`
        : `let column = lane % ${columns}u; let slice = lane / ${columns}u;`,
      ...this.#turn(columns, "column"),
      ...this.#sizes(),
      `let live = mine && t < ${product(0, kept)};`,
      ...this.#indices("t", 0, kept),
      ...this.#constants(),
      ...reductions.flatMap((r, j) => {
        const start = constant(neutral[r.fn](type(r)), type(r));
        return [
          `var acc${j}: ${wgslType[registerOf(type(r))]} = ${start};`,
          ...(blocked(r) ? [`var part${j} = 0f; var terms${j} = 0u;`] : []),
        ];
      }),
      ...(split
        ? [
            `let begin = part * u32(${this.#split("terms")});`,
            `let end = min(begin + u32(${this.#split("terms")}), ${product(kept, rank)});`,
          ]
        : ["const begin = 0u;", `let end = ${product(kept, rank)};`]),
      `if (live) { for (var r = begin + slice; r < end; r += ${slices}u) {`,
      ...this.#indices("r", kept, rank),
      ...this.#element(),
      ...reductions.map((r, j) =>
        blocked(r)
          ? `part${j} += v${r.value}; terms${j} += 1u; if (terms${j} == ${BLOCK}u) { acc${j} += part${j}; part${j} = 0f; terms${j} = 0u; }`
          : `acc${j} = ${fold[r.fn](type(r), `acc${j}`, `v${r.value}`)};`,
      ),
      "} }",
      ...reductions.flatMap((r, j) => (blocked(r) ? [`acc${j} += part${j};`] : [])),
    ];
    const step = along ? 1 : columns;
    reductions.forEach((r, j) => {
      if (slices === 1) return;
      const here = this.#at.scratch("lane");
      if (j > 0) lines.push("workgroupBarrier();");
      lines.push(`${here} = ${toWord(type(r), `acc${j}`)};`, "workgroupBarrier();");
      lines.push(`for (var h = ${slices / 2}u; h > 0u; h >>= 1u) {`, "if (slice < h) {");
      lines.push(
        `let p = ${fromWord(type(r), here)}; let q = ${fromWord(type(r), this.#at.scratch(`lane + h * ${step}u`))};`,
      );
      lines.push(
        `${here} = ${toWord(type(r), `(${fold[r.fn](type(r), "p", "q")})`)};`,
        "}",
        "workgroupBarrier();",
        "}",
      );
      lines.push(`acc${j} = ${fromWord(type(r), here)};`);
    });
    lines.push("if (live && slice == 0u) {");
    reductions.forEach((r, j) => {
      if (split) {
        const place = `(part * u32(${this.#split("results")}) + t) << 2u`;
        lines.push(`let to = bitcast<u32>(${this.#split("workspace")}) + (${place});`);
        lines.push(this.#at.store(this.#place.size, "f32", `acc${j}`, "to"));
      } else if (epilogue !== undefined) lines.push(`${this.#at.name}_after(t, acc${j});`);
      else lines.push(this.#address(r.operand, kept), `let f${j} = acc${j};`, this.#store(r.operand, `f${j}`, type(r)));
    });
    lines.push("}");
    return lines.join("\n");
  }
}
