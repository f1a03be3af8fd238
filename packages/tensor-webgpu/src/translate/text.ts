// The text of a kernel at one index: sizes, indices, addresses, the values and their stores.
import { dtypeInfo } from "@weft/tensor/internals";
import { layout, type Kernel, type Scalar, type V } from "@weft/kernel";
import type { Epilogue } from "./program.ts";
import { splitting, type Block, type Slices } from "./partition.ts";
import type { BodyScope } from "./program.ts";
import { applied, constant, registerOf, type Register } from "./scalar.ts";
import { elementIn, wordOf } from "./storage.ts";
import { roundedBy, usedBy } from "./values.ts";

/** How a kernel is written. */
export interface KernelStyle {
  /** What is done to the results of a reduction. */
  readonly epilogue?: Epilogue | undefined;
  readonly block?: Block;
  /**
   * Of a reduction: its terms are split among groups, whose sums go to the workspace, an operand after its own. The
   * words of `splitting` follow its arguments.
   */
  readonly split?: boolean;
  /**
   * Of a map: an invocation takes four elements: adjacent ones in aligned memory, else as far apart as a workgroup is
   * wide.
   */
  readonly four?: "beside" | "apart";
  /** Invocations in a subgroup, if there are subgroups: they join their parts without memory. */
  readonly subgroups?: number;
}

/** A map at one index, in parts. */
export interface ElementText {
  /** Statements that name the loops' indices, `i0`…, at the linear index `place`. */
  readonly indices: string;
  /** Statements that compute what is stored, with the indices and `value` in scope. */
  readonly compute: string;
  /**
   * Names of the stored values, the number of each operand among those with memory, and statements that name the
   * address `to`.
   */
  readonly stores: readonly {
    readonly value: string;
    readonly type: Register;
    readonly memory: number;
    readonly address: string;
    readonly to: string;
  }[];
}

/** Operands that have memory, in the order of a launch's places. */
export const memoryOperands = (kernel: Kernel): number[] =>
  kernel.operands.flatMap((o, k) => (o.use === "index" ? [] : [k]));

export class Text {
  readonly kernel: Kernel;
  readonly slices: Slices;
  readonly at: BodyScope;
  readonly place: ReadonlyMap<number, number>;
  readonly used: readonly boolean[];
  readonly rounded: ReadonlySet<V>;

  /** The operand whose element is already in a register (-1: none). */
  readonly given: number;
  readonly form: KernelStyle;

  constructor(
    kernel: Kernel,
    slices: Slices,
    at: BodyScope,
    { given = -1, form = {} }: { readonly given?: number; readonly form?: KernelStyle },
  ) {
    this.given = given;
    this.form = form;
    this.kernel = kernel;
    this.slices = slices;
    this.at = at;
    this.place = new Map(memoryOperands(kernel).map((k, i) => [k, i]));
    this.used = usedBy(kernel);
    this.rounded = roundedBy(kernel);
  }

  type(v: V): Scalar {
    return this.kernel.code[v]!.type;
  }

  /** The sizes of all loops, as u32. */
  sizes(): string[] {
    const { rank } = this.kernel;
    const first = `u32(${this.at.word(layout.end)} - ${this.at.word(layout.begin)})`;
    if (rank === 0) return [`let n0 = ${first};`];
    return Array.from(
      { length: rank },
      (_, l) => `let n${l} = ${l === 0 ? first : `u32(${this.at.word(layout.size(l))})`};`,
    );
  }

  /** Numbers and constants: the same at every index. */
  constants(): string[] {
    const { code } = this.kernel;
    // Always 0, but no compiler knows that.
    const none = this.rounded.size > 0 ? [`let none = bitcast<u32>(${this.at.word(layout.end)}) >> 31u;`] : [];
    return none.concat(
      code.flatMap((c, v) => {
        if (!this.used[v]) return [];
        if (c.kind === "const") return [`let v${v} = ${constant(c.value, c.type)};`];
        if (c.kind !== "number") return [];
        const word = this.at.word(layout.number(this.kernel, c.slot));
        return [
          `let v${v} = ${{ f32: `bitcast<f32>(${word})`, i32: word, bool: `${word} != 0i` }[registerOf(c.type)]};`,
        ];
      }),
    );
  }

  /** Splits the linear index `name` into indices of the loops from…to-1. */
  indices(name: string, from: number, to: number): string[] {
    const lines: string[] = [];
    let rest = name;
    for (let l = to - 1; l > from; l--) {
      lines.push(`let i${l} = i32(${rest} % n${l});`, `let r${l} = ${rest} / n${l};`);
      rest = `r${l}`;
    }
    if (to > from) lines.push(`let i${from} = i32(${rest})${from === 0 ? ` + ${this.at.word(layout.begin)}` : ""};`);
    return lines;
  }

  /** The address of an operand at these loops, from base and strides, an i32. */
  position(k: number, loops: number): string {
    const base = layout.operand(this.kernel, k);
    const o = this.kernel.operands[k]!;
    const terms = Array.from({ length: loops }, (_, l) => {
      if (l === this.kernel.lanes && o.step === "still") return "";
      return ` + i${l} * ${this.at.word(base + 1 + l)}`;
    });
    return this.at.word(base) + terms.join("");
  }

  address(k: number, loops: number): string {
    return `let a${k} = bitcast<u32>(${this.position(k, loops)});`;
  }

  store(k: number, v: string, type: Scalar): string {
    return this.at.store(this.place.get(k)!, registerOf(type), v, `a${k}`);
  }

  /** Whether four elements of the operand are loaded together. */
  isFour(k: number): boolean {
    const { use, step } = this.kernel.operands[k]!;
    return use !== "index" && step === "unit";
  }

  /**
   * All values at one index; adds operands to `addressed` as their addresses are named. With `e`, the index is that of
   * element `e` of four that are loaded together.
   */
  values(addressed: Set<number>, e?: number): string[] {
    const { code, rank, operands } = this.kernel;
    const lines: string[] = [];
    code.forEach((c, v) => {
      if (!this.used[v]) return;
      if (c.kind === "load" && c.operand === this.given) lines.push(`let v${v} = value;`);
      else if (c.kind === "load" && e !== undefined && this.isFour(c.operand)) {
        const { dtype } = operands[c.operand]!;
        const word = dtypeInfo[dtype].bytes === 4 ? `q${c.operand}.${"xyzw"[e]}` : `q${c.operand}`;
        lines.push(`let v${v} = ${elementIn(dtype, registerOf(c.type), word, `${e}u`)};`);
      } else if (c.kind === "load") {
        if (!addressed.has(c.operand)) lines.push(this.address(c.operand, rank));
        addressed.add(c.operand);
        lines.push(`let v${v} = ${this.at.load(this.place.get(c.operand)!, registerOf(c.type), `a${c.operand}`)};`);
      } else if (c.kind === "affine") lines.push(`let v${v} = ${this.position(c.operand, rank)};`);
      else if (c.kind === "apply") {
        const names = c.args.map((a) => `v${a}`);
        const value = applied(c.fn, this.type(c.args[0]!), names, c.imm);
        lines.push(`let v${v} = ${this.rounded.has(v) ? `w_rounded(${value}, none)` : value};`);
      }
    });
    return lines;
  }

  /** All values at one index, and the stores. */
  element(e?: number): string[] {
    const { rank, stores, operands } = this.kernel;
    const addressed = new Set<number>();
    const lines = this.values(addressed, e);
    for (const s of stores) {
      if (e !== undefined) {
        const { dtype } = operands[s.operand]!;
        const word = wordOf(dtype, registerOf(this.type(s.value)), `v${s.value}`);
        lines.push(
          dtypeInfo[dtype].bytes === 4
            ? `y${s.operand}.${"xyzw"[e]} = ${word};`
            : `y${s.operand} |= ${word} << ${8 * e}u;`,
        );
        continue;
      }
      if (!addressed.has(s.operand)) lines.push(this.address(s.operand, rank));
      addressed.add(s.operand);
      lines.push(`${this.store(s.operand, `v${s.value}`, this.type(s.value))} // ${operands[s.operand]!.dtype}`);
    }
    return lines;
  }

  apart(): ElementText {
    const { rank, stores } = this.kernel;
    return {
      indices: [...this.sizes(), ...this.indices("place", 0, rank)].join("\n"),
      compute: [...this.constants(), ...this.values(new Set())].join("\n"),
      stores: stores.map((s) => ({
        value: `v${s.value}`,
        type: registerOf(this.type(s.value)),
        memory: this.place.get(s.operand)!,
        address: this.address(s.operand, rank),
        to: `a${s.operand}`,
      })),
    };
  }

  /** Names `t`, the result at `place` in a workgroup of `each` results, and `inBlock`: whether that place has one. */
  resultAt(each: number, place: string): string[] {
    const { block, split } = this.form;
    if (split === true)
      return [
        `let ofPart = u32(${this.split("groups")});`,
        "let part = group / ofPart;",
        `let t = group % ofPart * ${each}u + ${place};`,
        "const inBlock = true;",
      ];
    if (block === undefined) return [`let t = group * ${each}u + ${place};`, "const inBlock = true;"];
    const groups = Math.ceil(block / each);
    return [
      `let e = group % ${groups}u * ${each}u + ${place};`,
      `let t = group / ${groups}u * ${block}u + e;`,
      `let inBlock = e < ${block}u;`,
    ];
  }

  split(word: keyof typeof splitting): string {
    return this.at.word(layout.words(this.kernel) + splitting[word]);
  }
}
