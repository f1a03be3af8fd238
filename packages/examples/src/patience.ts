// What takes long without being steps of training, an evaluation or a text, shows how far it is.
import { progress } from "@weft/data";

type Items<T> = (Iterable<T> | AsyncIterable<T>) & { readonly length?: number | undefined };

/** Passes items through; after some seconds it begins to show progress, of what is left. */
export async function* patient<T>(items: Items<T>, name: string, seconds = 3): AsyncGenerator<T> {
  const begun = performance.now();
  const source = (async function* () {
    yield* items;
  })();
  let seen = 0;
  try {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      yield next.value;
      seen++;
      if (performance.now() - begun < 1000 * seconds) continue;
      const total = items.length === undefined ? {} : { total: items.length - seen };
      return yield* progress(source, { name, value: () => undefined, ...total });
    }
  } finally {
    await source.return(undefined);
  }
}
