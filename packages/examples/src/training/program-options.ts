// Options that single programs have, and the types of their values.

/** Options of the command line by name, such as `--chars` or, with a name for its value, `--text <folder>`. */
export interface ProgramOptions {
  readonly [name: string]: {
    readonly value?: string;
    readonly about: string;
    readonly choices?: readonly string[];
    /** What it is where it is not given. */
    readonly default?: string;
  };
}

/** The value of an option: one of its choices, a text, or true for a switch. */
type OptionValue<Option> = Option extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : Option extends { readonly value: string }
    ? string
    : ProgramOptions[string] extends Option
      ? string | true
      : true;

export type OptionValues<Options extends ProgramOptions> = {
  readonly [Name in keyof Options]?: OptionValue<Options[Name]> | undefined;
};
