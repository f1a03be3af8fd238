// Models from files of PyTorch: state dicts, and checkpoints that have one among other things.
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toZip } from "@weft/formats";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import pt from "../../formats/test/fixtures/pt.json" with { type: "json" };
import {
  BatchNorm,
  Chain,
  fromBytes,
  Linear,
  load,
  readMetadata,
  readSafetensors,
  toBytes,
} from "../src/index.node.ts";

const bytes = (base64: string): Buffer => Buffer.from(base64, "base64");
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.unreachable("this should have failed"),
    (error: Error) => `${error.name}: ${error.message}`,
  );
/** What is in a model, by name, in base64. */
const held = async (model: unknown): Promise<Record<string, string>> =>
  Object.fromEntries(
    Array.from(readSafetensors(await toBytes(model)).tensors, ([name, { bytes }]) => [
      name,
      Buffer.from(bytes).toString("base64"),
    ]),
  );

let path: string;
beforeEach(async () => {
  const folder = await fs.mkdtemp(join(tmpdir(), "weft-pt-"));
  path = join(folder, "model.pt");
  onTestFinished(() => fs.rm(folder, { recursive: true }));
});

const { checkpoint, tied } = pt.cases;
const wanted = Object.fromEntries(
  Object.entries(checkpoint.tensors as Record<string, { bytes: string }>).flatMap(([name, { bytes }]) =>
    name.startsWith("model.") ? [[name.slice(6), bytes]] : [],
  ),
);
const build = () => Chain(Linear(2, 2), BatchNorm(2));

test.each(checkpoint.files)("the state dict of a checkpoint, alone or as a part of a tree", async (file) => {
  await fs.writeFile(path, bytes(file));
  expect(await held(await load(path, build()))).toEqual(wanted);
  expect(await held(fromBytes(bytes(file), build()))).toEqual(wanted);
  const { model } = await load(path, { model: build() }, { strict: false });
  expect(await held(model)).toEqual(wanted);
  expect(await readMetadata(path)).toEqual({ epoch: 3, best: 0.5, name: "run", done: false });
  expect(await messageOf(load(path, { model: build() }))).toMatch(/unexpected optimizer.state.0.step/);
});

test.each(tied.files)("tied weights go into models that are tied or not", async (file) => {
  const one = Linear(2, 2);
  expect(Object.keys(await held(fromBytes(bytes(file), { a: one.weight, b: one })))).toEqual(["a", "b.bias"]);
  const state = await held(fromBytes(bytes(file), { a: Linear(2, 2).weight, b: Linear(2, 2) }));
  expect(state).toEqual(Object.fromEntries(Object.entries(tied.tensors).map(([name, { bytes }]) => [name, bytes])));
});

test("names, shapes and types are checked as those of safetensors, and nothing changes", async () => {
  await fs.writeFile(path, bytes(checkpoint.files[0]!));
  const model = Chain(Linear(2, 2), BatchNorm(2), Linear(2, 1));
  const before = await held(model);
  expect(await messageOf(load(path, model))).toBe(
    `StateError: load: ${path}: the names are not those of the model: missing 2.weight, 2.bias`,
  );
  expect(await messageOf(load(path, Chain(Linear(2, 3), BatchNorm(2))))).toBe(
    `StateError: load: ${path}: the shapes are not those of the model: 0.weight is [2, 2], wanted [3, 2]; ` +
      "0.bias is [2], wanted [3]",
  );
  await fs.writeFile(path, bytes(pt.cases.dtypes.files[0]!));
  expect(await messageOf(load(path, { I64: Linear(3, 2).weight }, { strict: false }))).toBe(
    `FormatError: load: ${path}: pt: "I64" is stored as I64, f32 can be read from F64, F32, F16, BF16`,
  );
  await fs.writeFile(path, bytes(pt.refused["a model"][0]!));
  expect(await messageOf(load(path, model))).toBe(
    `FormatError: load: ${path}: pickle: it asks for torch.nn.modules.linear.Linear, which is not data; ` +
      "nothing in a file is executed (at byte 34)",
  );
  await fs.writeFile(path, toZip({ "x.npy": new Uint8Array(3) }));
  expect(await messageOf(load(path, model))).toMatch(/pt: this is a zip archive with 0 files data.pkl, wanted one$/);
  expect(await held(model)).toEqual(before);
});
