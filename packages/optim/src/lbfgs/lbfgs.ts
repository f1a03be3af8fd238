// L-BFGS: steps along the direction that the last gradients predict, as long as a line search says. It evaluates the
// loss as often as it needs, so it is given the loss and not its gradients.
import type { Param } from "@weft/autograd";
import { KEEPER, namedParams } from "@weft/autograd/internals";
import { abs, add, ArgumentError, ContextError, mul, scope, sub, sum, type Tensor } from "@weft/tensor";
import {
  anything,
  callable,
  context,
  nonNegative,
  positiveCount,
  readOptions,
  readValue,
} from "@weft/tensor/internals";
import { rateAt, rateKind, type Rate } from "../groups.ts";
import { DivergenceError } from "../converge.ts";
import { historyOf, membersOf, noteUpdate, type Updater } from "../members.ts";
import { schedule, stateAccess, type Optimizer } from "../optimizer.ts";
import { Attempt } from "./attempt.ts";
import { direction } from "./direction.ts";
import { History, type Pair } from "./history.ts";
import { largest, numbersOf, searched, total, type Found, type Line } from "./line.ts";
import { pointOf, shelved, type Point } from "./point.ts";

export interface LbfgsOptions {
  /** The first step length that a line search tries, or a schedule of it over the updates. */
  readonly lr?: Rate;
  /** How many changes of parameters and gradients are remembered. */
  readonly history?: number;
  /** How many iterations an update makes at most. */
  readonly iterations?: number;
  /** How often a line search evaluates the loss at most. */
  readonly evaluations?: number;
  /** An update ends when no element of the gradient is larger. */
  readonly gradientTolerance?: number;
  /** It also ends when an iteration changes the loss, or every parameter, by no more. */
  readonly changeTolerance?: number;
  /** The parameters that it updates. Default: all that the loss depends on. */
  readonly params?: unknown;
}

/** An optimizer that evaluates the loss itself. */
export interface LossOptimizer extends Pick<
  Optimizer,
  "name" | "params" | "lr" | "stateOf" | "state" | "load" | typeof KEEPER
> {
  /** The number of updates made. */
  readonly steps: number;
  /** Whether the last update ended because a tolerance was reached, or because no better point was found. */
  readonly converged: boolean;
  /** Makes an update, and returns the loss before it. */
  update(loss: () => Tensor): Promise<number>;
}

/** A pair with a smaller product of its parts says nothing about the curvature. */
const leastCurvature = 1e-10;

/** Refuses to step from where the loss, or the largest element of its gradient, is not finite. */
function wantFinite(loss: number, largest: number): void {
  if (Number.isFinite(loss) && Number.isFinite(largest)) return;
  const what = Number.isFinite(loss) ? `gradient of the loss has an element ${largest}` : `loss is ${loss}`;
  throw new DivergenceError(
    `lbfgs: the ${what}, so there is no step from here; nothing was changed. Begin with other values, or call the loss in finite(…), which names the operation that gave it.`,
  );
}

/** How each parameter and its gradient changed. */
const pairsOf = (line: Line, before: readonly Tensor[], { t, point }: Found): Pair[] =>
  line.d.map((d, k) => ({ s: mul(d, t), y: sub(point.gradients[k]!, before[k]!) }));

/**
 * L-BFGS with a line search by the strong Wolfe conditions (Liu and Nocedal 1989; Nocedal and Wright 2006), for losses
 * without noise: w ← w + t d, where d = −H g, and H is the inverse Hessian that the last `history` changes s of w and y of
 * g predict, beginning with s·y / y·y. It evaluates the loss several times, so `update` takes the loss, and returns a
 * promise of the loss before, a number; `minimize` takes it like any optimizer. An update makes up to `iterations`
 * iterations. It ends earlier, and `converged` is true, when no element of the gradient is above `gradientTolerance`, when
 * the loss or every parameter changes by no more than `changeTolerance`, or when the search finds no better point. An
 * update that fails changes nothing; a loss or a gradient that is not finite is a DivergenceError. Like PyTorch's `LBFGS` with `strong_wolfe`.
 *
 * @example
 * const optimizer = lbfgs();
 * while (!optimizer.converged) await optimizer.update(() => mse(model(x), y));
 *
 * @example
 * for await (const loss of minimize((x, y) => mse(model(x), y), batches, lbfgs({ history: 5 }))) ;
 */
export function lbfgs(options?: LbfgsOptions): LossOptimizer {
  const name = "lbfgs";
  const read = readOptions(
    name,
    options,
    {
      lr: rateKind,
      history: positiveCount,
      iterations: positiveCount,
      evaluations: positiveCount,
      gradientTolerance: nonNegative,
      changeTolerance: nonNegative,
      params: anything,
    },
    { lr: 1, history: 10, iterations: 20, evaluations: 25, gradientTolerance: 1e-7, changeTolerance: 1e-9 },
  );
  const members = "params" in (options ?? {}) ? membersOf(name, read.params) : undefined;
  const updater: Updater = { name, hasParams: members !== undefined, warned: false };
  const history = new History(read.history);
  let { lr } = read as { lr: Rate };
  let converged = false;
  let busy = false;

  /** The line of an iteration, for the inner products at a point. */
  const lineFrom = ({ params, gradients }: Point, products: ArrayLike<number>): Line => {
    const { s, y, scale } = direction(history.split(products), read.history, history.pairs);
    return shelved(() => ({
      origin: params.map((param) => param.value),
      d: params.map((param, k) => {
        const steepest = mul(gradients[k]!, scale);
        return history.pairs === 0 ? steepest : add(steepest, history.combined(param, s, y));
      }),
    }));
  };

  /** Makes iterations; returns the loss at the beginning. */
  const run = async (loss: () => Tensor, training: boolean | undefined, attempt: Attempt): Promise<number> => {
    const rate = rateAt(name, lr, history.steps);
    const evaluated = (of?: readonly Param[]): Point => attempt.part(() => pointOf(name, loss, training, members, of));
    let point = evaluated();
    const { params } = point;
    let first: number | undefined;
    try {
      for (let k = 0; k < read.iterations && !converged; k++) {
        const { gradients } = point;
        const scalars = () => [point.loss, total(gradients.map((g) => sum(abs(g)))), largest(gradients)];
        const numbers = await numbersOf(() => [...scalars(), history.products(params, gradients)]);
        const [now, size, most, ...products] = Array.from(numbers) as [number, number, number, ...number[]];
        first ??= now;
        wantFinite(now, Number.isNaN(size) ? size : most);
        converged = most <= read.gradientTolerance;
        if (converged) break;
        const line = lineFrom(point, products);
        try {
          const t = history.pairs === 0 ? rate * Math.min(1, 1 / size) : rate;
          const { evaluations, changeTolerance: least } = read;
          const options = { attempt, t, evaluations, least };
          const found = await searched(point, now, line, () => evaluated(params), options);
          if (found === undefined) {
            // Nothing is better in this direction: forget what suggested it, or end.
            converged = history.pairs === 0;
            history.pairs = 0;
            continue;
          }
          if (found.curvature > leastCurvature)
            attempt.part(() => scope(() => history.push(params, pairsOf(line, gradients, found))));
          point.clear();
          point = found.point;
          converged = Math.abs(found.loss - now) <= least || found.moved <= least;
        } finally {
          line.clear();
        }
      }
    } finally {
      point.clear();
    }
    for (const param of params) noteUpdate(param, historyOf(param), updater);
    history.steps++;
    return first!;
  };

  const update = async (loss: () => Tensor): Promise<number> => {
    readValue(name, "the loss", loss, callable);
    if (context.tape !== undefined)
      throw new ContextError(`${name}: update reads values, so it cannot be called inside diff`);
    if (busy) throw new ArgumentError(`${name}: update was called before the last one had ended; await it`);
    busy = true;
    const before = { converged, pairs: history.pairs };
    converged = false;
    const attempt = new Attempt();
    try {
      return await run(loss, context.training, attempt);
    } catch (error) {
      attempt.rollBack(error);
      ({ converged, pairs: history.pairs } = before);
      throw error;
    } finally {
      attempt.end();
      busy = false;
    }
  };

  const keeper = history.keeper(name, {
    parts: () => ({ schedules: [schedule(lr)] }),
    own: () => (read.params === undefined ? [] : namedParams(read.params)),
    updates: (param) => members?.has(param) !== false,
  });
  return {
    name,
    update,
    get steps() {
      return history.steps;
    },
    get converged() {
      return converged;
    },
    get lr(): number {
      return rateAt(name, lr, history.steps);
    },
    set lr(rate: Rate) {
      lr = readValue(name, "lr", rate, rateKind);
    },
    get params() {
      return members && new Set(members);
    },
    stateOf: (param) => history.kept(param)?.boxes,
    ...stateAccess(keeper, read.params),
    [KEEPER]: keeper,
  };
}
