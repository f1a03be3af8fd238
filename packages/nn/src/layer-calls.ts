// The calls of the layers of a model, with what each does by itself, from the shapes of the model's inputs.
import { onShapes, walk } from "@weft/autograd/internals";
import { type DType, type Shape } from "@weft/tensor";
import { refusePromise, visitTensors } from "@weft/tensor/internals";
import { observing } from "./call-observer.ts";
import type { AnyBox } from "./parameter.ts";

export interface LayerCall {
  /** The layer's name in the layer around it, if it has one, and its kind. */
  readonly label: string;
  /** How many calls of layers are around it. */
  readonly depth: number;
  readonly results: { readonly shape: Shape; readonly dtype: DType }[];
  /** The parameters and states of the layer that no call before and no call inside has. */
  readonly boxes: AnyBox[];
  /** Multiply-adds, without those of calls inside. */
  multiplyAdds: number;
  /** Whether there are calls inside. */
  calls: boolean;
}

/** The last names of the parts of a model. */
function namesIn(model: unknown): ReadonlyMap<object, string | undefined> {
  const names = new Map<object, string | undefined>();
  walk(model, (part, path) => void names.set(part, path.split(".").at(-1)));
  return names;
}

function labelOf(part: object, name: string | number | undefined): string {
  const { name: kind = "" } = typeof part === "function" ? part : (part.constructor ?? {});
  return name === undefined || name === "" ? kind || "function" : `${name}: ${kind || "function"}`;
}

/** A function, or an object that is called by a method. */
export type Runnable = ((...args: unknown[]) => unknown) | { forward(...args: unknown[]): unknown };

/** Calls a model on shapes, and returns the calls of layers in the order in which they begin: first the model's. */
export function layerCalls(model: Runnable, inputs: readonly unknown[]): LayerCall[] {
  const names = namesIn(model);
  const calls: LayerCall[] = [];
  const claimed = new Set<AnyBox>();
  onShapes(inputs, (given, backend) => {
    const open: { readonly part: object; readonly call: LayerCall }[] = [];
    let counted = 0;
    /** Gives the multiply-adds since the last time to the innermost call. */
    const count = (): void => {
      const inner = open.at(-1);
      if (inner !== undefined) inner.call.multiplyAdds += backend.multiplyAdds - counted;
      counted = backend.multiplyAdds;
    };
    const see = <R>(part: object, make: () => R, key?: string | number): R => {
      const around = open.at(-1);
      if (around?.part === part) return make(); // a chain calls a layer, which says so itself
      const label = labelOf(part, key ?? names.get(part));
      const call: LayerCall = { label, depth: open.length, results: [], boxes: [], multiplyAdds: 0, calls: false };
      calls.push(call);
      if (around !== undefined) around.call.calls = true;
      count();
      open.push({ part, call });
      try {
        const y = make();
        visitTensors(y, (x) => void call.results.push(x));
        return y;
      } finally {
        count();
        open.pop();
        for (const { box } of walk(part)) {
          if (!claimed.has(box)) call.boxes.push(box);
          claimed.add(box);
        }
      }
    };
    const y = observing(see, () =>
      see(model, () => (typeof model === "function" ? model(...given) : model.forward(...given))),
    );
    refusePromise(y, "summary: wanted a model that returns no promise");
  });
  return calls;
}
