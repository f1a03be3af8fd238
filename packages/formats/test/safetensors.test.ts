// The format, against a file that PyTorch wrote, and against malicious files.
import { expect, test } from "vitest";
import { FormatError } from "../src/format-error.ts";
import { readSafetensors, writeSafetensors } from "../src/safetensors/safetensors.ts";
import { shardIndex } from "../src/safetensors/shards.ts";
import { fromStored, toStored } from "../src/stored-values.ts";
import { byCodePoint } from "../src/text-order.ts";

/** Written by `safetensors.torch.save` of safetensors 0.8.0 with PyTorch 1.13. */
const byPyTorch = Buffer.from(
  "0AEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCIxLm51bV9iYXRjaGVzX3RyYWNrZWQiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6W10sImRh" +
    "dGFfb2Zmc2V0cyI6WzAsOF19LCJkb3VibGUiOnsiZHR5cGUiOiJGNjQiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls4LDE2XX0sIjAuYmlhcyI6eyJkdHlw" +
    "ZSI6IkYzMiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sIjAud2VpZ2h0Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDNdLCJkYXRhX29m" +
    "ZnNldHMiOlsyNCw0OF19LCJicmFpbiI6eyJkdHlwZSI6IkJGMTYiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls0OCw1Ml19LCJoYWxmIjp7ImR0eXBlIjoi" +
    "RjE2Iiwic2hhcGUiOls0XSwiZGF0YV9vZmZzZXRzIjpbNTIsNjBdfSwibWFzayI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls2" +
    "MCw2M119fQcAAAAAAAAAmpmZmZmZuT8AAIC/AACAPgAAgD8AAABAAABAQAAAgEAAAKBAAADQQMA/AMAAPgDA/3sBAAEAAQ==",
  "base64",
);

test("reads what PyTorch wrote", () => {
  const { tensors, metadata } = readSafetensors(byPyTorch);
  const values = (name: string, dtype: Parameters<typeof fromStored>[2]) => [
    ...fromStored(name, tensors.get(name)!, dtype),
  ];
  expect(metadata).toEqual({ format: "pt" });
  expect(tensors.get("0.weight")!.shape).toEqual([2, 3]);
  expect(values("0.weight", "f32")).toEqual([1, 2, 3, 4, 5, 6.5]);
  expect(values("0.weight", "f64")).toEqual([1, 2, 3, 4, 5, 6.5]);
  expect(values("0.bias", "f32")).toEqual([-1, 0.25]);
  expect(values("1.num_batches_tracked", "i32")).toEqual([7]);
  expect(values("half", "f32")).toEqual([1.5, -2, 65504, 2 ** -24].map(Math.fround));
  expect(values("brain", "f32")).toEqual([1.5, -2]);
  expect(values("mask", "bool")).toEqual([1, 0, 1]);
  expect(values("double", "f64")).toEqual([0.1]);
});

test("writes the bytes that PyTorch wrote", () => {
  expect(Buffer.from(writeSafetensors(readSafetensors(byPyTorch))).equals(byPyTorch)).toBe(true);
});

/** Names whose order in UTF-16 is another one, written by `safetensors.numpy.save` of safetensors 0.8.0. */
const byNumPy = Buffer.from(
  "IAIAAAAAAAB7ImEiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzAsMV19LCJhYiI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwi" +
    "ZGF0YV9vZmZzZXRzIjpbMSwyXX0sImHvvKEiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzIsM119LCJh8J+YgCI6eyJkdHlwZSI6" +
    "IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMyw0XX0sImIiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzQsNV19LCLD" +
    "qSI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNSw2XX0sIu6AgCI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZz" +
    "ZXRzIjpbNiw3XX0sIu+8oSI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNyw4XX0sIvCQgIAiOnsiZHR5cGUiOiJVOCIsInNoYXBl" +
    "IjpbMV0sImRhdGFfb2Zmc2V0cyI6WzgsOV19LCLwn5iAIjp7ImR0eXBlIjoiVTgiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls5LDEwXX19ICAgAwkIBwAF" +
    "BAIGAQ==",
  "base64",
);

test("orders names by their code points, as the reference does", () => {
  const { tensors, metadata } = readSafetensors(byNumPy);
  const other = new Map([...tensors].toReversed());
  expect(Buffer.from(writeSafetensors({ tensors: other, metadata })).equals(byNumPy)).toBe(true);
  const index = JSON.parse(new TextDecoder().decode(shardIndex(new Map([["file", other]]))));
  expect(Object.keys(index.weight_map)).toEqual([...tensors.keys()]); // as json.dumps(…, sort_keys=True)
});

test("code points are compared as UTF-8 compares bytes", () => {
  const characters = ["a", "b", "é", "\ud7ff", "\ue000", "\uff21", "\uffff", "\u{10000}", "\u{1f600}", "\u{10ffff}"];
  const texts = ["", ...characters, ...characters.flatMap((a) => characters.map((b) => a + b))];
  for (const a of texts)
    for (const b of texts) {
      const wanted = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect([a, b, Math.sign(byCodePoint(a, b))]).toEqual([a, b, wanted]);
    }
});

test("floats of any width convert to the wanted float, rounded to even", () => {
  const numbers = new Float32Array([1 + 2 ** -11, 1 + 3 * 2 ** -11, -70000, 2 ** -24, NaN]);
  const stored = toStored(numbers, [5], "F32");
  expect(fromStored("x", stored, "f16")).toEqual(new Uint16Array([0x3c00, 0x3c02, 0xfc00, 0x0001, 0x7e00]));
  expect(fromStored("x", stored, "bf16")).toEqual(new Uint16Array([0x3f80, 0x3f80, 0xc789, 0x3380, 0x7fc0]));
  expect(fromStored("x", stored, "f64")).toEqual(Float64Array.from(numbers));
});

test("keeps every dtype over a round trip, at any offset of the file in its buffer", () => {
  const given = {
    f32: new Float32Array([1.5, -0, NaN]),
    f64: new Float64Array([Math.PI, Infinity, -1e300]),
    i32: new Int32Array([-(2 ** 31), 0, 2 ** 31 - 1]),
    bool: new Uint8Array([1, 0, 1]),
    u8: new Uint8Array([0, 128, 255]),
    f16: new Uint16Array([0x3c00, 0x8000, 0x7c01]),
    bf16: new Uint16Array([0x3f80, 0x8000, 0x7f81]),
  };
  const types = { f32: "F32", f64: "F64", i32: "I32", bool: "BOOL", u8: "U8", f16: "F16", bf16: "BF16" } as const;
  const tensors = Object.entries(given).map(([name, a]) => [name, toStored(a, [3], types[name as "f32"])] as const);
  const file = writeSafetensors({ tensors: new Map(tensors), metadata: {} });
  const shifted = new Uint8Array(file.length + 3).subarray(3);
  shifted.set(file);
  const back = readSafetensors(shifted).tensors;
  for (const [name, a] of Object.entries(given)) expect(fromStored(name, back.get(name)!, name as "f32")).toEqual(a);
  expect(toStored(new Int32Array([-1, 7]), [2], "I64").bytes).toEqual(
    new Uint8Array(new BigInt64Array([-1n, 7n]).buffer),
  );
});

const file = (header: string, data = 0, length = new TextEncoder().encode(header).length): Uint8Array => {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
};
const one = (entry: object, data: number): Uint8Array => file(JSON.stringify({ a: entry }), data);
const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

const errorOf = (f: () => unknown): Error => {
  try {
    f();
  } catch (error) {
    return error as Error;
  }
  return expect.unreachable("this should have failed");
};

const hostile: Record<string, [Uint8Array, string]> = {
  "an empty file": [new Uint8Array(0), "safetensors: a file has at least 8 bytes, this has 0"],
  "a header of 2^63 bytes": [
    file("{}", 0, 2 ** 63),
    "safetensors: the header claims 9223372036854775808 bytes, at most 100000000 are allowed",
  ],
  "a header longer than the file": [file("{}", 3, 9), "safetensors: the header claims 9 bytes, the file ends after 5"],
  "a truncated header": [
    file('{"a":{"dty'),
    "safetensors: the header is not JSON in UTF-8: unterminated string at character 10",
  ],
  "a header in no encoding": [
    Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]),
    "safetensors: the header is not JSON in UTF-8",
  ],
  "a list for a header": [file("[]"), "safetensors: the header is not a JSON object"],
  "null for a header": [file("null"), "safetensors: the header is not a JSON object"],
  "metadata that is not an object": [
    file('{"__metadata__":3}'),
    "safetensors: __metadata__ is not a JSON object of strings",
  ],
  "metadata that is not a string": [
    file('{"__metadata__":{"a":3}}'),
    'safetensors: __metadata__ has "a", which is not a string',
  ],
  "an entry that is not an object": [file('{"a":3}'), 'safetensors: "a" is not described by a JSON object'],
  "an unknown dtype": [
    one({ ...f32(0, 4), dtype: "toString" }, 4),
    'safetensors: "a" has the dtype "toString", which the format does not know',
  ],
  "a negative size": [one(f32(0, 4, [-1]), 4), 'safetensors: "a" has the shape [-1], wanted a list of sizes'],
  "a broken size": [one(f32(0, 4, [0.5]), 4), 'safetensors: "a" has the shape [0.5], wanted a list of sizes'],
  "a shape that overflows": [
    one(f32(0, 4, [2 ** 40, 2 ** 40]), 4),
    'safetensors: "a" is F32[1099511627776,1099511627776], which takes 4.835703278458517e+24 bytes, but has 4',
  ],
  "three offsets": [
    one({ dtype: "U8", shape: [1], data_offsets: [0, 1, 2] }, 1),
    'safetensors: "a" has the offsets [0,1,2], wanted [begin, end]',
  ],
  "a negative offset": [one(f32(-4, 0), 4), 'safetensors: "a" has the offsets [-4,0], wanted [begin, end]'],
  "an end before the beginning": [one(f32(4, 0, [1]), 4), 'safetensors: "a" ends at byte 0, before it begins at 4'],
  "an end outside the file": [one(f32(0, 400), 4), 'safetensors: "a" ends at byte 400, the file has 4 bytes of values'],
  "a shape of another size": [one(f32(0, 4, [2]), 4), 'safetensors: "a" is F32[2], which takes 8 bytes, but has 4'],
  "overlapping tensors": [
    file(JSON.stringify({ a: f32(0, 8), b: f32(4, 12) }), 12),
    'safetensors: "b" begins at byte 4, inside the tensor before it, which ends at 8',
  ],
  "a gap": [
    file(JSON.stringify({ a: f32(0, 4), b: f32(8, 12) }), 12),
    'safetensors: 4 bytes before "b" belong to no tensor',
  ],
  "two entries of one name": [
    file(`{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`, 4),
    'safetensors: the header is not JSON in UTF-8: duplicate name "a" at character 57',
  ],
  "two entries whose names are written differently": [
    file(`{"a":${JSON.stringify(f32(0, 4))},"\\u0061":${JSON.stringify(f32(0, 4))}}`, 4),
    'safetensors: the header is not JSON in UTF-8: duplicate name "a" at character 62',
  ],
  "two sets of metadata": [
    file('{"__metadata__":{"a":"1"},"__metadata__":{"a":"2"}}'),
    'safetensors: the header is not JSON in UTF-8: duplicate name "__metadata__" at character 40',
  ],
  "two notes of one name": [
    file('{"__metadata__":{"a":"1","a":"2"}}'),
    'safetensors: the header is not JSON in UTF-8: duplicate name "a" at character 28',
  ],
  "two shapes in one entry": [
    file('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4),
    'safetensors: the header is not JSON in UTF-8: duplicate name "shape" at character 39',
  ],
  "a byte order mark": [
    file("\ufeff{}"),
    "safetensors: the header is not JSON in UTF-8: wanted a value at character 0",
  ],
  "a blank before the header": [file(" {}"), "safetensors: the header does not begin with {"],
  "text after the header": [
    file("{} x"),
    "safetensors: the header is not JSON in UTF-8: unexpected text after the end at character 3",
  ],
  "an unknown field": [
    one({ ...f32(0, 4), layout: "sparse" }, 4),
    'safetensors: "a" has the field "layout", the format knows dtype, shape, data_offsets',
  ],
  "a dtype in small letters": [
    one({ ...f32(0, 4), dtype: "f32" }, 4),
    'safetensors: "a" has the dtype "f32", which the format does not know',
  ],
  "a size that is not a JSON integer": [
    file('{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4),
    'safetensors: "a" has the shape [null], wanted a list of sizes',
  ],
  "a lone surrogate": [
    file('{"__metadata__":{"a":"\\ud800"}}'),
    "safetensors: the header is not JSON in UTF-8: string is not valid Unicode at character 29",
  ],
  "tables without end": [
    file(`{"a":${"[".repeat(1e6)}`),
    "safetensors: the header is not JSON in UTF-8: nested too deeply at character 8",
  ],
  "a dtype that is a deep table": [
    file(`{"a":{"dtype":${"[".repeat(1e5)}${"]".repeat(1e5)},"shape":[],"data_offsets":[0,4]}}`, 4),
    "safetensors: the header is not JSON in UTF-8: nested too deeply at character 16",
  ],
  "a name that commands a terminal": [
    file('{"\\u001b[2J\\u009b31m\\u202e":3}'),
    String.raw`safetensors: "\u001b[2J\u009b31m\u202e" is not described by a JSON object`,
  ],
  "bytes at the end": [one(f32(0, 4), 9), "safetensors: 5 bytes at the end belong to no tensor"],
};
test.each(Object.entries(hostile))("refuses %s", (_, [bytes, message]) => {
  expect(() => readSafetensors(bytes)).toThrow(expect.objectContaining({ name: "FormatError", message }));
});

test("messages about invalid JSON have a bounded length", () => {
  const long = "x".repeat(1e6);
  for (const header of [
    `{"${long}":3}`,
    `{"a":{"${long}":3}}`,
    `{"a":{"dtype":"${long}"}}`,
    `{"${long}":1,"${long}":1}`,
  ]) {
    const error = errorOf(() => readSafetensors(file(header)));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message.length).toBeLessThan(400);
  }
  const sizes = JSON.stringify({ a: { dtype: "F32", shape: Array(1e5).fill(1), data_offsets: [0, 8] } });
  expect(errorOf(() => readSafetensors(file(sizes, 8))).message.length).toBeLessThan(400);
});

test.each([
  [
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "a Git LFS pointer, not the file that it stands for. Run: git lfs pull.",
  ],
  [
    "PK\x03\x04\0\0\b\b\0\0",
    "a zip archive, as torch.save (.pt, .pth, .bin) and numpy.savez (.npz) write it. fromNpz, fromPt and fromZip read it.",
  ],
  [
    "\x80\x02\x8a\nl\xfc\x9cF\xf9",
    "a Python pickle, as torch.save and pickle.dump write it. fromPt reads it if it is of torch.save, fromPickle if it is data.",
  ],
  [
    "\x80\x04\x95\x0b\0\0\0\0\0\0\0}",
    "a Python pickle, as torch.save and pickle.dump write it. fromPt reads it if it is of torch.save, fromPickle if it is data.",
  ],
  ["\x1f\x8b\b\0\0\0\0\0\0\x03", "a gzip file. Unpack it first: gunzip."],
  ["\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it. Convert it to safetensors with Python."],
  ["\x93NUMPY\x01\0v\0", "a NumPy array (.npy). fromNpy reads it."],
  ["GGUF\x03\0\0\0\0", "a GGUF file. Convert it to safetensors."],
  [
    "<!DOCTYPE html>\n<html>",
    "an HTML page, not a model. Download the file itself: its address has /resolve/ or /raw/ in place of /blob/.",
  ],
  ['{"weight_map": {}}', "JSON text: the index or the configuration of a model. Use the .safetensors file next to it."],
  ["{}", "JSON text: the index or the configuration of a model. Use the .safetensors file next to it."],
])("what begins with %j is named", (start, words) => {
  const error = errorOf(() => readSafetensors(Buffer.from(start, "latin1")));
  expect(error).toBeInstanceOf(FormatError);
  expect(error.message.startsWith(`safetensors: this is ${words} (`)).toBe(true);
});

test("a value that is not bytes is rejected with its type", () => {
  for (const [given, words] of [
    ["model", '"model"'],
    [new Float32Array(4), "Float32Array"],
    [new ArrayBuffer(9), "ArrayBuffer"],
  ])
    expect(errorOf(() => readSafetensors(given as never)).message).toBe(
      `safetensors: wanted the bytes of a file as a Uint8Array, got ${words}`,
    );
});

test("metadata comes back as it was given, and other readers see strings", () => {
  const metadata = {
    epoch: 3,
    loss: 0.1,
    none: NaN,
    minus: -0,
    best: true,
    last: false,
    three: "3",
    yes: "true",
    "": "",
  };
  const bytes = writeSafetensors({ tensors: new Map(), metadata });
  expect(readSafetensors(bytes).metadata).toEqual(metadata);
  const [texts] = Object.values(JSON.parse(new TextDecoder().decode(bytes.subarray(8))) as Record<string, object>);
  expect(Object.values(texts!).every((value) => typeof value === "string")).toBe(true);
  expect(texts).toMatchObject({ epoch: "3", loss: "0.1", best: "true", three: "3" });
});

test("invalid metadata types leave the string as it is", () => {
  const read = (notes: object) => readSafetensors(file(JSON.stringify({ __metadata__: notes }))).metadata;
  for (const types of [
    '{"a":"number"}',
    '{"a":"toString"}',
    '{"b":"number"}',
    "[",
    "3",
    '{"a":{}}',
    '{"a":"number","a":"number"}',
  ])
    expect(read({ a: "0x10", "weft.types": types })).toEqual({ a: "0x10" });
  expect(read({ a: "1e400", "weft.types": '{"a":"number"}' })).toEqual({ a: "1e400" });
});

test.each([
  [
    { a: null },
    'metadata: "a" is null, wanted a string, a number or a boolean; write anything else with JSON.stringify',
  ],
  [
    { a: undefined },
    'metadata: "a" is undefined, wanted a string, a number or a boolean; write anything else with JSON.stringify',
  ],
  [{ a: [1] }, 'metadata: "a" is [1], wanted a string, a number or a boolean; write anything else with JSON.stringify'],
  [
    { a: 3n },
    'metadata: "a" is bigint 3, wanted a string, a number or a boolean; write anything else with JSON.stringify',
  ],
  [{ a: "\ud800" }, 'metadata: "a" is not valid Unicode: it has a lone surrogate'],
  [{ "weft.types": "x" }, 'metadata: the name "weft.types" is reserved; choose another'],
  [new Map([["a", "b"]]), "metadata: wanted an object such as { epoch: 3 }, got Map"],
  ["epoch 3", 'metadata: wanted an object such as { epoch: 3 }, got "epoch 3"'],
])("notes %s are refused when they are written", (metadata, message) => {
  expect(() => writeSafetensors({ tensors: new Map(), metadata: metadata as never })).toThrow(
    expect.objectContaining({ name: "ArgumentError", message }),
  );
});

test.each([
  ["F32", [1.5], 'safetensors: "a" has the shape [1.5], wanted a list of sizes'],
  ["F32", [-1, -1.5], 'safetensors: "a" has the shape [-1,-1.5], wanted a list of sizes'],
  ["F32", [Number.NaN], 'safetensors: "a" has the shape [null], wanted a list of sizes'],
  ["F32", "2", 'safetensors: "a" has the shape "2", wanted a list of sizes'],
  ["f32", [1.5], 'safetensors: "a" has the dtype "f32", wanted one of U64, I64'],
  [undefined, [1.5], 'safetensors: "a" has the dtype nothing, wanted one of U64, I64'],
])("a tensor of %s and shape %j is not written", (dtype, shape, message) => {
  const tensors = new Map([["a", { dtype: dtype as "F32", shape: shape as number[], bytes: new Uint8Array(6) }]]);
  expect(() => writeSafetensors({ tensors, metadata: {} })).toThrow(
    expect.objectContaining({ name: "FormatError", message: expect.stringContaining(message) as string }),
  );
});

test("a header that could not be read back is not written", () => {
  const metadata = { long: "x".repeat(100_000_001) };
  expect(() => writeSafetensors({ tensors: new Map(), metadata })).toThrow(/^safetensors: names and metadata take 1/);
  const tensors = new Map([["\ud800", { dtype: "U8", shape: [0], bytes: new Uint8Array(0) } as const]]);
  expect(() => writeSafetensors({ tensors, metadata: {} })).toThrow(
    'safetensors: the name "\\ud800" is not valid Unicode',
  );
});

test("every truncation of a good file is refused", () => {
  for (let n = 0; n < byPyTorch.length; n++)
    expect(() => readSafetensors(byPyTorch.subarray(0, n)), `${n} bytes`).toThrow(/^safetensors: /);
});

test("names such as __proto__ have no special meaning", () => {
  const header = `{"__proto__":${JSON.stringify(f32(0, 4))}}`;
  expect([...readSafetensors(file(header, 4)).tensors.keys()]).toEqual(["__proto__"]);
});

test("values that do not fit are rejected with their name", () => {
  const big = { dtype: "I64", shape: [2], bytes: new Uint8Array(new BigInt64Array([1n, 2n ** 40n]).buffer) } as const;
  expect(() => fromStored('safetensors: "n"', big, "i32")).toThrow(
    'safetensors: "n" holds 1099511627776 at element 1, which is outside i32',
  );
  expect(() => fromStored('safetensors: "w"', big, "f32")).toThrow(
    'safetensors: "w" is stored as I64, f32 can be read from F64, F32, F16, BF16',
  );
});
