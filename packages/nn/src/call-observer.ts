// Who sees the calls of layers: `summary`, while it runs a model.

/** Gets a part of a model and its call, which it must make; `key` is the name that the caller has for the part. */
export type CallObserver = <R>(part: object, call: () => R, key?: string | number) => R;

let observer: CallObserver | undefined;

/** Makes a call of a layer, or of another part of a model. */
export const called = <R>(part: object, call: () => R, key?: string | number): R =>
  observer === undefined ? call() : observer(part, call, key);

/** Lets an observer see the calls that `f` makes. */
export function observing<R>(by: CallObserver, f: () => R): R {
  const before = observer;
  observer = by;
  try {
    return f();
  } finally {
    observer = before;
  }
}
