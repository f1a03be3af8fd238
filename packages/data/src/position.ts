// Where passes through data are: which pass it is, and what comes next in it. It can be saved, and assigned to go on
// from there. Each loop has a cursor of its own, so that concurrent passes do not disturb each other; the position speaks of
// the loop that moved last.
import { ArgumentError } from "@weft/tensor";
import { count, shown } from "@weft/tensor/internals";

/** What comes next of something that is passed through again and again. */
export interface Position {
  /** The number of the pass, from 0. */
  pass: number;
  /** The number of the next batch (or item) in it; at the end of a pass, how many it has. */
  batch: number;
  /** Where the data are that this takes its batches from, if they have a position of their own. */
  readonly source?: Position;
  readonly [PASSES]: {
    /** With which batch the next pass begins: 0, if none was assigned. */
    next(): number;
    /** With which batch the pass that is under way began, or else the next one begins. */
    first(): number;
    /** How many passes are over before the next one, as a position says that was assigned; else 0. */
    gone(): number;
    /** Whether the next pass begins where it was assigned. */
    assigned(): boolean;
    /** Ends the latest pass, so that the next loop is in a new one, also in a program that resumes. */
    end(): void;
  };
}
export const PASSES: unique symbol = Symbol.for("weft.data.passes");
/** What Node prints of an object. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** A pass that is under way. */
export interface Cursor {
  readonly pass: number;
  batch: number;
  /** With which batch the loop began; 0 when it is left. */
  first: number;
}

export interface Passes {
  /** Where the pass is that moved last, or where the next one begins, if that was assigned. */
  get position(): Position;
  set position(now: Pick<Position, "pass" | "batch">);
  /** Begins a pass of so many batches. */
  begin(length: number): Cursor;
  /** A loop takes its next batch. */
  take(cursor: Cursor): void;
  end(cursor: Cursor): void;
}

/** Counts passes. `source` is the position of what the batches are taken from, in step with this one. */
export function passesOf(op: string, source?: Position): Passes {
  let current: Cursor = { pass: 0, batch: 0, first: 0 };
  /** Whether a loop has `current`. */
  let begun = false;
  /** Whether `current` was assigned since the latest loop began or moved. */
  let assigned = false;
  /** The number of the latest pass that has begun. */
  let latest = 0;
  /** Those of loops that began since a position was assigned: others move it no more. */
  let cursors = new WeakSet<Cursor>();
  const assign = (name: "pass" | "batch", x: number): void => {
    if (!count.is(x)) throw new ArgumentError(`${op}: position.${name} is ${shown(x)}, wanted ${count.wanted}.`);
    current = { ...current, [name]: x };
    begun = false;
    assigned = true;
    cursors = new WeakSet();
  };
  const end = (): void => {
    current = { pass: (begun ? latest : current.pass) + 1, batch: 0, first: 0 };
    begun = false;
    assigned = false;
  };
  /** Where the data are that this takes its batches from, if only that was assigned: they are in step. */
  const adopted = (): Cursor | undefined =>
    !begun && !assigned && source?.[PASSES].assigned() === true
      ? { pass: source.pass, batch: source.batch, first: 0 }
      : undefined;
  const position: Position & { [INSPECT](): object } = {
    get pass() {
      return (adopted() ?? current).pass;
    },
    set pass(x) {
      assign("pass", x);
      if (source !== undefined) source.pass = x;
    },
    get batch() {
      return (adopted() ?? current).batch;
    },
    set batch(x) {
      assign("batch", x);
      if (source !== undefined) source.batch = x;
    },
    ...(source && { source }),
    [INSPECT]: () => ({ pass: position.pass, batch: position.batch, ...(source && { source }) }),
    [PASSES]: {
      next: () => (begun ? 0 : position.batch),
      first: () => (begun ? current.first : position.batch),
      gone: () => (adopted() !== undefined || assigned ? position.pass : 0),
      assigned: () => assigned,
      end() {
        current = adopted() ?? current;
        end();
        source?.[PASSES].end();
      },
    },
  };
  return {
    get position() {
      return position;
    },
    set position({ pass, batch }) {
      Object.assign(position, { pass, batch });
    },
    begin(length) {
      current = adopted() ?? current;
      assigned = false;
      if (begun) current = { pass: latest + 1, batch: 0, first: 0 };
      if (current.batch > length)
        throw new ArgumentError(
          `${op}: position.batch is ${current.batch}, but a pass has ${length}: it is that of other data or of another size.`,
        );
      begun = true;
      current.first = current.batch;
      latest = current.pass;
      cursors.add(current);
      return current;
    },
    take(cursor) {
      cursor.batch++;
      if (cursor === current || !cursors.has(cursor)) return;
      current = cursor; // a loop that began inside of this one has ended, or waits
      begun = true;
      assigned = false;
    },
    end(cursor) {
      if (begun && cursors.has(cursor)) end();
    },
  };
}

/** The position of what has one. */
export const positionOf = (x: unknown): Position | undefined => {
  const position = typeof x === "object" && x !== null ? (x as { position?: Partial<Position> }).position : undefined;
  return typeof position === "object" && position !== null && PASSES in position ? (position as Position) : undefined;
};

/** The same passes beside others, whose position they do not move. They begin with the pass that is under way. */
export function passesBeside(op: string, { position }: Passes, source?: Position): Passes {
  const beside = passesOf(op, source);
  beside.position = { pass: position.pass, batch: 0 };
  return beside;
}

/** Makes the same data, iterated over beside other loops: that does not move the position. */
export const BESIDE: unique symbol = Symbol.for("weft.data.beside");

/** Data to look through in the middle of a loop over them: evaluation is no training. */
export const beside = <S extends object>(source: S): S => (BESIDE in source ? (source[BESIDE] as () => S)() : source);
