// Gradients of several steps as one: for batches that are larger than the memory.
import { RowSparse, state, type Param } from "@weft/autograd";
import { KEEPER, overlay, type Keeper, type StateRecord } from "@weft/autograd/internals";
import { add, mul, slice, zerosLike, type Tensor } from "@weft/tensor";
import { dtypeInfo, inDType, positiveCount, readValue, together } from "@weft/tensor/internals";
import { dense, isSparse, type Gradient } from "./gradient.ts";
import { OptimizerMemory } from "./memory.ts";
import type { Gate } from "./transforms.ts";
import { mapped } from "./update.ts";

type Total = Gradient["g"];

/** The sum of a parameter's gradients so far: dense, or rows and their indices. */
interface Sum {
  /** How many gradients are in it. */
  t: number;
  readonly boxes: StateRecord;
}

type Memory = OptimizerMemory<Sum>;

/** The parameters with a sum. */
const held = ({ known, slots }: Memory): Param[] => [...known].filter((param) => (slots.get(param)?.t ?? 0) > 0);

const computed = ({ dtype }: Pick<Tensor, "dtype">) => dtypeInfo[dtype].compute;
const inCompute = (g: Total): Total => (isSparse(g) ? g.cast(computed(g.values)) : inDType(g, computed(g)));

/** The sum of two gradients: rows, if both are. */
const plus = (a: Total | undefined, b: Total): Total => {
  if (a === undefined) return b;
  return isSparse(a) && isSparse(b) ? RowSparse.joined([a, b]) : add(dense(a), dense(b));
};

const tensorsOf = (g: Total): Readonly<Record<string, Tensor>> =>
  isSparse(g) ? { indices: g.indices, values: g.values } : { sum: g };

function totalOf({ boxes }: Sum, { backend, shape }: Param): Total {
  const { indices, values, sum } = mapped(boxes, (box) => box.read(backend));
  return sum ?? new RowSparse(indices!, values!, shape);
}

/** Zeros; of rows, none. */
const emptied = (x: Tensor, name: string): Tensor => (name === "sum" ? zerosLike(x) : slice(x, { ends: [0] }));

/**
 * A transform that averages the gradients of n steps: it holds back those of n − 1 steps, in which nothing is updated,
 * and lets (g₁ + … + gₙ) / n through in the n-th, the gradient of a batch that is n times as large. A parameter without a
 * gradient in a step counts as one with 0. The optimizer counts updates, and so do its schedules. Row-sparse gradients
 * stay so. The sums are saved with the optimizer; they go on over the ends of epochs, and what is held back when training
 * ends is dropped: choose n so that it divides the number of steps.
 *
 * @example
 * const optimizer = chain(accumulate(4), clipGlobalNorm(1), adam());
 */
export function accumulate(n: number): Gate {
  readValue("accumulate", "n", n, positiveCount);
  let memory: Memory = new OptimizerMemory();

  const gate = (gradients: readonly Gradient[]): readonly Gradient[] | undefined => {
    const current = memory; // loading replaces it
    const { slots: sums } = current;
    const passes = current.steps % n === n - 1;
    const totals = new Map<Param, Total>();
    const counts = new Map<Param, number>();
    for (const param of passes ? held(current) : []) totals.set(param, totalOf(sums.get(param)!, param));
    for (const { param, g } of gradients) {
      const sum = sums.get(param);
      const before = totals.get(param) ?? (sum !== undefined && sum.t > 0 ? totalOf(sum, param) : undefined);
      totals.set(param, plus(before, inCompute(g)));
      counts.set(param, (counts.get(param) ?? 0) + 1);
    }
    const changes = [...totals].map(([param, total]) => {
      const sum = passes ? sums.get(param) : sumFor(current, param, tensorsOf(total));
      return { sum, total, by: passes ? -(sum?.t ?? 0) : counts.get(param)! };
    });
    const count = (sign: 1 | -1): void => {
      current.steps += sign;
      for (const { sum, by } of changes) if (sum !== undefined) sum.t += sign * by;
    };
    const undo = (): void => count(-1);
    count(1);
    overlay()?.atEnd(undo);
    together(() => {
      for (const { sum, total } of changes) {
        const next = passes ? undefined : tensorsOf(total);
        for (const name in sum?.boxes) {
          const box = sum.boxes[name]!;
          box.value = next?.[name] ?? emptied(box.value, name);
        }
      }
    }, undo);
    if (!passes) return undefined;
    return [...totals].map(([param, g]) => ({ param, g: isSparse(g) ? g.scaled(1 / n) : mul(g, 1 / n) }));
  };

  const keeper: Keeper = {
    name: "accumulate",
    parts: () => ({}),
    steps: () => memory.steps,
    known: () => held(memory),
    own: () => [],
    updates: () => true,
    kept: (param) => {
      const sum = memory.slots.get(param);
      return sum !== undefined && sum.t > 0 ? sum : undefined;
    },
    shapes: ({ shape, dtype }, given): ReturnType<Keeper["shapes"]> => {
      const rows = given("indices");
      const like = (x: readonly number[]) => ({ shape: x, dtype: dtypeInfo[dtype].compute });
      if (rows === undefined) return { sum: like(shape) };
      return { indices: { shape: [rows[0] ?? 0], dtype: "i32" }, values: like([rows[0] ?? 0, ...shape.slice(1)]) };
    },
    replace: (steps, kept) => {
      memory = new OptimizerMemory();
      memory.steps = steps;
      for (const [param, { t, boxes }] of kept) memory.add(param, { t, boxes });
    },
  };
  return Object.assign(gate, { [KEEPER]: keeper });
}

/** The boxes for a sum, which are made if need be: it may have been rows before. */
function sumFor(memory: Memory, param: Param, tensors: Readonly<Record<string, Tensor>>): Sum {
  const old = memory.slots.get(param);
  if (old !== undefined && Object.keys(tensors).every((name) => Object.hasOwn(old.boxes, name))) return old;
  return memory.add(param, { t: old?.t ?? 0, boxes: mapped(tensors, (x, name) => state(emptied(x, name))) });
}
