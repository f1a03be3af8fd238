// What runs nowhere here, workflows and containers, calls scripts that there are, and names no registry.
import { expect, test } from "vitest";
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
