// Files whose names are not those of the model: what errors advise, and that nothing is never loaded without a word.
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adam } from "@weft/optim";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Chain, fromBytes, Linear, load, params, save, toBytes } from "../src/index.node.ts";
import pt from "../../formats/test/fixtures/pt.json" with { type: "json" };

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "weft-misfit-"))));
afterAll(() => rm(folder, { recursive: true }));

const model = () => Linear(2, 1);
const refused = (bytes: Uint8Array, tree: unknown, strict: boolean): string => {
  try {
    fromBytes(bytes, tree, { strict });
  } catch (error) {
    expect(error).toMatchObject({ name: "StateError" });
    return (error as Error).message;
  }
  throw new Error("it was loaded");
};

test("names at another depth: strict or not, the error says into what to load the file", async () => {
  const net = model();
  const cases: [unknown, unknown, string][] = [
    [{ model: net }, model(), "The file has names of this model under model: load into { model }"],
    [{ a: { b: net } }, model(), "The file has names of this model under a.b: load into { a: { b: model } }"],
    [Chain(net), model(), "The file has names of this model under 0: load into { 0: model }"],
    [{ "odd name": net }, model(), 'under "odd name": load into { "odd name": model }'],
    [
      { model: net, optimizer: adam() },
      model(),
      "The file has names of this model under model: load into { model }, with { strict: false } for what is beside it",
    ],
    [
      { model: net, average: model() },
      model(),
      "under average and model: load into { average: model } or { model }, with { strict: false } for what is beside it",
    ],
    [net, { model: model() }, "The file has the names of a part of this model: load into what is at model"],
  ];
  for (const [saved, fresh, advice] of cases) {
    const bytes = await toBytes(saved);
    expect(refused(bytes, fresh, true)).toMatch(/^fromBytes: the names are not those of the model: /);
    expect(refused(bytes, fresh, true).slice(-advice.length)).toBe(advice);
    expect(refused(bytes, fresh, false)).toMatch(
      /^fromBytes: not one name in the file is a name of the model, and nothing would be loaded: the file has /,
    );
    expect(refused(bytes, fresh, false).slice(-advice.length)).toBe(advice);
  }
});

test("without a common name there is no advice, and part of a model loads as before", async () => {
  const bytes = await toBytes({ first: model() });
  expect(refused(bytes, Chain(model()), false)).toBe(
    "fromBytes: not one name in the file is a name of the model, and nothing would be loaded: " +
      "the file has first.bias, first.weight; the model has 0.weight, 0.bias",
  );
  expect(refused(bytes, {}, false)).toMatch(/the model has no parameters$/);
  const four = { a: model(), b: model(), c: model(), d: model() }; // as likely as any other
  expect(refused(await toBytes(four), model(), true)).not.toContain("load into");
  const tree = { first: model(), second: model() };
  fromBytes(bytes, tree, { strict: false });
  expect(params(tree).map((p) => p.initialized)).toEqual([false, false, false, false]);
  expect(await toBytes(tree.first)).toEqual(await toBytes(fromBytes(bytes, { first: model() }).first));
  // A value or the state of an optimizer is something, too.
  const run = { model: model(), step: 3 };
  expect(fromBytes(await toBytes(run), { other: model(), step: 0 }, { strict: false }).step).toBe(3);
});

test("the same from files, of PyTorch too", async () => {
  const path = join(folder, "run.safetensors");
  await save(path, { model: model() });
  await expect(load(path, model(), { strict: false })).rejects.toThrow(
    `load: ${path}: not one name in the file is a name of the model, and nothing would be loaded: ` +
      "the file has model.bias, model.weight; the model has weight, bias. The file has names of this model under model: load into { model }",
  );
  const checkpoint = join(folder, "checkpoint.pt");
  await writeFile(checkpoint, Buffer.from(pt.cases.checkpoint.files[0]!, "base64"));
  for (const strict of [true, false])
    await expect(load(checkpoint, Linear(2, 2), { strict })).rejects.toThrow(
      "The file has names of this model under model.0 and model.1: load into { model: { 0: model } } or { model: { 1: model } }, with { strict: false } for what is beside it",
    );
});
