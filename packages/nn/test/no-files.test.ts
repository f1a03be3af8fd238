// `save` and `load` in the browser.
import { UnsupportedError } from "@weft/tensor";
import { expect, test } from "vitest";
import { FileError, Linear, load, save } from "../src/index.ts";
import * as node from "../src/index.node.ts";

test("they throw an error that says what to do in a page instead", async () => {
  const saving = save("model.safetensors", Linear(1, 1));
  await expect(saving).rejects.toThrow(UnsupportedError);
  await expect(saving).rejects.toThrow(/^save: a page has no files\. .*toBytes\(model\)/);
  await expect(load("model.safetensors", Linear(1, 1))).rejects.toThrow(/^load: .*fromBytes\(bytes, model\)/);
});

test("Node has different ones, with the same error class", async () => {
  expect(node.save).not.toBe(save);
  expect(node.FileError).toBe(FileError);
  await expect(node.load("/nowhere/model.safetensors", Linear(1, 1))).rejects.toThrow(FileError);
});
