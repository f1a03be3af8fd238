// The random stream of the backend that a model lives on, as a part of a saved tree: before the first batch nobody knows
// which backend that will be.
import { boxes } from "@weft/autograd/internals";
import { ArgumentError, type Backend } from "@weft/tensor";
import { context, visitTensors } from "@weft/tensor/internals";

type Key = readonly [number, number];

export interface RandomState {
  /** To be saved, and assigned. */
  readonly state: { key: Key; counter: number };
  /** The backend, once it is known. */
  readonly backend: Backend | undefined;
  /**
   * Takes the backend of a tensor in x, if it has none yet; its stream goes on where the state was assigned. In a step
   * that has drawn from that stream before, that is too late, and an error.
   */
  saw(x: unknown): void;
}

/**
 * The stream of the backend that the parameters are on, or else of the data's: `place` if they say it, so that it is known
 * before a batch is made, which may draw from it; else that of the first batch.
 */
export function randomState(op: string, model: unknown, place?: Backend): RandomState {
  let backend: Backend | undefined = boxes(model).find(({ box }) => box.backend !== undefined)?.box.backend ?? place;
  let key: Key | undefined;
  let counter: number | undefined;
  const assign = (): void => {
    if (backend === undefined) return;
    if (key !== undefined) backend.stream.key = key;
    if (counter !== undefined) backend.stream.counter = counter;
    key = counter = undefined;
  };
  return {
    state: {
      get key() {
        return backend?.stream.key ?? key ?? [0, 0];
      },
      set key(x) {
        key = x;
        assign();
      },
      get counter() {
        return backend?.stream.counter ?? counter ?? 0;
      },
      set counter(x) {
        counter = x;
        assign();
      },
    },
    get backend() {
      return backend;
    },
    saw(x) {
      if (backend !== undefined) return;
      let found: Backend | undefined;
      visitTensors(x, (t) => (found ??= t.interpreter.backend));
      if (found !== undefined && key !== undefined && drawn(found))
        throw new ArgumentError(
          `${op}: the random numbers cannot be resumed: the model drew from the stream of its backend before that backend ` +
            "was known, which no batch and no parameter had told. Call place(model, backend) of @weft/nn before " +
            `${op}, or pass batches of tensors`,
        );
      backend = found;
      assign();
    },
  };
}

/** Whether the steps that are under way have drawn from the stream of a backend. */
function drawn({ stream }: Backend): boolean {
  for (let { step } = context; step !== undefined; step = step.outer)
    if (step.draws?.some(([of]) => of === stream) === true) return true;
  return false;
}
