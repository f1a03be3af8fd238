"""Makes src/golden/functions/*.json: values and gradients of Weft's functions as PyTorch computes them in float64.

    python3 packages/conformance/golden/make.py            all files (PyTorch 1.13)
    python3 packages/conformance/golden/make.py shape      one of them

The tables are in the other files of this folder, a case per line. The numbers of a case depend on the name of its
function and its place among the cases of that function, so that further functions change nothing.
"""

import importlib
import json
import math
import sys
from collections import Counter
from pathlib import Path

import torch
from case import Input, floats

HERE = Path(__file__).parent
TARGET = HERE.parent / "src" / "golden" / "functions"
NAMES = {torch.float64: "f32", torch.int64: "i32", torch.int32: "i32", torch.bool: "bool"}


def number(x):
    """Nine digits; what JSON lacks is a string."""
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    short = float(f"{x:.9g}")
    return int(short) if short.is_integer() and abs(short) < 1e9 and str(short) != "-0.0" else short


def stored(x):
    data = x.detach().reshape(-1).tolist()
    return {"shape": list(x.shape), "dtype": NAMES[x.dtype], "data": [number(value) for value in data]}


def answer(case, name):
    inputs = [x.tensor(f"{name} {i}") for i, x in enumerate(case.inputs)]
    tensors = {key: x.tensor(f"{name} {key}") for key, x in case.attrs.items() if isinstance(x, Input)}
    if case.gradient:
        inputs = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
    outputs = case.call(*inputs, **tensors)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    seeds = [
        floats(*y.shape).tensor(f"{name} seed {i}") if y.requires_grad else None for i, y in enumerate(outputs)
    ]
    asked = [x for x in inputs if x.requires_grad]
    seeded = [y for y in outputs if y.requires_grad]
    found = iter(())
    if asked and seeded:
        found = iter(torch.autograd.grad(seeded, asked, [g for g in seeds if g is not None], allow_unused=True))
    gradients = [next(found, None) if x.requires_grad else None for x in inputs]
    optional = lambda x: None if x is None else stored(x)
    return {
        "name": name,
        "op": case.op,
        "attrs": {key: stored(tensors[key]) if key in tensors else x for key, x in case.attrs.items()},
        "inputs": [stored(x) for x in inputs],
        "outputs": [stored(y) for y in outputs],
        "gradOutputs": [optional(g) for g in seeds],
        "gradInputs": [optional(g) for g in gradients],
    }


def make(family):
    places = Counter()
    lines = []
    for case in importlib.import_module(family).cases:
        name = f"{case.op}#{places[case.op]}"
        places[case.op] += 1
        try:
            lines.append(json.dumps(answer(case, name), separators=(",", ":")))
        except Exception as error:
            raise RuntimeError(f"{family}: {name}") from error
    (TARGET / f"{family}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{family}: {len(lines)} cases of {len(places)} functions")


every = sorted(file.stem for file in HERE.glob("*.py") if file.stem not in ("case", "make"))
TARGET.mkdir(exist_ok=True)
for family in sys.argv[1:] or every:
    make(family)
