// Machine code under construction: instructions by name, labels, jumps as short as they can be, constants behind the code.
import { CodeBytes, describe, encode, fit } from "./encoding.ts";
import { instructions, type Arguments, type Instruction } from "./instructions.ts";
import { General, Label, Masking, Memory, Vector } from "./operands.ts";
import { conditions, type Condition, type Feature, type Operand, type Row } from "./row.ts";

/** Code that runs wherever it lies, at a multiple of 64. */
export interface Code {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the processor must have. */
  readonly needs: ReadonlySet<Feature>;
}

/** What is in the code between instructions: its final place depends on the lengths of jumps before it. */
type Mark =
  | { readonly kind: "label"; readonly at: number; readonly label: Label }
  | { readonly kind: "align"; readonly at: number; readonly bytes: number }
  | {
      readonly kind: "jump";
      readonly at: number;
      readonly label: Label;
      /** Opcodes with a displacement of one byte, and of four. */
      readonly short: readonly number[] | undefined;
      readonly near: readonly number[];
    };

/** Instructions of one to nine bytes that do nothing, as the manuals recommend them. */
const nothing = [
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0],
  [0x0f, 0x1f, 0x40, 0],
  [0x0f, 0x1f, 0x44, 0, 0],
  [0x66, 0x0f, 0x1f, 0x44, 0, 0],
  [0x0f, 0x1f, 0x80, 0, 0, 0, 0],
  [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
  [0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
];

const isOperand = (x: Operand | Masking | undefined): x is Operand => x !== undefined && !(x instanceof Masking);

const isCondition = (x: unknown): x is Condition => typeof x === "string" && Object.hasOwn(conditions, x);

export class Assembler {
  readonly #code = new CodeBytes();
  readonly #marks: Mark[] = [];
  readonly #bound = new Set<Label>();
  readonly #pool = new Map<string, { readonly label: Label; readonly bytes: Uint8Array }>();
  readonly #needs = new Set<Feature>();
  /** The general and the vector registers that it names so far: a bit each. */
  general = 0;
  vectors = 0;
  /** Whether it names vectors of more than 128 bits. */
  wide = false;

  /** Writes an instruction: `emit("vaddps", zmm(0), zmm(1), at(rdi, 64), zeroing(mask(1)))`. */
  emit<N extends Instruction>(name: N, ...operands: Arguments[N]): void {
    const rows: readonly Row[] = instructions[name];
    const all: readonly (Operand | Masking | undefined)[] = operands;
    const last = all[all.length - 1];
    const masking = last instanceof Masking ? last : undefined;
    const given = all.filter(isOperand);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const sizes = fit(row, given, masking);
      if (sizes === undefined) continue;
      for (const x of given) this.#use(x);
      this.general |= row.clobbers;
      for (const feature of row.needs) this.#needs.add(feature);
      if (row.encoding === "evex" && row.vectors && sizes.bits < 512) this.#needs.add("avx512vl");
      const label = given.at(-1);
      if (label instanceof Label) return this.#jump(row, given[0], label);
      const { references } = this.#code;
      const before = references.length;
      encode(this.#code, row, given, masking, sizes);
      if (references.length > before) references[before]!.end = this.#code.length;
      return;
    }
    const wanted = rows.map(describe).join(" or ");
    throw new TypeError(`x64: ${name} does not take (${operands.join(", ")}); it takes ${wanted}`);
  }

  /** A label that is bound later. */
  label(name?: string): Label {
    return new Label(name);
  }
  /** Says that the label is here. */
  bind(label: Label): void {
    if (this.#bound.has(label) || label.position !== undefined) throw new TypeError(`x64: ${label} is bound twice`);
    this.#bound.add(label);
    this.#marks.push({ kind: "label", at: this.#code.length, label });
  }
  /** A new label that is here. */
  here(name?: string): Label {
    const label = new Label(name);
    this.bind(label);
    return label;
  }
  /** Goes on at a multiple of so many bytes, at most 64. */
  align(bytes: 2 | 4 | 8 | 16 | 32 | 64): void {
    this.#marks.push({ kind: "align", at: this.#code.length, bytes });
  }

  /** Constants behind the code, as memory; equal ones are there once. */
  f32(...values: readonly number[]): Memory {
    return this.constant(Float32Array.from(values));
  }
  f64(...values: readonly number[]): Memory {
    return this.constant(Float64Array.from(values));
  }
  i32(...values: readonly number[]): Memory {
    return this.constant(Int32Array.from(values));
  }
  /** The bytes of an array, aligned to their number, rounded up to a power of two of at most 64. */
  constant(values: ArrayBufferView): Memory {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    if (bytes.length === 0) throw new RangeError("x64: a constant needs at least one byte");
    const key = bytes.join();
    let entry = this.#pool.get(key);
    if (entry === undefined) this.#pool.set(key, (entry = { label: new Label("of a constant"), bytes }));
    return new Memory(entry.label, 0);
  }

  /** The code, after `before`; nothing can be added afterwards. */
  finish(before: Uint8Array = new Uint8Array(0)): Code {
    const { positions, near, length } = this.#place(before.length);
    const pool = [...this.#pool.values()].toSorted((a, b) => b.bytes.length - a.bytes.length);
    let end = length;
    for (const { label, bytes } of pool) {
      end = roundUp(end, alignment(bytes.length));
      label.position = end;
      end += bytes.length;
    }
    const bytes = new Uint8Array(end);
    bytes.set(before);
    let from = 0;
    let to = before.length;
    const copy = (until: number): void => {
      bytes.set(this.#code.data.subarray(from, until), to);
      to += until - from;
      from = until;
    };
    const references = this.#code.references.values();
    let reference = references.next().value;
    const link = (until: number): void => {
      for (; reference !== undefined && reference.at < until; reference = references.next().value) {
        const shift = to - from;
        const target = positionOf(reference.label) + reference.plus;
        new DataView(bytes.buffer).setInt32(reference.at + shift, target - (reference.end + shift), true);
      }
    };
    this.#marks.forEach((mark, i) => {
      copy(mark.at);
      link(mark.at);
      if (mark.kind === "align") to += fill(bytes, to, roundUp(to, mark.bytes));
      else if (mark.kind === "jump") {
        const opcode = near[i] === 1 || mark.short === undefined ? mark.near : mark.short;
        bytes.set(opcode, to);
        const wide = opcode === mark.near;
        const distance = positionOf(mark.label) - (positions[i]! + opcode.length + (wide ? 4 : 1));
        new DataView(bytes.buffer)[wide ? "setInt32" : "setInt8"](to + opcode.length, distance, true);
        to += opcode.length + (wide ? 4 : 1);
      }
    });
    copy(this.#code.length);
    link(this.#code.length);
    for (const { label, bytes: constant } of pool) bytes.set(constant, positionOf(label));
    return { bytes, needs: this.#needs };
  }

  #jump(row: Row, first: Operand | undefined, label: Label): void {
    const at = this.#code.length;
    if (isCondition(first)) {
      const n = conditions[first];
      this.#marks.push({ kind: "jump", at, label, short: [0x70 | n], near: [0x0f, 0x80 | n] });
    } else
      this.#marks.push({
        kind: "jump",
        at,
        label,
        short: row.opcode === 0xe9 ? [0xeb] : undefined,
        near: [row.opcode],
      });
  }

  /** Where marks come to lie. Jumps begin short; each that does not reach becomes long, until all do. */
  #place(start: number) {
    const marks = this.#marks;
    const positions = new Array<number>(marks.length).fill(0);
    const near = new Uint8Array(marks.length);
    for (;;) {
      let shift = start;
      marks.forEach((mark, i) => {
        const position = mark.at + shift;
        positions[i] = position;
        if (mark.kind === "label") mark.label.position = position;
        else if (mark.kind === "align") shift += roundUp(position, mark.bytes) - position;
        else shift += near[i] === 1 || mark.short === undefined ? mark.near.length + 4 : 2;
      });
      let changed = false;
      marks.forEach((mark, i) => {
        if (mark.kind !== "jump" || mark.short === undefined || near[i] === 1) return;
        const distance = positionOf(mark.label) - (positions[i]! + 2);
        if (distance >= -128 && distance < 128) return;
        near[i] = 1;
        changed = true;
      });
      if (!changed) return { positions, near, length: this.#code.length + shift };
    }
  }

  #use(x: Operand): void {
    if (x instanceof General) this.general |= 1 << x.number;
    else if (x instanceof Vector) {
      this.vectors |= 1 << x.number;
      this.wide ||= x.bits > 128;
    } else if (x instanceof Memory) {
      if (x.base instanceof General) this.#use(x.base);
      if (x.index !== undefined) this.#use(x.index);
    }
  }
}

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

const alignment = (bytes: number): number => Math.min(64, 2 ** Math.ceil(Math.log2(bytes)));

function positionOf(label: Label): number {
  if (label.position === undefined)
    throw new TypeError(`x64: ${label} is used and not bound; bind it where it should lead`);
  return label.position;
}

/** Fills bytes with instructions that do nothing; how many bytes these are. */
function fill(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to;) {
    const some = nothing[Math.min(to - at, nothing.length) - 1]!;
    bytes.set(some, at);
    at += some.length;
  }
  return to - from;
}
