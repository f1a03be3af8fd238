// Steps of an optimizer in which each function with indices meets a wrong one.
import { diff, param, scope, type Param } from "@weft/autograd";
import { crossEntropy, ctc, embeddingBag, multiLabelMargin, multiMargin, nll } from "@weft/nn";
import { adam } from "@weft/optim";
import * as T from "@weft/tensor";
import { IndexError, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { expect } from "vitest";

type Device = Backend & Creation;
const integers = (b: Device, data: readonly number[], shape: readonly number[] = [data.length]): Tensor =>
  b.tensor(data, { dtype: "i32", shape });

/** A function of a parameter of two elements with an index, which is 0 or wrong. Its name is what the error begins with. */
type Called = (b: Device, p: Param, index: number) => Tensor;

export const called: { readonly [name: string]: Called } = {
  take: (b, p, i) => T.take(p, integers(b, [0, i])),
  gather: (b, p, i) => T.gather(p, integers(b, [0, i])),
  at: (b, p, i) => T.at(p, integers(b, [0, i])),
  "at on two axes": (b, p, i) => T.at(T.reshape(p, [2, 1]), integers(b, [0, i]), integers(b, [0, 0])),
  setAt: (b, p, i) => T.setAt(p, [integers(b, [0, i])], T.mul(p, 3)),
  scatter: (b, p, i) => T.scatter(p, integers(b, [1, i]), T.mul(p, 3)),
  "scatter of maxima": (b, p, i) => T.scatter(p, integers(b, [1, i]), T.mul(p, 3), { reduce: "max" }),
  scatterAdd: (b, p, i) => T.scatterAdd(p, integers(b, [1, i]), b.ones([2])),
  indexAdd: (b, p, i) => T.indexAdd(p, integers(b, [1, i]), b.ones([2])),
  indexCopy: (b, p, i) => T.indexCopy(p, integers(b, [1, i]), T.mul(p, 3)),
  indexFill: (b, p, i) => T.indexFill(p, integers(b, [i]), 5),
  maxUnpool: (b, p, i) => T.maxUnpool(T.reshape(p, [1, 1, 2]), integers(b, [1, i], [1, 1, 2]), { window: 2 }),
  bincount: (b, p, i) => T.bincount(integers(b, [1, i]), { length: 2, weights: p }),
  repeatInterleave: (b, p, i) => T.repeatInterleave(p, integers(b, [1, 1]), { length: i === 0 ? 2 : 5 }),
  maskedScatter: (b, p, i) => T.maskedScatter(b.ones([3]), b.tensor([true, i !== 0, true]), p),
  crossEntropy: (b, p, i) => crossEntropy(T.reshape(p, [1, 2]), integers(b, [i])),
  nll: (b, p, i) => nll(T.reshape(p, [1, 2]), integers(b, [i])),
  multiMargin: (b, p, i) => multiMargin(T.reshape(p, [1, 2]), integers(b, [i])),
  multiLabelMargin: (b, p, i) => multiLabelMargin(T.reshape(p, [1, 2]), integers(b, [i, -1], [1, 2])),
  ctc: (b, p, i) => ctc(T.reshape(p, [1, 1, 2]), integers(b, [i === 0 ? 1 : i], [1, 1]), [1], [1]),
  embeddingBag: (b, p, i) => embeddingBag(integers(b, [0, i], [1, 2]), T.reshape(p, [2, 1])),
  "embeddingBag with offsets": (b, p, i) =>
    embeddingBag(integers(b, [0, 1]), T.reshape(p, [2, 1]), { offsets: integers(b, [0, i === 0 ? 1 : i]) }),
  "take of what was computed": (b, p, i) => T.take(p, T.add(integers(b, [0, i]), T.sum(integers(b, [0, 0])))),
};

/** Two boxes, of which only one sees the index, and Adam; `step` records one step and returns its loss. */
export function trainerOf(b: Device, name: string) {
  const [p, q] = scope(() => [param(b.tensor([1, 2])), param(b.tensor([3]))]);
  const rule = adam({ lr: 0.1 });
  const step = (index: number): Tensor =>
    scope(() => {
      const tape = diff(() => T.add(T.sum(T.square(called[name]!(b, p, index))), T.sum(T.square(q))));
      rule.update(tape);
      return T.keep(tape.value);
    });
  const state = async (): Promise<unknown> => {
    const all = [p, q].flatMap((x) => [x, ...Object.values(rule.stateOf(x) ?? {})]);
    return [rule.steps, await Promise.all(all.map((x) => x.value.array()))];
  };
  return { p, rule, step, state };
}

/** A step with a wrong index, the first one or a later one, is as if it had not been. */
export async function expectNoTrace(name: string, plain: Device, failing: Device): Promise<void> {
  const [a, b] = [trainerOf(plain, name), trainerOf(failing, name)];
  const fails = async (): Promise<unknown> => b.step(9).data();
  // The derivative of maxima calls `gather`, and is named by it.
  const names = name === "scatter of maxima" ? "(?:scatter|gather)" : name.split(" ")[0];
  const message = new RegExp(`^${names}: `);
  for (let k = 0; k < 3; k++) {
    const before = await b.state();
    const error = await fails().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(IndexError);
    expect((error as Error).message).toMatch(message);
    expect(await b.state()).toEqual(before);
    expect(await b.step(0).item()).toBe(await a.step(0).item());
    expect(await b.state()).toEqual(await a.state());
  }
}
