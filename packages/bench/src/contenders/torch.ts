// PyTorch, if a Python that has it can be found: a process that runs rows.py of the folder pytorch.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "../rival.ts";

/** The texts of the Python files by name, if the bundler has inlined them. */
declare const PYTHON: Readonly<Record<string, string>> | undefined;

/** The folder of the Python files, which import each other: in a bundle a temporary one. */
function pythonFolder(): string {
  if (typeof PYTHON === "undefined") return fileURLToPath(new URL("../pytorch", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "weft-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(PYTHON)) writeFileSync(join(folder, name), text);
  return folder;
}

/** What runs one of them, with arguments: Python writes no caches beside its files. */
let folder: string | undefined;
export const pythonProgram = (name: string, ...args: string[]): string[] => [
  "-B",
  join((folder ??= pythonFolder()), name),
  ...args,
];

const hasTorch = (python: string): boolean =>
  spawnSync(python, ["-c", "import importlib.util as u; exit(u.find_spec('torch') is None)"]).status === 0;

/** The given Python, or the first that has PyTorch. */
export function pythonWithTorch(named: string | undefined): string {
  const candidates = named === undefined ? ["python3", "/usr/bin/python3"] : [named];
  return candidates.find(hasTorch) ?? candidates[0]!;
}

/**
 * So many threads, and without settings meant for another program's OpenBLAS (OPENBLAS_CORETYPE and the like can halve
 * its speed). `settings` take precedence.
 */
function environment(threads: number, settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OPENBLAS_")));
  const n = String(threads);
  return { ...env, OMP_NUM_THREADS: n, OPENBLAS_NUM_THREADS: n, MKL_NUM_THREADS: n, WEFT_THREADS: n, ...settings };
}

/** The programs of the published tables: on which device, the folder with their data, and whether steps are graphs. */
export interface TorchPrograms {
  readonly device: "cpu" | "cuda";
  readonly inputs: string;
  readonly graph: boolean;
}

export function torch(
  python: string | undefined,
  threads: number,
  settings: Readonly<Record<string, string>>,
  wanted?: TorchPrograms,
): Command {
  const common = { program: pythonWithTorch(python), env: environment(threads, settings) };
  const args = pythonProgram("rows.py");
  if (wanted === undefined) return { name: "torch", ...common, args };
  const { device, inputs, graph } = wanted;
  return {
    ...common,
    name: graph ? "torch-graph" : "torch",
    args,
    env: { ...common.env, WEFT_DEVICE: device, WEFT_INPUTS: inputs, ...(graph && { WEFT_MODE: "graph" }) },
  };
}
