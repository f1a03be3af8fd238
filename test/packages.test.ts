// The packages as a user gets them: packed, checked, and installed pick-and-choose into empty projects with plain npm.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closure, compile, execute, nodes, pack, project, published } from "./pack.ts";
import { root } from "./source-graph.ts";

const work = mkdtempSync(join(tmpdir(), "weft-packed-"));
let tarballs: Map<string, string>;
beforeAll(async () => {
  tarballs = await pack(join(work, "tarballs"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const tool = (name: string) => join(root, "node_modules/.bin", name);

describe.each(published)("%s", (name) => {
  test("publint finds nothing to complain about", async () => {
    await execute(work, tool("publint"), "run", tarballs.get(name)!, "--strict");
  });
  test("attw resolves its types", async () => {
    await execute(work, tool("attw"), tarballs.get(name)!, "--profile", "esm-only");
  });
});

/** Sets of packages somebody may want alone, each with a program and what it prints. */
const picks = [
  {
    packages: ["tensor-cpu"],
    program: `import { open } from "@weft/tensor-cpu";
      import { add, matmul } from "@weft/tensor";
      const { tensor } = await open();
      const y = add(matmul(tensor([[1, 2], [3, 4]]), tensor([[1], [1]])), 1);
      console.log(JSON.stringify(await y.array()));`,
    prints: "[[4],[8]]",
  },
  {
    packages: ["autograd", "tensor-cpu"],
    program: `import { open } from "@weft/tensor-cpu";
      import { mul, sum } from "@weft/tensor";
      import { diff, grad, param } from "@weft/autograd";
      const { tensor } = await open();
      const w = param(tensor([1, 2, 3]));
      const tape = diff(() => sum(mul(w, w)));
      console.log(JSON.stringify(await tape.grad(w)!.array()));
      const third = grad((x) => sum(mul(mul(x, x), x)));
      console.log(JSON.stringify(await third(tensor([2])).array()));`,
    prints: "[2,4,6]\n[12]",
  },
  {
    packages: ["nn", "optim", "data", "tensor-cpu"],
    program: `import { open } from "@weft/tensor-cpu";
      import { relu } from "@weft/tensor";
      import { Chain, Linear, mse } from "@weft/nn";
      import { adam, minimize } from "@weft/optim";
      import { cycle, minibatch, takeFirst } from "@weft/data";
      const backend = await open({ seed: 1 });
      const x = backend.randn([64, 4]), y = x.sum({ axis: 1, keepDims: true });
      const model = Chain(Linear(4, 16), relu, Linear(16, 1));
      const batches = takeFirst(cycle(minibatch([x, y], 16, { backend })), 400);
      let first = 0, last = 0;
      for await (const loss of minimize((a, b) => mse(model(a), b), batches, adam({ lr: 0.01 }))) {
        last = await loss.item();
        first ||= last;
      }
      console.log(last < first / 20);`,
    prints: "true",
  },
];

describe.each(picks)("$packages", ({ packages, program, prints }) => {
  const folder = join(work, packages.join("-"));

  test("installs with plain npm and passes the type check", async () => {
    const needed = closure(packages);
    await project(
      folder,
      program,
      needed.map((name) => tarballs.get(name)!),
    );
    expect(readdirSync(join(folder, "node_modules/@weft")).toSorted()).toEqual(needed);
    await compile(folder, "--noEmit", "--module", "esnext", "--moduleResolution", "bundler");
    await compile(folder);
  });

  test.each(nodes)("runs on %s", async (node) => {
    const printed = await execute(folder, node, "out/program.js");
    expect(printed.trim()).toBe(prints);
  });
});

describe("the command weft", () => {
  const folder = join(work, "command");

  test("installs with plain npm", async () => {
    await project(
      folder,
      "export {};",
      closure(["examples"]).map((name) => tarballs.get(name)!),
    );
  });

  test.each(nodes)("says what it does on %s", async (node) => {
    expect(await execute(folder, node, "node_modules/@weft/examples/dist/weft.js", "--help")).toContain("weft");
  });

  test.each(nodes)("trains and predicts on %s", async (node) => {
    const program = "node_modules/@weft/examples/dist/weft.js";
    const trained = await execute(folder, node, program, "train", "softmax", "--limit", "300", "--out", "out");
    expect(trained).toMatch(/Test accuracy [\d.]+ %/);
    expect(statSync(join(folder, "out/report.html")).size).toBeGreaterThan(10_000);
    expect(await execute(folder, node, program, "predict", "out/model.safetensors", "0")).toContain("picture 0: ");
  });
});

test("they were tried on two generations of Node", async () => {
  const versions = await Promise.all(nodes.map((node) => execute(work, node, "--version")));
  expect(new Set(versions.map((version) => version.split(".")[0])).size).toBeGreaterThanOrEqual(2);
});
