// Sets of pictures, from files of the same form made here.
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { DataError } from "@weft/data";
import { cifar10From } from "../../src/sets/cifar10.ts";
import { fashionMnistFrom } from "../../src/sets/fashion-mnist.ts";
import { mnistFrom } from "../../src/sets/mnist.ts";
import { idxOf, serving, tarOf } from "./serving.ts";

const inGzip = (files: Record<string, Uint8Array>) => serving((name) => gzipSync(files[name]!));
const pixels = Uint8Array.from({ length: 3 * 784 }, (_, i) => i % 256);
const small = {
  "train-images-idx3-ubyte.gz": idxOf([3, 28, 28], pixels),
  "train-labels-idx1-ubyte.gz": idxOf([3], Uint8Array.of(5, 0, 4)),
  "t10k-images-idx3-ubyte.gz": idxOf([1, 28, 28], pixels.subarray(0, 784)),
  "t10k-labels-idx1-ubyte.gz": idxOf([1], Uint8Array.of(7)),
};

describe("mnist", () => {
  test("gives bytes with a scale, and labels", async () => {
    const { train, test: held } = await mnistFrom(inGzip(small))();
    expect(train.images).toEqual({ data: pixels, shape: [3, 1, 28, 28], dtype: "u8", scale: 1 / 255 });
    expect(train.labels).toEqual({ data: Int32Array.of(5, 0, 4), shape: [3], dtype: "i32" });
    expect([held.images.shape, held.labels.data]).toEqual([[1, 1, 28, 28], Int32Array.of(7)]);
  });

  test.each([
    [
      "labels that are too few",
      { "train-labels-idx1-ubyte.gz": idxOf([2], Uint8Array.of(5, 0)) },
      "mnist: wanted bytes of shape [N, height, width] and [N], found the shapes [3,28,28] and [2].",
    ],
    [
      "labels where images should be",
      { "train-images-idx3-ubyte.gz": idxOf([3], Uint8Array.of(1, 2, 3)) },
      "mnist: wanted bytes of shape [N, height, width] and [N], found the shapes [3] and [3].",
    ],
    [
      "a truncated file",
      { "train-images-idx3-ubyte.gz": idxOf([3, 28, 28], pixels.subarray(1)) },
      "parseIdx: train-images-idx3-ubyte.gz claims the shape [3,28,28] of unsigned bytes, which takes 2368 bytes with the header, but has 2367. It is truncated, or not what it claims to be.",
    ],
  ])("refuses %s", async (_, changed, message) => {
    await expect(mnistFrom(inGzip({ ...small, ...changed }))()).rejects.toThrow(new DataError(message));
  });
});

test("fashionMnist has names of its classes, and the errors its own name", async () => {
  const { train, classes } = await fashionMnistFrom(inGzip(small))();
  expect([train.images.shape, classes[train.labels.data[0]!]]).toEqual([[3, 1, 28, 28], "Sandal"]);
  const changed = { ...small, "t10k-labels-idx1-ubyte.gz": idxOf([0], new Uint8Array()) };
  await expect(fashionMnistFrom(inGzip(changed))()).rejects.toThrow(/^fashionMnist: wanted bytes of shape/);
});

describe("cifar10", () => {
  const record = (label: number, from: number): Uint8Array =>
    Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? label : (from + i) % 256));
  const names = [...[1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`), "test_batch.bin"];
  const files: Record<string, Uint8Array> = Object.fromEntries(names.map((name, k) => [name, record(k, 10 * k)]));
  files["data_batch_1.bin"] = Buffer.concat([record(6, 7), record(9, 100)]);
  const inFolder = (files: Record<string, Uint8Array>) =>
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`cifar-10-batches-bin/${name}`, bytes]));
  const inArchive = (tar: Uint8Array) =>
    serving((name) => (name === "cifar-10-binary.tar.gz" ? gzipSync(tar) : undefined));
  const archive = (files: Record<string, Uint8Array>) => inArchive(tarOf(inFolder(files)));

  test.each([
    ["unpacked files", serving((name) => files[name])],
    ["the archive", archive(files)],
    [
      "the archive, if a file is missing",
      serving((name) =>
        name === names[5] ? undefined : name.endsWith("gz") ? gzipSync(tarOf(inFolder(files))) : files[name],
      ),
    ],
  ])("reads %s", async (_, source) => {
    const { train, test: held, classes } = await cifar10From(source)();
    expect([...train.labels.data]).toEqual([6, 9, 1, 2, 3, 4]);
    expect([train.images.shape, train.images.dtype, train.images.scale]).toEqual([[6, 3, 32, 32], "u8", 1 / 255]);
    expect(train.images.data.subarray(3072, 6144)).toEqual(record(9, 100).subarray(1));
    expect([held.images.shape, held.labels.data, classes[6]]).toEqual([[1, 3, 32, 32], Int32Array.of(5), "frog"]);
  });

  test.each([
    [
      "half a record",
      { "data_batch_2.bin": record(1, 1).subarray(1) },
      "data_batch_2.bin: expected records of 3073 bytes, found 3072 bytes. It is not the published file: delete it, and it is downloaded again.",
    ],
    [
      "an empty file",
      { "test_batch.bin": new Uint8Array() },
      "test_batch.bin: expected records of 3073 bytes, found 0 bytes. It is not the published file: delete it, and it is downloaded again.",
    ],
    [
      "an unknown label",
      { "data_batch_3.bin": record(10, 1) },
      "data_batch_3.bin: expected labels from 0 to 9, found 10 at picture 0. It is not the published file: delete it, and it is downloaded again.",
    ],
  ])("refuses %s", async (_, changed, message) => {
    await expect(cifar10From(archive({ ...files, ...changed }))()).rejects.toThrow(
      new DataError(`cifar10: ${message}`),
    );
  });

  test("refuses an archive without the files, and a truncated one", async () => {
    const { "test_batch.bin": _, ...others } = files;
    await expect(cifar10From(archive(others))()).rejects.toThrow(
      /^cifar10: test_batch\.bin: expected it in the archive, found no such file\./,
    );
    await expect(cifar10From(inArchive(tarOf(inFolder(files)).subarray(0, 5000)))()).rejects.toThrow(
      /^cifar10: cifar-10-binary\.tar\.gz: tar: .* ends after .* It is not the published file: delete it/,
    );
  });
});
