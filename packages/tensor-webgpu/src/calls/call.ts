// What a call is: an operation whose kernel is shaped by hand, as a body of WGSL and the numbers that it gets as arguments.
// The forms here are the plain ones: an invocation for each element of the result.
import { bytesOf, isFloat, type DType } from "@weft/tensor";
import type { CallLaunch, CallOperand, Rowwise } from "@weft/kernel";
import { epilogueOf } from "../forms/epilogue.ts";
import type { Machine, Stage, Staged } from "../forms/stage.ts";
import type { Body, Surroundings } from "../translate/program.ts";
import { constant, wgslType, type Register } from "../translate/scalar.ts";

export interface Call {
  /** Which layouts it takes without a copy; row-major if left out. */
  readonly accepts?: (input: number, operand: { readonly dtype: DType }) => boolean;
  /** Whether the result may lie where the first input lies: each element is read before it is written, by one invocation. */
  readonly inPlace?: boolean;
  /** Whether it does the elementwise work behind it (`after`) where it writes its result. */
  readonly epilogue?: boolean;
  readonly prepare: (launch: CallLaunch, machine: Machine) => Staged;
  /** How it runs by rows, if it can and is small enough for that to pay. */
  readonly rowwise?: (launch: CallLaunch) => Rowwise | undefined;
  /** Then: one stage, whose workgroups follow one another in blocks, each block for the next so many rows. */
  readonly byRows?: (launch: CallLaunch, rows: number, machine: Machine) => Stage;
}

/** What a value of this dtype is in the WGSL of a call. */
const registerOf = (dtype: DType): Register => (dtype === "bool" ? "bool" : dtype === "i32" ? "i32" : "f32");

/** Elements, row-major. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Sizes of the axes before, at and behind `axis`. */
export const around = (shape: readonly number[], axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  size: shape[axis]!,
  inner: sizeOf(shape.slice(axis + 1)),
});

/** What the text of a call is written with. */
export interface Words {
  readonly at: Surroundings;
  /** The element of input `k` at a place (u32, in elements). */
  readonly load: (k: number, place: string) => string;
  /** A statement that writes the result's element at a place. `value` is a name. */
  readonly store: (place: string, value: string) => string;
  /** The WGSL type of input k, and of the result. */
  readonly type: (k: number) => string;
  readonly result: string;
  /** A statement that notes an index out of range. */
  readonly mark: string;
}

/** What an element is whose index is out of range: NaN, in integers 0. */
export const missing = (dtype: DType): string =>
  isFloat(dtype) ? constant(NaN, "f32") : constant(0, registerOf(dtype));

export interface Form {
  /** Distinguishes texts; dtypes and the names of the numbers are added. */
  readonly name: string;
  /** Named numbers that the text uses: u32, or i32 where the name ends in `_`. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Named numbers (u32) that are part of the text; the name must tell them. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Invocations: `i` counts them in `text`. Left out, `groups` says how many workgroups there are. */
  readonly count?: number;
  readonly groups?: number;
  readonly scratch?: number;
  readonly marks?: boolean;
  /** WGSL functions that the text calls, with names that begin with `name`. */
  readonly functions?: (name: string) => string;
  readonly text: (words: Words) => string;
}

/** A call whose invocations work by themselves on row-major operands. */
export function prepared(launch: CallLaunch, { threads }: Machine, form: Form): Staged {
  const { inputs, out } = launch;
  const operands: readonly CallOperand[] = [...inputs, out];
  const epilogue = epilogueOf(launch.after?.launch, out);
  const marks = form.marks ? 1 : 0;
  const numbers = { ...(form.count === undefined ? {} : { count: form.count }), ...form.numbers };
  const names = Object.keys(numbers);
  const first = operands.length + marks;
  const words = first + names.length;
  const dtypes = operands.map((o) => o.dtype);
  const body: Body = {
    key: `${form.name} ${dtypes.join()} ${names.join()} ${epilogue?.key ?? ""}`,
    operands: [...dtypes.map((dtype, k) => ({ dtype, write: k === inputs.length })), ...(epilogue?.operands ?? [])],
    words: words + (epilogue?.words.length ?? 0),
    scratch: form.scratch ?? 0,
    functions: (at) =>
      (form.functions?.(at.name) ?? "") +
      (epilogue?.functions(at, words, operands.length, inputs.length, inputs.length) ?? ""),
    text: (at) => {
      const address = (k: number, place: string): string => {
        return `(bitcast<u32>(${at.word(k)}) + (${place}) * ${bytesOf[dtypes[k]!]}u)`;
      };
      const named: Words = {
        at,
        load: (k, place) => `(${at.load(k, registerOf(dtypes[k]!), address(k, place))})`,
        store: (place, value) =>
          epilogue === undefined
            ? at.store(inputs.length, registerOf(out.dtype), value, address(inputs.length, place))
            : `${at.name}_after(${place}, ${value});`,
        type: (k) => wgslType[registerOf(dtypes[k]!)],
        result: wgslType[registerOf(out.dtype)],
        mark: form.marks ? at.mark(operands.length) : "",
      };
      const setUp = names.map((name, n) => {
        const word = at.word(first + n);
        return `let ${name} = ${name.endsWith("_") ? word : `u32(${word})`};`;
      });
      for (const [name, value] of Object.entries(form.constants ?? {})) setUp.push(`const ${name} = ${value}u;`);
      if (form.count !== undefined) setUp.push(`let i = group * ${at.threads}u + lane;`, "if (i >= count) { return; }");
      return [...setUp, form.text(named)].join("\n");
    },
  };
  const stage = {
    name: form.name,
    body,
    unaligned: body,
    operands,
    numbers: [...(form.marks ? [0] : []), ...Object.values(numbers)],
    groups: form.groups ?? Math.ceil(form.count! / threads),
    mark: form.marks ? operands.length : undefined,
    epilogue,
  };
  return { stages: [stage], workspace: 0 };
}
