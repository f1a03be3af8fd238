// A stage is one dispatch of a call: a body of WGSL with its operands, numbers and workgroups. A call has one, or several with a
// workspace between them. Stages of tuned calls read and write four elements at a time where they can.
import type { CallOperand } from "@weft/kernel";
import type { Body, Surroundings } from "../translate/program.ts";
import type { Epilogue } from "../translate/program.ts";

/** What forms are chosen by. */
export interface DeviceTraits {
  /** Invocations in a workgroup, the same in every dispatch. */
  readonly threads: number;
  /** Bytes of memory that a workgroup may have. */
  readonly shared: number;
  /** Invocations in a subgroup, the same for all; 0 where there are no subgroups, or their size is not known. */
  readonly subgroups: number;
  /** Whether writing one component of a vector leaves the others alone: several invocations fill a tile's vectors. */
  readonly vectors: boolean;
}

/** A graphics processor, or a program on two or four cores in its place: that compiles slowly, and a workgroup costs it much. */
export const isHardware = ({ threads }: Pick<DeviceTraits, "threads">): boolean => threads >= 128;
/** Rounds of a walk that are written out; more are a loop. */
export const writtenFor = (machine: Pick<DeviceTraits, "threads">): number => (isHardware(machine) ? 16 : 1);

export interface Stage {
  /** What it does, for messages and profiles. */
  readonly name: string;
  readonly body: Body;
  /** The same for operands that do not lie at multiples of 16 bytes. */
  readonly unaligned: Body;
  /** In the order of the body's operands; undefined is the workspace. */
  readonly operands: readonly (CallOperand | undefined)[];
  /** Argument words behind the addresses of the operands. */
  readonly numbers: readonly number[];
  readonly groups: number;
  /** The argument word for the number under which an index out of range is noted. */
  readonly mark?: number | undefined;
  /** Its arguments follow `numbers`. */
  readonly epilogue?: Epilogue | undefined;
}

/** A call made ready for its shapes. */
export interface Staged {
  readonly stages: readonly Stage[];
  /** Bytes of memory that the stages hand on in. */
  readonly workspace: number;
}

/** What the text of a stage is written with. Places are in elements of f32 (u32). */
export interface Words {
  /** Invocations in a workgroup. */
  readonly threads: number;
  /** The body's name, with which names of its functions begin. */
  readonly name: string;
  readonly load: (k: number, place: string) => string;
  /** Four neighbors as a vec4f; the place is a multiple of 4. */
  readonly load4: (k: number, place: string) => string;
  /** Statements that write one or four elements of the last operand, at coordinates along the axes the epilogue was told of. */
  readonly store: (place: string, value: string, coordinates?: readonly string[]) => string;
  readonly store4: (place: string, value: string, coordinates?: readonly string[]) => string;
  /** Vector `index` of the workgroup's memory, a vec4f. */
  readonly vector: (index: string) => string;
}

export interface StageForm {
  /** Distinguishes texts; the names of the numbers are added. */
  readonly name: string;
  readonly operands: readonly (CallOperand | undefined)[];
  /** Named numbers (u32) that the text uses. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly groups: number;
  /** Vectors of workgroup memory. */
  readonly vectors: number;
  /** What is done to each element of the result before it is written. */
  readonly epilogue?: Epilogue | undefined;
  /** Functions that the text calls; their names begin with `name`. */
  readonly functions?: (name: string) => string;
  /** Where `aligned` is false, every operand may lie at any multiple of 4 bytes. */
  readonly text: (words: Words, aligned: boolean) => string;
}

export function stageOf(form: StageForm): Stage {
  const { operands, epilogue } = form;
  const numbers = { groups: form.groups, ...form.numbers };
  const names = Object.keys(numbers);
  const first = operands.length;
  const words = first + names.length;
  const result = operands.length - 1;
  const body = (aligned: boolean): Body => ({
    key: `${form.name} ${aligned ? "" : "unaligned "}${names.join()}${epilogue === undefined ? "" : ` ${epilogue.key}`}`,
    operands: [
      ...operands.map((_, k) => ({ dtype: "f32" as const, write: k === result, wide: aligned })),
      ...(epilogue?.operands ?? []),
    ],
    words: words + (epilogue?.words.length ?? 0),
    scratch: 0,
    vectors: form.vectors,
    functions: (at) =>
      `${form.functions?.(at.name) ?? ""}\n${epilogue?.functions(at, words, operands.length, result, result) ?? ""}`,
    text: (at) =>
      [
        ...names.map((name, n) => `let ${name} = u32(${at.word(first + n)});`),
        "if (group >= groups) { return; }",
        form.text(wordsOf(at, result, aligned, epilogue), aligned),
      ].join("\n"),
  });
  return {
    name: form.name,
    body: body(true),
    unaligned: body(false),
    operands,
    numbers: Object.values(numbers),
    groups: form.groups,
    epilogue,
  };
}

/** Texts for four neighbors from `place` on, each with its component of a vector and its number. */
export const eachOfFour = (place: string, text: (place: string, component: string, i: number) => string): string[] =>
  [..."xyzw"].map((component, i) => text(`(${place}) + ${i}u`, component, i));

function wordsOf(at: Surroundings, result: number, aligned: boolean, epilogue: Epilogue | undefined): Words {
  const address = (k: number, place: string): string => `(bitcast<u32>(${at.word(k)}) + ((${place}) << 2u))`;
  const load = (k: number, place: string): string => at.load(k, "f32", address(k, place));
  /** Coordinates as the epilogue's functions take them, `i` further along the last one. */
  const along = (coordinates: readonly string[], i: number): string =>
    coordinates
      .slice(0, epilogue?.coordinates ?? 0)
      .map((c, a, all) => `${c}${i > 0 && a === all.length - 1 ? ` + ${i}u` : ""}, `)
      .join("");
  const store = (place: string, value: string, coordinates: readonly string[] = [], i = 0): string =>
    epilogue === undefined
      ? at.store(result, "f32", value, address(result, place))
      : `${at.name}_after(${place}, ${along(coordinates, i)}${value});`;
  return {
    threads: at.threads,
    name: at.name,
    load,
    load4: (k, place) =>
      aligned ? at.load4(k, address(k, place)) : `vec4f(${eachOfFour(place, (p) => load(k, p)).join(", ")})`,
    store,
    store4: (place, value, coordinates) =>
      !aligned || epilogue?.four === false
        ? eachOfFour(place, (p, x, i) => store(p, `${value}.${x}`, coordinates, i)).join(" ")
        : epilogue === undefined
          ? at.store4(result, value, address(result, place))
          : `${at.name}_after4(${place}, ${along(coordinates ?? [], 0)}${value});`,
    vector: at.vector,
  };
}
