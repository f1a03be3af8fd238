// What is wanted of a program, as it was given: with the program's defaults, and without what it does not know.
import { resolve } from "node:path";
import { ArgumentError } from "@weft/tensor";
import type { Program } from "../training/program.ts";
import { programs, type ProgramName } from "../programs.ts";
import type { Wanted } from "./request.ts";

/** The options with the defaults of the program; those that it does not have are refused. */
export function checked(name: ProgramName, wanted: Wanted): Wanted {
  const program: Program = programs[name];
  const refuse = (option: string): never => {
    throw new ArgumentError(`${name} has no option --${option}: leave it out.`);
  };
  const { data, limit, options = {}, quick } = wanted;
  if (data !== undefined && program.data === undefined) refuse("data");
  if (data !== undefined) refuseOtherData(name, data);
  if (limit !== undefined && program.cases === undefined) refuse("limit");
  const strange = Object.keys(options).find((option) => options[option] !== undefined && !program.options?.[option]);
  if (strange !== undefined) refuse(strange);
  const absolute = Object.entries(options).map(([option, value]) => [
    option,
    typeof value === "string" && /^(file|folder)$/.test(program.options?.[option]?.value ?? "")
      ? resolve(value)
      : value,
  ]);
  const all = {
    ...wanted,
    data: data ?? program.data?.[0],
    ...(wanted.options && { options: Object.fromEntries(absolute) }),
  };
  return { ...(quick === true ? program.quick : {}), ...defined(all) };
}

/** Refuses data that a program with a choice of data does not learn from. */
export function refuseOtherData(name: ProgramName, data: string): void {
  const { data: known = [] }: Program = programs[name];
  if (!known.includes(data)) throw new ArgumentError(`${name} learns from ${known.join(" or ")}, not from ${data}.`);
}

const defined = (wanted: Wanted): Wanted =>
  Object.fromEntries(Object.entries(wanted).filter(([, x]) => x !== undefined)) as Wanted;
