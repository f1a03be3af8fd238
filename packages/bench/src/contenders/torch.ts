// PyTorch, if a Python that has it can be found: a process that runs torch-rows.py.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Command } from "../rival.ts";

/** The texts of the Python files, if the bundler has inlined them. */
declare const TORCH_ROWS: string | undefined;
declare const TORCH_NETWORKS: string | undefined;
declare const TORCH_PROGRAMS: string | undefined;

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
const rows = (): string => (typeof TORCH_ROWS === "string" ? TORCH_ROWS : read("torch-rows.py"));
const networks = (): string => (typeof TORCH_NETWORKS === "string" ? TORCH_NETWORKS : read("torch_networks.py"));
const programs = (): string => (typeof TORCH_PROGRAMS === "string" ? TORCH_PROGRAMS : read("torch-programs.py"));

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
  const args = ["-c", rows(), networks()];
  if (wanted === undefined) return { name: "torch", ...common, args };
  const { device, inputs, graph } = wanted;
  return {
    ...common,
    name: graph ? "torch-graph" : "torch",
    args: [...args, programs()],
    env: { ...common.env, WEFT_DEVICE: device, WEFT_INPUTS: inputs, ...(graph && { WEFT_MODE: "graph" }) },
  };
}
