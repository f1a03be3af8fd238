// Progress: a loop that shows how far it has come. Items pass through untouched; a loss that is still being computed is
// read now and then, without the loop waiting for it.
import type { Tensor } from "@weft/tensor";
import {
  BRAND,
  callable,
  nonNegative,
  readOptions,
  string,
  wantIterable,
  type OptionKinds,
} from "@weft/tensor/internals";
import { beginning, known, type Display, type ProgressState, type TextStream } from "./display.ts";
import { extentOf, leftOf, sequence, type AnyIterable, type Sequence, type AsyncSequence } from "./iterators.ts";
import { beside, positionOf } from "./position.ts";

export interface ProgressOptions<T> {
  /** How many items there will be, if the source does not say so itself. */
  readonly total?: number;
  /** Shown before the bar. */
  readonly name?: string;
  /** The name of the number after the bar ("loss"). */
  readonly label?: string;
  /** The number after the bar: by default the item itself if it is a number or a tensor of one element. */
  readonly value?: (item: T) => Tensor | number | undefined;
  /** Text of your own after the bar, instead of the number; "stop" ends the loop after this item. */
  readonly message?: (item: T, count: number) => string;
  /** Seconds between plain lines, where there is no terminal (5). */
  readonly seconds?: number;
  /** Where the bar or the lines go (`process.stderr`; in a page, the console). */
  readonly stream?: TextStream;
  /** Shows progress in another way, for example in a page. */
  readonly display?: Display;
}

export interface Progress {
  /**
   * Passes items through and shows how far the loop has come: percent, items, elapsed and estimated total time, speed,
   * and the loss if the items are numbers or tensors of one element. On a terminal it is a bar, elsewhere a line every
   * 5 seconds. A tensor is read at most every 100 ms, and the loop does not wait for it; an error of that read is
   * thrown at the next item. A loop without `await` shows tensors of the CPU; those of WebGPU arrive only where the
   * program waits.
   *
   * Source: Knet's `progress`.
   *
   * @example
   * for await (const loss of progress(minimize(f, batches, adam()))) if (tired()) break;
   */
  <T>(source: Iterable<T>, options?: ProgressOptions<T>): Sequence<T>;
  <T>(source: AsyncIterable<T>, options?: ProgressOptions<T>): AsyncSequence<T>;
  /**
   * Writes a line that stays: above the bar of the running loop, or where progress goes. On a terminal
   * `console.log` works as well; elsewhere it may go to another place than the lines of `progress`.
   *
   * @example
   * let step = 0;
   * for await (const loss of progress(run)) if (++step % 100 === 0) progress.log(`step ${step}`);
   */
  log(...values: readonly unknown[]): void;
}

/** Milliseconds between two reads of a tensor. */
const PAUSE = 100;

/** An object with these functions. */
const withFunctions = <T>(wanted: string, names: readonly (keyof T)[], optional: readonly (keyof T)[] = []) => ({
  wanted,
  is: (x: unknown): x is T =>
    typeof x === "object" &&
    x !== null &&
    names.every((name) => callable.is((x as Partial<T>)[name])) &&
    optional.every((name) => (x as Partial<T>)[name] === undefined || callable.is((x as Partial<T>)[name])),
});
const streamKind = withFunctions<TextStream>("a stream with a function write, such as process.stderr,", ["write"]);
const displayKind = withFunctions<Display>(
  "a display with the functions update and close",
  ["update", "close"],
  ["log"],
);

const kinds: OptionKinds<ProgressOptions<never>> = {
  total: nonNegative,
  name: string,
  label: string,
  value: callable,
  message: callable,
  seconds: nonNegative,
  stream: streamKind,
  display: displayKind,
};

const plainly = (...values: readonly unknown[]): string => values.map(String).join(" ");

/** `progress` with a default display, and a way to write what is logged as text. */
export function progressWith(
  shownBy: (options: ProgressOptions<never>) => Display,
  formatted: (...values: readonly unknown[]) => string = plainly,
): Progress {
  /** The displays of the running loops, the innermost last. */
  const displays: Display[] = [];
  function progress<T>(source: AnyIterable<T>, given?: ProgressOptions<T>): AsyncSequence<T> {
    const options: ProgressOptions<T> = readOptions("progress", given, kinds as OptionKinds<ProgressOptions<T>>, {});
    wantIterable("progress", "something to iterate over", source);
    const { total } = options;
    const extent = (which: "next" | "latest") => ({
      ...extentOf(source, which),
      ...(total !== undefined && { whole: total, left: total }),
    });
    const open = (): Meter<T> => {
      const display = options.display ?? shownBy(options as ProgressOptions<never>);
      displays.push(display);
      const close = (state: ProgressState): void => {
        displays.splice(displays.lastIndexOf(display), 1);
        display.close(state);
      };
      return meter(options, { update: (state) => display.update(state), close }, () => extent("latest").left);
    };
    return sequence({
      from: source,
      extent,
      position: () => positionOf(source),
      left: leftOf(source),
      now: Symbol.iterator in source ? () => pass(source, open()) : undefined,
      later: () => passLater(source, open()),
      beside: () => progress(beside(source), given),
    });
  }
  const log: Progress["log"] = (...values) => {
    const display = displays.at(-1) ?? shownBy({});
    if (display.log === undefined) console.log(...values);
    else display.log(formatted(...values));
  };
  return Object.assign(progress, { log }) as Progress;
}

function* pass<T>(source: Iterable<T>, meter: Meter<T>): Generator<T> {
  try {
    for (const item of source) {
      const goOn = meter.saw(item, true);
      yield item;
      if (!goOn) return;
    }
  } finally {
    meter.close();
    void meter.settled(); // a read that fails after the loop is an unhandled rejection: nobody can catch it
  }
}

async function* passLater<T>(source: AnyIterable<T>, meter: Meter<T>): AsyncGenerator<T> {
  try {
    for await (const item of source) {
      const goOn = meter.saw(item);
      yield item;
      if (!goOn) break;
    }
    await meter.settled();
  } finally {
    meter.close();
  }
}

interface Meter<T> {
  /** Counts an item, at once if the loop does not wait; false if the loop should end after it. */
  saw(item: T, atOnce?: boolean): boolean;
  /** Resolves when the last read has arrived; throws its error. */
  settled(): Promise<void>;
  close(): void;
}

const isScalar = (x: unknown): x is Tensor =>
  typeof x === "object" && x !== null && BRAND in x && (x as Tensor).size === 1;

const short = (x: number): string => (Number.isFinite(x) ? x.toPrecision(4) : String(x));

/** `total` is asked for at the first item: where the source goes on may be known only then. */
function meter<T>(options: ProgressOptions<T>, display: Display, total: () => number | undefined): Meter<T> {
  const { label = "loss", value = (item: T) => item, message } = options;
  const state = beginning(options.name);
  let reading: Promise<void> | undefined;
  /** In a loop that does not wait: the last number, while it has not been read. */
  let unread: Tensor | undefined;
  let read = -Infinity;
  let failure: { error: unknown } | undefined;
  const fail = (): void => {
    if (failure === undefined) return;
    const { error } = failure;
    failure = undefined;
    throw error;
  };
  const show = (x: number): void => {
    state.message = `${label} ${short(x)}`;
  };
  const readFrom = (x: Tensor, atOnce: boolean): void => {
    read = performance.now();
    if (atOnce && x.interpreter.backend.readSync !== undefined) {
      unread = undefined;
      return show(Number(x.itemSync()));
    }
    reading = x.item().then(show, (error: unknown) => {
      failure = { error };
    });
    void reading.then(() => (reading = undefined));
  };
  return {
    saw(item, atOnce = false) {
      fail();
      if (state.count++ === 0) {
        state.total = known(total());
        state.since = { count: 1, at: state.seconds() };
      }
      let goOn = true;
      if (message !== undefined) {
        state.message = message(item, state.count);
        goOn = state.message !== "stop";
      } else {
        const x: unknown = value(item);
        if (typeof x === "number") show(x);
        else if (isScalar(x)) {
          if (atOnce) unread = x;
          const due = reading === undefined && performance.now() - read >= PAUSE;
          if (due || state.count === state.total) readFrom(x, atOnce);
        }
      }
      display.update(state);
      return goOn;
    },
    async settled() {
      await reading;
      fail();
    },
    close() {
      if (state.count === 0) state.total = known(total());
      state.since = { count: 0, at: 0 }; // all of it is done
      try {
        if (unread?.ended === undefined && unread?.interpreter.backend.readSync !== undefined) show(unread.itemSync());
      } finally {
        display.close(state);
      }
    },
  };
}
