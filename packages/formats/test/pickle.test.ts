// Pickles as somebody who means harm would write them: whatever they ask for is named, and nothing of it is done.
import { fromPickle } from "@weft/formats";
import { expect, test } from "vitest";
import { numpyGlobals } from "../src/numpy/globals.ts";
import { plainGlobals, StandIn } from "../src/pickle/globals.ts";
import { unpickled } from "../src/pickle/pickle.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const read = (text: string, globals = plainGlobals) => unpickled(bytes(text), { globals }).value;
const refused = (name: string, how = "asks for"): string =>
  `pickle: it ${how} ${name}, which is not data; nothing in a file is executed`;
const short = (text: string): string => `\x8c${String.fromCharCode(text.length)}${text}`;

test.each<[string, unknown]>([
  ["I01\n.", true],
  ["I00\n.", false],
  ["I-12\n.", -12],
  ["L123456789012345678901234567890L\n.", 123456789012345678901234567890n],
  ["F-1e5\n.", -1e5],
  ["Finf\n.", Infinity],
  ["S'a\\'\\x41\\n\\\\\\101'\n.", "a'A\n\\A"],
  ["Va\\u00fc\\U0001f600\n.", "aü😀"],
  ["(I1\nI2\nlp0\n0g0\n.", [1, 2]],
  ["(I1\nS'x'\nd.", new Map([[1, "x"]])],
  ["(dS'a'\nI1\ns.", new Map([["a", 1]])],
  ["\x80\x02\x8a\x00.", 0],
  ["\x80\x02\x8a\x01\xff.", -1],
  ["\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.", 2n ** 64n],
  ["\x80\x02G\x3f\xf8\x00\x00\x00\x00\x00\x00.", 1.5],
  ["\x80\x04]\x94(K\x01M\x00\x01J\xff\xff\xff\xffe.", [1, 256, -1]],
  ["(I1\n2\x31I7\n.", 7],
  ["I1\nI2\n0.", 1],
  ["ccollections\nOrderedDict\n)R(S'a'\nI1\nu.", new Map([["a", 1]])],
  ["ccollections\nOrderedDict\n((lp0\n(S'a'\nI1\nlatR.", new Map([["a", 1]])],
  ["c__builtin__\nset\n((I1\nI1\nltR.", new Set([1])],
  ["c_codecs\nencode\n(V\\u00ff\nS'latin1'\ntR.", Uint8Array.of(255)],
])("%j is read", (text, value) => {
  expect(read(text)).toEqual(value);
});

test.each([
  // Functions and classes, by every opcode that can name, call or fill one.
  ["cos\nsystem\n(S'ls'\ntR.", refused("os.system")],
  ["cposix\nsystem\n(S'ls'\ntR.", refused("posix.system")],
  ["c__builtin__\neval\n(S'1'\ntR.", refused("__builtin__.eval")],
  [`\x80\x04${short("builtins")}${short("eval")}\x93.`, refused("builtins.eval")],
  [
    `\x80\x04${short("builtins")}${short("getattr")}\x93${short("os")}${short("system")}\x86R.`,
    refused("builtins.getattr"),
  ],
  [
    `\x80\x04${short("collections")}${short("OrderedDict.fromkeys.__globals__")}\x93.`,
    refused("collections.OrderedDict.fromkeys.__globals__"),
  ],
  ["cconstructor\n\n.", refused("constructor.")],
  ["c__proto__\ntoString\n.", refused("__proto__.toString")],
  ["(S'ls'\nios\nsystem\n.", refused("os.system", "makes an object of")],
  ["(ccollections\nOrderedDict\no.", refused("collections.OrderedDict", "makes an object of")],
  ["(S'os'\no.", refused('the text "os"', "makes an object of")],
  ["ccollections\nOrderedDict\n)\x81.", refused("collections.OrderedDict", "makes an object of")],
  ["ccollections\nOrderedDict\n)}\x92.", refused("collections.OrderedDict", "makes an object of")],
  ["(l}b.", refused("a list", "gives a state to")],
  ["(dS'x'\nb.", refused("an object", "gives a state to")],
  ["ccollections\nOrderedDict\n}b.", refused("collections.OrderedDict", "gives a state to")],
  ["S'os.system'\n(tR.", "pickle: it calls something that is not a function"],
  ["ccollections\nOrderedDict\nS'x'\nR.", "pickle: it calls a function with something that is not a tuple"],
  [`\x80\x04K\x01${short("x")}\x93.`, "pickle: a name is not a text"],
  ["\x82\x01.", "pickle: it refers to the registry of extensions (copyreg), which a file has not"],
  ["\x84\x01\x00\x00\x00.", "pickle: it refers to the registry of extensions"],
  ["P1\n.", "pickle: it refers to an object outside of the file (a persistent id)"],
  ["I1\nQ.", "pickle: it refers to an object outside of the file (a persistent id)"],
  ["\x97.", "pickle: it refers to a buffer outside of the file"],
  // Arguments of stand-ins.
  ["c_codecs\nencode\n(V\\u0100\ntR.", "pickle: a text for bytes has other characters than bytes"],
  ["c_codecs\nencode\n(I1\ntR.", "pickle: something stands in place of bytes"],
  ["c__builtin__\nset\n(I1\ntR.", "pickle: a set is made of something that is not a list"],
  ["ccollections\nOrderedDict\n((I1\nltR.", "pickle: a dict is made of something that is not a list of pairs"],
  // The stack, the marks and the memo.
  [".", "pickle: a value is missing on its stack"],
  ["0.", "pickle: a value is missing on its stack"],
  ["(I1\n.", "pickle: values are left on its stack"],
  ["I1\nI1\n.", "pickle: values are left on its stack"],
  ["I1\n(\x85.", "pickle: a value is missing on its stack"],
  ["t.", "pickle: a mark is missing on its stack"],
  ["g0\n.", "pickle: it recalls 0, which it never noted"],
  ["h\x07.", "pickle: it recalls 7, which it never noted"],
  ["I1\np-1\n.", "pickle: it notes a value as -1"],
  ["I1\nI2\na.", "pickle: it appends to something that is not a list"],
  [")I2\na.", "pickle: it appends to something that is not a list"],
  ["(lI1\nI2\ns.", "pickle: it sets an item of something that is not a dict"],
  ["}(I1\nu.", "pickle: a key of a dict has no value"],
  ["}(I1\n\x90.", "pickle: it adds to something that is not a set"],
  // Lengths, numbers and texts.
  ["\x80\x06.", "pickle: protocol 6 is not known, 0 to 5 are"],
  ["\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "pickle: a frame claims 18446744073709552000 bytes, beyond the end"],
  ["\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "pickle: it claims 18446744073709552000 more bytes, and ends after 1"],
  ["X\xff\xff\xff\x7f.", "pickle: it claims 2147483647 more bytes, and ends after 1"],
  ["\x8b\xff\xff\xff\xff.", "pickle: it claims an integer of 4294967295 bytes"],
  [`L${"9".repeat(5000)}L\n.`, 'pickle: "999'],
  ["I0x10\n.", 'pickle: "0x10" is not an integer'],
  ["F1_0\n.", 'pickle: "1_0" is not a float'],
  ["S'a\n.", String.raw`pickle: "'a" is not a text in quotes`],
  ["V\\U00110000\n.", "pickle: a text has a character beyond Unicode"],
  ["X\x01\x00\x00\x00\xff.", "pickle: a text is not UTF-8"],
  ["I1", "pickle: a line has no end"],
  ["N", "pickle: it claims 1 more bytes, and ends after 0"],
  ["", "pickle: it claims 1 more bytes, and ends after 0"],
  ["Nz.", "pickle: there is no opcode 122 (at byte 1)"],
  ["<!doctype html>", "pickle: this is an HTML page, not a model."],
  // Values that do not end.
  ["(lp0\ng0\na.", "pickle: a value contains itself"],
  ["(dp0\nI1\ng0\ns.", "pickle: a value contains itself"],
  [`${"]".repeat(200)}${"a".repeat(199)}.`, "pickle: it is nested too deeply"],
  // Before anything is made of what follows.
  [`${"]".repeat(5000)}${"a".repeat(4999)}.`, "pickle: it is nested too deeply (at byte 5100)"],
  [`)${"\x85".repeat(5000)}.`, "pickle: it is nested too deeply (at byte 101)"],
  [`${"(".repeat(5000)}${"t".repeat(4999)}.`, "pickle: it is nested too deeply (at byte 5101)"],
  [`${"(".repeat(5000)}${"l".repeat(4999)}.`, "pickle: it is nested too deeply (at byte 5101)"],
  [`${"}N".repeat(5000)}N${"s".repeat(4999)}.`, "pickle: it is nested too deeply (at byte 10102)"],
  [`${"(".repeat(5000)}${"\x91".repeat(4999)}.`, "pickle: it is nested too deeply (at byte 5101)"],
  [`]p0\n0${"(g0\nlp0\n0".repeat(200)}g0\n.`, "pickle: it is nested too deeply"],
])("number %#: %.40j is refused", (text, message) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ name: "FormatError", message: expect.stringContaining(message) as string }),
  );
});

test("a value that is shared many times takes the memory of one", () => {
  // Each list holds the one before ten times: written out, this would be 10^20 numbers.
  const doubled = `(${"g0\n".repeat(10)}lp0\n0`;
  const value = read(`(I1\nlp0\n0${doubled.repeat(20)}g0\n.`) as unknown[];
  expect(value).toHaveLength(10);
  expect(value[0]).toBe(value[9]);
});

test("calls cannot copy more than the pickle is long", () => {
  const encode = "c_codecs\nencode\n(g0\ntR0";
  const many = (times: number): string => `V${"x".repeat(300)}\np0\n0${encode.repeat(times)}N.`;
  expect(read(many(1))).toBe(null);
  expect(() => read(many(100))).toThrow("pickle: it copies more than 4 times its own length");
  expect(() => read("}0".repeat(250_001))).toThrow("pickle: it has more than 250000 dicts, sets and calls");
});

test("pickles of data are read whole", () => {
  expect(fromPickle(bytes("(S'a'\nI1\nd."))).toEqual(new Map([["a", 1]]));
  expect(() => fromPickle(bytes("N.N."))).toThrow("pickle: 2 bytes follow its end");
  expect(() => fromPickle("N." as never)).toThrow('fromPickle: wanted the bytes of a file as a Uint8Array, got "N."');
});

test("the caller says which names have a meaning", () => {
  const double = new StandIn(([x]) => Number(x) * 2);
  const text = bytes("cmy\ndouble\n(I21\ntR.more");
  expect(unpickled(text, { globals: { "my.double": double } })).toEqual({ value: 42, end: 19 });
  const kept = unpickled(bytes("S'id'\nQ."), { globals: {}, persistent: (id) => `kept ${String(id)}` });
  expect(kept.value).toBe("kept id");
});

const array = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR";
const f4 = "cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb";
test.each([
  ["cnumpy\nndarray\n(I3\ntR.", "pickle: it makes an array without its elements"],
  [`${array}(I1\nI2\ntb.`, "pickle: the state of an array is not one"],
  [
    `${array}(I1\n(I2\nt${f4}I00\nS'1234'\ntb.`,
    "pickle: an array: it claims the shape [2] of F32, which takes 8 bytes, but has 4.",
  ],
  [`${array}(I1\n(I-2\nt${f4}I00\nS'1234'\ntb.`, "pickle: an array has no dtype or no shape"],
  [`${array}(I1\n(I1\ntNI00\nS'1234'\ntb.`, "pickle: an array has no dtype or no shape"],
  [
    `${array}(I1\n(I99999999\nI99999999\nt${f4}I00\nS'1234'\ntb.`,
    "pickle: an array: it claims the shape [99999999,99999999]",
  ],
  ["cnumpy\ndtype\n(I4\ntR.", "pickle: a dtype has no name"],
  ["cnumpy\ndtype\n(S'f4'\ntR(I3\nS'?'\ntb.", "pickle: a dtype has no byte order"],
  [
    `${array}(I1\n(I1\ntcnumpy\ndtype\n(S'c8'\ntRI00\nS'12345678'\ntb.`,
    'pickle: an array: its elements are "<c8", complex numbers',
  ],
  [
    `${array}(I1\n(I2\ntcnumpy\ndtype\n(S'O8'\ntRI00\n(I1\nltb.`,
    "pickle: an array has not as many objects as its shape",
  ],
])("%j is refused for NumPy's arrays", (text, message) => {
  expect(() => read(text, numpyGlobals)).toThrow(
    expect.objectContaining({ name: "FormatError", message: expect.stringContaining(message) as string }),
  );
});
