// A small model, data and folders for the tests of runs that are saved and resumed.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { minibatch } from "@weft/data";
import { Chain, Linear, params, seed } from "@weft/nn";
import { adam } from "@weft/optim";
import { relu } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { afterAll } from "vitest";

export const cpu = await open({ seed: 1 });
const work = mkdtempSync(join(tmpdir(), "weft-checkpoints-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
let folders = 0;
/** A folder that is not there yet. */
export const fresh = () => join(work, String(folders++), "run");

export const [x, y] = [cpu.randn([20, 3]), cpu.randn([20, 1])];
export const batches = minibatch([x, y], 5, {});
/** A model and its optimizer, always with the same initial values. */
export const build = () => {
  seed(1);
  const model = Chain(Linear(3, 4), relu, Linear(4, 1));
  return { model, optimizer: adam({ lr: (step) => 0.1 / (1 + step) }) };
};
export type Run = ReturnType<typeof build>;
export const bits = ({ model }: { readonly model: object }) => Promise.all(params(model).map((p) => p.value.data()));
