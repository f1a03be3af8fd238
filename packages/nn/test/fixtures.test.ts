// Files of each version of the format, written when it was new, are loaded as they were: weights, running moments, the
// state of an optimizer with groups, tied weights, plain values, null and typed arrays.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openSync } from "@weft/conformance";
import { namedParams } from "@weft/autograd/internals";
import { readSafetensors } from "@weft/formats";
import { expect, test } from "vitest";
import { load, place, readMetadata, toBytes } from "../src/index.node.ts";
import { build, more, random, values } from "./fixtures/tree.ts";

const fileOf = (version: number) => join(import.meta.dirname, `fixtures/version-${version}.safetensors`);

/** The tensors of a file as hexadecimal bytes: read here, not by what is tested. */
function tensorsIn(file: Uint8Array): Record<string, string> {
  const start = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const { __metadata__: _, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, start))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const hex = ([from, to]: [number, number]) => Buffer.from(file.subarray(start + from, start + to)).toString("hex");
  return Object.fromEntries(
    Object.entries(entries).map(([name, { dtype, shape, data_offsets: at }]) => [
      name,
      `${dtype}[${shape}] ${hex(at)}`,
    ]),
  );
}

test.each([
  [1, "41afeb8e12c9ce78aa17b017564f337782c22aae2b25a1dd42afa65d17a2218e"],
  [2, "605273f10e0d0d05503fdd48a75f31863328531ba3f29fcd2c88eb9ace949ffa"],
  [3, "65cab1b32c4b674b06165abecbd238a39c692e07310d775cb6fcdb341e7615f6"],
])("version %i", async (version, sum) => {
  const file = readFileSync(fileOf(version));
  expect(createHash("sha256").update(file).digest("hex")).toBe(sum);
  const blank = { step: 0, best: 0, seen: 1, name: "", done: true, losses: [] as number[] };
  const replay = { states: new Float32Array(3), actions: new Uint8Array(2), at: 0 };
  const run = { run: blank, random: { key: [0, 0], counter: 0 } };
  const fresh = { more: { worst: 1, marks: null, replay, seeds: new BigInt64Array(2) } };
  const tree = await load(fileOf(version), {
    ...build(),
    ...[{ step: 7 }, run, { ...run, ...fresh }][version - 1],
  });
  expect(tree).toMatchObject([{ step: 7 }, { run: values, random }, { run: values, random, more }][version - 1]!);
  expect(tree.optimizer.steps).toBe(2);
  expect(tree.model.decoder.weight).toBe(tree.model.embedding.weight);
  const wanted = tensorsIn(file);
  expect(Object.keys(wanted)).toHaveLength(version < 3 ? 45 : 48);
  expect(tensorsIn(await toBytes(tree))).toEqual(wanted);
  await place(tree.model, openSync({ rounding: true }));
  for (const { path, box } of namedParams(tree.model)) {
    const bytes = new Uint8Array((await box.value.data()).slice().buffer);
    expect(`${Buffer.from(bytes).toString("hex")}`).toBe(wanted[`model.${path}`]!.split(" ")[1]);
  }
  expect({ ...(await readMetadata(fileOf(version))) }).toMatchObject({ format: "pt", epoch: 2, accuracy: -0 });
  expect(readSafetensors(file).metadata["weft.version"]).toBe([undefined, "2", "3"][version - 1]);
});
