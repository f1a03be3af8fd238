// The machine that a pickle is a program for: a stack, marks on it, and a memo of values to come back to. Its actions are
// in `opcodes.ts`. Each step takes bytes of the input, and makes at most one value.
import { printable } from "@weft/tensor";
import { quoted } from "@weft/tensor/internals";
import { Heights, type Container } from "./depth.ts";
import { StandIn, type Call, type Globals } from "./globals.ts";
import type { Input } from "./input.ts";

/** More dicts, sets and calls than any file of arrays has; each takes far more memory than its byte in the file. */
const mostTables = 250_000;

/** An array of NumPy's is copied twice: from the text that its bytes may be, and to its dtype. */
const mostCopies = 4;

export class Machine {
  readonly input: Input;
  /** The value at the end. */
  result: { readonly value: unknown } | undefined;
  readonly memo = new Map<number, unknown>();
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #globals: Globals;
  readonly #persistent: ((id: unknown, call: Call) => unknown) | undefined;
  readonly #names = new WeakMap<object, string>();
  readonly #takers = new WeakMap<object, (state: unknown) => void>();
  readonly #call: Call;
  readonly #heights: Heights;
  #tables = 0;
  #room: number;

  constructor(input: Input, globals: Globals, persistent?: (id: unknown, call: Call) => unknown) {
    this.input = input;
    this.#heights = new Heights(input);
    this.#globals = globals;
    this.#persistent = persistent;
    this.#room = mostCopies * input.length;
    this.#call = {
      fail: (problem) => this.fail(problem),
      spend: (size) => {
        this.#room -= size;
        if (this.#room < 0) this.fail(`it copies more than ${mostCopies} times its own length`);
      },
      takesState: (object, take) => void this.#takers.set(object, take),
    };
  }

  fail(problem: string): never {
    return this.input.fail(problem);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  /** The least length of the stack: values below the last mark are out of reach. */
  get #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  pop(): unknown {
    if (this.#stack.length <= this.#floor) this.fail("a value is missing on its stack");
    return this.#stack.pop();
  }

  top(): unknown {
    if (this.#stack.length <= this.#floor) this.fail("a value is missing on its stack");
    return this.#stack.at(-1);
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** The values above the last mark, which goes away. */
  popToMark(): unknown[] {
    const begin = this.#marks.pop() ?? this.fail("a mark is missing on its stack");
    return this.#stack.splice(begin);
  }

  /** Throws the top value away, or the mark in its place. */
  discard(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  stop(): void {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) this.fail("values are left on its stack");
    this.result = { value };
  }

  recall(index: number | bigint): void {
    if (typeof index !== "number" || !this.memo.has(index))
      return this.fail(`it recalls ${index}, which it never noted`);
    this.push(this.memo.get(index));
  }

  note(index: number | bigint): void {
    if (typeof index !== "number" || index < 0) return this.fail(`it notes a value as ${index}`);
    this.memo.set(index, this.top());
  }

  /** The list below; tuples are lists that nothing is appended to. */
  append(list: unknown, items: readonly unknown[]): void {
    if (!Array.isArray(list) || Object.isFrozen(list)) return this.fail("it appends to something that is not a list");
    for (const item of items) list.push(item);
    this.#heights.holds(list, items);
  }

  /** A container that is made with all of its items. */
  filled<T extends Container>(made: T): T {
    this.#heights.holds(made, made.values());
    return made;
  }

  /** A dict, a set or the result of a call. */
  table<T>(made: T): T {
    if (++this.#tables > mostTables) this.fail(`it has more than ${mostTables} dicts, sets and calls`);
    return made;
  }

  setItems(dict: unknown, items: readonly unknown[]): void {
    if (!(dict instanceof Map)) return this.fail("it sets an item of something that is not a dict");
    if (items.length % 2 !== 0) this.fail("a key of a dict has no value");
    for (let k = 0; k < items.length; k += 2) dict.set(items[k], items[k + 1]);
    this.#heights.holds(dict, items);
  }

  addItems(set: unknown, items: readonly unknown[]): void {
    if (!(set instanceof Set)) return this.fail("it adds to something that is not a set");
    for (const item of items) set.add(item);
    this.#heights.holds(set, items);
  }

  /** Whatever has a name in Python. Only what the caller knows has a meaning here. */
  global(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") return this.fail("a name is not a text");
    const full = `${module}.${name}`;
    if (!Object.hasOwn(this.#globals, full)) this.refuse(full);
    const value = this.#globals[full];
    if (typeof value === "object" && value !== null) this.#names.set(value, full);
    this.push(value);
  }

  refuse(name: string, how = "asks for"): never {
    return this.fail(`it ${how} ${printable(name, 120)}, which is not data; nothing in a file is executed`);
  }

  /** Calls a stand-in, as Python would call what it stands for. */
  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof StandIn)) return this.fail("it calls something that is not a function");
    if (!Array.isArray(args)) return this.fail("it calls a function with something that is not a tuple");
    this.push(this.table(callee.call(args, this.#call)));
  }

  /** Gives the state to the object below. */
  build(): void {
    const state = this.pop();
    const object = this.top();
    const take = typeof object === "object" && object !== null ? this.#takers.get(object) : undefined;
    if (take === undefined) return this.refuse(this.#nameOf(object), "gives a state to");
    take(state);
  }

  /** Making an object of a class is not for data, whatever the class is. */
  construct(callee: unknown): never {
    return this.refuse(this.#nameOf(callee), "makes an object of");
  }

  #nameOf(x: unknown): string {
    if (typeof x === "object" && x !== null) return this.#names.get(x) ?? (Array.isArray(x) ? "a list" : "an object");
    return typeof x === "string" ? `the text ${quoted(x)}` : String(x);
  }

  persistent(id: unknown): void {
    if (this.#persistent === undefined)
      return this.fail("it refers to an object outside of the file (a persistent id)");
    this.push(this.#persistent(id, this.#call));
  }
}
