// The loss and its gradients at the current values of the parameters. Tensors that are needed across reads, which are
// asynchronous, are on a shelf: a scope that is closed by hand.
import { diff, type Param } from "@weft/autograd";
import { trained } from "@weft/autograd/internals";
import { readTensor, scope, zerosLike, type Tensor } from "@weft/tensor";
import { adopt, closeScope, openScope } from "@weft/tensor/internals";
import { dense, gradientsOf, wantParams } from "../gradient.ts";
import { selected } from "../members.ts";

export interface Shelf {
  /** Releases what is on it. */
  clear(): void;
}

/** Calls `f` in a scope, and puts the tensors that it returns on a shelf. */
export function shelved<T extends Readonly<Record<string, Tensor | readonly Tensor[]>>>(f: () => T): T & Shelf {
  const shelf = openScope("lbfgs went on");
  const made = scope(f);
  for (const x of Object.values(made).flat() as Tensor[]) adopt(x, shelf);
  return { ...made, clear: () => closeScope(shelf) };
}

export interface Point extends Shelf {
  readonly params: readonly Param[];
  readonly loss: Tensor;
  readonly gradients: readonly Tensor[];
}

/** Evaluates a loss and its gradients with respect to `params`: by default those that it depends on. */
export function pointOf(
  name: string,
  loss: () => Tensor,
  training: boolean | undefined,
  members: ReadonlySet<Param> | undefined,
  params?: readonly Param[],
): Point {
  let found = params;
  const point = shelved(() => {
    const tape = trained(training, () => diff(loss));
    const all = gradientsOf(tape);
    const gradients = new Map(all.map(({ param, g }) => [param, dense(g)]));
    found ??= selected({ name, params: members }, all).map(({ param }) => param);
    return {
      loss: readTensor(tape.value, name),
      gradients: found.map((param) => gradients.get(param) ?? zerosLike(param.value)),
    };
  });
  if (found!.length === 0) point.clear();
  wantParams(name, found!);
  return { ...point, params: found! };
}
