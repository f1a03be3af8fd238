// The functions that tensors have as methods, by family: x.add(y) is add(x, y). A method has the type and the
// documentation of its function, so both are written once.
import type * as activations from "./activations.ts";
import { clamp, elu, gelu, greater, greaterEqual, leakyRelu, notEqual } from "./activations.ts";
import { reciprocal, rsqrt, selu, silu, softplus, square } from "./activations.ts";
import type * as elementwise from "./elementwise.ts";
import { abs, acos, add, and, asin, asinh, atan, atan2, atanh, cast, ceil, cos, cosh, div } from "./elementwise.ts";
import { equal, erf, exp, expm1, floor, isFinite, isNaN, less, lessEqual, log, log1p } from "./elementwise.ts";
import { maximum, minimum, mod, mul, neg, not, or, pow, relu, round, sigmoid, sign } from "./elementwise.ts";
import { sin, sinh, sqrt, sub, tan, tanh } from "./elementwise.ts";
import type * as normalized from "./fused/softmax.ts";
import { logSoftmax, softmax } from "./fused/softmax.ts";
import type * as indexing from "./indexing.ts";
import { gather, take } from "./indexing.ts";
import type { Operand } from "./interpreter.ts";
import type * as linalg from "./linalg.ts";
import { matmul } from "./linalg.ts";
import type * as movement from "./movement.ts";
import { broadcastTo, flatten, flip, permute, reshape, slice, squeeze, transpose, unsqueeze } from "./movement.ts";
import type * as reductions from "./reduce.ts";
import { argmax, argmin, cumsum, max, min, sum } from "./reduce.ts";
import type * as selections from "./selection/at.ts";
import { at } from "./selection/at.ts";
import type * as statistics from "./statistics.ts";
import { all, any, logSumExp, mean, norm, prod, std, variance } from "./statistics.ts";
import type { Tensor } from "./tensor.ts";

// oxfmt-ignore
const families = {
  elementwise: {
    abs, acos, add, and, asin, asinh, atan, atan2, atanh, cast, ceil, cos, cosh, div, equal, erf, exp, expm1, floor, isFinite,
    isNaN, less, lessEqual, log, log1p, maximum, minimum, mod, mul, neg, not, or, pow, relu, round, sigmoid, sign, sin, sinh, sqrt,
    sub, tan, tanh,
  },
  activations: {
    clamp, elu, gelu, greater, greaterEqual, leakyRelu, notEqual, reciprocal, rsqrt, selu, silu, softplus, square,
  },
  reductions: { argmax, argmin, cumsum, max, min, sum },
  statistics: { all, any, logSumExp, mean, norm, prod, std, variance },
  normalized: { logSoftmax, softmax },
  linalg: { matmul },
  movement: { broadcastTo, flatten, flip, permute, reshape, slice, squeeze, transpose, unsqueeze },
  indexing: { gather, take },
  selections: { at },
};

/** A function as a method: its first operand is before the dot. */
type Method<F> = F extends (x: Operand, ...rest: infer Rest) => infer Y ? (...rest: Rest) => Y : never;

/** The methods of a family. They are keys of its module, so that editors show their documentation. */
type Methods<Module, Name extends keyof Module> = { [K in Name]: Method<Module[K]> };

export interface TensorMethods
  extends
    Methods<typeof elementwise, keyof typeof families.elementwise>,
    Methods<typeof activations, keyof typeof families.activations>,
    Methods<typeof reductions, keyof typeof families.reductions>,
    Methods<typeof statistics, keyof typeof families.statistics>,
    Methods<typeof normalized, keyof typeof families.normalized>,
    Methods<typeof linalg, keyof typeof families.linalg>,
    Methods<typeof movement, keyof typeof families.movement>,
    Methods<typeof indexing, keyof typeof families.indexing>,
    Methods<typeof selections, keyof typeof families.selections> {}

/** What `Tensor` extends: a class with the methods and nothing else. */
export const TensorMethods = class {
  static {
    for (const family of Object.values(families))
      for (const [name, f] of Object.entries<(x: Tensor, ...rest: never[]) => Tensor>(family)) {
        // Made under its name, which stacks show.
        const { [name]: value } = {
          [name](this: Tensor, ...rest: never[]): Tensor {
            return f(this, ...rest);
          },
        };
        Object.defineProperty(this.prototype, name, { value, writable: true, configurable: true });
      }
  }
} as new () => TensorMethods;
