// The opcodes of pickles, protocols 0 to 5, each with what it does to the machine. An opcode that is not in the table
// does not exist; those that are not for data refuse.
import { quoted } from "@weft/tensor/internals";
import type { Machine } from "./machine.ts";

type Action = (m: Machine) => void;

const constant =
  (value: unknown): Action =>
  (m) =>
    m.push(value);

const tuple =
  (count: number): Action =>
  (m) => {
    const items = Array.from({ length: count }, () => m.pop());
    m.push(m.filled(Object.freeze(items.toReversed())));
  };

/** An opcode that reads a value from the input. */
const value =
  (read: (m: Machine) => unknown): Action =>
  (m) =>
    m.push(read(m));

/** A text of Python 2 in quotes, with its escapes. */
function quotedText(m: Machine): string {
  const line = m.input.line();
  const found = /^(['"])(.*)\1$/s.exec(line);
  if (found === null) return m.fail(`${quoted(line)} is not a text in quotes`);
  const simple: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b", f: "\f", v: "\v" };
  return found[2]!.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)/gs, (_, code: string) => {
    if (/^x./.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 255);
    return simple[code] ?? code;
  });
}

/** A text of protocol 0: bytes, and characters by their numbers. */
const escapedText = (m: Machine): string =>
  m.input.line().replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, four?: string, eight?: string) => {
    const c = Number.parseInt((four ?? eight)!, 16);
    return c <= 0x10ffff ? String.fromCodePoint(c) : m.fail("a text has a character beyond Unicode");
  });

const global = (m: Machine): void => {
  const module = m.input.line();
  m.global(module, m.input.line());
};

const refused =
  (why: string): Action =>
  (m) =>
    m.fail(why);
const outside = refused("it refers to a buffer outside of the file");
const extension = refused("it refers to the registry of extensions (copyreg), which a file has not");

// oxfmt-ignore
/** By opcode, with the names that Python's `pickletools` gives them. */
const table: Readonly<Record<string, readonly [name: string, action: Action]>> = {
  "\x80": ["PROTO", (m) => { const n = m.input.u8(); if (n > 5) m.fail(`protocol ${n} is not known, 0 to 5 are`); }],
  "\x95": ["FRAME", (m) => { const n = m.input.u64(); if (n > m.input.length - m.input.at) m.fail(`a frame claims ${n} bytes, beyond the end`); }],
  ".": ["STOP", (m) => m.stop()],
  "(": ["MARK", (m) => m.mark()],
  "0": ["POP", (m) => m.discard()],
  "1": ["POP_MARK", (m) => void m.popToMark()],
  "2": ["DUP", (m) => m.push(m.top())],
  // numbers and the like
  "N": ["NONE", constant(null)],
  "\x88": ["NEWTRUE", constant(true)],
  "\x89": ["NEWFALSE", constant(false)],
  "I": ["INT", value((m) => { const text = m.input.line(); return text === "01" ? true : text === "00" ? false : m.input.decimal(text); })],
  "L": ["LONG", value((m) => m.input.decimal(m.input.line().replace(/L$/, "")))],
  "J": ["BININT", value((m) => m.input.i32())],
  "K": ["BININT1", value((m) => m.input.u8())],
  "M": ["BININT2", value((m) => m.input.u16())],
  "\x8a": ["LONG1", value((m) => m.input.integer(m.input.u8()))],
  "\x8b": ["LONG4", value((m) => m.input.integer(m.input.u32()))],
  "F": ["FLOAT", value((m) => m.input.float(m.input.line()))],
  "G": ["BINFLOAT", value((m) => m.input.f64())],
  // texts and bytes
  "S": ["STRING", value(quotedText)],
  "T": ["BINSTRING", value((m) => m.input.latin(m.input.u32()))],
  "U": ["SHORT_BINSTRING", value((m) => m.input.latin(m.input.u8()))],
  "V": ["UNICODE", value(escapedText)],
  "X": ["BINUNICODE", value((m) => m.input.text(m.input.u32()))],
  "\x8c": ["SHORT_BINUNICODE", value((m) => m.input.text(m.input.u8()))],
  "\x8d": ["BINUNICODE8", value((m) => m.input.text(m.input.u64()))],
  "B": ["BINBYTES", value((m) => m.input.bytes(m.input.u32()))],
  "C": ["SHORT_BINBYTES", value((m) => m.input.bytes(m.input.u8()))],
  "\x8e": ["BINBYTES8", value((m) => m.input.bytes(m.input.u64()))],
  "\x96": ["BYTEARRAY8", value((m) => m.input.bytes(m.input.u64()))],
  // containers
  "]": ["EMPTY_LIST", value(() => [])],
  "l": ["LIST", value((m) => m.filled(m.popToMark()))],
  "a": ["APPEND", (m) => { const item = m.pop(); m.append(m.top(), [item]); }],
  "e": ["APPENDS", (m) => { const items = m.popToMark(); m.append(m.top(), items); }],
  ")": ["EMPTY_TUPLE", value(() => Object.freeze([]))],
  "t": ["TUPLE", value((m) => m.filled(Object.freeze(m.popToMark())))],
  "\x85": ["TUPLE1", tuple(1)],
  "\x86": ["TUPLE2", tuple(2)],
  "\x87": ["TUPLE3", tuple(3)],
  "}": ["EMPTY_DICT", value((m) => m.table(new Map()))],
  "d": ["DICT", (m) => { const items = m.popToMark(); const dict = m.table(new Map()); m.setItems(dict, items); m.push(dict); }],
  "s": ["SETITEM", (m) => { const item = m.pop(); const key = m.pop(); m.setItems(m.top(), [key, item]); }],
  "u": ["SETITEMS", (m) => { const items = m.popToMark(); m.setItems(m.top(), items); }],
  "\x8f": ["EMPTY_SET", value((m) => m.table(new Set()))],
  "\x90": ["ADDITEMS", (m) => { const items = m.popToMark(); m.addItems(m.top(), items); }],
  "\x91": ["FROZENSET", value((m) => m.filled(m.table(new Set(m.popToMark()))))],
  // the memo
  "p": ["PUT", (m) => m.note(m.input.decimal(m.input.line()))],
  "q": ["BINPUT", (m) => m.note(m.input.u8())],
  "r": ["LONG_BINPUT", (m) => m.note(m.input.u32())],
  "\x94": ["MEMOIZE", (m) => m.note(m.memo.size)],
  "g": ["GET", (m) => m.recall(m.input.decimal(m.input.line()))],
  "h": ["BINGET", (m) => m.recall(m.input.u8())],
  "j": ["LONG_BINGET", (m) => m.recall(m.input.u32())],
  // names and calls: only what the caller knows
  "c": ["GLOBAL", global],
  "\x93": ["STACK_GLOBAL", (m) => { const name = m.pop(); m.global(m.pop(), name); }],
  "R": ["REDUCE", (m) => m.reduce()],
  "b": ["BUILD", (m) => m.build()],
  "P": ["PERSID", (m) => m.persistent(m.input.line())],
  "Q": ["BINPERSID", (m) => m.persistent(m.pop())],
  // what is not for data
  "i": ["INST", (m) => { const module = m.input.line(); m.refuse(`${module}.${m.input.line()}`, "makes an object of"); }],
  "o": ["OBJ", (m) => m.construct(m.popToMark()[0])],
  "\x81": ["NEWOBJ", (m) => { m.pop(); m.construct(m.pop()); }],
  "\x92": ["NEWOBJ_EX", (m) => { m.pop(); m.pop(); m.construct(m.pop()); }],
  "\x82": ["EXT1", extension],
  "\x83": ["EXT2", extension],
  "\x84": ["EXT4", extension],
  "\x97": ["NEXT_BUFFER", outside],
  "\x98": ["READONLY_BUFFER", outside],
};

let actions: (Action | undefined)[] | undefined;

/** The action of an opcode. */
export function actionOf(opcode: number): Action | undefined {
  if (actions === undefined) {
    actions = [];
    for (const [c, [, action]] of Object.entries(table)) actions[c.charCodeAt(0)] = action;
  }
  return actions[opcode];
}
