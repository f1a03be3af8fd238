// `weft predict`: loads a saved model, and classifies pictures of the test set or answers a text.
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ArgumentError, printable, scope, type Backend } from "@weft/tensor";
import { FileError, load, readMetadata } from "@weft/nn";
import { DataError, subset, type Vocabulary } from "@weft/data";
import { pictureAt, png, tiled, type Pixels } from "../report/picture.ts";
import { openBackend, type BackendName } from "../backends.ts";
import { dataset, digitNames, type DataName } from "../images/datasets.ts";
import { accuracyOf, predictions } from "../training/evaluation.ts";
import { hasFiniteParams } from "../training/divergence.ts";
import { filesIn, writeAnew } from "../training/output-folder.ts";
import type { Program } from "../training/program.ts";
import { isProgram, programNames, programs } from "../programs.ts";
import { vocabulariesIn } from "../training/vocabularies.ts";
import { wantedIn } from "./request.ts";
import { refuseOtherData } from "./checked-options.ts";
import { isRecipe, recipeNames, recipes, type RecipeName } from "../classifiers.ts";
import type { Recipe } from "../images/classifier-recipe.ts";
import { count, percent, withArticle, type Print } from "../format.ts";

export interface PredictOptions {
  /** Which model it is, if the file does not say. */
  readonly model?: RecipeName | undefined;
  /** The dataset; by default the one that the model was trained on. */
  readonly data?: DataName | undefined;
  readonly backend: BackendName;
  /** What a model of text is asked. */
  readonly text?: string | undefined;
  /** How many characters a model writes after it. */
  readonly length?: number | undefined;
}

/**
 * Prints predictions for the pictures at `indices`; without any, the accuracy on the whole test set. Where there is a text,
 * what the model answers to it. What draws pictures draws a hundred to a file. `path` is a file, or a folder that `weft train` has left.
 */
export async function predictCommand(
  path: string,
  indices: readonly number[],
  options: PredictOptions,
  print: Print,
): Promise<void> {
  const inFolder = filesIn(path).model;
  const file = existsSync(inFolder) ? inFolder : path;
  if (!existsSync(file)) throw new ArgumentError(`there is no file or folder ${JSON.stringify(path)}: name a model.`);
  const facts = statSync(file);
  if (facts.isDirectory())
    throw new ArgumentError(
      `there is no model.safetensors in ${path}: name the folder of a training, or the file of a model.`,
    );
  if (!facts.isFile()) throw new ArgumentError(`${file} is not a file: name a model.`);
  const { text } = options;
  if (text !== undefined) {
    if (text.trim() === "") throw new ArgumentError(`--text is ${JSON.stringify(text)}, wanted some words.`);
    if (indices.length > 0 || options.model !== undefined || options.data !== undefined)
      throw new ArgumentError("--text asks a model of text: leave out --model, --data and the numbers of pictures.");
    return answered(file, text, options, print);
  }
  if (options.length !== undefined)
    throw new ArgumentError("--length says how much is written after a text: name one with --text, or leave it out.");
  const drawings = options.model === undefined ? await drawn(file, indices, options) : undefined;
  if (drawings !== undefined) return print(`Drew 100 pictures from noise: ${drawings}`);
  const { recipe, data } = await known(file, options);
  const backend = await openBackend(options.backend, 0);
  const model = recipe.model();
  await loadFinite(file, model, backend);
  const { test, classes } = await dataset(data);
  const total = test.labels.data.length;
  const outside = indices.find((index) => index >= total);
  if (outside !== undefined)
    throw new ArgumentError(`there is no picture ${outside}: the test set of ${data} has 0 to ${total - 1}.`);

  if (indices.length === 0) {
    const accuracy = accuracyOf(await predictions(model, test, backend));
    print(`Test accuracy: ${percent(accuracy)} of ${count(total)} pictures of ${data}.`);
    return;
  }
  const chosen = subset(test, indices);
  for (const { index, label, guess, confidence } of await predictions(model, chosen, backend)) {
    if (indices.length === 1) print(drawing(pictureAt(chosen, 0)));
    const verdict = guess === label ? "right" : `wrong, it is ${withArticle(classes[label]!)}`;
    print(`picture ${indices[index]}: ${classes[guess]} (${percent(confidence)} sure), ${verdict}`);
  }
}

/** Prints what the model of text in a file answers, line by line as it is written. */
async function answered(file: string, text: string, { backend, length }: PredictOptions, print: Print): Promise<void> {
  const metadata = await readMetadata(file);
  const before = wantedIn(metadata, file);
  const program: Program | undefined = before && programs[before.name];
  if (before === undefined || program?.answers === undefined) {
    const names = programNames.filter((name) => "answers" in programs[name]);
    throw new ArgumentError(`${file}: ${holds(metadata["weft"])}; a text is for ${names.join(", ")}.`);
  }
  const all = vocabulariesIn(metadata, file);
  const known = (name: string): Vocabulary => {
    const found = all?.[name];
    if (found === undefined) throw new DataError(`${file}: the file does not say what its ${name} are: train it anew.`);
    return found;
  };
  const { quick = false, options = {} } = before.wanted;
  const opened = await openBackend(backend, 0);
  const { model, answer, writes = false } = program.answers(known, { backend: opened, quick, options });
  if (length !== undefined && !writes)
    throw new ArgumentError(`${file}: ${holds(before.name)}, which does not go on with a text: leave --length out.`);
  await loadFinite(file, model, opened);
  if (!writes) return print(await answer(text));
  let line = "";
  const end = (): void => {
    print(line.replaceAll("\r", "")); // a terminal needs none of the text's own ends of lines
    line = "";
  };
  const told = (character: string): void => {
    if (character === "\n") end();
    else line += character;
  };
  await answer(text, { length, told });
  if (line !== "") end();
}

/** The file of pictures that the model in a file draws, beside it; undefined if it draws none. */
async function drawn(file: string, indices: readonly number[], options: PredictOptions): Promise<string | undefined> {
  const before = wantedIn(await readMetadata(file), file);
  const program: Program | undefined = before && programs[before.name];
  if (before === undefined || program?.draws === undefined) return undefined;
  if (indices.length > 0 || options.data !== undefined)
    throw new ArgumentError(`${file}: ${holds(before.name)}, which draws pictures: leave out --data and numbers.`);
  const backend = await openBackend(options.backend, 0);
  const { model, draw } = program.draws({ backend, options: before.wanted.options ?? {} });
  await loadFinite(file, model, backend);
  const values = await scope(() => draw(100).data());
  const picture = join(dirname(file), "drawings.png");
  await writeAnew(picture, png(tiled(Array.from(values, Number), 28, 10))).catch((cause: Error) => {
    const then = "Copy the model into a folder where files can be written, and name it there.";
    throw new FileError(`${picture} could not be written: ${cause.message}. ${then}`, { cause });
  });
  return picture;
}

const holds = (name: unknown): string =>
  name === undefined
    ? "the file does not say which model it holds"
    : `the file holds the model ${printable(String(name), 80)}`;

/** Which classifier is in a file, and the dataset that is meant: by default the one that it was trained on. */
async function known(file: string, options: PredictOptions) {
  const metadata = await readMetadata(file);
  const held = metadata["weft"];
  if (options.model !== undefined && isProgram(held) && held !== options.model)
    throw new ArgumentError(`${file}: ${holds(held)}, not ${options.model}: leave out --model.`);
  const name = options.model ?? held;
  if (!isRecipe(name))
    throw new ArgumentError(
      isProgram(name) && "answers" in programs[name]
        ? `${file}: ${holds(name)}: ask it with --text "…".`
        : isProgram(name)
          ? `${file}: ${holds(name)}, of which there is nothing to predict: its report says what it learned.`
          : `${file}: ${holds(name)}, wanted one of ${recipeNames.join(", ")}. Name the model with --model.`,
    );
  if (options.data !== undefined) refuseOtherData(name, options.data);
  const recipe: Recipe = recipes[name];
  const { data: all = digitNames } = recipe;
  return { recipe, data: options.data ?? all.find((known) => known === metadata["data"]) ?? all[0]! };
}

/** Reads a model, and refuses one whose training has diverged. */
async function loadFinite(file: string, model: object, backend: Backend): Promise<void> {
  await load(file, model);
  if (!(await hasFiniteParams(model, backend)))
    throw new DataError(`${file}: its weights hold NaN or infinity, as after training that diverged. Train it anew.`);
}

/** A picture as lines of text: each character is two pixels, one above the other; colors become dark or bright. */
function drawing({ width, height, data }: Pixels): string {
  const channels = data.length / (width * height);
  const brightness = (x: number, y: number): number => {
    const at = (y * width + x) * channels;
    return data.subarray(at, at + channels).reduce((a, b) => a + b) / channels;
  };
  const limit = channels === 1 ? 100 : data.reduce((a, b) => a + b) / data.length;
  const drawn = (x: number, y: number): number => (brightness(x, y) > limit ? 1 : 0);
  const line = (y: number): string =>
    Array.from({ length: width }, (_, x) => " ▀▄█"[drawn(x, y) + 2 * drawn(x, y + 1)]!).join("");
  return Array.from({ length: height / 2 }, (_, i) => line(2 * i).trimEnd()).join("\n");
}
