// The examples of the sources and of the README run, and where a line ends in a value it has that value.
import { globSync, readFileSync } from "node:fs";
import * as autograd from "@weft/autograd";
import { openSync } from "@weft/conformance";
import * as weft from "@weft/tensor";
import { creation } from "@weft/tensor/internals";
import { expect, test } from "vitest";

const root = new URL("..", import.meta.url);
const text = (file: string): string => readFileSync(new URL(file, root), "utf8");

const inSources = globSync("src/**/*.ts", { cwd: root })
  .toSorted()
  .flatMap((file) =>
    [...text(file).matchAll(/@example\n([\s\S]*?)(?=\n *\* @|\n *\*\/)/g)].map(([, code]) => ({
      file,
      code: code!.replaceAll(/^ *\* ?/gm, ""),
    })),
  );
const inReadme = [...text("README.md").matchAll(/^```ts\n([\s\S]*?)^```/gm)]
  .map(([, code]) => ({ file: "README.md", code: code! }))
  .filter(({ code }) => !code.startsWith("mul:")); // a line of the table of rules

test("there are examples for nearly every function", () => {
  expect(inSources.length).toBeGreaterThanOrEqual(12);
  expect(inReadme.length).toBe(4);
});

/** What the examples take for granted. */
function surroundings(): Record<string, unknown> {
  const backend = openSync({ seed: 1 });
  const { tensor, randn } = backend;
  const p = autograd.param(tensor([1, 2]));
  return {
    ...weft,
    ...autograd,
    ...Object.fromEntries(Object.keys(creation(backend)).map((k) => [k, backend[k as "tensor"]])),
    console: { log: () => {} },
    crossEntropy: (x: weft.Tensor, y: weft.Tensor) => weft.mean(weft.crossEntropyRows(x, y)),
    layer1: (x: weft.Tensor) => weft.mul(x, p),
    layer2: (x: weft.Tensor) => weft.add(x, p),
    model: (x: weft.Tensor) => weft.mul(x, p),
    open: async () => backend,
    p,
    rows: new autograd.RowSparse(tensor([0, 0], { dtype: "i32" }), randn([2, 3]), [4, 3]),
    w: autograd.param(randn([2, 64])),
    x: tensor([[3, 4]]),
    y: tensor([1], { dtype: "i32" }),
  };
}

const close = (got: unknown, wanted: unknown): void => {
  if (!Array.isArray(wanted)) return expect(got).toBeCloseTo(wanted as number, 6);
  expect(got).toHaveLength(wanted.length);
  for (const [i, w] of wanted.entries()) close((got as unknown[])[i], w);
};

const plain = (value: unknown): unknown =>
  value instanceof weft.Tensor ? value.arraySync() : Array.isArray(value) ? value.map(plain) : value;

test.each([...inSources, ...inReadme])("$file: $code", async ({ code }) => {
  const around = surroundings();
  const expected: unknown[] = [];
  const lines = code.split("\n").filter((line) => !line.startsWith("import "));
  const body = lines.map((line) => {
    const [, before, value] = /^(.*); \/\/ ([-[\]\d., ]+)(?:: .*)?$/.exec(line) ?? [];
    if (before === undefined) return line;
    const [, names] = /^const (\[.*\]|\w+) = /.exec(before) ?? [];
    expected.push(new Function(`return ${names?.startsWith("[") === true ? `[${value}]` : value}`)());
    return names === undefined ? `got.push(${before});` : `${before}; got.push(${names});`;
  });
  // names that the example declares itself hide those around it
  const declared = new Set([...body.join("\n").matchAll(/\bconst (?:\{([^}]*)\}|\[([^\]]*)\]|(\w+))/g)].flatMap((m) => (m[1] ?? m[2] ?? m[3]!).split(/[\s,]+/))); // prettier-ignore
  const names = Object.keys(around).filter((name) => !declared.has(name));
  const run = new Function("got", ...names, `return (async () => {\n${body.join("\n")}\n})()`);
  const got: unknown[] = [];
  await run(got, ...names.map((name) => around[name]));
  close(got.map(plain), expected);
});
