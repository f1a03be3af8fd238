// PyTorch's side of the programs: with Weft's weights it has the loss that Weft has, of the case that Weft reads first.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isValues, measurements, started, stepsOf, type Learner } from "@weft/examples/internals";
import { crossEntropy, params, save, training } from "@weft/nn";
import { resnet50 } from "@weft/nn/models";
import { scope, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { describe, expect, onTestFinished, test } from "vitest";
import { pythonWithTorch } from "../src/contenders/torch.ts";
import { writeInputs } from "../src/rows/inputs.ts";
import { programs } from "../src/rows/programs.ts";
import { tasks } from "../src/rows/tasks.ts";

const python = pythonWithTorch(undefined);
const has = (name: string): boolean => spawnSync(python, ["-c", `import ${name}`]).status === 0;
const without = has("torch") ? undefined : `${python} has no PyTorch`;

/** The folders of real data that rows need. */
const sets = {
  linreg: "housing",
  softmax: "mnist",
  mlp: "mnist",
  lenet: "mnist",
  charlm: "gutenberg",
  rnnlm: "ptb",
  tagger: "wikiner",
  "tagger-chars": "wikiner",
  treenn: "sst",
  vgg: "cifar10",
  gru: "imdb",
} as const;

const folderOfPython = fileURLToPath(new URL("../src/pytorch", import.meta.url));
const check = `
import json, struct, sys
import torch, programs
torch.set_num_threads(1)
program = programs.PROGRAMS[sys.argv[1]]()
found = {"parameters": sum(x.numel() for x in program.model.parameters() if x.requires_grad)}
if len(sys.argv) > 2:
    raw = open(sys.argv[2], "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    state = {name: torch.zeros_like(x) for name, x in program.model.state_dict().items()} # PyTorch's second biases
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__": continue
        begin, end = (8 + size + at for at in entry["data_offsets"])
        state[name] = torch.frombuffer(bytearray(raw[begin:end]), dtype=torch.float32).view(state[name].shape)
    program.model.load_state_dict(state)
    program.model.eval() # without dropout
    case = program.cases[0]
    program.before(case)
    found["loss"] = program.loss_of(*program.read(case)).item()
    found["size"] = program.size(case)
print(json.dumps(found))
`;
const asked = (folder: string, ...args: string[]) =>
  JSON.parse(
    execFileSync(python, ["-B", "-c", check, ...args], {
      encoding: "utf8",
      env: { ...process.env, PYTHONPATH: folderOfPython, WEFT_INPUTS: folder, WEFT_DEVICE: "cpu" },
    }),
  ) as { readonly parameters: number; readonly loss: number; readonly size: number };

const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const sizeOf = (model: object): number =>
  params(model).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);

/** The loss of the first step; without dropout, where the network has some. */
async function firstLoss(row: string, learner: Learner): Promise<number> {
  if (row === "vgg") {
    const { model, state } = learner as Learner & {
      readonly model: (x: Tensor) => Tensor;
      readonly state: { readonly batches: Iterable<readonly [Tensor, Tensor]> };
    };
    for (const [x, y] of state.batches)
      return scope(() => training(false, () => crossEntropy(model(x), y)).item()); // prettier-ignore
  }
  const { value: step } = await stepsOf(learner).next();
  if (isValues(step)) throw new Error(`a step of ${row} has no single loss`);
  return Number(typeof step === "object" ? await step.item() : step);
}

/** How many more PyTorch learns: its LSTM has two biases a gate, Weft's has one in these programs. */
const more: Readonly<Record<string, number>> = { charlm: 4 * 256, rnnlm: 4 * 256 };

describe("PyTorch's side", () => {
  test("every program has a row there", ({ skip }) => {
    skip(without !== undefined, without);
    expect(programs.map(({ line }) => line).toSorted()).toEqual([...Object.keys(sets), "resnet50"].toSorted());
    const text = readFileSync(join(folderOfPython, "programs.py"), "utf8");
    for (const { line, per } of programs) expect(text).toContain(`program("${line}", ${per})`);
  });

  test.for(Object.keys(sets) as (keyof typeof sets)[])(
    "%s has Weft's parameters, first case and loss",
    async (row, { skip }) => {
      skip(without !== undefined, without);
      const data = process.env["WEFT_DATA"];
      const there = data !== undefined && existsSync(join(data, sets[row]));
      skip(!there, `WEFT_DATA has no ${sets[row]}`);
      const folder = temporaryFolder();
      await writeInputs(folder, [row]);
      const learner = await started(row, "cpu");
      const [model, weights] = [learner.model!, join(folder, "weights.safetensors")];
      await save(weights, model);
      const size = sizeOf(model);
      const loss = await firstLoss(row, learner);
      const found = asked(folder, row, weights);
      expect(found.parameters).toBe(size + (more[row] ?? 0));
      expect(Math.abs(found.loss / loss - 1)).toBeLessThan(1e-4);
      expect(measurements[row]!.steps === undefined ? learner.counted!.soFar() : 1).toBe(found.size);
    },
  );

  test("every row that is trained has Weft's parameters there", ({ skip }) => {
    skip(without !== undefined, without);
    const backend = openSync({ threads: 1 });
    const ours = tasks.map(({ name, made }) => [name, sizeOf(made(backend).model)]);
    const count = "{name: sum(x.numel() for x in build().parameters()) for name, (build, *_) in TASKS.items()}";
    const program = `import json; from tasks import TASKS; print(json.dumps(${count}))`;
    const env = { ...process.env, PYTHONPATH: folderOfPython };
    const theirs = JSON.parse(execFileSync(python, ["-B", "-c", program], { encoding: "utf8", env })) as Record<
      string,
      number
    >;
    const { "charlm-adam-cell": ofCells, ...others } = theirs;
    expect(others).toEqual(Object.fromEntries(ours));
    expect(ofCells).toBe(theirs["charlm-adam"]);
  });

  test("every optimizer is asked for its fused form, and in a graph for the one that can be captured", ({ skip }) => {
    skip(without !== undefined, without);
    const program = `
import json, torch
asked = {}
def kind(name, captures):
    if captures:
        def make(parameters, lr, fused=None, capturable=False, **rest): asked[name] = [fused, capturable]
    else:
        def make(parameters, lr, momentum=0.0, fused=None): asked[name] = [fused, None]
    setattr(torch.optim, name, make)
for name in ("Adam", "AdamW"): kind(name, True)
kind("SGD", False)
import optimizers
for rule in optimizers.rules(capturable=True).values(): rule([torch.zeros(1)])
print(json.dumps(asked))`;
    const env = { ...process.env, PYTHONPATH: folderOfPython };
    expect(JSON.parse(execFileSync(python, ["-B", "-c", program], { encoding: "utf8", env }))).toEqual({
      Adam: [true, true],
      AdamW: [true, true],
      SGD: [true, null],
    });
  });

  test("resnet50 has Weft's parameters", async ({ skip }) => {
    skip(without !== undefined, without);
    skip(!has("torchvision"), `${python} has no torchvision`);
    const folder = temporaryFolder();
    await writeInputs(folder, ["resnet50"]);
    const { fc, ...network } = resnet50();
    expect(sizeOf(fc)).toBe(2048 * 1000 + 1000);
    expect(asked(folder, "resnet50").parameters).toBe(sizeOf(network));
  });
});
