// The command line of `weft`: its arguments, and errors, which are reported in one line with exit code 1.
import { isDeepStrictEqual } from "node:util";
import {
  Argument,
  Command,
  CommanderError,
  InvalidArgumentError,
  Option,
  type CommandUnknownOpts,
} from "@commander-js/extra-typings";
import { ArgumentError, WeftError, printable } from "@weft/tensor";
import { backendNames, mostThreads } from "../backends.ts";
import { listCommand } from "./list.ts";
import { mostSimilar } from "./most-similar.ts";
import { predictCommand } from "./predict.ts";
import { resumeCommand } from "./resume.ts";
import { printedNames, rowNames, tablesCommand } from "./tables.ts";
import { trainCommand } from "./train.ts";
import type { Print } from "../format.ts";
import { dataNames } from "../images/datasets.ts";
import type { ProgramOptions } from "../training/program-options.ts";
import type { Program } from "../training/program.ts";
import { isProgram, programNames, programs, type ProgramName } from "../programs.ts";
import { recipeNames } from "../classifiers.ts";
import { version } from "./version.ts";

/** A parser of integers that are `least` or more, and no more than `most`. */
const whole =
  (least: number, most?: number) =>
  (text: string): number => {
    const n = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(n) && n >= least && n <= (most ?? Infinity)) return n;
    throw new InvalidArgumentError(`Wanted a whole number from ${least}${most === undefined ? "" : ` to ${most}`}.`);
  };

/** A parser of the names of programs. */
function programName(text: string): ProgramName {
  if (isProgram(text)) return text;
  const meant = mostSimilar(text, programNames);
  throw new InvalidArgumentError(
    `${meant === undefined ? "" : `Did you mean ${meant}? `}Allowed choices are ${programNames.join(", ")}.`,
  );
}

function nonEmpty(text: string): string {
  if (text === "") throw new InvalidArgumentError("Wanted a name.");
  return text;
}

/** A parser of the regular expressions of rows: it must match one. */
function pattern(text: string): RegExp {
  let rows: RegExp;
  try {
    rows = new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
  if (!rowNames.some((name) => rows.test(name)) && !printedNames.some((name) => rows.test(name)))
    throw new InvalidArgumentError(`It matches none of ${rowNames.join(", ")}.`);
  return rows;
}

/** What programs learn from one by one. */
const cases = [...new Set(Object.values<Program>(programs).flatMap(({ cases = [] }) => cases))].toSorted();

/** The programs that have a choice of data, or can be limited. */
const takers = (what: "data" | "cases"): string =>
  programNames.filter((name) => (programs[name] as Program)[what] !== undefined).join(", ");

const option = {
  data: () =>
    new Option(
      "--data <name>",
      `the dataset, of ${dataNames.join(", ")} (${takers("data")}; default: the program's first)`,
    ),
  epochs: () => new Option("--epochs <n>", "how often to go through all the data").argParser(whole(1)),
  steps: () => new Option("--steps <n>", "end after this step").argParser(whole(1)),
  quick: () => new Option("--quick", "about a minute's worth"),
  seed: () => new Option("--seed <n>", "the seed of all random numbers (default: 1)").argParser(whole(0)),
  backend: (text = "where to compute") => new Option("--backend <name>", text).choices(backendNames),
  threads: () =>
    new Option(
      "--threads <n>",
      `on how many threads of the CPU, 1 to ${mostThreads}; results do not change (default: as many as there are cores, at most 16)`,
    ).argParser(whole(1, mostThreads)),
  out: () =>
    new Option(
      "--out <folder>",
      "where the report and the model go (default: weft-out/<program>-<data>-<options>)",
    ).argParser(nonEmpty),
  overwrite: () =>
    new Option("--overwrite", "begin again where the folder holds a training that is not finished, or other files"),
  limit: () =>
    new Option(
      "--limit <n>",
      `use no more ${cases.join(", ")} than this, also for tests (${takers("cases")})`,
    ).argParser(whole(1)),
  resume: () => new Option("--resume <folder>", "go on with the training in a folder, with the same numbers"),
};

/** The commands; `exit` is called with the exit code. */
function program(print: Print, exit: (code: number) => void): Command {
  const weft = new Command("weft")
    .version(version, "--version")
    .description(
      "Trains small models in plain TypeScript, and shows what they learned.\n\n" +
        "  weft train lenet\n  weft predict weft-out/lenet-digits/model.safetensors 0",
    );
  const train = weft
    .command("train")
    .description("train a model, and leave a report and the model in a folder")
    .addArgument(new Argument("[program]", "what to train").choices(programNames).argParser(programName))
    .addOption(option.data())
    .addOption(option.epochs())
    .addOption(option.steps())
    .addOption(option.quick())
    .addOption(option.seed())
    .addOption(option.backend("where to compute (default: cpu)"))
    .addOption(option.threads())
    .addOption(option.out())
    .addOption(option.overwrite())
    .addOption(option.limit())
    .addOption(option.resume());
  for (const one of ownOptions(programs)) train.addOption(one);
  train.action(
    async (name, { data, epochs, steps, quick, seed, backend, threads, out, overwrite, limit, resume, ...options }) => {
      const wanted = { data, epochs, steps, quick, seed, backend, limit };
      const own = Object.keys(options).length === 0 ? {} : { options };
      const where = { threads, out };
      if (resume !== undefined && overwrite === true)
        throw new ArgumentError("--resume goes on, --overwrite begins again: leave one of them out.");
      if (resume !== undefined) return exit(await resumeCommand(resume, name, { ...wanted, ...own, ...where }, print));
      if (name === undefined) throw new ArgumentError("train what? See: weft list");
      return exit(await trainCommand(name, { ...wanted, ...own, ...where, overwrite }, print));
    },
  );
  weft
    .command("list")
    .description("what there is to train, and how long it takes")
    .action(() => listCommand(print));
  weft
    .command("tables")
    .description("Knet's published tables, with the speed of the same programs on this machine")
    .addOption(new Option("--rows <regex>", "only rows whose name matches").argParser(pattern))
    .addOption(option.backend().default("cpu" as const))
    .addOption(option.threads())
    .addOption(new Option("--seconds <n>", "how long a row is measured").argParser(whole(1)).default(20))
    .addOption(new Option("--json", "the tables as JSON"))
    .action(({ rows = /(?:)/, backend, threads, seconds, json = false }) =>
      tablesCommand({ rows, backend, threads, seconds, json }, print),
    );
  weft
    .command("predict")
    .description("classify pictures with a saved model, ask a model of text, or let a model draw")
    .argument("<file>", "the model: a safetensors file, or the folder of a training")
    .argument("[index...]", "pictures of the test set; default: the accuracy on all of it", index)
    .addOption(new Option("--model <name>", "which model it is, where the file does not say").choices(recipeNames))
    .addOption(new Option("--data <name>", "the dataset (default: that of the training)").choices(dataNames))
    .addOption(new Option("--text <text>", "what a language model goes on from, or a sentence to tag"))
    .addOption(
      new Option("--length <n>", "how many characters a model writes after the text (default: 600)").argParser(
        whole(1),
      ),
    )
    .addOption(option.backend().default("cpu" as const))
    .action((file, indices, options) => predictCommand(file, indices ?? [], options, print));
  const commands = weft.commands.map((command) => command.name());
  weft
    .command("help")
    .description("display help for command")
    .addArgument(new Argument("[command]", "which one").choices([...commands, "help"]))
    .action((name) => (weft.commands.find((command) => command.name() === name) ?? weft).outputHelp());
  return weft;
}

/** The options that single programs have; one that several have is one option, so they must say the same of it. */
export function ownOptions(all: Readonly<Record<string, Pick<Program, "options">>>): Option[] {
  const found = new Map<string, { readonly names: string[]; readonly option: ProgramOptions[string] }>();
  for (const [program, { options = {} }] of Object.entries(all))
    for (const [name, option] of Object.entries(options)) {
      const known = found.get(name) ?? { names: [], option };
      if (!isDeepStrictEqual(known.option, option))
        throw new Error(`--${name}: ${program} says something else of it than ${known.names.join(", ")}`);
      known.names.push(program);
      found.set(name, known);
    }
  return Array.from(found, ([name, { names, option }]) => {
    const { value, about, choices, default: usual } = option;
    const help = `${about} (${names.join(", ")}${usual === undefined ? "" : `; default: ${usual}`})`;
    const made = new Option(value === undefined ? `--${name}` : `--${name} <${value}>`, help);
    return choices === undefined ? made : made.choices(choices);
  });
}

const index = (text: string, before: number[] | undefined): number[] => [...(before ?? []), whole(0)(text)];

/** An option that is given twice says two things: which of them counts, nobody should have to know. */
function refuseRepeated(command: CommandUnknownOpts): void {
  for (const { flags, ...option } of command.options) {
    let before: unknown;
    command.on(`option:${option.long!.slice(2)}`, (value: unknown) => {
      if (before !== undefined && before !== value)
        command.error(`error: option '${flags}' is given twice, as ${String(before)} and as ${String(value)}`);
      before = value;
    });
  }
}

/** Whether the system has refused something: a file, a folder. Node's errors about arguments have a code, and no number. */
const isOfSystem = (error: unknown): error is Error =>
  error instanceof Error && "syscall" in error && "errno" in error && typeof error.errno === "number";

/** The message of a known error, in one line. */
function words(error: unknown): string | undefined {
  return error instanceof WeftError || isOfSystem(error) ? error.message.replaceAll(/\s*\n\s*/g, " ") : undefined;
}

/**
 * Runs `weft` with the arguments of a command line, and returns the exit code. A known error is reported in one line;
 * any other is thrown.
 */
export async function run(
  args: readonly string[],
  out: Print = console.log,
  err: Print = console.error,
): Promise<number> {
  // Names and metadata from files may contain control sequences: they are escaped for the terminal.
  const [print, complain] = [out, err].map(
    (to): Print =>
      (line) =>
        to(printable(line, Infinity)),
  ) as [Print, Print];
  let code = 0;
  const weft = program(print, (given) => (code = given));
  for (const command of weft.commands) refuseRepeated(command);
  for (const command of [weft, ...weft.commands])
    command.exitOverride().configureOutput({
      writeOut: (text) => print(text.trimEnd()),
      writeErr: (text) => complain(text.trimEnd()),
      outputError: (text) => {
        const line = text
          .replace(/^error: /, "")
          .trim()
          .replace(/[^.)]$/, "$&.")
          .replaceAll(/\s*\n\s*/g, " ");
        const about = command === weft || command.name() === "help" ? "" : ` ${command.name()}`;
        complain(`weft: ${line} See: weft help${about}`);
      },
    });
  try {
    await weft.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const line = words(error);
    if (line === undefined) throw error;
    complain(`weft: ${line}`);
    return 1;
  }
}
