// The packages as a user gets them: packed, checked, and installed pick-and-choose into empty projects with plain npm.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closure, compile, execute, install, nodes, pack, project, published } from "./pack.ts";
import { models, root } from "./source-graph.ts";

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
    // Machine code is asked for by name: the tests have WEFT_NATIVE=0.
    packages: ["tensor-cpu", "x64"],
    program: `import { open } from "@weft/tensor-cpu";
      import { matmul } from "@weft/tensor";
      const sum = async (native: boolean | "avx2") => {
        const backend = await open({ native });
        const x = matmul(backend.ones([70, 90]), backend.full([90, 50], 2));
        return [backend.info().code, await x.sum().item()];
      };
      console.log(JSON.stringify([...await sum(false), ...await sum("avx2")]));`,
    prints: '["WebAssembly",630000,"x86-64 AVX2",630000]',
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
    packages: ["formats"],
    program: `import { fromNpz, toNpz } from "@weft/formats";
      const x = fromNpz(toNpz({ x: Float32Array.of(1, 2) }, { compress: true })).get("x");
      console.log(JSON.stringify(x?.shape));`,
    prints: "[2]",
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
  {
    packages: ["train", "tensor-cpu"],
    program: `import { open } from "@weft/tensor-cpu";
      import { Linear, mse } from "@weft/nn";
      import { adam } from "@weft/optim";
      import { earlyStopping, epochs, fit, jsonl, metrics } from "@weft/train";
      const { randn } = await open({ seed: 1 });
      const x = randn([64, 4]), y = x.sum({ axis: 1, keepDims: true });
      const model = Linear(4, 1);
      const options = { loss: mse, optimizer: adam({ lr: 0.1 }), epochs: 60, metrics: { r2: metrics.r2() } };
      const history = await fit(model, [[x, y] as const], { ...options, log: jsonl("run.jsonl") });
      const found: number[] = history.r2;
      const last = await earlyStopping(epochs(model, [[x, y] as const], options), { monitor: ({ loss }) => loss });
      console.log(found.at(-1)! > 0.9 && last.r2 > 0.9);`,
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

/** Compilers that the declarations are for, by the name that each is installed under. */
const compilers = { ts57: "5.7.3", ts59: "5.9.3", ts60: "6.0.3", ts70: "7.0.2" };

/** Runtimes other than Node: packages that bring a program, which runs as it is. */
const runtimes = [
  { name: "Bun", spec: "@oven/bun-linux-x64@1.4.5", program: "@oven/bun-linux-x64/bin/bun", args: [] },
  ...Object.entries({
    Deno: ["-A"],
    "Deno with the permissions that the guide names": ["--no-prompt", "--allow-read", "--allow-write"],
  }).map(([name, flags]) => ({
    name,
    spec: "@deno/linux-x64-glibc@2.9.6",
    program: "@deno/linux-x64-glibc/deno",
    args: ["run", ...flags],
  })),
];

/** Every way to resolve packages, with and without the types of the DOM and of Node. */
const modes = ["node16", "nodenext", "bundler"].flatMap((moduleResolution) =>
  [[], ["dom"]].flatMap((dom) =>
    [[], ["node"]].map((types) => ({
      moduleResolution,
      module: moduleResolution === "bundler" ? "esnext" : moduleResolution,
      lib: ["es2022", ...dom],
      types,
    })),
  ),
);
const strictest = {
  target: "es2022",
  rootDir: ".",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
};

describe("a program with every package", () => {
  const folder = join(work, "everything");
  const program = "ts57/0/program.js";
  const printed = new Map<string, unknown>();

  /** Runs the compiled program, which must learn and save, and notes what its seed gave. */
  async function learns(name: string, ...command: [program: string, ...args: string[]]): Promise<void> {
    rmSync(join(folder, "model.safetensors"), { force: true });
    const { bits, ...found } = JSON.parse(await execute(folder, ...command, program)) as { bits: unknown };
    expect(found).toEqual({ learned: true, same: true, typed: true });
    expect(statSync(join(folder, "model.safetensors")).size).toBeGreaterThan(400);
    printed.set(name, bits);
  }

  beforeAll(async () => {
    const aliases = Object.entries(compilers).map(([name, version]) => `${name}@npm:typescript@${version}`);
    const source = readFileSync(join(root, "test/packed/program.ts"), "utf8");
    await project(folder, source, [...tarballs.values(), ...aliases, "@types/node@24.10.1"]);
  });

  test.concurrent.each(Object.entries(compilers))("%s (%s) passes it in every mode", async (name) => {
    const configs = modes.map((mode, k) => {
      const compilerOptions = { ...strictest, ...mode, outDir: `${name}/${k}` };
      writeFileSync(join(folder, `${name}-${k}.json`), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
      return `${name}-${k}.json`;
    });
    // One process, which reads the libraries once for all modes.
    await execute(folder, process.execPath, `node_modules/${name}/bin/tsc`, "-b", ...configs);
  });

  test("copies of the examples' models pass it, too", async () => {
    for (const file of models) cpSync(join(root, file), join(folder, "models", basename(file)));
    const noEmit = { noEmit: true, allowImportingTsExtensions: true };
    const compilerOptions = { ...modes[0], target: "es2022", strict: true, ...noEmit };
    writeFileSync(join(folder, "models.json"), JSON.stringify({ compilerOptions, include: ["models"] }));
    await execute(folder, process.execPath, "node_modules/ts57/bin/tsc", "-p", "models.json");
  });

  test.each(nodes)("learns and saves on %s", (node) => learns(node, node));

  test.for(runtimes)("learns and saves on $name", async ({ name, spec, program: file, args }, { skip }) => {
    const binary = join(folder, "node_modules", file);
    const problem = await install(folder, "--no-save", spec)
      .then(() => execute(folder, binary, "--version"))
      .then(() => undefined, String);
    skip(problem !== undefined, `${name} cannot be installed or started here: ${problem}`);
    await learns(name, binary, ...args);
  });

  test("a seed gives the same bits on all of them", () => {
    const [first, ...others] = printed.values();
    expect(others.length).toBeGreaterThan(0);
    for (const bits of others) expect(bits).toEqual(first);
  });

  test.each(published)("%s says where it comes from and what changed", (name) => {
    const inside = join(folder, "node_modules/@weft", name);
    const told = JSON.parse(readFileSync(join(inside, "package.json"), "utf8")) as Record<string, unknown>;
    const site = "https://github.com/PLACEHOLDER/weft";
    expect(told).toMatchObject({
      license: "MIT",
      author: "The Weft authors",
      repository: { type: "git", url: `git+${site}.git`, directory: `packages/${name}` },
      homepage: `${site}/tree/main/packages/${name}#readme`,
      bugs: { url: `${site}/issues` },
      keywords: expect.arrayContaining(["deep-learning", "typescript"]) as string[],
    });
    expect(readdirSync(inside)).toEqual(expect.arrayContaining(["CHANGELOG.md", "LICENSE", "README.md"]));
  });

  test.each(nodes)("require() takes the packages on %s", async (node) => {
    writeFileSync(
      join(folder, "required.cjs"),
      `const [nn, cpu] = [require("@weft/nn"), require("@weft/tensor-cpu")];
      ${published.map((name) => `require("@weft/${name}");`).join(" ")}
      const model = nn.Linear(2, 1, { init: nn.ones(), biasInit: nn.zeros() });
      console.log(model(cpu.openSync().ones([1, 2])).itemSync());`,
    );
    expect(await execute(folder, node, "--no-warnings", "required.cjs")).toBe("2\n");
  });

  test("bundled for a page, save and load say that they are not for pages", async () => {
    writeFileSync(
      join(folder, "page.js"),
      `import { Linear, load, save } from "@weft/nn";
      export const failures = await Promise.allSettled([save("m", Linear(1, 1)), load("m", Linear(1, 1))]);`,
    );
    const lib = { entry: "page.js", formats: ["es" as const], fileName: "page" };
    await build({ root: folder, logLevel: "error", build: { lib, outDir: "bundle", target: "esnext", minify: false } });
    const { failures } = (await import(join(folder, "bundle/page.js"))) as { failures: PromiseRejectedResult[] };
    expect(failures.map(({ reason }) => String(reason).split(".")[0])).toEqual([
      "UnsupportedError: save: a page has no files",
      "UnsupportedError: load: a page has no files",
    ]);
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
    expect(trained).toMatch(/Test accuracy: [\d.]+%/);
    expect(statSync(join(folder, "out/report.html")).size).toBeGreaterThan(10_000);
    expect(await execute(folder, node, program, "predict", "out/model.safetensors", "0")).toContain("picture 0: ");
  });
});

test("they were tried on two generations of Node", async () => {
  const versions = await Promise.all(nodes.map((node) => execute(work, node, "--version")));
  expect(new Set(versions.map((version) => version.split(".")[0])).size).toBeGreaterThanOrEqual(2);
});
