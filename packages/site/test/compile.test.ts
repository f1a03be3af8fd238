// Cells as functions: what they declare is shared, and errors name the line of the reader.
import { expect, test } from "vitest";
import { page } from "../src/cells/run.ts";
import type { Output } from "../src/cells/output.ts";
import { evaluate } from "./evaluate.ts";

/** Runs cells in order; what the last one showed. */
async function run(...cells: string[]): Promise<Output[]> {
  return (await runAs(false, ...cells)).outputs;
}
async function runAs(changed: boolean, ...cells: string[]): Promise<{ ok: boolean; outputs: Output[] }> {
  const { run } = page(evaluate);
  let outputs: Output[] = [];
  let ok = true;
  for (const cell of cells) {
    outputs = [];
    ({ ok } = await run(cell, (output) => outputs.push(output), changed));
  }
  return { ok, outputs };
}
const value = (text: string): Output => ({ kind: "value", text });

const values: Record<string, readonly [cells: readonly string[], shown: string]> = {
  "a last expression": [["1 + 2;"], "3"],
  "one without a semicolon, and a comment": [["1 + 2 // three"], "3"],
  "an object in parentheses": [["({ a: 1 })"], "{ a: 1 }"],
  "a promise, which is waited for": [["Promise.resolve(7)"], "7"],
  "a name of a cell above": [["const x = 2;", "x * 3"], "6"],
  "a name declared anew": [["const x = 2;", "const x = 5;", "x"], "5"],
  "what a function of a cell above sees": [["let x = 1; const f = () => x;", "x = 2;", "f()"], "2"],
  "a name that a later cell declares": [["const f = () => later;", "const later = 4;", "f()"], "4"],
  patterns: [["const { a, b: [c, d = 4], ...rest } = { a: 1, b: [3], e: 5 };", "[a, c, d, rest.e]"], "[ 1, 3, 4, 5 ]"],
  "patterns after a line without a semicolon": [["let n = 0\nn++\nconst { a } = { a: n }\nconst [b] = [a]\nb"], "1"],
  "a shorthand field": [["const a = 1;", "const o = { a };", "o"], "{ a: 1 }"],
  "a field of a const, assigned": [
    ["const o = { a: 1 }, xs = [1];", "[xs[0], o.a] = [2, 3]; o.a += 1; xs[0]++;", "[o, xs]"],
    "[ { a: 4 }, [ 3 ] ]",
  ],
  "a field of a const, assigned in its cell": [["const o = { a: 1 }; [o.a] = [2]; o.a++;", "o"], "{ a: 3 }"],
  "a shorthand default": [["let a = 1;", "({ a = 3 } = {});", "a"], "3"],
  "several declarations": [["let a = 1, b, c = (a + 1, 5);", "[a, b, c]"], "[ 1, undefined, 5 ]"],
  "a function used before its declaration": [
    ["const y = twice(4); function twice(x: number) { return 2 * x; }", "y"],
    "8",
  ],
  "a recursive function": [["function f(n: number): number { return n < 2 ? 1 : n * f(n - 1); }", "f(5)"], "120"],
  "a generator": [["function* three() { yield 1; yield 2; yield 3; }", "[...three()]"], "[ 1, 2, 3 ]"],
  "a class and one that extends it": [
    ["class A { static n = 1; x = 2; next() { return new A(); } }", "class B extends A {}", "[new B().next().x, B.n]"],
    "[ 2, 1 ]",
  ],
  "a class, kept when its name is declared anew": [
    ["class A { x = 1 }; const a = new A();", "class A { y = 2 }", "[a, new A()]"],
    "[ A { x: 1 }, A { y: 2 } ]",
  ],
  "a local name that hides a shared one": [
    ["const x = 1;", "const f = (x: number) => { { const y = x; return y; } };", "f(9) + x"],
    "10",
  ],
  loops: [
    ["const xs = [1, 2, 3]; let s = 0;", "for (const x of xs) s += x; for (let i = 0; i < 2; i++) s += i;", "s"],
    "7",
  ],
  imports: [
    [
      'import { open } from "@weft/tensor-cpu";\nimport { add, type Tensor } from "@weft/tensor";\nimport * as all from "@weft/tensor";',
      "const { tensor } = await open();\nconst x: Tensor = add(tensor([1, 2]), 1);",
      "console.log(String(all.add === add)); x",
    ],
    "tensor([2, 3], f32[2] on @weft/tensor-cpu)",
  ],
  "an import in a call": [['const { add } = await import("@weft/tensor");', "typeof add"], "function"],
  "await in a loop": [["let s = 0; for await (const x of [Promise.resolve(1), 2]) s += x;", "s"], "3"],
  "types of every kind": [
    [
      "interface P { x: number }\ntype Q = P & { y?: string };\nconst p = { x: 1 } satisfies Q as P;\nfunction id<T>(x: T): T { return x; }\nid<number>(p!.x)",
    ],
    "1",
  ],
  "a global's name, declared by a cell": [["const name = 'a', status = 1;", "[name, status]"], "[ 'a', 1 ]"],
  "a dollar sign as any name": [
    [
      "const y = 2; let $ = [1, 2].map(($) => $ + y);",
      "const weft$ = 1;",
      "[...$, weft$, ((weft$: number) => weft$ + y)(5)]",
    ],
    "[ 3, 4, 1, 7 ]",
  ],
  "the type of a name that is nowhere": [["const x = 1;", "[typeof nowhere, typeof x]"], "[ 'undefined', 'number' ]"],
  "the names of functions and classes": [
    ["const f = (x: number) => x, g = (() => 1), A = class { x = 1 };", "[f, g.name, new A(), f(3)]"],
    "[ [Function: f], 'g', A { x: 1 }, 3 ]",
  ],
  "options of an import": [['const { add } = await import("@weft/tensor", { with: {} });', "typeof add"], "function"],
  "labels and fields that have the name": [
    ["const a = 1;", "a: for (;;) { break a; }", "({ a: 2, b: { a } }).b.a"],
    "1",
  ],
};

test.each(Object.entries(values))("shows %s", async (_, [cells, shown]) => {
  expect((await run(...cells)).at(-1)).toEqual(value(shown));
});

test("shows nothing for a declaration, an assignment, or a call without a value", async () => {
  for (const cell of ["const x = 1;", "let x = 1; x = 2;", "let x = 1; x++;", "void 1;", "", "// only a comment"])
    expect(await run(cell), cell).toEqual([]);
});

const errors: Record<string, readonly [cell: string, name: string, line: number, message: RegExp]> = {
  "what is no TypeScript": ["const x = 1;\nconst = 2;", "SyntaxError", 2, /^Unexpected token$/],
  "a bracket that is not closed": ["f(\n1;\n", "SyntaxError", 2, /Unexpected token, expected ","/],
  "a name declared twice in a cell": [
    "const x = 1;\n\nconst x = 2;",
    "SyntaxError",
    3,
    /'x' has already been declared/,
  ],
  "an assignment to a const": ["const x = 1;\nconst f = () => {\n  x = 2;\n};", "SyntaxError", 3, /^x is a const/],
  "an export": ["\nexport const x = 1;", "SyntaxError", 2, /exports nothing/],
  "what the code throws": [
    "import { add } from\n  '@weft/tensor';\ninterface P { x: 1 }\nthrow new TypeError('no');",
    "TypeError",
    4,
    /^no$/,
  ],
  "what a function of it throws": ["function f() {\n  null!.x;\n}\n\nf();", "TypeError", 2, /null/],
  "a name that is nowhere": ["const f = 1;\nnowhere + 1;", "ReferenceError", 2, /^nowhere is not defined: no cell/],
  "a method that is not there, named as the reader wrote it": [
    "const list = [1];\nlist.peek();",
    "TypeError",
    2,
    /^list\.peek is not a function$/,
  ],
  "a wrong shape": [
    "import { open } from '@weft/tensor-cpu';\nimport { add } from '@weft/tensor';\nconst { ones } = await open();\nadd(ones([2]), ones([3]));",
    "ShapeError",
    4,
    /^add: /,
  ],
  "a wrong shape deep in a model": [
    "import { open } from '@weft/tensor-cpu';\nimport { Chain, Linear } from '@weft/nn';\nimport { scope } from '@weft/tensor';\nconst { ones } = await open();\nconst inner = Chain(Chain(Linear(2, 3)), Linear(4, 5));\nconst model = Chain(Chain(Chain(inner)));\nscope(() =>\n  model(ones([1, 2])));",
    "ShapeError",
    8,
    /Linear/,
  ],
  "an index outside its axis, whose result is shown": [
    "import { open } from '@weft/tensor-cpu';\nimport { gather } from '@weft/tensor';\nconst { tensor } = await open();\nconst x = gather(tensor([1, 2]), tensor([5], { dtype: 'i32' }));\nx",
    "IndexError",
    4,
    /^gather: an index was outside its axis(?!.*weft-cell)/,
  ],
  "an index outside its axis, whose result is printed": [
    "import { open } from '@weft/tensor-cpu';\nimport { gather } from '@weft/tensor';\nconst { tensor } = await open();\nconst x = gather(tensor([1, 2]), tensor([5], { dtype: 'i32' }));\nconsole.log('x', x);",
    "IndexError",
    4,
    /^gather: an index was outside its axis(?!.*weft-cell)/,
  ],
  "a text with a dollar sign": [
    "throw new Error('it costs $.50 or $.items');",
    "Error",
    1,
    /^it costs \$\.50 or \$\.items$/,
  ],
  "a tensor where a chart wants a number": [
    "import { open } from '@weft/tensor-cpu';\nimport { curve } from '@weft/site/page';\nconst { tensor } = await open();\ncurve('loss').add(0, tensor(1) as any);",
    "TypeError",
    4,
    /^curve\.add: wanted a number as value 1, got a tensor f32\[\]; read it first: await x\.item\(\)$/,
  ],
  "what every object has, as a module": ["import 'constructor';", "TypeError", 1, /cannot import constructor/],
  "a module that is not there": ["import { x } from 'left-pad';", "TypeError", 1, /cannot import left-pad/],
  "a name that a module lacks": ["import { addd } from '@weft/tensor';", "TypeError", 1, /exports no addd/],
};

test.each(Object.entries(errors))("an error names the line: %s", async (_, [cell, name, line, message]) => {
  const error = (await run(cell)).at(-1);
  expect(error).toEqual({ kind: "error", name, line, message: expect.stringMatching(message) as string });
});

test("a cell that fails leaves what it declared before", async () => {
  expect(await run("const x = 1;", "const y = 2; throw new Error('no');", "x + y")).toEqual([value("3")]);
});

test("an error is shown whatever its name and message are", async () => {
  const message = (cell: string) => run(cell).then((outputs) => outputs.map((one) => "message" in one && one.message));
  expect(await message("throw Object.assign(new Error('x'), { message: 5 });")).toEqual(["5"]);
  expect(await message("throw Object.assign(new Error('x'), { name: Symbol('n') });")).toEqual(["x"]);
  const getter = "throw Object.defineProperty(new Error('x'), 'message', { get() { throw 1; } });";
  expect(await message(getter)).toEqual(["undefined"]);
});

test("what cannot be shown at all is an error, too", async () => {
  const hostile = "throw new Proxy({}, { getPrototypeOf() { throw new Error('no'); }, ownKeys() { throw 1; } });";
  for (const cell of [
    hostile,
    "throw undefined;",
    "throw Symbol('s');",
    `console.log(1);\n//~ (() => { ${hostile} })()`,
  ])
    expect((await runAs(false, cell)).ok, cell).toBe(false);
});

test("what nobody caught is shown, and its cell has failed", async () => {
  const { run, complain } = page(evaluate);
  const outputs: Output[] = [];
  Object.assign(globalThis, { complainInTest: complain });
  const { ok } = await run("complainInTest(new Error('lost'));", (output) => outputs.push(output));
  Reflect.deleteProperty(globalThis, "complainInTest");
  expect([ok, outputs]).toEqual([false, [{ kind: "error", name: "Error", message: "lost", line: 1 }]]);
});

test("a promise that does not hold is no failure once the code was changed", async () => {
  const cell = "const x = 1;\nconsole.log(x);\n//> 2\n//~ x === 2";
  const broken = await runAs(false, cell);
  expect(broken.ok).toBe(false);
  const { ok, outputs } = await runAs(true, cell);
  expect(ok).toBe(true);
  expect(outputs.filter(({ kind }) => kind === "promise")).toMatchObject([
    { kept: false, changed: true },
    { kept: false, changed: true },
  ]);
});

const verdicts: Record<string, readonly [cell: string, kept: boolean]> = {
  "lines that are printed": ["console.log('a'); 3\n//> a\n//> 3", true],
  "lines in another order": ["console.log('a'); 3\n//> 3\n//> a", false],
  "a line more": ["console.log('a\\nb');\n//> a", false],
  "a gap": ["console.log('accuracy 0.9123');\n//> accuracy 0.9…", true],
  "a gap is not in the way of the rest": ["console.log('accuracy 0.8');\n//> accuracy 0.9…", false],
  "a condition": ["const accuracy = 0.95;\n//~ accuracy > 0.9", true],
  "a condition that does not hold": ["const accuracy = 0.85;\n//~ accuracy > 0.9", false],
  "a condition that is waited for": ["const x = 1;\n//~ await Promise.resolve(x) === 1", true],
  "a condition that is not true but truthy": ["const x = 1;\n//~ x", false],
  "a condition with a comment": ["const x = 1;\n//~ x === 1 // one", true],
  "a condition that throws": ["1;\n//~ nowhere > 1", false],
};

test.each(Object.entries(verdicts))("a promise: %s", async (_, [cell, kept]) => {
  const promise = (await run(cell)).find(({ kind }) => kind === "promise");
  expect(promise).toMatchObject({ kept });
});
