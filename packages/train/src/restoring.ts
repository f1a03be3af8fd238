// Who is told before a loop gives a model its best values back: a loop that saves the model has its latest ones to save.
import { boxes } from "@weft/autograd/internals";

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
