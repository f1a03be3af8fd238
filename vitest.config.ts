// The test projects: one a package, the whole house, pages in Chromium, and the packed packages.
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { environment, findDriver, launchOptions } from "./test/software-driver.ts";

const driver = await findDriver();
if ("folder" in driver) {
  Object.assign(process.env, environment(driver.folder));
} else {
  console.warn(`\nSKIPPED: every test in a page and on WebGPU, because ${driver.reason}\n`);
  process.env["WEFT_NO_DRIVER"] = driver.reason;
}

// Machine code rounds otherwise on each kind of processor: tests that compare digits have WebAssembly, and tests of machine
// code ask for it.
process.env["WEFT_NATIVE"] ??= "0";

// Tests start hundreds of programs: what Node compiles of them is kept.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url));

// Pages are cross-origin isolated, so that they have shared memory.
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const inPage = "test/**/*.page.test.ts";

/** What replaces modules, or looks at what is once a process, has a process for itself. Other files share theirs. */
const alone = "test/**/*.alone.test.ts";

/** Only what hangs takes so long: a software driver compiles slowly, and cores may be shared. */
const testTimeout = 120_000;

/** Files that share a process. What a test puts in place of the environment or a global is taken back before the next. */
const together = {
  isolate: false,
  unstubEnvs: true,
  unstubGlobals: true,
  setupFiles: fileURLToPath(new URL("test/beginning.ts", import.meta.url)),
  testTimeout,
};

/** What takes minutes begins first, so that the cores end together. */
const longest = [
  "packages/tensor-webgpu/test/conformance.long.test.ts",
  "packages/tensor-webgpu/test/conformance.test.ts",
  "test/determinism.test.ts",
  "packages/site/test/built.long.test.ts",
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => longest.some((name) => moduleId.endsWith(`/${name}`));
    return (await super.sort(files)).toSorted((a, b) => Number(isLong(b)) - Number(isLong(a)));
  }
}

/** `--mode all` runs everything; else what takes minutes on a software driver is left out. */
export default defineConfig(({ mode }) => {
  const all = mode === "all";
  // The test processes are forked from this one and inherit its environment.
  if (all) process.env["WEFT_TESTS"] = "all";
  else if (process.env["WEFT_TESTS"] === undefined) {
    process.env["WEFT_TESTS"] = "short"; // this file is read once a project
    console.warn("\nLeft out: *.long.test.ts and parts of other tests. npm run test:all runs everything.\n");
  }
  const long = all ? [] : ["test/**/*.long*.test.ts"];
  /** The same, of projects that look into all packages. */
  const longAnywhere = long.flatMap((name) => [name, `packages/*/${name}`]);
  return {
    test: {
      passWithNoTests: true,
      sequence: { sequencer: LongestFirst },
      maxWorkers: Math.max(3, availableParallelism() - 1), // on two cores, too: many tests wait for pages and processes
      projects: [
        ...readdirSync(new URL("packages", import.meta.url)).map((name) => ({
          test: {
            name,
            root: `packages/${name}`,
            include: ["test/**/*.test.ts"],
            exclude: [inPage, alone, ...long],
            ...together,
          },
        })),
        {
          test: {
            name: "house",
            include: ["test/**/*.test.ts"],
            exclude: ["test/packages.test.ts", inPage, alone, ...long],
            ...together,
          },
        },
        {
          test: {
            name: "alone",
            include: [`packages/*/${alone}`, alone],
            exclude: longAnywhere,
            testTimeout,
          },
        },
        {
          test: {
            name: "packed", // packs and installs every package: minutes, so not part of `npm test`
            include: ["test/packages.test.ts"],
            testTimeout: 300_000,
            hookTimeout: 300_000,
          },
        },
        ...("folder" in driver
          ? [
              {
                server: { headers },
                test: {
                  name: "page",
                  include: [`packages/*/${inPage}`, inPage],
                  exclude: longAnywhere,
                  testTimeout,
                  browser: {
                    enabled: true,
                    headless: true,
                    screenshotFailures: false,
                    instances: [{ browser: "chromium" as const }],
                    provider: playwright({ launchOptions: launchOptions(driver.folder) }),
                  },
                },
              },
            ]
          : []),
      ],
    },
  };
});
