// Runs cells one after the other against the state of their page. The same code runs in the worker of a page and, for
// the tests, in Node; only how text becomes a function differs.
import { compile, CellSyntaxError } from "./compile.ts";
import { load } from "./libraries.ts";
import { directTo, put, settled, type Emit, type Output } from "./output.ts";
import { asValue, cellConsole, formatted, shown } from "./printing.ts";
import { keeps, promisesOf } from "./promises.ts";

/** A compiled cell: `$` is the state, `$import` loads a module. */
export type CellFunction = ($: object, $import: typeof load) => Promise<unknown>;

/** Makes a function of a body. Its lines keep their numbers, and a stack names them as `file`. */
export type Evaluate = (body: string, file: string) => CellFunction | Promise<CellFunction>;

export interface Outcome {
  readonly ok: boolean;
  /** How long the cell ran, without its promises. */
  readonly milliseconds: number;
}

export interface Page {
  /** Runs a cell; what it shows and what becomes of its promises goes to `emit`. Never throws. */
  run(source: string, emit: Emit): Promise<Outcome>;
}

/** A page on which nothing has run. */
export function page(evaluate: Evaluate): Page {
  const state = emptyState();
  let runs = 0;

  async function call(source: string): Promise<unknown> {
    const file = `weft-cell-${++runs}.js`;
    try {
      const { body } = compile(source, ["console", ...Object.keys(state)]);
      return await (
        await evaluate(body, file)
      )(state, load);
    } catch (error) {
      throw error instanceof CellSyntaxError ? error : withLine(error, file);
    }
  }

  return {
    async run(source, emit) {
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
        let ok = true;
        const tell = (of: "lines" | "condition", text: string, kept: boolean, got?: string): void => {
          ok &&= kept;
          emit({ kind: "promise", of, text, kept, got });
        };
        if (lines.length > 0) tell("lines", lines.join("\n"), keeps(printed, lines), printed.join("\n"));
        for (const condition of conditions) tell("condition", condition, ...(await holds(condition)));
        return { ok, milliseconds };
      } catch (error) {
        await settled().catch(() => {});
        emit(failure(error));
        return { ok: false, milliseconds: took() };
      }
    },
  };

  async function holds(condition: string): Promise<[kept: boolean, got?: string]> {
    try {
      const value = await call(`(${condition});`);
      return [value === true, value === true || value === false ? undefined : formatted([value])];
    } catch (error) {
      return [false, String(error)];
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

const lines = new WeakMap<Error, number>();

/** Notes the line of the cell that an error comes from. */
function withLine(error: unknown, file: string): Error {
  const thrown = error instanceof Error ? error : new Error(formatted([error]));
  const line = new RegExp(`${file.replaceAll(".", String.raw`\.`)}:(\\d+)`).exec(thrown.stack ?? "")?.[1];
  if (line !== undefined) lines.set(thrown, Number(line));
  return thrown;
}

function failure(error: unknown): Output {
  const { name } = error as Error;
  const message = (error as Error).message.replaceAll(/\$\.(?=[\w$])/g, ""); // engines quote the compiled code
  const line = error instanceof CellSyntaxError ? error.line : lines.get(error as Error);
  return { kind: "error", name, message, line };
}
