// What a cell can show, as messages from the worker that runs it to the page, and where the running cell's go.

/** Pixels of one picture: red, green, blue, alpha. */
export type Pixels = Uint8ClampedArray<ArrayBuffer>;

export type Output =
  | { readonly kind: "text"; readonly text: string; readonly level: "log" | "warn" | "error" }
  /** The value of the last expression, or of `show`. */
  | { readonly kind: "value"; readonly text: string }
  | { readonly kind: "table"; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | {
      readonly kind: "images";
      readonly width: number;
      readonly height: number;
      readonly pixels: readonly Pixels[];
      readonly labels: readonly string[];
      /** Screen pixels for each pixel. */
      readonly scale: number;
    }
  /** An empty curve; points follow. */
  | {
      readonly kind: "curve";
      readonly id: number;
      readonly names: readonly string[];
      readonly x: string;
      readonly log: boolean;
    }
  | { readonly kind: "point"; readonly id: number; readonly x: number; readonly values: readonly number[] }
  /** How far a loop has come; a later one with the same id takes its place. */
  | { readonly kind: "progress"; readonly id: number; readonly text: string; readonly part: number | undefined }
  /** Whether the lines are those that the page promises, or a condition holds. */
  | {
      readonly kind: "promise";
      readonly of: "lines" | "condition";
      readonly text: string;
      readonly kept: boolean;
      readonly got: string | undefined;
      /** Whether code of the page was changed: then the page has promised nothing of this. */
      readonly changed: boolean;
    }
  | { readonly kind: "error"; readonly name: string; readonly message: string; readonly line: number | undefined };

export type Emit = (output: Output) => void;

let emit: Emit | undefined;
let queue: Promise<void> | undefined;
/** The first thing that could not be shown. */
let wrong: { readonly error: unknown } | undefined;
let ids = 0;

/** A number that no other output has. */
export const freshId = (): number => ++ids;

/** From now on outputs go there. */
export function directTo(target: Emit): void {
  emit = target;
  wrong = undefined;
}

/** Shows something of the running cell, at once unless something before it is still being read from the device. */
export function put(output: Output | Promise<Output>): void {
  const target = emit;
  if (queue === undefined && !(output instanceof Promise)) return target?.(output);
  const before = queue ?? Promise.resolve();
  // What cannot be read must not keep back what comes after it.
  const after = before
    .then(async () => target?.(await output))
    .catch((error: unknown) => {
      if (target === emit) wrong ??= { error };
    });
  queue = after;
  void after.then(() => {
    if (queue === after) queue = undefined;
  });
}

/** Resolves when all that was put has gone out; throws what a read threw. */
export async function settled(): Promise<void> {
  await queue;
  const first = wrong;
  wrong = undefined;
  if (first !== undefined) throw first.error;
}
