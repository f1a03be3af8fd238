// The states that a layer keeps from call to call. They belong to one of its parameters: they move with it, a copy of
// the layer has its own, and they are not part of the model's file.
import { state, type Param, type State } from "@weft/autograd";
import { overlay } from "@weft/autograd/internals";
import { ShapeError, type Tensor } from "@weft/tensor";
import { sameShape, together, text } from "@weft/tensor/internals";

type Boxes = Readonly<Record<string, State>>;

/** For each owner the states by name, h first, or nothing yet. */
export class KeptState {
  readonly #kind: string;
  readonly #boxes: WeakMap<Param, Boxes> = new WeakMap();

  constructor(kind: string) {
    this.#kind = kind;
  }

  values(owner: Param): Readonly<Record<string, Tensor>> | undefined {
    const boxes = this.#boxes.get(owner);
    return boxes && Object.fromEntries(Object.entries(boxes).map(([name, box]) => [name, box.value]));
  }

  /** What a call on so many sequences (undefined: on one without a batch) begins with. */
  start(owner: Param, batch: number | undefined): Boxes | undefined {
    const boxes = this.#boxes.get(owner);
    const found = boxes?.["h"]!.shape;
    if (found !== undefined && (found.length === 2 ? undefined : found[1]) !== batch)
      throw new ShapeError(
        `${this.#kind}: x has ${batch ?? "no"} sequences in its batch, the state that is kept has shape ${text(found)}; ` +
          "reset() forgets it",
      );
    return boxes;
  }

  /** Keeps the states after a call. What is assigned inside a `diff` stays part of the computation there. */
  keep(owner: Param, states: Readonly<Record<string, Tensor>>): void {
    const entries = Object.entries(states);
    let boxes = this.#boxes.get(owner);
    // Those of another batch are new boxes.
    if (boxes === undefined || !sameShape(boxes["h"]!.shape, states["h"]!.shape)) {
      const made: Boxes = Object.fromEntries(
        entries.map(([name, x]) => [name, state(x.backend.zeros(x.shape, { dtype: x.dtype }))]),
      );
      this.#replace(owner, made);
      owner.belongings.add(made);
      overlay()?.atEnd(() => owner.belongings.delete(made));
      boxes = made;
    }
    const kept = boxes;
    together(() => {
      for (const [name, x] of entries) kept[name]!.value = x;
    });
  }

  forget(owner: Param): void {
    this.#replace(owner, undefined);
  }

  /** Within a check of the layer, such as `shapes`, only until its end. */
  #replace(owner: Param, boxes: Boxes | undefined): void {
    const put = (given: Boxes | undefined): void =>
      void (given === undefined ? this.#boxes.delete(owner) : this.#boxes.set(owner, given));
    const before = this.#boxes.get(owner);
    overlay()?.atEnd(() => put(before));
    put(boxes);
  }
}
