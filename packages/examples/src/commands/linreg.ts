// `weft linreg`: predicts housing prices in Boston by linear regression; writes a report and the model to a folder.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { housing } from "@weft/data";
import { save } from "@weft/nn";
import { DivergenceError } from "@weft/optim";
import { openBackend, type BackendName } from "../backends.ts";
import { interruption } from "../interruption.ts";
import { linreg } from "../models/linreg.ts";
import { clock, count, stopping, type Print } from "./words.ts";

export interface LinregOptions {
  /** Steps with all of the data (10,000). */
  readonly epochs?: number | undefined;
  readonly seed: number;
  readonly backend: BackendName;
  readonly out?: string | undefined;
}

/** Returns the exit code. */
export async function linregCommand(options: LinregOptions, print: Print): Promise<number> {
  const { epochs: steps = 10_000, seed, out = join("weft-out", "linreg-housing") } = options;
  await mkdir(out, { recursive: true });
  const backend = await openBackend(options.backend, seed);
  const data = await housing({ standardize: true });
  print(`Linear regression learns from ${data.targets.data.length} districts of housing (${backend.name}).`);

  const start = performance.now();
  const stop = interruption((signal) => print(stopping(signal)));
  const files = { report: join(out, "report.html"), model: join(out, "model.safetensors") };
  const learn = async () => {
    const { model, ...result } = await linreg(data, backend, { steps, signal: stop.signal });
    const seconds = (performance.now() - start) / 1000;
    if (!Number.isFinite(result.error))
      throw new DivergenceError(`the error became ${result.error}; nothing was saved.`);
    await save(files.model, model, { weft: "linreg", seed: String(seed), steps: result.losses.length });
    return { ...result, seconds };
  };
  const { losses, error, predictions, seconds } = await learn().finally(stop.end);
  const done = losses.length;
  print(`Model   ${files.model}`);
  if (done === 0) return stop.code();

  const { regressionReport } = await import("../report/regression.ts");
  const report = regressionReport({
    title: "Linear regression on housing",
    result: [error.toFixed(4), "mean squared error"],
    facts: [
      ["steps", count(done)],
      ["training time", clock(seconds)],
      ["speed", `${count(Math.round(done / seconds))} steps/s`],
      ["backend", backend.name],
      ["seed", String(seed)],
    ],
    losses,
    truth: data.targets.data,
    predictions,
    unit: "thousands of dollars",
  });
  await writeFile(files.report, report);

  print(`Mean squared error ${error.toFixed(4)} after ${count(done)} steps, ${clock(seconds)}.`);
  print(`Report  ${files.report}`);
  return stop.code();
}
