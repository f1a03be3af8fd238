// Files with one bit changed, and files that end early: each is read, or refused by an error of ours. The whole suite
// tries every bit.
import { expect, test } from "vitest";
import {
  FormatError,
  fromNpy,
  fromPickle,
  fromPt,
  fromNpz,
  fromZip,
  readSafetensors,
  toNpy,
  toNpz,
  writeSafetensors,
} from "@weft/formats";
import { everything } from "../../../test/extent.ts";
import numpy from "./fixtures/numpy.json" with { type: "json" };
import pt from "./fixtures/pt.json" with { type: "json" };
import zips from "./fixtures/zip.json" with { type: "json" };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
type Read = (file: Uint8Array) => unknown;
const objects: Read = (file) => fromNpy(file, { objects: true });
const unzip: Read = (file) => [...fromZip(file).values()].map((member) => member.bytes());
const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], dtype: "f32" } as const;
const one = { dtype: "F16", shape: [1], bytes: Uint8Array.of(0, 0x3c) } as const;

/** Names, how they are read, and the file. */
const files: readonly (readonly [string, Read, Uint8Array])[] = [
  ["npy", fromNpy, toNpy(x)],
  ["npy of 64-bit integers", fromNpy, toNpy(BigInt64Array.of(1n, 2n))],
  ...[0, 2, 4].map((protocol) => [`objects, protocol ${protocol}`, objects, bytes(numpy.objects[protocol]!)] as const),
  ["pickle", fromPickle, new TextEncoder().encode("(dp0\nVa\np1\n(lp2\nI1\naL12345678901234567890L\naF1.5\nas.")],
  ["npz", fromNpz, toNpz({ x, y: Int8Array.of(1) })],
  ["npz, compressed", fromNpz, bytes(numpy.deflated)],
  ["zip", unzip, bytes(zips.deflated)],
  ["zip, streamed", unzip, bytes(zips.streamed)],
  ["zip with 64-bit fields", unzip, bytes(zips.wide)],
  ["pt", fromPt, bytes(pt.cases.tied.files[0]!)],
  ["pt, older form", fromPt, bytes(pt.cases.tied.files[1]!)],
  ["safetensors", readSafetensors, writeSafetensors({ tensors: new Map([["a", one]]), metadata: { epoch: 3 } })],
];

/** Whether it is read; anything but a FormatError is thrown. */
function isRead(read: Read, file: Uint8Array, about: string): boolean {
  try {
    read(file);
    return true;
  } catch (error) {
    if (!(error instanceof FormatError)) throw new Error(`${about}: ${String(error)}`, { cause: error });
    expect(error.message.length, about).toBeLessThan(4200);
    return false;
  }
}

test.each(files)("%s, ended at each byte", (_, read, file) => {
  expect(isRead(read, file, "whole")).toBe(true);
  for (let n = 0; n < file.length; n += everything ? 1 : 7)
    expect(isRead(read, file.slice(0, n), `${n} bytes`), `${n} bytes`).toBe(false);
});

test.each(files)("%s, each bit changed", (_, read, file) => {
  const copy = file.slice();
  for (let bit = 0; bit < 8 * copy.length; bit += everything ? 1 : 29) {
    copy[bit >> 3]! ^= 1 << (bit & 7);
    isRead(read, copy, `bit ${bit}`);
    copy[bit >> 3]! ^= 1 << (bit & 7);
  }
});
