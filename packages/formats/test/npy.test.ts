// Arrays of NumPy: what NumPy wrote (fixtures/make-numpy.py) is read, what is written NumPy has read, and what is neither
// is refused by name.
import { dtypeInfo } from "@weft/tensor/internals";
import { expect, test } from "vitest";
import { fromNpy, fromNpz, toNpy, toNpz, type HostArray } from "@weft/formats";
import made from "./fixtures/numpy.json" with { type: "json" };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const number = (x: unknown): unknown => ({ nan: NaN, inf: Infinity, "-inf": -Infinity })[x as string] ?? x;
const numbers = ({ data, dtype }: HostArray): number[] => Array.from(data, (x) => dtypeInfo[dtype].load?.(x) ?? x);
const dtypes: Readonly<Record<string, string>> = { f2: "f16", f4: "f32", f8: "f64", u1: "u8", b1: "bool" };

test.each(made.arrays)("reads $type, version $version, fortran: $fortran, shape $shape", (array) => {
  const got = fromNpy(bytes(array.file));
  expect(got.dtype).toBe(dtypes[array.type.slice(1)] ?? "i32");
  expect(got.shape).toEqual(array.shape);
  expect(numbers(got)).toEqual(array.values.map((x) => Number(number(x))));
});

test("writes the bytes that NumPy wrote", () => {
  const same = made.arrays.filter(
    ({ type, fortran, version }) => /^(<f|<i4|\|u1|\|b1)/.test(type) && !fortran && version === 1,
  );
  expect(same.length).toBeGreaterThan(8);
  for (const { file } of same) expect(toNpy(fromNpy(bytes(file)))).toEqual(bytes(file));
});

test("typed arrays of each kind are written as they are", () => {
  const arrays = [
    Int8Array.of(-1),
    Int16Array.of(-300),
    Uint16Array.of(65535),
    Uint32Array.of(7),
    BigInt64Array.of(-7n),
    BigUint64Array.of(7n),
    new Uint8ClampedArray([9]),
    Float64Array.of(0.1),
  ];
  expect(arrays.map((array) => fromNpy(toNpy(array as Int8Array)).data[0])).toEqual([
    -1, -300, 65535, 7, -7, 7, 9, 0.1,
  ]);
  expect(fromNpy(toNpy(new Float32Array([1, 2, 3, 4]).subarray(1, 3))).data).toEqual(Float32Array.of(2, 3));
});

test.each([
  [new Map(), "toNpy: wanted { data, shape, dtype } or a typed array, got Map; of a tensor: "],
  [undefined, "toNpy: wanted { data, shape, dtype } or a typed array, got undefined"],
  [new DataView(new ArrayBuffer(2)), "toNpy: wanted an array of numbers, got DataView"],
  [
    { data: Uint16Array.of(1), shape: [1], dtype: "bf16" },
    'toNpy: NumPy has no BF16; convert it first: cast(x, "f32")',
  ],
  [{ data: Float32Array.of(1), shape: [1], dtype: "i32" }, "toNpy: the dtype is i32, but data is Float32Array"],
  [{ data: Float32Array.of(1), shape: [2], dtype: "f32" }, "toNpy: [2] has 2 elements, data has 1"],
])("does not write %s", (array, message) => {
  expect(() => toNpy(array as never)).toThrow(
    expect.objectContaining({ name: "ArgumentError", message: expect.stringContaining(message) as string }),
  );
});

const elements = "wanted f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1. Convert it in Python: array.astype(…)";
test.each([
  ["complex numbers", `npy: its elements are "<c8", complex numbers; ${elements}`],
  ["text", `npy: its elements are "<U2", text; ${elements}`],
  ["bytes", `npy: its elements are "|S1", bytes; ${elements}`],
  ["dates", `npy: its elements are "<M8[D]", dates; ${elements}`],
  ["records", "npy: its header describes records (a structured dtype); save each of their fields as an array"],
  ["objects", "npy: its elements are Python objects; read it with { objects: true }"],
  ["outside", "npy: the array holds 1099511627776 at element 0, which is outside i32"],
] as const)("refuses %s", (name, message) => {
  expect(() => fromNpy(bytes(made.refused[name]))).toThrow(expect.objectContaining({ name: "FormatError", message }));
});

/** A file with this header and so many bytes of elements. */
function file(header: string, size = 0, version = 1, length = header.length): Uint8Array {
  const lengths = version === 1 ? [length & 255, length >> 8] : [length & 255, length >> 8, length >> 16, length >> 24];
  const text = [...new TextEncoder().encode(header)];
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    version,
    0,
    ...lengths,
    ...text,
    ...new Uint8Array(size),
  ]);
}
const header = (shape: string, descr = "'<f4'", fortran = "False"): string =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

test("headers in other spellings are read", () => {
  expect(fromNpy(file("{'shape':(2L,),'fortran_order':False,'descr':\"<f4\"}", 8)).shape).toEqual([2]);
  expect(fromNpy(file(`${header("()")}      `, 4)).shape).toEqual([]);
  expect(fromNpy(file(header("(1)"), 4, 2).slice()).shape).toEqual([1]);
});

test.each([
  [
    file(header("(2,)"), 7),
    "npy: it claims the shape [2] of F32, which takes 8 bytes, but has 7. It may be truncated.",
  ],
  [
    file(header("(2,)"), 9),
    "npy: it claims the shape [2] of F32, which takes 8 bytes, but has 9. Something follows the elements.",
  ],
  [
    file(header("(1000000, 1000000, 1000000)"), 8),
    "npy: it claims the shape [1000000,1000000,1000000] of F32, which takes 4000000000000000000 bytes",
  ],
  [file(header("(-1,)"), 4), "npy: its header is not a value of Python"],
  [file(header("(9007199254740993,)"), 4), "npy: its header has the shape"],
  [file(header("(1.5,)"), 4), "npy: its header has no , at"],
  [file(header("(1,)", "'<f4'", "0"), 4), "npy: its header has the order"],
  [file(header("(1,)", "3"), 4), "npy: its header has the dtype"],
  [file(header("(1,)", "__import__('os').system('ls')"), 4), "npy: its header is not a value of Python"],
  [
    file(`{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (), }`, 8),
    "npy: its header has a key twice",
  ],
  [file(`{'descr': '<f4', 'fortran_order': False}`, 8), "npy: its header is \"{'descr'"],
  [file("(".repeat(900)), "npy: its header is nested too deeply"],
  [file(`${header("(1,)")} 3`, 4), "npy: its header has more than a dict"],
  [file(header("(1,)"), 4, 1, 60000), "npy: its header claims 60000 bytes, at most 10000 are allowed"],
  [file(header("(1,)"), 0, 1, 6000), "npy: its header claims 6000 bytes, the file ends after"],
  [file(header("(1,)"), 4, 4), "npy: it has the version 4.0, 1.0 to 3.0 are known"],
  [new TextEncoder().encode("no array at all"), "npy: it does not begin as an array of NumPy"],
  [new Uint8Array(), "npy: it does not begin as an array of NumPy"],
  [toNpz({}), "npy: it does not begin"],
  [
    toNpz({ x: Int8Array.of(1) }),
    "npy: this is a zip archive, as torch.save (.pt, .pth, .bin) and numpy.savez (.npz) write it. fromNpz",
  ],
])("refuses broken file %#", (given, message) => {
  expect(() => fromNpy(given)).toThrow(
    expect.objectContaining({ name: "FormatError", message: expect.stringContaining(message) as string }),
  );
});

test.each([0, 1, 2, 3, 4, 5])("reads objects that were pickled by protocol %i", (protocol) => {
  expect(fromNpy(bytes(made.objects[protocol]!), { objects: true })).toEqual({
    data: [
      [1, -2, 300, -70000],
      [4, 5.5, "six", null, true],
      [[7, [2n ** 70n]]],
      new Map([["a", 1]]),
      new Set([1]),
      "ü😀",
      new Uint8Array(Buffer.from("nine")),
      { data: Int32Array.of(0, 1, 2), shape: [3], dtype: "i32" },
      { data: Float64Array.of(0, 1, 2, 3), shape: [2, 2], dtype: "f64" },
      1.5,
      7,
    ],
    shape: [11],
    dtype: "object",
  });
});

test("a table of objects is in row-major order", () => {
  const { data, shape } = fromNpy(bytes(made.table), { objects: true });
  expect(shape).toEqual([2, 3]);
  expect(data).toEqual([1, "a", null, 2.5, [1], [2]]);
});

test.each([made.stored, made.deflated])("reads archives of arrays", (archive) => {
  const arrays = fromNpz(bytes(archive));
  expect([...arrays.keys()]).toEqual(["x", "y", "zeros"]);
  expect(arrays.get("x")).toEqual({ data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3], dtype: "f32" });
  expect(arrays.get("y")!.dtype).toBe("bool");
  expect(arrays.get("zeros")!.data).toEqual(new Float64Array(400));
  expect(fromNpz(toNpz(arrays, { compress: true }))).toEqual(arrays);
  expect(fromNpz(toNpz(arrays))).toEqual(arrays);
});

test("archives name the array that is wrong", () => {
  expect(() => fromNpz(toNpz({ x: BigInt64Array.of(1n, 2n ** 40n) }))).toThrow(
    'npz: "x": npy: the array holds 1099511627776 at element 1, which is outside i32',
  );
  expect(() => fromNpz(bytes(made.deflated), { maxBytes: 3000 })).toThrow(
    "zip: its files claim 3610 bytes when unpacked, at most 3000 are allowed (maxBytes)",
  );
  expect(() => toNpz(new Float32Array(3) as never)).toThrow("toNpz: wanted arrays by name, such as { x, y }");
  expect(() => fromNpz("x" as never)).toThrow('fromNpz: wanted the bytes of a file as a Uint8Array, got "x"');
  expect(() => fromNpz(bytes(made.stored), { object: true } as never)).toThrow("there is no option");
});
