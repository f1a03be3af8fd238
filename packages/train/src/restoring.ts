// Who is told before a loop gives a model its best values back: a loop that saves the model has its latest ones to save.
import { StateError } from "@weft/autograd";
import { boxes } from "@weft/autograd/internals";

/** Why a tree may have no parameters that could be found, and what to do. */
export const hidden =
  "has no parameters, or hides them in closures or #private fields. " +
  "Its model is a tree such as { model, optimizer }, with layers as fields: Object.assign((x) => …, { first, second })";

/** Refuses a tree in which there is nothing to restore. */
export function wantBoxes(op: string, what: string, tree: object): void {
  if (boxes(tree).length === 0) throw new StateError(`${op}: what ${what} ${hidden}`);
}

type Listener = () => Promise<void>;

/** Loops that save the values of a box, while they run. */
const listeners = new WeakMap<object, Set<Listener>>();

/** Calls `listener` before a loop restores boxes of a tree; returns a function that ends that. */
export function beforeRestoring(tree: object, listener: Listener): () => void {
  const found = boxes(tree).map(({ box }) => box);
  for (const box of found) {
    const own = listeners.get(box) ?? new Set();
    listeners.set(box, own.add(listener));
  }
  return () => found.forEach((box) => listeners.get(box)?.delete(listener));
}

/** Tells those that save boxes of a model that it will be restored, each once. */
export async function restoring(model: object): Promise<void> {
  const told = new Set(boxes(model).flatMap(({ box }) => [...(listeners.get(box) ?? [])]));
  for (const listener of told) await listener();
}
