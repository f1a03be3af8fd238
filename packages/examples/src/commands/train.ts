// `weft train`: trains a model on pictures of digits, shows progress, and writes a report and the model to a folder.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError, params, save, seed as startNumbering, summary } from "@weft/nn";
import { DivergenceError } from "@weft/optim";
import { openBackend, type BackendName } from "../backends.ts";
import { dataset, type DataName } from "../datasets.ts";
import { accuracyOf, answers } from "../evaluation.ts";
import { interruption } from "../interruption.ts";
import { recipes, type RecipeName } from "../recipes.ts";
import { train, type Epoch } from "../training.ts";
import { clock, count, percent, stopping, type Print } from "./words.ts";

export interface TrainOptions {
  readonly data: DataName;
  readonly epochs?: number | undefined;
  readonly seed: number;
  readonly backend: BackendName;
  /** The folder for the report and the model. */
  readonly out?: string | undefined;
  /** Uses no more pictures than this. */
  readonly limit?: number | undefined;
}

/** Trains one of the recipes, and returns the exit code. */
export async function trainCommand(name: RecipeName, options: TrainOptions, print: Print): Promise<number> {
  const start = performance.now();
  const { data, seed, out = join("weft-out", `${name}-${data}`) } = options;
  const recipe = recipes[name];
  const epochs = options.epochs ?? recipe.epochs;
  await mkdir(out, { recursive: true }); // fails now, not after training, if the folder cannot be made

  const backend = await openBackend(options.backend, seed);
  const split = await dataset(data, options.limit);
  startNumbering(seed);
  const model = recipe.model();
  const size = params(model).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
  const pictures = split.train.labels.data.length;
  print(
    `${recipe.title}, ${count(size)} parameters, learns from ${count(pictures)} pictures of ${data} (${backend.name}).`,
  );

  const files = { report: join(out, "report.html"), model: join(out, "model.safetensors") };
  const notes = { weft: name, data, seed: String(seed) };
  /** Saves after every epoch, so that an interruption loses little. */
  const learned = async (epoch: number, losses: readonly number[]): Promise<void> => {
    const step = losses.findIndex((loss) => !Number.isFinite(loss));
    if (step >= 0)
      throw new DivergenceError(
        `the loss became ${losses[step]} in step ${step + 1} of epoch ${epoch}. ${
          epoch > 1 ? `The model after epoch ${epoch - 1} is in ${files.model}.` : "Nothing was saved."
        }`,
      );
    await save(files.model, model, { ...notes, epoch }).catch((error: unknown) => {
      if (!(error instanceof FileError)) throw error;
      print(`epoch ${epoch}/${epochs}: ${error.message}. Training continues.`);
    });
  };

  const run: Epoch[] = [];
  const began = performance.now();

  const stop = interruption((signal) => print(stopping(signal)));
  const { signal } = stop;
  const batch = Math.min(100, pictures);
  const training = { backend, optimizer: recipe.optimizer(), epochs, size: batch, seed, signal, learned };
  const learn = async () => {
    for await (const epoch of train(model, split, training)) {
      run.push(epoch);
      print(`epoch ${run.length}/${epochs}: test accuracy ${percent(epoch.accuracy)}`);
    }
    const seconds = (performance.now() - began) / 1000;
    const steps = run.reduce((n, { losses }) => n + losses.length, 0);
    const said = steps === 0 ? [] : await answers(model, split.test, backend);
    const accuracy = accuracyOf(said);
    await save(files.model, model, steps === 0 ? notes : { ...notes, epoch: run.length, accuracy: String(accuracy) });
    return { seconds, steps, said, accuracy };
  };
  const { seconds, steps, said, accuracy } = await learn().finally(stop.end);
  print(`Model   ${files.model}   (${steps === 0 ? "untrained" : `weft predict ${files.model} 0`})`);
  if (steps === 0) return stop.code();

  const [first] = params(model);
  const weights = { data: await first!.value.data(), shape: first!.shape };
  const { classifierReport } = await import("../report/classifier.ts"); // loaded only when needed
  const report = classifierReport({
    title: `${recipe.title} on ${data}`,
    result: [percent(accuracy), `of ${count(said.length)} new pictures right`],
    facts: [
      ["epochs", stop.code() === 0 ? String(epochs) : `${run.length} of ${epochs}, interrupted`],
      ["pictures to learn from", count(pictures)],
      ["parameters", count(size)],
      ["training time", clock(seconds)],
      ["speed", `${count(Math.round((steps * batch) / seconds))} pictures/s`],
      ["backend", backend.name],
      ["seed", String(seed)],
    ],
    epochs: run,
    test: split.test,
    answers: said,
    weights,
    summary: summary(model),
  });
  await writeFile(files.report, report);

  print(`Test accuracy ${percent(accuracy)} after ${clock((performance.now() - start) / 1000)}.`);
  print(`Report  ${files.report}`);
  return stop.code();
}
