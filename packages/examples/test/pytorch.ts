// PyTorch as the judge: what it computes with the weights of a model, where this machine has it.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { save } from "@weft/nn";
import { temporaryFolder } from "./session.ts";

const python = "/usr/bin/python3";

/** Whether Python can import this module: `torch`, `torchvision`. Says so if it cannot. */
export function hasModule(name: string): boolean {
  try {
    execFileSync(python, ["-c", `import ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`\nSKIPPED: comparisons with PyTorch, because ${python} has no ${name}\n`);
    return false;
  }
}

/** Reads the file of safetensors in the first argument as `weights`; the second has `given`, as JSON. */
const beginning = `
import json, struct, sys
import numpy as np, torch
from torch import nn
torch.set_num_threads(1)
raw = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", raw[:8])[0]
kinds = {"F32": np.float32, "I64": np.int64, "I32": np.int32}
weights = {}
for name, entry in json.loads(raw[8:8 + size]).items():
    if name == "__metadata__": continue
    begin, end = (8 + size + at for at in entry["data_offsets"])
    array = np.frombuffer(raw[begin:end], kinds[entry["dtype"]]).reshape(entry["shape"])
    weights[name] = torch.from_numpy(array.copy())
given = {name: torch.tensor(x) for name, x in json.load(open(sys.argv[2])).items()}
`;

/** Runs a program of Python that calls \`say(tensor)\` once, and returns the numbers of that tensor. */
export async function pytorch(
  program: string,
  model: object,
  given: Readonly<Record<string, unknown>>,
): Promise<number[]> {
  const folder = temporaryFolder();
  const [weights, inputs] = [join(folder, "weights.safetensors"), join(folder, "given.json")];
  await save(weights, model);
  writeFileSync(inputs, JSON.stringify(given));
  const say = "def say(x): print(json.dumps(x.detach().double().flatten().tolist()))\n";
  const out = execFileSync(python, ["-c", beginning + say + program, weights, inputs], { encoding: "utf8" });
  return JSON.parse(out) as number[];
}
