// `save` and `load` as a page has them.
import { UnsupportedError } from "@weft/tensor";
import { expect, test } from "vitest";
import { FileError, Linear, load, save } from "../src/index.ts";
import * as node from "../src/index.node.ts";

test("they say what a page does instead, when they are called", async () => {
  const saving = save("model.safetensors", Linear(1, 1));
  await expect(saving).rejects.toThrow(UnsupportedError);
  await expect(saving).rejects.toThrow(/^save: there are no files in a page\. .*toBytes\(model\)/);
  await expect(load("model.safetensors", Linear(1, 1))).rejects.toThrow(/^load: .*fromBytes\(bytes, model\)/);
});

test("Node's are others, with the same error class", async () => {
  expect(node.save).not.toBe(save);
  expect(node.FileError).toBe(FileError);
  await expect(node.load("/nowhere/model.safetensors", Linear(1, 1))).rejects.toThrow(FileError);
});
