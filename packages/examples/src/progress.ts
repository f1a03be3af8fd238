// What takes long without being steps of training, such as an evaluation or a text, shows how far it is, and ends where a
// signal comes.
import { progress } from "@weft/data";
import { turns } from "./event-loop.ts";

type Items<T> = (Iterable<T> | AsyncIterable<T>) & { readonly length?: number | undefined };

/** What ends the work that is under way: a program writes one report at a time. */
let ending: AbortSignal | undefined;

/** The result of work, which ends where it would pass the next item through once the signal has come: then undefined. */
export async function untilAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T | undefined> {
  ending = signal;
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) return undefined;
    throw error;
  } finally {
    ending = undefined;
  }
}

/** Passes items through; after some seconds it begins to show progress, of what is left. */
export async function* patient<T>(items: Items<T>, name: string, seconds = 3): AsyncGenerator<T> {
  const begun = performance.now();
  const turn = turns();
  const source = (async function* () {
    for await (const item of items) {
      await turn(); // a signal is heard
      ending?.throwIfAborted();
      yield item;
    }
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
