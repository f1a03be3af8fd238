// Golden vectors: values and gradients that PyTorch computed in float64, in files that name a function, its attributes,
// inputs and outputs. Packages above pass their own functions.
import * as weft from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { type Backend, type DType, type Operand, type Tensor } from "@weft/tensor";
import { knownGap, type Case } from "./case.ts";
import { compare, type Result } from "./comparison.ts";
import { answer } from "./evaluation.ts";
import type { Tolerance } from "./sample.ts";
import binary from "./golden/binary.json" with { type: "json" };
import conv from "./golden/conv.json" with { type: "json" };
import elementwise from "./golden/elementwise.json" with { type: "json" };
import indexing from "./golden/indexing.json" with { type: "json" };
import loss from "./golden/loss.json" with { type: "json" };
import lossMore from "./golden/loss-more.json" with { type: "json" };
import matmul from "./golden/matmul.json" with { type: "json" };
import norm from "./golden/norm.json" with { type: "json" };
import normMore from "./golden/norm-more.json" with { type: "json" };
import optimizers from "./golden/optimizers.json" with { type: "json" };
import recurrent from "./golden/recurrent.json" with { type: "json" };
import reduction from "./golden/reduction.json" with { type: "json" };
import shape from "./golden/shape.json" with { type: "json" };
import activations from "./golden/functions/activations.json" with { type: "json" };
import functionsElementwise from "./golden/functions/elementwise.json" with { type: "json" };
import images from "./golden/functions/images.json" with { type: "json" };
import functionsLinalg from "./golden/functions/linalg.json" with { type: "json" };
import nn from "./golden/functions/nn.json" with { type: "json" };
import functionsReduce from "./golden/functions/reduce.json" with { type: "json" };
import rows from "./golden/functions/rows.json" with { type: "json" };
import selection from "./golden/functions/selection.json" with { type: "json" };
import functionsShape from "./golden/functions/shape.json" with { type: "json" };

/** A tensor as it is in the files. */
export interface Golden {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** What JSON lacks is a string: "NaN", "Infinity". */
  readonly data: readonly (number | string)[];
}

/** One call. `null` where there is no gradient. */
export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: readonly Golden[];
  readonly outputs: readonly Golden[];
  readonly gradOutputs: readonly (Golden | null)[];
  readonly gradInputs: readonly (Golden | null)[];
}

/** Steps of an optimizer: the parameter after each gradient. */
export interface GoldenSteps {
  readonly name: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly param: Golden;
  readonly grads: readonly Golden[];
  readonly params: readonly Golden[];
}

/** Calls a function with a case's inputs and attributes. Tensors among the attributes are on the backend already. */
export type GoldenCall = (inputs: readonly Tensor[], attrs: any) => Tensor | readonly Tensor[];
export type GoldenFunctions = Readonly<Record<string, GoldenCall>>;

const of = (file: unknown): readonly GoldenCase[] => file as readonly GoldenCase[];

/** All cases that call a function, by file. */
export const goldenCases: Readonly<Record<string, readonly GoldenCase[]>> = {
  binary: of(binary),
  conv: of(conv),
  elementwise: of(elementwise),
  indexing: of(indexing),
  loss: of(loss),
  "loss-more": of(lossMore),
  matmul: of(matmul),
  norm: of(norm),
  "norm-more": of(normMore),
  recurrent: of(recurrent),
  reduction: of(reduction),
  shape: of(shape),
  // Made by ../golden/make.py.
  "functions/activations": of(activations),
  "functions/elementwise": of(functionsElementwise),
  "functions/images": of(images),
  "functions/linalg": of(functionsLinalg),
  "functions/nn": of(nn),
  "functions/reduce": of(functionsReduce),
  "functions/rows": of(rows),
  "functions/selection": of(selection),
  "functions/shape": of(functionsShape),
};

export const goldenSteps = optimizers as unknown as readonly GoldenSteps[];

/** The names of attributes that a function takes as arguments of their own, in order. */
export type Positional = Readonly<Record<string, readonly string[]>>;

/** Calls each function of a module with the inputs, what `positional` names, and the other attributes as options. */
export const byName = (module: object, positional: Positional): GoldenFunctions =>
  Object.fromEntries(
    Object.entries(module).flatMap(([name, f]: [string, unknown]): [string, GoldenCall][] => {
      if (typeof f !== "function") return [];
      const call: GoldenCall = (inputs, attrs: Readonly<Record<string, unknown>>) => {
        const names = positional[name] ?? [];
        const options = Object.entries(attrs).filter(([key]) => !names.includes(key));
        const more = options.length > 0 ? [Object.fromEntries(options)] : [];
        const y = Reflect.apply(f, undefined, [...inputs, ...names.map((key) => attrs[key]), ...more]);
        return weft.isTensor(y) ? y : Object.values<Tensor>(y);
      };
      return [[name, call]];
    }),
  );

const positional: Positional = {
  adaptiveAvgPool: ["size"],
  adaptiveMaxPool: ["size"],
  adaptiveMaxPoolWithIndices: ["size"],
  affineGrid: ["size"],
  broadcastTo: ["shape"],
  cast: ["dtype"],
  channelShuffle: ["groups"],
  chunk: ["n"],
  kthValue: ["k"],
  lpPool: ["p"],
  matrixPower: ["n"],
  movedim: ["from", "to"],
  nanQuantile: ["q"],
  permute: ["axes"],
  pixelShuffle: ["factor"],
  pixelUnshuffle: ["factor"],
  quantile: ["q"],
  repeatInterleave: ["repeats"],
  reshape: ["shape"],
  squeeze: ["axis"],
  tensorSplit: ["parts"],
  topK: ["k"],
  transpose: ["axisA", "axisB"],
  unsqueeze: ["axis"],
};

const ofList =
  (f: (xs: readonly Operand[], options?: any) => Tensor | readonly Tensor[]): GoldenCall =>
  (xs, attrs) =>
    f(xs, ...(Object.keys(attrs).length > 0 ? [attrs] : []));

/** The functions of `@weft/tensor`. */
const functions: GoldenFunctions = {
  ...byName(weft, positional),
  at: ([x], { places }) => weft.at(x!, ...places),
  blockDiag: ofList(weft.blockDiag),
  concat: ofList(weft.concat),
  einsum: (xs, { equation }) => weft.einsum(equation, ...xs),
  meshgrid: ofList(weft.meshgrid),
  polygamma: ([x], { n }) => weft.polygamma(n, x!),
  setAt: ([x, value], { places }) => weft.setAt(x!, places, value!),
  split: ([x], { parts, sizes, axis }) => weft.split(x!, parts ?? sizes, { axis }),
  stack: ofList(weft.stack),
};

export interface GoldenOptions {
  /** Further functions, by the names in the files: those of `nn`, say. They take precedence over those here. */
  readonly functions?: GoldenFunctions;
  /** Cases or functions that are left out, each with a reason. One that would pass is an error. */
  readonly skip?: Readonly<Record<string, string>>;
  /** The files to run; all of them if left out. */
  readonly files?: readonly string[];
  /** Leaves out cases of unknown functions instead of failing. */
  readonly known?: boolean;
  /** Runs in f64 instead of f32. */
  readonly double?: boolean;
}

const isGolden = (x: unknown): x is Golden => typeof x === "object" && x !== null && "dtype" in x && "data" in x;

/** Creates a tensor of the files on a backend. */
export function made(backend: Backend, { data, shape, dtype }: Golden, double = false): Tensor {
  const to = double && dtype === "f32" ? "f64" : dtype;
  return backend.upload(dtypeInfo[to].array.from(data.map(Number)), shape, to);
}

/** For f32; f64 must match nine digits, as many as the files have. */
const tolerance: Tolerance = { relative: 2e-5, absolute: 5e-6, sums: true };
const nineDigits: Tolerance = { relative: 3e-2, absolute: 3e-2, sums: true };

async function run(backend: Backend, golden: GoldenCase, f: GoldenCall, double: boolean): Promise<void> {
  const asked = golden.gradInputs.map((_, i) => i).filter((i) => golden.gradInputs[i] !== null);
  const options: Record<string, unknown> = { ...golden.attrs };
  const got = await answer(backend, {
    name: golden.name,
    upload: () => {
      for (const [key, value] of Object.entries(options))
        if (isGolden(value)) options[key] = made(backend, value, double);
      return golden.inputs.map((x) => made(backend, x, double));
    },
    call: (...xs) => {
      const ys = f(xs, options);
      return Array.isArray(ys) ? (ys as Tensor[]) : [ys as Tensor];
    },
    asked,
    order: 1,
    seeds: () => golden.gradOutputs.map((g) => (g === null ? undefined : made(backend, g, double))),
  });
  const check = (what: string, result: Result | undefined, wanted: Golden, derived = true): void => {
    if (result === undefined) throw new Error(`${what}: wanted one, got none`);
    // What has no gradient may be f32 for inputs in f64: a fraction of rows, say.
    const asDouble = double && wanted.dtype === "f32" && (derived || result.dtype === "f64");
    const dtype = asDouble ? "f64" : wanted.dtype;
    compare(what, result, { ...wanted, data: wanted.data.map(Number), dtype }, double ? nineDigits : tolerance);
  };
  golden.outputs.forEach((wanted, i) => check(`output ${i}`, got.outputs[i], wanted, golden.gradOutputs[i] !== null));
  asked.forEach((i, k) => check(`gradient of input ${i}`, got.gradients[k], golden.gradInputs[i]!));
}

/** The golden vectors as cases of a backend. */
export function golden(open: () => Promise<Backend>, options: GoldenOptions = {}): Case[] {
  const { skip = {}, files = Object.keys(goldenCases), double = false, known = false } = options;
  const table: GoldenFunctions = { ...functions, ...options.functions };
  return files.flatMap((file) =>
    goldenCases[file]!.filter(({ op }) => !known || op in table).map((golden) => {
      const name = `golden ${file}: ${golden.name}`;
      const check: Case = {
        name,
        run: async () => {
          const f = table[golden.op];
          if (f === undefined) throw new Error(`${name}: no function is named ${golden.op}`);
          await run(await open(), golden, f, double);
        },
      };
      const reason = skip[golden.name] ?? skip[golden.op];
      return reason === undefined ? check : knownGap(name, reason, [check]);
    }),
  );
}
