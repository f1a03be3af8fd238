// Runs cells one after the other against the state of their page. The same code runs in the worker of a page and, for
// the tests, in Node; only how text becomes a function differs.
import { compile, CellSyntaxError, type Compiled } from "./compile.ts";
import { failure, withLine } from "./failure.ts";
import { load } from "./libraries.ts";
import { directTo, put, settled, type Emit } from "./output.ts";
import { asValue, cellConsole, formatted, shown } from "./printing.ts";
import { keeps, promisesOf } from "./promises.ts";

/** A compiled cell. */
export type CellFunction = (
  state: object,
  load: (module: string, wanted?: unknown) => Promise<object>,
) => Promise<unknown>;

/** Makes a function of a compiled cell. Its lines keep their numbers, and a stack names them as `file`. */
export type Evaluate = (compiled: Compiled, file: string) => CellFunction | Promise<CellFunction>;

export interface Outcome {
  readonly ok: boolean;
  /** How long the cell ran, without its promises. */
  readonly milliseconds: number;
}

export interface Page {
  /**
   * Runs a cell; what it shows and what becomes of its promises goes to `emit`. Never throws. If code of the page was
   * changed, a promise that is not kept is no failure.
   */
  run(source: string, emit: Emit, changed?: boolean): Promise<Outcome>;
  /** Shows an error that nobody caught: of a promise that is not awaited, or of a timer. */
  complain(error: unknown): void;
}

/** Frames of a stack that are kept: with the ten of a default, a mistake in a `Chain` does not show the cell. */
const DEEP = 100;

/** A page on which nothing has run. */
export function page(evaluate: Evaluate): Page {
  const state = emptyState();
  let runs = 0;
  let file = "";
  let complaints = 0;

  async function call(source: string): Promise<unknown> {
    file = `weft-cell-${++runs}.js`;
    const { stackTraceLimit } = Error as { stackTraceLimit?: number };
    try {
      const compiled = compile(source, ["console", ...Object.keys(state)]);
      Reflect.set(Error, "stackTraceLimit", DEEP);
      return await (
        await evaluate(compiled, file)
      )(state, load);
    } catch (error) {
      throw error instanceof CellSyntaxError ? error : withLine(error, file);
    } finally {
      Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
    }
  }

  return {
    async run(source, emit, changed = false) {
      const before = complaints;
      const printed: string[] = [];
      directTo((output) => {
        if (output.kind === "text" || output.kind === "value") printed.push(output.text);
        emit(output);
      });
      const start = performance.now();
      const took = (): number => performance.now() - start;
      try {
        const value = await call(source);
        if (value !== undefined) put(shown([value], asValue));
        await settled();
        const milliseconds = took();
        const { lines, conditions } = promisesOf(source);
        let ok = complaints === before;
        const tell = (of: "lines" | "condition", text: string, kept: boolean, got?: string): void => {
          ok &&= kept || changed;
          emit({ kind: "promise", of, text, kept, got, changed });
        };
        if (lines.length > 0) tell("lines", lines.join("\n"), keeps(printed, lines), printed.join("\n"));
        for (const condition of conditions) tell("condition", condition, ...(await holds(condition)));
        return { ok, milliseconds };
      } catch (error) {
        await settled().catch(() => {});
        emit(failure(error, file));
        return { ok: false, milliseconds: took() };
      }
    },
    complain(error) {
      complaints++;
      put(failure(withLine(error, file), file));
    },
  };

  async function holds(condition: string): Promise<[kept: boolean, got?: string]> {
    try {
      const value = await call(`(${condition}\n);`); // it may end in a comment
      return [value === true, value === true || value === false ? undefined : formatted([value])];
    } catch (error) {
      const { name, message } = failure(error, file);
      return [false, `${name}: ${message}`];
    }
  }
}

/** What a missing name is looked up in: the globals, then nothing. A field of the state itself is read directly. */
function emptyState(): object {
  const globals = new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (name in globalThis) return Reflect.get(globalThis, name);
      throw new ReferenceError(`${String(name)} is not defined: no cell that has run declares it`);
    },
    set: (_, name, value, state) =>
      Reflect.defineProperty(state as object, name, { value, writable: true, enumerable: true, configurable: true }),
  });
  return Object.create(globals, { console: { value: cellConsole, writable: true } }) as object;
}
