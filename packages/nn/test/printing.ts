// How tensors, boxes, tapes and models are printed, in Node and in the browser.
import { diff, param, state } from "@weft/autograd";
import { sgd } from "@weft/optim";
import { add, ArgumentError, flatten, mul, relu, scope, sum, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { BatchNorm, Chain, Conv, Dropout, layer, Linear, LSTM } from "../src/index.ts";

const backend = await open({});
const { tensor, ones } = backend;
const on = "on @weft/tensor-cpu";

/** Everything that one may want to log. */
const things = () => {
  const p = param(tensor([1, 2]));
  const model = Chain(Linear(2, 3), relu);
  const tape = diff(() => sum(model(mul(p, ones([1, 2])))));
  return {
    tensor: tensor([1]),
    taped: tape.grad(p),
    param: p,
    state: state(tensor([3])),
    model,
    tape,
    backend,
    optimizer: sgd(),
  };
};

export function printing(): void {
  test("a box shows its value, and its shape before it has one", () => {
    const p = param(tensor([[1, 2], [3, 4]])); // oxfmt-ignore
    expect(`${p}`).toBe(`param([[1, 2],\n       [3, 4]], f32[2, 2] ${on})`);
    expect(String(state(tensor([true])))).toBe(`state([true], bool[1] ${on})`);
    expect(String(Linear(2, 3).weight)).toBe("param(f32[3, 2], no value yet)");
    p.value = ones([2, 2]);
    expect(String(p)).toMatch(/^param\(\[\[1, 1\]/);
  });

  test("a model shows its layers and their fields, and reads no value", () => {
    const model = Chain(
      Conv({ in: 1, out: 2, kernel: 3 }),
      relu,
      Chain(BatchNorm(2), Dropout(0.5)),
      flatten,
      LSTM({ in: 3, hidden: 2 }),
    );
    const { plans, flushes } = backend.stats();
    expect(String(model)).toBe(`Chain(
  0: Conv(weight: param f32[2, 1, 3, 3], bias: param f32[2])
  1: relu
  2: Chain(
    0: BatchNorm(weight: param f32[2], bias: param f32[2], running_mean: state f32[2], running_var: state f32[2], num_batches_tracked: state i32[])
    1: Dropout(p: 0.5)
  )
  3: flatten
  4: LSTM(weight_ih_l0: param f32[8, 3], weight_hh_l0: param f32[8, 2], bias_ih_l0: param f32[8], bias_hh_l0: param f32[8])
)`);
    expect(backend.stats()).toMatchObject({ plans, flushes });
    const own = layer("Mine", (x: Tensor) => x, {
      parts: [Linear(1, 1)],
      table: tensor([1, 2]),
      deep: { name: "a" },
      self: undefined as unknown,
    });
    own.self = own;
    expect(String(own)).toBe(`Mine(
  parts: (
    0: Linear(weight: param f32[1, 1], bias: param f32[1])
  )
  table: tensor f32[2]
  deep: Object(name: "a")
  self: Mine(…)
)`);
    expect(Object.keys(model)).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("a model shows the contents of its maps and sets, and no name can control the page or the terminal", () => {
    const own = layer("Mine", (x: Tensor) => x, {
      heads: new Map<string, unknown>([
        ["a", Linear(1, 1)],
        ["b\n\u001b[2J", new Set([tensor([1])])],
      ]),
      "of\u202e": "\u001b[2J\u202e",
      empty: new Map(),
      raw: new Float32Array(1000),
      cell: { backend },
    });
    own.heads.set("self", own.heads);
    expect(String(own)).toBe(String.raw`Mine(
  heads: Map(
    a: Linear(weight: param f32[1, 1], bias: param f32[1])
    b\u000a\u001b[2J: Set(0: tensor f32[1])
    self: Map(…)
  )
  of\u202e: "\u001b[2J\u202e"
  empty: Map
  raw: Float32Array
  cell: Object(backend: ${backend.constructor.name})
)`);
  });

  test("printing a computed value runs nothing that is pending", () => {
    const p = param(tensor([1, 2]));
    scope(() => {
      const waiting = add(p.value, 1);
      const { flushes, pending } = backend.stats();
      expect(String(p)).toBe(`param([1, 2], f32[2] ${on})`);
      expect(backend.stats()).toMatchObject({ flushes, pending });
      expect(String(waiting)).toBe(`tensor([2, 3], f32[2] ${on})`); // the CPU gives it at once
    });
  });

  test("JSON has shapes and dtypes, and no internals", () => {
    const { tape, model, optimizer, ...boxes } = things();
    expect(JSON.stringify(boxes.tensor)).toBe('{"shape":[1],"dtype":"f32"}');
    expect(JSON.stringify([boxes.param, boxes.state])).toBe(
      '[{"shape":[2],"dtype":"f32"},{"shape":[1],"dtype":"f32"}]',
    );
    expect(JSON.parse(JSON.stringify(model))).toEqual({
      0: { weight: { shape: [3, 2], dtype: "f32" }, bias: { shape: [3], dtype: "f32" } },
    });
    expect(JSON.parse(JSON.stringify(tape))).toEqual({
      params: tape.params.map(({ shape, dtype }) => ({ shape: [...shape], dtype })),
    });
    expect(JSON.stringify([optimizer, backend]).length).toBeLessThan(400);
  });

  test.each(Object.entries(things()))("a copy of the fields is rejected: %s", (name, thing) => {
    expect(() => structuredClone(thing)).toThrow(/could not be cloned/);
    expect(() => structuredClone({ deep: [thing] })).toThrow(/could not be cloned/);
    const { port1 } = new MessageChannel();
    expect(() => port1.postMessage(thing)).toThrow(/could not be cloned/);
    port1.close();
    if (name === "param")
      expect(() => structuredClone(thing)).toThrow(/lives on its backend: pass on await toBytes\(model\)/);
    if (name === "tensor")
      expect(() => structuredClone(thing)).toThrow(/lives on its backend: pass on await x\.data\(\)/);
  });

  test.each<[string, (x: any) => unknown]>([
    ["less", (x) => x < 3],
    ["between", (x) => 0 <= x],
    ["plus", (x) => x + 1],
    ["text plus", (x) => "loss " + x],
    ["number", (x) => +x],
    ["equal", (x) => x == 3],
    ["Math", (x) => Math.max(x, 1)],
    ["isNaN", (x) => isNaN(x)],
  ])("a tensor is not a number: %s", (_, use) => {
    const p = param(tensor(1));
    for (const [x, read] of [
      [tensor(2), /this f32\[\] has no numeric value here .* await x\.item\(\)/],
      [p, /this f32\[\] has no numeric value here .* await p\.value\.item\(\)/],
      [state(tensor([1])), /this f32\[1\] has no numeric value/],
    ] as const) {
      expect(() => use(x)).toThrow(ArgumentError);
      expect(() => use(x)).toThrow(read);
    }
    diff(() => {
      expect(() => use(mul(p, 2))).toThrow(ArgumentError);
      return p;
    });
  });

  test("operations that read no fields still work", () => {
    const x = tensor([1]) as unknown;
    expect([x == null, x === 3, !x, `${x}`, [x].join()]).toEqual([false, false, false, String(x), String(x)]);
    // A console shows fields in this order.
    expect(Object.keys(x as object).slice(0, 2)).toEqual(["shape", "dtype"]);
  });
}
