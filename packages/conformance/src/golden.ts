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

/** A tensor as it is in the files. */
export interface Golden {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: readonly number[];
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
};

export const goldenSteps = optimizers as unknown as readonly GoldenSteps[];

const unary =
  (f: (x: Tensor) => Tensor): GoldenCall =>
  ([x]) =>
    f(x!);
const binaryCall =
  (f: (a: Tensor, b: Tensor) => Tensor): GoldenCall =>
  ([a, b]) =>
    f(a!, b!);
const withOptions =
  (f: (x: Tensor, options: any) => Tensor): GoldenCall =>
  ([x], attrs) =>
    f(x!, attrs);
const withTwo =
  (f: (a: Tensor, b: Tensor, options: any) => Tensor): GoldenCall =>
  ([a, b], attrs) =>
    f(a!, b!, attrs);
const withList =
  (f: (xs: readonly Operand[], options: any) => Tensor): GoldenCall =>
  (xs, attrs) =>
    f(xs, attrs);

/** The functions of `@weft/tensor` that the files name. */
const functions: GoldenFunctions = {
  add: binaryCall(weft.add),
  sub: binaryCall(weft.sub),
  mul: binaryCall(weft.mul),
  div: binaryCall(weft.div),
  pow: binaryCall(weft.pow),
  maximum: binaryCall(weft.maximum),
  minimum: binaryCall(weft.minimum),
  mod: binaryCall(weft.mod),
  atan2: binaryCall(weft.atan2),
  equal: binaryCall(weft.equal),
  notEqual: binaryCall(weft.notEqual),
  less: binaryCall(weft.less),
  lessEqual: binaryCall(weft.lessEqual),
  greater: binaryCall(weft.greater),
  greaterEqual: binaryCall(weft.greaterEqual),
  and: binaryCall(weft.and),
  or: binaryCall(weft.or),
  where: ([mask, a, b]) => weft.where(mask!, a!, b!),

  conv: withTwo(weft.conv),
  convTranspose: withTwo(weft.convTranspose),
  maxPool: withOptions(weft.maxPool),
  avgPool: withOptions(weft.avgPool),

  neg: unary(weft.neg),
  exp: unary(weft.exp),
  expm1: unary(weft.expm1),
  sin: unary(weft.sin),
  cos: unary(weft.cos),
  tan: unary(weft.tan),
  asin: unary(weft.asin),
  acos: unary(weft.acos),
  atan: unary(weft.atan),
  sinh: unary(weft.sinh),
  cosh: unary(weft.cosh),
  tanh: unary(weft.tanh),
  asinh: unary(weft.asinh),
  atanh: unary(weft.atanh),
  erf: unary(weft.erf),
  square: unary(weft.square),
  sigmoid: unary(weft.sigmoid),
  elu: withOptions(weft.elu),
  selu: unary(weft.selu),
  gelu: unary(weft.gelu),
  silu: unary(weft.silu),
  softplus: unary(weft.softplus),
  hardSigmoid: unary(weft.hardSigmoid),
  hardSwish: unary(weft.hardSwish),
  log: unary(weft.log),
  log1p: unary(weft.log1p),
  sqrt: unary(weft.sqrt),
  rsqrt: unary(weft.rsqrt),
  reciprocal: unary(weft.reciprocal),
  abs: unary(weft.abs),
  relu: unary(weft.relu),
  floor: unary(weft.floor),
  ceil: unary(weft.ceil),
  sign: unary(weft.sign),
  round: unary(weft.round),
  isNaN: unary(weft.isNaN),
  isFinite: unary(weft.isFinite),
  not: unary(weft.not),
  leakyRelu: withOptions(weft.leakyRelu),
  clamp: withOptions(weft.clamp),

  take: withTwo(weft.take),
  gather: withTwo(weft.gather),
  scatterAdd: ([x, indices, updates], attrs) => weft.scatterAdd(x!, indices!, updates!, attrs),
  oneHot: withOptions(weft.oneHot),
  topK: ([x], { k, axis }) => {
    const { values, indices } = weft.topK(x!, k, { axis });
    return [values, indices];
  },
  sort: ([x], attrs) => {
    const { values, indices } = weft.sort(x!, attrs);
    return [values, indices];
  },

  matmul: binaryCall(weft.matmul),
  dot: binaryCall(weft.dot),
  outer: binaryCall(weft.outer),
  einsum: (xs, { equation }) => weft.einsum(equation, ...xs),

  sum: withOptions(weft.sum),
  mean: withOptions(weft.mean),
  prod: withOptions(weft.prod),
  max: withOptions(weft.max),
  min: withOptions(weft.min),
  any: withOptions(weft.any),
  all: withOptions(weft.all),
  variance: withOptions(weft.variance),
  std: withOptions(weft.std),
  norm: withOptions(weft.norm),
  logSumExp: withOptions(weft.logSumExp),
  argmax: withOptions(weft.argmax),
  argmin: withOptions(weft.argmin),
  cumsum: withOptions(weft.cumsum),
  softmax: withOptions(weft.softmax),
  logSoftmax: withOptions(weft.logSoftmax),

  reshape: ([x], attrs) => weft.reshape(x!, attrs.shape),
  flatten: withOptions(weft.flatten),
  permute: ([x], attrs) => weft.permute(x!, attrs.axes),
  transpose: unary((x) => weft.transpose(x)),
  squeeze: ([x], { axis }) => weft.squeeze(x!, axis),
  unsqueeze: ([x], { axis }) => weft.unsqueeze(x!, axis),
  broadcastTo: ([x], attrs) => weft.broadcastTo(x!, attrs.shape),
  concat: withList(weft.concat),
  stack: withList(weft.stack),
  split: ([x], { parts, sizes, axis }) => weft.split(x!, parts ?? sizes, { axis }),
  flip: withOptions(weft.flip),
  slice: withOptions(weft.slice),
  pad: withOptions(weft.pad),
  tile: withOptions(weft.tile),
  roll: withOptions(weft.roll),
  tril: withOptions(weft.tril),
  triu: withOptions(weft.triu),
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
  return backend.upload(dtypeInfo[to].array.from(data), shape, to);
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
    const dtype = double && derived && wanted.dtype === "f32" ? "f64" : wanted.dtype;
    compare(what, result, { ...wanted, dtype }, double ? nineDigits : tolerance);
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
