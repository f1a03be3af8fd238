// What runs nowhere here, workflows and containers, calls scripts that there are, and names no registry; a document has the
// budgets of bundles.
import { basename } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { files, read } from "./source-graph.ts";

const outside = [...files(".github/**/*.{yml,md}"), ...files(".devcontainer/*.json"), "Dockerfile"];
const { scripts, packageManager } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  packageManager: string;
};

test("there are workflows, forms, a Dockerfile and a dev container", () => {
  expect(outside.length).toBeGreaterThanOrEqual(9);
});

test.each(outside)("%s calls scripts that there are", (file) => {
  const text = read(file);
  const called = [
    ...text.matchAll(/\bnpm (?:run )?(start|test|(?<=run )[\w:-]+)|\bpnpm(?:@[\d.]+)? (?:run )?([\w:-]+)/g),
  ];
  const own = ["exec", "install", "-r"]; // commands of pnpm
  const names = called.map(([, npm, pnpm]) => npm ?? pnpm!).filter((name) => !own.includes(name));
  expect(names.filter((name) => !(name in scripts))).toEqual([]);
  for (const [manager] of text.matchAll(/\bpnpm@[\d.]+/g)) expect(manager).toBe(packageManager);
  expect(text).not.toMatch(/registry\.|registry-url|npmjs|ghcr|docker\.io|mcr\./i);
});

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Job {
  readonly "runs-on"?: string;
  readonly uses?: string;
  readonly needs?: string;
  readonly steps?: readonly { readonly run?: string; readonly uses?: string }[];
}

const workflows = new Map(
  files(".github/workflows/*.yml").map((file) => [basename(file), parse(read(file)) as Workflow]),
);

test.each([...workflows])("the jobs of %s have steps on a system, or are those of another workflow", (_, { jobs }) => {
  for (const [name, job] of Object.entries(jobs)) {
    if (job.needs !== undefined) expect(Object.keys(jobs), name).toContain(job.needs);
    if (job.uses === undefined) {
      expect(job["runs-on"], name).toMatch(/-latest$|^\$\{\{ matrix\.os \}\}$/);
      for (const step of job.steps ?? []) expect([typeof step.run, typeof step.uses].toSorted()).toEqual(["string", "undefined"]); // prettier-ignore
      expect(job.steps?.[0]?.uses, name).toMatch(/^actions\/checkout@/);
    } else expect(workflows.get(basename(job.uses))?.on, name).toHaveProperty("workflow_call");
  }
});

test("an action of somebody else is pinned to a commit, since a tag can move", () => {
  const steps = [...workflows.values()].flatMap(({ jobs }) => Object.values(jobs).flatMap((job) => job.steps ?? []));
  const others = steps.flatMap(({ uses }) => (uses === undefined || uses.startsWith("actions/") ? [] : [uses]));
  expect(others.length).toBeGreaterThan(0);
  expect(others.filter((action) => !/@[0-9a-f]{40}$/.test(action))).toEqual([]);
});

test("a release waits for the tests", () => {
  const { tests, release } = workflows.get("release.yml")!.jobs;
  expect([tests?.uses, release?.needs]).toEqual(["./.github/workflows/test.yml", "tests"]);
});

test("the commands of the containers are those of the README", () => {
  const readme = read("README.md") + read("CONTRIBUTING.md");
  const commands = ["Dockerfile", ".devcontainer/devcontainer.json"].flatMap((file) =>
    [
      ...read(file)
        .replaceAll(/", "/g, " ")
        .matchAll(/\bnpm (?:run )?[a-z]+/g),
    ].map(([command]) => command),
  );
  expect(new Set(commands)).toContain("npm start");
  const undocumented = commands.filter((command) => !readme.includes(command) && command !== "npm run setup");
  expect(undocumented).toEqual([]);
  const ofDocker = [...read("Dockerfile").matchAll(/^# +(docker .*?)(?: {2,}.*)?$/gm)].map(([, command]) => command!);
  expect(ofDocker).toHaveLength(3);
  expect(ofDocker.filter((command) => !readme.includes(command))).toEqual([]);
});

test("an image has nothing that git ignores", () => {
  const lines = (file: string): string[] =>
    read(file)
      .split("\n")
      .filter((line) => line !== "");
  const bare = (line: string): string => line.replace(/^(?:\*\*)?\//, "").replace(/\/$/, "");
  const left = lines(".dockerignore").map(bare);
  expect(
    lines(".gitignore")
      .map(bare)
      .filter((name) => !left.includes(name)),
  ).toEqual([]);
});

test("docs/benchmarks.md has the limits of what a bundle may take", () => {
  const limits = JSON.parse(read(".size-limit.json")) as readonly { readonly limit: string }[];
  const [, sizes] = read("docs/benchmarks.md").split("\n## Sizes\n");
  const stated = [...sizes!.matchAll(/[\d.]+ kB/g)].map(([size]) => size);
  expect(stated.slice(0, limits.length)).toEqual(limits.map(({ limit }) => limit));
});
