// A stage is what one dispatch runs for a launch: a body of WGSL, its arguments, and where its operands lie. A launch
// has one stage, or several with a workspace between them. Stages of calls are built here from a text and the numbers
// it names.
import type { DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import {
  codeOf,
  nameOf,
  type AddressArgument,
  type AnyOp,
  type CallLaunch,
  type CallOperand,
  type NumberArgument,
} from "@weft/kernel";
import type { Body, Epilogue, BodyScope } from "../translate/program.ts";
import { registerOf, wgslType, type Register } from "../translate/scalar.ts";
import type { DeviceTraits } from "./device-traits.ts";

/** Stands for the slot of the workspace, which is not part of the plan. */
export const WORKSPACE = -1;

/** Argument words are counted from the stage's first. */
export interface Stage {
  /** What it does, for messages and profiles. */
  readonly name: string;
  readonly body: Body;
  /** The same for operands that do not lie at multiples of 16 bytes. */
  readonly unaligned: Body;
  /** Workgroups. */
  readonly groups: number;
  /** The arguments, complete except for the following. */
  readonly words: readonly number[];
  /** Addresses, in the order of the body's operands. */
  readonly places: readonly Omit<AddressArgument, "write">[];
  readonly numbers: readonly NumberArgument[];
  /** Words that receive the number of the flag that a node raises where an index is out of range. */
  readonly flags: readonly { readonly word: number; readonly node: number }[];
  /** Whether a package outside wrote its text: then it may not compile. */
  readonly foreign?: boolean;
}

/** What a launch runs: stages one after the other, and the bytes of the workspace between them. */
export interface Staged {
  readonly stages: readonly Stage[];
  readonly workspace: number;
}

/** An operand of a call, or its workspace, as words that hold numbers of a type. */
export type StageOperand = CallOperand | "i32" | "f32";

export interface StageForm {
  /** Distinguishes texts; dtypes, the names of the numbers and the epilogue are added. */
  readonly name: string;
  /** Distinguishes texts of one name. */
  readonly code?: string;
  readonly operands: readonly StageOperand[];
  /** Which operands it writes, first the one that `store` means; left out, the last. */
  readonly writes?: readonly [number, ...number[]];
  /** Named numbers that the text uses: u32, or i32 where the name ends in `_`. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Named numbers (u32) that are part of the text; the form's name must include them. */
  readonly constants?: Readonly<Record<string, number>>;
  /** The number of invocations: `i` counts them in `text`. Left out, `groups` gives the number of workgroups. */
  readonly count?: number;
  readonly groups?: number;
  /** Words and vectors of workgroup memory. */
  readonly scratch?: number;
  readonly vectors?: number;
  /** Whether it uses operations of subgroups. */
  readonly subgroups?: boolean;
  /** Whether it reads or writes four elements at once; they then lie at multiples of 16 bytes in their slot. */
  readonly wide?: boolean;
  /** The node whose indices it checks. */
  readonly checked?: number | undefined;
  /** Runs on each element that `store` writes. */
  readonly epilogue?: Epilogue | undefined;
  /** WGSL functions that the text calls, with names that begin with `name`. */
  readonly functions?: (name: string) => string;
  /** Where `aligned` is false, operands may lie at any multiple of their element size. */
  readonly text: (words: Words, aligned: boolean) => string;
}

/** What the text of a stage is written with. Operands are numbered as in the form; places are in elements (u32). */
export interface Words {
  readonly at: BodyScope;
  readonly load: (k: number, place: string) => string;
  /** Four neighbors in an f32 operand, a vec4f; the place is a multiple of 4. Only in a form that is `wide`. */
  readonly load4: (k: number, place: string) => string;
  /** A statement that writes an element of operand `k`. `value` is a name. */
  readonly put: (k: number, place: string, value: string) => string;
  /** The same for the result, with its epilogue, at coordinates along the axes that the epilogue was given. */
  readonly store: (place: string, value: string, coordinates?: readonly string[]) => string;
  readonly store4: (place: string, value: string, coordinates?: readonly string[]) => string;
  /** The WGSL type of operand k, and of the result. */
  readonly type: (k: number) => string;
  readonly result: string;
  /** A statement for an index that is out of range; only in a form that is `checked`. */
  readonly outOfRange: string;
}

/** What a value of this dtype is in the WGSL of a call. */
export const registerIn = (dtype: DType): Register => registerOf(dtypeInfo[dtype].compute);

/** What a stage reads, then the results of its call. */
export const operandsOf = (
  reads: readonly StageOperand[],
  [out, ...others]: CallLaunch["outs"],
): Pick<StageForm, "operands" | "writes"> => ({
  operands: [...reads, out, ...others],
  writes: [reads.length, ...others.map((_, i) => reads.length + 1 + i)],
});

export function stageOf({ threads }: Pick<DeviceTraits, "threads">, form: StageForm): Stage {
  const { name, operands, epilogue, count } = form;
  const writes = form.writes ?? ([operands.length - 1] as const);
  const dtypes = operands.map((o): DType => (typeof o === "string" ? o : o.dtype));
  // Either way the invocations are known: a dispatch may have workgroups beyond the last.
  const { groups = Math.ceil(count! / threads) } = form;
  const numbers = { ...(count === undefined ? { workgroups: groups } : { count }), ...form.numbers };
  const names = Object.keys(numbers);
  const flags = form.checked === undefined ? [] : [{ word: operands.length, node: form.checked }];
  const first = operands.length + flags.length;
  const words = first + names.length;
  const [out] = writes;
  const body = (aligned: boolean): Body => ({
    key:
      `${name} ${form.code ?? ""} ${aligned ? "" : "unaligned "}` +
      `${dtypes.join()} ${writes.join()} ${names.join()} ${epilogue?.key ?? ""}`,
    operands: [
      ...dtypes.map((dtype, k) => ({
        dtype,
        write: writes.includes(k),
        wide: form.wide === true && aligned && dtype === "f32",
      })),
      ...(epilogue?.operands ?? []),
    ],
    words: words + (epilogue?.launch.words.length ?? 0),
    scratch: form.scratch ?? 0,
    vectors: form.vectors ?? 0,
    subgroups: form.subgroups ?? false,
    functions: (at) =>
      `${form.functions?.(at.name) ?? ""}\n${epilogue?.functions(at, words, operands.length, out, out) ?? ""}`,
    text: (at) =>
      [
        ...names.map((n, i) => `let ${n} = ${n.endsWith("_") ? at.word(first + i) : `u32(${at.word(first + i)})`};`),
        ...Object.entries(form.constants ?? {}).map(([n, value]) => `const ${n} = ${value}u;`),
        count === undefined
          ? "if (group >= workgroups) { return; }"
          : `let i = group * ${at.threads}u + lane;\nif (i >= count) { return; }`,
        form.text(wordsOf(at, dtypes, out, aligned, flags[0] && at.outOfRange(flags[0].word), epilogue), aligned),
      ].join("\n"),
  });
  const whole = body(true);
  const after = epilogue?.launch;
  return {
    name,
    body: whole,
    unaligned: form.wide ? body(false) : whole,
    groups,
    words: [...operands.map(() => 0), ...flags.map(() => 0), ...Object.values(numbers), ...(after?.words ?? [])],
    places: [
      ...operands.map((o, word) =>
        typeof o === "string" ? { word, slot: WORKSPACE, bytes: 0 } : { word, slot: o.slot, bytes: o.bytes },
      ),
      ...shifted(words, after?.places),
    ],
    numbers: shifted(words, after?.numbers),
    flags,
  };
}

/** The stage of a call, its name beginning with that of its operation. */
export const named = (op: string, stage: Stage): Stage =>
  stage.name.startsWith(op) ? stage : { ...stage, name: `${op} ${stage.name}` };

/** The stage of an operation's call. The texts of a kernel from outside are its own, whatever their names are. */
export function ofCall(op: AnyOp, stage: Stage, foreign: boolean): Stage {
  const known = named(nameOf(op), stage);
  if (!foreign) return known;
  const own = (body: Body): Body => ({ ...body, key: `${codeOf(op)} ${body.key}` });
  return { ...known, body: own(stage.body), unaligned: own(stage.unaligned), foreign };
}

/** Bytes of workgroup memory of a program that runs all of these. */
export const sharedBytes = (stages: readonly Stage[]): number =>
  4 * Math.max(...stages.map(({ body }) => body.scratch)) +
  16 * Math.max(...stages.map(({ body }) => body.vectors ?? 0));

/** Arguments that follow `by` others. */
export const shifted = <T extends { readonly word: number }>(by: number, list: readonly T[] = []): T[] =>
  list.map((argument) => ({ ...argument, word: by + argument.word }));

/** Texts for four neighbors from `place` on, each with its component of a vector and its number. */
const eachOfFour = (place: string, text: (place: string, component: string, i: number) => string): string[] =>
  [..."xyzw"].map((component, i) => text(`(${place}) + ${i}u`, component, i));

function wordsOf(
  at: BodyScope,
  dtypes: readonly DType[],
  out: number,
  aligned: boolean,
  outOfRange: string | undefined,
  epilogue: Epilogue | undefined,
): Words {
  const register = (k: number): Register => registerIn(dtypes[k]!);
  const address = (k: number, place: string): string =>
    `(bitcast<u32>(${at.word(k)}) + ((${place}) << ${Math.log2(dtypeInfo[dtypes[k]!].bytes)}u))`;
  const load: Words["load"] = (k, place) => at.load(k, register(k), address(k, place));
  const put: Words["put"] = (k, place, value) => at.store(k, register(k), value, address(k, place));
  /** Coordinates as the epilogue's functions take them, `i` further along the last one. */
  const along = (coordinates: readonly string[], i: number): string =>
    coordinates
      .slice(0, epilogue?.coordinates ?? 0)
      .map((c, a, all) => `${c}${i > 0 && a === all.length - 1 ? ` + ${i}u` : ""}, `)
      .join("");
  const store = (place: string, value: string, coordinates: readonly string[] = [], i = 0): string =>
    epilogue === undefined ? put(out, place, value) : `${at.name}_after(${place}, ${along(coordinates, i)}${value});`;
  return {
    at,
    load,
    load4: (k, place) =>
      aligned ? at.load4(k, address(k, place)) : `vec4f(${eachOfFour(place, (p) => load(k, p)).join(", ")})`,
    put,
    store,
    store4: (place, value, coordinates = []) =>
      !aligned || epilogue?.four === false
        ? eachOfFour(place, (p, x, i) => store(p, `${value}.${x}`, coordinates, i)).join(" ")
        : epilogue === undefined
          ? at.store4(out, value, address(out, place))
          : `${at.name}_after4(${place}, ${along(coordinates, 0)}${value});`,
    type: (k) => wgslType[register(k)],
    result: wgslType[register(out)],
    outOfRange: outOfRange ?? "",
  };
}
