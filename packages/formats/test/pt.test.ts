// Files of PyTorch: what `torch.save` wrote, in both forms, and what somebody who means harm would write.
import { FormatError, fromPt, fromZip, toZip } from "@weft/formats";
import { expect, test } from "vitest";
import pt from "./fixtures/pt.json" with { type: "json" };

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const latin = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const forms = ["archive", "stream"] as const;

interface Case {
  readonly tensors: Record<string, { dtype: string; shape: number[]; bytes: string }>;
  readonly values: Record<string, unknown>;
  readonly files: string[];
}
const cases = Object.entries(pt.cases as unknown as Record<string, Case>).flatMap(([name, about]) =>
  forms.map((form, k) => [name, form, about, bytes(about.files[k]!)] as const),
);

test.each(cases)("%s, as %s", (name, _, { tensors, values }, file) => {
  const read = fromPt(file);
  const shown = Array.from(read.tensors, ([name, { dtype, shape, bytes }]) => [
    name,
    { dtype, shape, bytes: Buffer.from(bytes).toString("base64") },
  ]);
  expect(Object.fromEntries(shown)).toEqual(tensors);
  if (name !== "checkpoint" && name !== "plain") expect(Object.fromEntries(read.values)).toEqual(values);
  for (const [name, value] of Object.entries(values)) expect(read.values.get(name)).toBe(value);
});

test("values without tensors keep their form", () => {
  for (const file of pt.cases.plain.files)
    expect(fromPt(bytes(file)).values).toEqual(
      new Map<string, unknown>([
        ["sizes", [2, 3]],
        ["dtype", "torch.float32"],
      ]),
    );
  const { values } = fromPt(bytes(pt.cases.checkpoint.files[0]!));
  expect([...values.keys()]).toEqual(["optimizer.param_groups", "epoch", "best", "name", "done"]);
});

test("tensors that are in order are views of the file", () => {
  const file = bytes(pt.cases.views.files[0]!);
  const { tensors } = fromPt(file);
  for (const name of ["whole", "part", "row", "element", "ones"])
    expect(tensors.get(name)!.bytes.buffer).toBe(file.buffer);
  expect(tensors.get("transposed")!.bytes.buffer).not.toBe(file.buffer);
});

const asks = (name: string): string => `pickle: it asks for ${name}, which is not data; nothing in a file is executed`;
const wanted: Readonly<Record<string, string>> = {
  "a model": asks("torch.nn.modules.linear.Linear"),
  complex: asks("torch.ComplexFloatStorage"),
  "a storage": "",
  "a sparse tensor": asks("torch._utils._rebuild_sparse_tensor"),
  "a quantized tensor": asks("torch._utils._rebuild_qtensor"),
};
const messageOf = (file: Uint8Array): string => {
  try {
    fromPt(file);
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
  return "read";
};

test.each(Object.entries(pt.refused))("%s is refused by name", (name, files) => {
  for (const file of files) expect(messageOf(bytes(file))).toContain(wanted[name]);
});

test("programs of TorchScript, other archives and other pickles are named", () => {
  expect(messageOf(bytes(pt.script))).toMatch(/^pt: this is a program of TorchScript/);
  expect(messageOf(toZip({ "a.txt": latin("a") }))).toBe("pt: this is a zip archive with 0 files data.pkl, wanted one");
  expect(messageOf(latin("\x80\x04K\x01."))).toMatch(/^pt: this is a Python pickle/);
  expect(messageOf(latin("<html>"))).toMatch(/^pt: this is an HTML page/);
  expect(messageOf(new Uint8Array(9))).toBe("pt: it does not begin as torch.save begins a file");
});

const text = (s: string): string => `X${String.fromCharCode(s.length, 0, 0, 0)}${s}`;
const numbers = (...list: readonly number[]): string => `(${list.map((n) => `I${n}\n`).join("")}t`;
const storage = (count: number | string, key = "0", type = "FloatStorage"): string =>
  `(${text("storage")}ctorch\n${type}\n${text(key)}${text("cpu")}I${count}\ntQ`;
const rebuilt = (of: string, offset: number | string, shape: string, strides: string, rest = ""): string =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${of}I${offset}\n${shape}${strides}\x89N${rest}tR`;
/** An archive with one storage of 24 bytes. */
const archive = (pickle: string): Uint8Array =>
  toZip({ "x/data.pkl": latin(`\x80\x02${pickle}.`), "x/data/0": new Uint8Array(24) });
const dict = (tensor: string): Uint8Array => archive(`}${text("w")}${tensor}s`);

test.each([
  ["cposix\nsystem\n(S'ls'\ntR", asks("posix.system")],
  ["cbuiltins\neval\n(S'1'\ntR", asks("builtins.eval")],
  ["cbuiltins\ngetattr\n(ctorch\nFloatStorage\nS'from_file'\ntR", asks("builtins.getattr")],
  ["ctorch\nload\n(S'x'\ntR", asks("torch.load")],
  ["ctorch\nstorage.__class__\n.", asks("torch.storage.__class__")],
  ["ctorch.storage\n_load_from_bytes\n(C\x00tR", asks("torch.storage._load_from_bytes")],
  ["ctorch\n__proto__\n.", asks("torch.__proto__")],
  ["(ios\nsystem\n", "pickle: it makes an object of os.system"],
  ["(ctorch\nFloatStorage\no", "pickle: it makes an object of torch.FloatStorage"],
  ["ctorch\nFloatStorage\n)\x81", "pickle: it makes an object of torch.FloatStorage"],
  ["ctorch\nFloatStorage\n}b", "pickle: it gives a state to torch.FloatStorage"],
  ["ctorch._utils\n_rebuild_tensor_v2\n}b", "pickle: it gives a state to torch._utils._rebuild_tensor_v2"],
  [`${rebuilt(storage(6), 0, numbers(6), numbers(1))}}b`, "pickle: it gives a state to an object"],
  ["ctorch\nFloatStorage\n)R", "pickle: it calls something that is not a function"],
  ["ctorch\nFloatStorage\n", "pt: a part of PyTorch stands in place of a value"],
  ["ctorch._utils\n_rebuild_tensor_v2\n", "pt: a part of PyTorch stands in place of a value"],
  [storage(6), "pt: a part of PyTorch stands in place of a value"],
  // references
  ["Pmodule\n", "pickle: it refers to something outside of itself"],
  [`(${text("module")}NNNI1\ntQ`, 'pickle: it refers to "module" outside of itself'],
  [`(${text("storage")}I1\n${text("0")}${text("cpu")}I6\ntQ`, "pickle: a storage has no type"],
  [storage(-1), "pickle: a storage has no name or no size"],
  [storage("99999999999999999999"), "pickle: a storage has no name or no size"],
  [`(${storage(6)}${storage(7)}l`, 'pickle: storage "0" is described in two ways'],
  [`(${storage(6)}${storage(6, "0", "IntStorage")}l`, 'pickle: storage "0" is described in two ways'],
])("a pickle that asks for %j", (pickle, message) => {
  expect(messageOf(archive(pickle))).toContain(message);
});

const of = 'pickle: a tensor of storage "0" claims';
test.each([
  [rebuilt(storage(6), 0, numbers(7), numbers(1)), `${of} elements up to 6, the storage has 6`],
  [rebuilt(storage(6), 3, numbers(2, 2), numbers(2, 1)), `${of} elements up to 6, the storage has 6`],
  [rebuilt(storage(6), -1, numbers(1), numbers(1)), `${of} to begin at element -1`],
  [rebuilt(storage(6), "9".repeat(30), numbers(1), numbers(1)), `${of} to begin at element 999`],
  [rebuilt(storage(6), 5, numbers(2), numbers(-1)), `${of} the strides [-1]`],
  [rebuilt(storage(6), 0, numbers(-2), numbers(1)), `${of} the shape [-2]`],
  [rebuilt(storage(6), 0, numbers(2), numbers()), `${of} the strides [] for the shape [2]`],
  [rebuilt(storage(6), 0, numbers(...Array<number>(65).fill(1)), numbers()), `${of} the shape [1,1,1`],
  [rebuilt(storage(6), 0, numbers(2 ** 30, 2 ** 30, 8), numbers(0, 0, 0)), `${of} the shape [${2 ** 30},${2 ** 30},8]`],
  [rebuilt(storage(6), 0, numbers(2 ** 40), numbers(0)), "pt: its tensors repeat elements"],
  [rebuilt(storage(6), 0, numbers(2 ** 40), numbers(2 ** 50)), `${of} elements up to`],
  [rebuilt("N", 0, numbers(1), numbers(1)), "pickle: a tensor has no storage"],
  [rebuilt(storage(7), 0, numbers(1), numbers(1)), 'pt: storage "0" has 24 bytes, the pickle claims 28'],
  [rebuilt(storage(6, "1"), 0, numbers(1), numbers(1)), 'pt: the archive has no storage "1"'],
  [rebuilt(storage(6, "../0"), 0, numbers(1), numbers(1)), 'pt: the archive has no storage "../0"'],
  [rebuilt(storage(6), 0, numbers(6), numbers(1), `}${text("neg")}\x88s`), 'pickle: a tensor is marked as "neg"'],
  ["ctorch._utils\n_rebuild_parameter\n(I1\ntR", "pickle: a parameter is made of something that is not a tensor"],
])("a tensor of a storage that it is not in: %j", (tensor, message) => {
  expect(messageOf(dict(tensor))).toContain(message);
});

test("a storage of bytes has elements of the dtype that a tensor names", () => {
  const tensor = (dtype: string) =>
    `ctorch._utils\n_rebuild_tensor_v3\n(${storage(24, "0", "storage\nUntypedStorage".replace("\n", "."))}` +
    `I1\n${numbers(5)}${numbers(1)}\x89N${dtype}tR`;
  const file = (dtype: string) => dict(tensor(dtype).replace("ctorch\nstorage.", "ctorch.storage\n"));
  expect(fromPt(file("ctorch\nuint32\n")).tensors.get("w")).toMatchObject({ dtype: "U32", shape: [5] });
  expect(messageOf(file("ctorch\nint64\n"))).toContain("claims elements up to 5, the storage has 24");
  expect(messageOf(file("I1\n"))).toContain("a tensor has no dtype");
});

test("names are neither doubled nor more than the file is worth", () => {
  const x = rebuilt(storage(6), 0, numbers(6), numbers(1));
  expect(messageOf(archive(`}(${text("a.b")}${x}${text("a")}}${text("b")}${x}su`))).toBe(
    'pt: two values are named "a.b"',
  );
  expect(messageOf(archive(`}(${x}${x}I1\n${x}u`))).toContain("has a key that is neither a text nor a number");
  const doubled = Array.from({ length: 60 }, (_, k) => `p${k}\n0(g${k}\ng${k}\nl`).join("");
  expect(messageOf(archive(`(${x}l${doubled}`))).toContain("the names are longer than the file");
  expect(messageOf(archive(`(I1\nl${doubled}`))).toBe("read");
});

test("lists that share their parts are refused as quickly as others", () => {
  const doubled = `(I1\nl${Array.from({ length: 60 }, (_, k) => `p${k}\n0(g${k}\ng${k}\nl`).join("")}`;
  const x = (shape: string, strides: string, rest: string) => rebuilt(storage(6), 0, shape, strides, rest);
  expect(messageOf(dict(x(doubled, numbers(1), "")))).toContain("[something that is not a number,something");
  expect(messageOf(dict(x(numbers(1), `(${doubled}t`, "")))).toContain("[something that is not a number]");
  expect(messageOf(dict(x(numbers(1), numbers(1), `}${doubled}I1\ns`)))).toContain("a tensor is marked");
  expect(
    messageOf(dict(`ctorch._utils\n_rebuild_tensor_v3\n(NI0\n${numbers()}${numbers()}\x89N${doubled}tR`)),
  ).toContain("a tensor has no dtype");
});

test("files that were changed are refused by the checksum of a storage", () => {
  const file = bytes(pt.cases.dtypes.files[0]!).slice();
  const member = [...fromZip(file).values()].find(({ name }) => name.endsWith("/data/0"))!;
  const at = member.bytes().byteOffset;
  file[at]! ^= 1;
  expect(messageOf(file)).toContain("does not have the checksum");
});
