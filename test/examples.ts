// Runs what a package shows its users: the examples of its doc comments, and the code of its README where it is asked for. Where a
// line ends in a value it has that value, and where it ends in `throws SomeError` it throws that.
import * as autograd from "@weft/autograd";
import * as reference from "@weft/conformance";
import * as weft from "@weft/tensor";
import * as cpu from "@weft/tensor-cpu";
import type { Backend, Creation } from "@weft/tensor";
import { creation } from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { files, read } from "./source-graph.ts";

type Names = Readonly<Record<string, unknown>>;
type Opened = Backend & Creation;

export interface ShownPackage {
  /** The folder of the package. */
  readonly name: string;
  /** How many examples there are at least: nobody should lose them unseen. */
  readonly atLeast: number;
  /** What examples take for granted, beside the exports of `tensor` and `autograd` and the creation functions. */
  readonly around: (backend: Opened) => Names;
  /** Which blocks of the README run. */
  readonly readme?: (code: string) => boolean;
}

interface Example {
  readonly file: string;
  readonly code: string;
}

const inSources = (name: string): Example[] =>
  files(`packages/${name}/src/**/*.ts`).flatMap((file) =>
    [...read(file).matchAll(/@example[ \n]([\s\S]*?)(?=\n *\* @| *\*\/)/g)].map(([, code]) => ({
      file,
      code: code!.replaceAll(/^ *\* ?/gm, "").trim(),
    })),
  );

const inReadme = ({ name, readme }: ShownPackage): Example[] =>
  [...read(`packages/${name}/README.md`).matchAll(/^```ts\n([\s\S]*?)^```/gm)]
    .map(([, code]) => ({ file: `packages/${name}/README.md`, code: code! }))
    .filter(({ code }) => readme?.(code) === true);

/** A backend that examples run on, and how near a number comes there to the one that the example says. */
export interface Stage {
  readonly on: string;
  /** What the package of the backend exports. */
  readonly backend: Names;
  readonly open: () => Opened | Promise<Opened>;
  readonly near: (got: number, wanted: number) => boolean;
  readonly has: (code: string) => boolean;
}

/** Within a part of the wanted number, or of 1 if that is smaller. */
export const nearly =
  (part: number): Stage["near"] =>
  (got, wanted) =>
    Math.abs(got - wanted) <= part * Math.max(1, Math.abs(wanted));

const stages: readonly Stage[] = [
  {
    on: "the reference, to twelve decimals",
    backend: reference,
    open: () => reference.openSync({ seed: 1 }),
    near: (got, wanted) => Math.abs(got - wanted) < 0.5e-12,
    has: (code) => !/\bmemoryLimit\b|\bborrow\(/.test(code), // it has no limit, and lends no memory
  },
  {
    on: "the CPU, to the precision of f32",
    backend: cpu,
    open: () => cpu.openSync({ seed: 1 }),
    near: nearly(1e-6),
    has: () => true,
  },
];

const plain = async (y: unknown): Promise<unknown> =>
  weft.isTensor(y) ? y.array() : Array.isArray(y) ? Promise.all(y.map((part) => plain(part))) : y;

/** Is a result what an example says? Where it is not, the two are shown. */
function compare(got: unknown, wanted: unknown, near: Stage["near"]): void {
  const same = (a: unknown, b: unknown): boolean =>
    Array.isArray(a) && Array.isArray(b)
      ? a.length === b.length && a.every((x, i) => same(x, b[i]))
      : a === b || Object.is(a, b) || (typeof a === "number" && typeof b === "number" && near(a, b));
  if (!same(got, wanted)) expect(got).toEqual(wanted);
}

const single = String.raw`-?[\d.]+(?:e-?\d+)?|-?Infinity|NaN|true|false|"[^"]*"`;
const value = String.raw`(?:${single}|\[(?:${single}|[[\], ])*\])`;
const throwing = /^(.*?);? \/\/ throws (\w+)$/;
const valued = new RegExp(String.raw`^(?:const (\[.*?\]|\w+) = )?(.*?);? // (${value}(?:, ${value})*)(?:: .*)?$`);

/** A line that says what comes of it, with a check of that; other lines stay as they are. */
export function checked(line: string): string {
  const [, code, error] = throwing.exec(line) ?? [];
  if (error !== undefined) return `await check.throws(async () => ${code}, ${error});`;
  const [, names, expression, wanted] = valued.exec(line) ?? [];
  if (wanted === undefined) return line;
  if (names === undefined) return `await check.gives(await (${expression}), ${wanted});`;
  return `const ${names} = ${expression}; await check.gives(${names}, ${names.startsWith("[") ? `[${wanted}]` : wanted});`;
}

/** Runs an example, and checks what it says. */
export async function run(code: string, stage: Stage, around: ShownPackage["around"]): Promise<void> {
  const { backend, open, near } = stage;
  const opened = await open();
  const check = {
    gives: async (got: unknown, wanted: unknown) => compare(await plain(got), wanted, near),
    throws: (f: () => Promise<unknown>, type: new () => Error) => expect(f).rejects.toThrow(type),
  };
  const made = Object.keys(creation(opened)).map((name) => [name, opened[name as "tensor"]] as const);
  const names: Names = {
    ...autograd,
    ...weft,
    ...backend,
    ...Object.fromEntries(made),
    backend: opened,
    console: { log: () => {} },
    ...around(opened),
    check,
  };
  const lines = code.split("\n").filter((line) => !line.startsWith("import "));
  const body = `return (async () => {\n${lines.map(checked).join("\n")}\n})()`;
  await (new Function(...Object.keys(names), body)(...Object.values(names)) as Promise<void>);
}

/** The tests of all that a package shows. */
export function testExamples(shown: ShownPackage): void {
  const examples = [...inSources(shown.name), ...inReadme(shown)];
  test("there is an example for nearly every function", () => {
    expect(examples.length).toBeGreaterThanOrEqual(shown.atLeast);
  });
  describe.each(stages)("on $on", (stage) => {
    const possible = examples.filter(({ code }) => stage.has(code));
    test.each(possible)("$file: $code", ({ code }) => run(code, stage, shown.around));
  });
}
