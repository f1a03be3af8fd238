// What a call is: an operation whose kernel is shaped by hand, as a body of WGSL and the numbers that it gets as arguments.
// The forms here are the plain ones: an invocation for each element of the result.
import { dtypeInfo, isFloat, type DType, type FusedOp } from "@weft/tensor";
import { sizeOf, type CallLaunch, type CallOperand, type CallTraits, type FusedKernel } from "@weft/kernel";
import { epilogueOf } from "../forms/epilogue.ts";
import { eachOfFour, type DeviceTraits, type Stage, type Staged } from "../forms/stage.ts";
import type { Body, Surroundings } from "../translate/program.ts";
import { constant, registerOf, wgslType, type Register } from "../translate/scalar.ts";

/** A kernel of an operation with these attributes; `Call<never>` is that of any operation. */
export interface Call<Attrs = never> extends CallTraits<Attrs> {
  /** With `epilogue` it does the elementwise work behind it (`after`) where it writes its result. */
  readonly prepare: (launch: CallLaunch<Attrs>, machine: DeviceTraits) => Staged;
  /** Where it is `rowwise`: one stage, whose workgroups follow one another in blocks, each block for the next so many rows. */
  readonly byRows?: (launch: CallLaunch<Attrs>, rows: number, machine: DeviceTraits) => Stage;
}

/**
 * The kernel of a fused operation, for `open({ kernels: [...] })`: it runs wherever the operands have dtypes that `call.dtypes` names.
 *
 * @example const backend = await open({ kernels: [kernel(scaledSquareOp, scaledSquare)] });
 */
export const kernel = <A>(op: FusedOp<A>, call: Call<A>): FusedKernel<"@weft/tensor-webgpu"> => ({
  backend: "@weft/tensor-webgpu",
  op,
  call,
});

/** What a value of this dtype is in the WGSL of a call. */
const registerIn = (dtype: DType): Register => registerOf(dtypeInfo[dtype].compute);

/** Sizes of the axes before, at and behind `axis`. */
export const around = (shape: readonly number[], axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  size: shape[axis]!,
  inner: sizeOf(shape.slice(axis + 1)),
});

/** What the text of a stage is written with. Operands are counted in the order of the form's. */
export interface Words {
  readonly at: Surroundings;
  /** The element of operand `k` at a place (u32, in elements). */
  readonly load: (k: number, place: string) => string;
  /** Four neighbors in an f32 operand, a vec4f; the place is a multiple of 4. Only in a form that is `wide`. */
  readonly load4: (k: number, place: string) => string;
  /** A statement that writes the element of operand `k` at a place. `value` is a name. */
  readonly put: (k: number, place: string, value: string) => string;
  /** The same of the result: here what is done behind the call is done, too. */
  readonly store: (place: string, value: string) => string;
  readonly store4: (place: string, value: string) => string;
  /** The WGSL type of operand k, and of the result. */
  readonly type: (k: number) => string;
  readonly result: string;
  /** A statement that notes an index out of range. */
  readonly mark: string;
}

/** What an element is whose index is out of range: NaN, in integers 0. */
export const missing = (dtype: DType): string =>
  isFloat(dtype) ? constant(NaN, "f32") : constant(0, registerIn(dtype));

export interface CallText {
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
  /** Whether it reads or writes four elements at once; they then lie at multiples of 16 bytes in their slot. */
  readonly wide?: boolean;
  /** Whether it uses operations of subgroups. */
  readonly subgroups?: boolean;
  /** WGSL functions that the text calls, with names that begin with `name`. */
  readonly functions?: (name: string) => string;
  readonly text: (words: Words) => string;
}

/** An operand of a call, or its workspace, as words that hold numbers of a type. */
export type StageOperand = CallOperand | "i32" | "f32";

/** One of several stages of a call. */
export interface StageText extends CallText {
  readonly operands: readonly StageOperand[];
  /** Which of them it writes. */
  readonly writes: readonly number[];
  /** Which of them is the call's result, if it writes that. */
  readonly result?: number;
}

/** A call whose invocations work by themselves on row-major operands: the inputs, then the result. */
export function prepared(launch: CallLaunch, machine: DeviceTraits, form: CallText): Staged {
  const { inputs, out } = launch;
  const result = inputs.length;
  return {
    stages: [stage(launch, machine, { ...form, operands: [...inputs, out], writes: [result], result })],
    workspace: 0,
  };
}

/** A stage of a call. */
export function stage(launch: CallLaunch, { threads }: DeviceTraits, form: StageText): Stage {
  const { operands, result } = form;
  const epilogue = result === undefined ? undefined : epilogueOf(launch.after?.launch, launch.out);
  const marks = form.marks ? 1 : 0;
  // Either says which invocations there are: a dispatch may have workgroups beyond the last.
  const { count, groups = Math.ceil(count! / threads) } = form;
  const numbers = { ...(count === undefined ? { workgroups: groups } : { count }), ...form.numbers };
  const names = Object.keys(numbers);
  const first = operands.length + marks;
  const words = first + names.length;
  const dtypes = operands.map((o): DType => (typeof o === "string" ? o : o.dtype));
  const body = (aligned: boolean): Body => ({
    key: `${form.name} ${aligned ? "" : "unaligned "}${dtypes.join()} ${form.writes.join()} ${names.join()} ${epilogue?.key ?? ""}`,
    operands: [
      ...dtypes.map((dtype, k) => ({
        dtype,
        write: form.writes.includes(k),
        wide: form.wide === true && aligned && dtype === "f32",
      })),
      ...(epilogue?.operands ?? []),
    ],
    words: words + (epilogue?.words.length ?? 0),
    scratch: form.scratch ?? 0,
    subgroups: form.subgroups ?? false,
    functions: (at) =>
      (form.functions?.(at.name) ?? "") + (epilogue?.functions(at, words, operands.length, result!, result!) ?? ""),
    text: (at) => {
      const address = (k: number, place: string): string =>
        `(bitcast<u32>(${at.word(k)}) + (${place}) * ${dtypeInfo[dtypes[k]!].bytes}u)`;
      const register = (k: number): Register => registerIn(dtypes[k]!);
      const load: Words["load"] = (k, place) => `(${at.load(k, register(k), address(k, place))})`;
      const put: Words["put"] = (k, place, value) => at.store(k, register(k), value, address(k, place));
      const store: Words["store"] = (place, value) =>
        epilogue === undefined ? put(result!, place, value) : `${at.name}_after(${place}, ${value});`;
      const named: Words = {
        at,
        load,
        load4: (k, place) =>
          aligned ? at.load4(k, address(k, place)) : `vec4f(${eachOfFour(place, (p) => load(k, p)).join(", ")})`,
        put,
        store,
        store4: (place, value) =>
          aligned && epilogue === undefined
            ? at.store4(result!, value, address(result!, place))
            : eachOfFour(place, (p, x) => store(p, `${value}.${x}`)).join(" "),
        type: (k) => wgslType[register(k)],
        result: result === undefined ? "" : wgslType[register(result)],
        mark: form.marks ? at.mark(operands.length) : "",
      };
      const setUp = names.map((name, n) => {
        const word = at.word(first + n);
        return `let ${name} = ${name.endsWith("_") ? word : `u32(${word})`};`;
      });
      for (const [name, value] of Object.entries(form.constants ?? {})) setUp.push(`const ${name} = ${value}u;`);
      if (count === undefined) setUp.push("if (group >= workgroups) { return; }");
      else setUp.push(`let i = group * ${at.threads}u + lane;`, "if (i >= count) { return; }");
      return [...setUp, form.text(named)].join("\n");
    },
  });
  const whole = body(true);
  return {
    name: form.name,
    body: whole,
    unaligned: form.wide ? body(false) : whole,
    operands: operands.map((o) => (typeof o === "string" ? undefined : o)),
    numbers: [...(form.marks ? [0] : []), ...Object.values(numbers)],
    groups,
    mark: form.marks ? operands.length : undefined,
    epilogue,
  };
}
