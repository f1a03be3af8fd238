// Progress: a loop that shows how far it has come. Items pass through untouched; a loss that is still on its way is read
// now and then, without the loop waiting for it.
import { ArgumentError, BRAND, type Tensor } from "@weft/tensor";
import { beginning, type Display, type Stand, type TextStream } from "./display.ts";
import { lengthOf, type Anyhow, type Both, type Later } from "./iterators.ts";

export interface ProgressOptions<T> {
  /** How many items there will be, where the source does not say so itself. */
  readonly total?: number;
  /** Stands before the bar. */
  readonly name?: string;
  /** What the number behind the bar is called ("loss"). */
  readonly label?: string;
  /** The number behind the bar: by default the item itself if it is a number or a tensor of one element. */
  readonly value?: (item: T) => Tensor | number | undefined;
  /** Text of your own behind the bar, instead of the number; "stop" ends the loop after this item. */
  readonly message?: (item: T, count: number) => string;
  /** Seconds between plain lines, where there is no terminal (5). */
  readonly seconds?: number;
  /** Where the bar or the lines go: `process.stderr`, and the console in a page. */
  readonly stream?: TextStream;
  /** Shows it another way, in a page say. */
  readonly display?: Display;
}

export interface Progress {
  /**
   * Passes items through and shows how far the loop has come: percent, items, time so far and in all, speed, and the loss
   * if the items are numbers or tensors of one element. On a terminal it is a bar, elsewhere a line every 5 seconds.
   * A tensor is read at most every 100 ms, and the loop does not wait for it; an error of the reading is thrown at the
   * next item.
   *
   * Source: Knet's `progress`.
   *
   * @example
   * for await (const loss of progress(minimize(f, batches, adam()))) if (tired()) break;
   */
  <T>(source: Iterable<T>, options?: ProgressOptions<T>): Both<T>;
  <T>(source: AsyncIterable<T>, options?: ProgressOptions<T>): Later<T>;
}

/** Milliseconds between two readings of a tensor. */
const PAUSE = 100;

/** `progress` with a way to show it where the caller names none. */
export function progressWith(shownBy: (options: ProgressOptions<never>) => Display): Progress {
  function progress<T>(source: Anyhow<T>, options: ProgressOptions<T> = {}): Later<T> {
    if (typeof source !== "object" || source === null || !(Symbol.iterator in source || Symbol.asyncIterator in source))
      throw new ArgumentError(`progress: wanted something to iterate over, got ${String(source)}.`);
    const total = options.total ?? lengthOf(source);
    const open = (): Meter<T> => meter(options, options.display ?? shownBy(options as ProgressOptions<never>), total);
    const later = { length: total, [Symbol.asyncIterator]: () => passLater(source, open()) };
    if (!(Symbol.iterator in source)) return later;
    return { ...later, [Symbol.iterator]: () => pass(source, open()) } as Both<T>;
  }
  return progress as Progress;
}

function* pass<T>(source: Iterable<T>, meter: Meter<T>): Generator<T> {
  try {
    for (const item of source) {
      const goOn = meter.saw(item);
      yield item;
      if (!goOn) return;
    }
  } finally {
    meter.close();
    void meter.settled(); // a reading that fails after the loop is an unhandled rejection: nobody is there to catch it
  }
}

async function* passLater<T>(source: Anyhow<T>, meter: Meter<T>): AsyncGenerator<T> {
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
  /** Counts an item; false when the loop is to end after it. */
  saw(item: T): boolean;
  /** When the last reading has arrived; throws its error. */
  settled(): Promise<void>;
  close(): void;
}

const isScalar = (x: unknown): x is Tensor =>
  typeof x === "object" && x !== null && BRAND in x && (x as Tensor).size === 1;

const short = (x: number): string => (Number.isFinite(x) ? x.toPrecision(4) : String(x));

function meter<T>(options: ProgressOptions<T>, display: Display, total: number | undefined): Meter<T> {
  const { label = "loss", value = (item: T) => item, message } = options;
  const stand: Stand = beginning(options.name, total);
  let reading: Promise<void> | undefined;
  let read = -Infinity;
  let failure: { error: unknown } | undefined;
  const fail = (): void => {
    if (failure === undefined) return;
    const { error } = failure;
    failure = undefined;
    throw error;
  };
  const show = (x: number): void => {
    stand.message = `${label} ${short(x)}`;
  };
  const readNow = (x: Tensor): void => {
    read = performance.now();
    reading = x.item().then(show, (error: unknown) => {
      failure = { error };
    });
    void reading.then(() => (reading = undefined));
  };
  return {
    saw(item) {
      fail();
      stand.count++;
      let goOn = true;
      if (message !== undefined) {
        stand.message = message(item, stand.count);
        goOn = stand.message !== "stop";
      } else {
        const x: unknown = value(item);
        if (typeof x === "number") show(x);
        else if (isScalar(x)) {
          const due = reading === undefined && performance.now() - read >= PAUSE;
          if (due || stand.count === stand.total) readNow(x);
        }
      }
      display.update(stand);
      return goOn;
    },
    async settled() {
      await reading;
      fail();
    },
    close: () => display.close(stand),
  };
}
