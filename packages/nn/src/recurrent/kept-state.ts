// The states that a layer keeps from call to call. They belong to one of its parameters: they move with it, and are not
// part of the model's file.
import { state, type Param, type State } from "@weft/autograd";
import { overlay } from "@weft/autograd/internals";
import { ShapeError, type Tensor } from "@weft/tensor";
import { sameShape, together } from "@weft/tensor/internals";

/** The states by name, h first, or nothing yet. */
export class KeptState {
  readonly #kind: string;
  #boxes: Readonly<Record<string, State>> | undefined;

  constructor(kind: string) {
    this.#kind = kind;
  }

  get values(): Readonly<Record<string, Tensor>> | undefined {
    if (this.#boxes === undefined) return undefined;
    return Object.fromEntries(Object.entries(this.#boxes).map(([name, box]) => [name, box.value]));
  }

  /** What a call on so many sequences (undefined: on one without a batch) begins with. */
  start(batch: number | undefined): Readonly<Record<string, State>> | undefined {
    const found = this.#boxes?.["h"]!.shape;
    if (found !== undefined && (found.length === 2 ? undefined : found[1]) !== batch)
      throw new ShapeError(
        `${this.#kind}: x has ${batch ?? "no"} sequences in its batch, the state that is kept has shape [${found}]; ` +
          "reset() forgets it",
      );
    return this.#boxes;
  }

  /** Keeps the states after a call. What is assigned inside a `diff` stays part of the computation there. */
  keep(states: Readonly<Record<string, Tensor>>, owner: Param): void {
    const entries = Object.entries(states);
    // Those of another batch are new boxes.
    if (this.#boxes === undefined || !sameShape(this.#boxes["h"]!.shape, states["h"]!.shape)) {
      const made = Object.fromEntries(
        entries.map(([name, x]) => [name, state(x.backend.zeros(x.shape, { dtype: x.dtype }))]),
      );
      this.#replace(made);
      owner.belongings.add(made);
      overlay()?.atEnd(() => owner.belongings.delete(made));
    }
    const boxes = this.#boxes!;
    together(() => {
      for (const [name, x] of entries) boxes[name]!.value = x;
    });
  }

  forget(): void {
    this.#replace(undefined);
  }

  /** Within a check of the layer, such as `shapes`, only until its end. */
  #replace(boxes: Readonly<Record<string, State>> | undefined): void {
    const before = this.#boxes;
    overlay()?.atEnd(() => (this.#boxes = before));
    this.#boxes = boxes;
  }
}
