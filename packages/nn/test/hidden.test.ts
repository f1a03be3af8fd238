// Parameters that a model hides in closures and #private fields would be missing from its file: `save` says so. Models
// that were only trained together with it are not part of it.
import { diff, param, state, training, type Param } from "@weft/autograd";
import { adam } from "@weft/optim";
import { openSync } from "@weft/conformance";
import { add, matmul, mul, relu, sum, type Operand, type Tensor } from "@weft/tensor";
import { expect, test, vi } from "vitest";
import { BatchNorm, Chain, fromBytes, layer, Linear, LSTM, ones, parameter, params, toBytes } from "../src/index.ts";

const backend = openSync({});
const { tensor } = backend;
const x = tensor([
  [1, 2],
  [3, 5],
]);

/** A step of training by hand. */
const learn = (f: () => Tensor): void => {
  const tape = diff(() => sum(f()));
  for (const p of tape.params) p.value = add(p.value, mul(tape.grad(p), -0.1));
};
const messageOf = (model: unknown): Promise<string> =>
  toBytes(model).then(
    () => "written",
    (error: Error) => `${error.name}: ${error.message}`,
  );

/** The warnings while `f` runs. */
async function warningsOf(f: () => Promise<unknown>): Promise<string[]> {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  try {
    await f();
    return warn.mock.calls.map(([text]) => String(text));
  } finally {
    warn.mockRestore();
  }
}

type Hiding = Record<string, () => readonly [model: unknown, call: (x: Operand) => Tensor, count: number]>;

/** Calls of layers are watched: what they use is known for certain. */
const watchedOnes: Hiding = {
  "a link of a chain": () => {
    const inner = Linear(2, 2);
    const model = Chain((x) => inner(x), relu, Linear(2, 1));
    return [model, model, 2];
  },
  "a chain in a chain": () => {
    const inner = [Linear(2, 2), Linear(2, 2)] as const;
    const model = Chain(
      Chain(relu, (x) => inner[1](inner[0](x))),
      Linear(2, 1),
    );
    return [{ model, more: [model] }, model, 4];
  },
  "a custom layer": () => {
    const bias = param(tensor([0, 0]));
    const self = layer("Mine", (x: Operand) => add(mul(x, self.weight), bias), {
      weight: parameter([2], ones()),
    });
    return [self, self, 1];
  },
};

/** The same for states, which are not differentiated. */
const hiddenStates: Hiding = {
  "a count in a link of a chain": () => {
    const calls = state(tensor(0));
    const model = Chain(Linear(2, 1), (x: Operand) => {
      calls.value = add(calls, 1);
      return mul(x, calls);
    });
    return [model, model, 1];
  },
  "moments of a normalization without weights": () => {
    const norm = BatchNorm(1, { affine: false });
    const model = Chain(Linear(2, 1), (x: Tensor) => norm(x));
    return [model, model, 3];
  },
  "a custom layer that reads it": () => {
    const scale = state(tensor(2));
    const self = layer("Mine", (x: Operand) => mul(mul(x, self.weight), scale.value), {
      weight: parameter([2], ones()),
    });
    return [self, self, 1];
  },
  "a custom layer that assigns it": () => {
    const last = state(tensor([[0, 0]]));
    const self = layer(
      "Mine",
      (x: Operand) => {
        const y = mul(x, self.weight);
        last.value = y;
        return y;
      },
      { weight: parameter([2], ones()) },
    );
    return [self, self, 1];
  },
};

/** Calls of these are not watched: what was on a tape with their parameters may be theirs. */
const unwatchedOnes: Hiding = {
  "a function with fields": () => {
    const [shown, inner] = [Linear(2, 2), Linear(2, 1)];
    const model = Object.assign((x: Operand) => inner(shown(x)), { shown });
    return [model, model, 2];
  },
  "a class with #private fields": () => {
    class Net {
      readonly #first = Linear(2, 3);
      readonly second = Linear(3, 1);
      call(x: Operand): Tensor {
        return this.second(this.#first(x));
      }
    }
    const net = new Net();
    return [net, (x) => net.call(x), 2];
  },
  "a class with a #private state": () => {
    class Net {
      readonly first = Linear(2, 1);
      readonly #norm = BatchNorm(1, { affine: false });
      call(x: Operand): Tensor {
        return this.#norm(this.first(x));
      }
    }
    const net = new Net();
    return [net, (x) => net.call(x), 3];
  },
  "an object whose function closes over a parameter": () => {
    const weight: Param = param(tensor([[1], [1]]));
    const first = Linear(2, 2);
    const model = { first, call: (x: Operand) => matmul(first(x), weight) };
    return [model, model.call, 1];
  },
};

test.each(Object.entries({ ...watchedOnes, ...hiddenStates }))("hidden in %s: an error", async (_, make) => {
  const [model, call, count] = make();
  for (let step = 0; step < 3; step++) learn(() => call(x));
  expect(await messageOf(model)).toMatch(
    new RegExp(
      `^StateError: toBytes: ${count} of the parameters and states that this model uses are not among its fields ` +
        "and would be lost: f32\\[",
    ),
  );
});

test.each(Object.entries(unwatchedOnes))("perhaps hidden in %s: a warning, once", async (_, make) => {
  const [model, call, count] = make();
  for (let step = 0; step < 3; step++) learn(() => call(x));
  const warnings = await warningsOf(async () => {
    for (let k = 0; k < 2; k++) expect(await messageOf(model)).toBe("written");
  });
  expect(warnings).toEqual([
    expect.stringMatching(
      new RegExp(
        "^Weft: toBytes: this model may use parameters or states that are not among its fields and are not written; " +
          `they were on a tape together with it: ([fi]32\\[[^\\]]*\\](, )?){${count}}\\. Closures`,
      ),
    ),
  ]);
});

test.each(Object.entries({ ...watchedOnes, ...hiddenStates }))(
  "hidden in %s: also where nothing was trained",
  async (name, make) => {
    const [model, call, count] = make();
    training(false, () => call(x));
    const used = (await messageOf(model)).match(/^StateError: toBytes: (\d+) of the parameters and states/)?.[1];
    // A normalization that is not training leaves its count alone.
    expect(Number(used)).toBe(name.includes("moments") ? count - 1 : count);
  },
);

test("calls that use as many boxes, but different ones, are noticed; found ones are not forgotten", async () => {
  const [weight, seen] = [param(tensor([1, 2])), state(tensor([0, 0]))];
  let way = 0;
  const model = layer(
    "Ways",
    (x: Operand): Tensor => (way === 0 ? mul(x, model.shown) : way === 1 ? mul(x, weight) : add(x, seen)),
    {
      shown: parameter([2], ones()),
    },
  );
  for (way of [0, 1, 2, 0]) model(x);
  expect(await messageOf(model)).toMatch(/: 2 of the parameters and states/);
});

test("what an optimizer keeps for a layer's parameters is not the layer's", async () => {
  const inner = Linear(2, 2);
  const model = layer(
    "Learner",
    (x: Operand) => {
      adam({ lr: 0.1 }).update(diff(() => sum(inner(x))));
      return inner(x);
    },
    { inner },
  );
  for (let step = 0; step < 2; step++) model(x);
  learn(() => model(x));
  expect(await messageOf(model)).toBe("written");
});

test("companions on a tape are the current ones, even where the last companion stayed the same", async () => {
  const [shown, last] = [Linear(2, 2), Linear(2, 2)];
  const others = [Linear(2, 2), Linear(2, 2)];
  const model = Object.assign((k: number) => last(others[k]!(shown(x))), { shown, last });
  learn(() => model(0));
  params(others[0]!); // now found as another model's
  learn(() => model(1));
  const warnings = await warningsOf(async () => expect(await messageOf(model)).toBe("written"));
  expect(warnings.length).toBe(1);
});

test("a model without visible parameters is an error that says why", async () => {
  const inner = Linear(2, 1);
  const model = (x: Operand) => inner(x);
  learn(() => model(x));
  expect(await messageOf(model)).toMatch(
    /^StateError: toBytes: this model has no parameters, or hides them in closures/,
  );
  expect(await messageOf({})).toMatch(/no parameters/);
});

test("fields are written, whatever else was on the tape", async () => {
  const build = () => Chain(Linear(2, 2), relu, (x) => mul(x, 2), Linear(2, 2));
  const [generator, discriminator] = [build(), build()];
  const temperature = param(tensor(1));
  for (let step = 0; step < 3; step++) {
    learn(() => mul(discriminator(generator(x)), temperature));
    learn(() => discriminator(x));
  }
  expect(await messageOf(generator)).toBe("written");
  expect(await messageOf(discriminator)).toBe("written");
  expect(await messageOf([generator, discriminator])).toBe("written");
  expect(await messageOf(generator[0])).toBe("written");
  const parts = { encoder: generator, decoder: discriminator };
  expect(await messageOf(parts)).toBe("written");
});

class Net {
  readonly inner = Linear(2, 2);
  call(x: Operand): Tensor {
    return this.inner(x);
  }
}

test("classes trained together are each written by itself", async () => {
  const [encoder, decoder] = [new Net(), new Net()];
  learn(() => decoder.call(encoder.call(x)));
  const warnings = await warningsOf(async () => {
    for (const net of [encoder, decoder]) {
      const copy = new Net();
      const bytes = await toBytes(net);
      expect(await toBytes(fromBytes(bytes, copy))).toEqual(bytes);
    }
  });
  // A warning for the first; after that its parameters are known to be its own.
  expect(warnings).toEqual([expect.stringContaining("this model may use parameters or states")]);
});

test("so are plain functions, and a class next to a watched chain", async () => {
  const [first, second, third] = [Linear(2, 2), Linear(2, 2), Chain(Linear(2, 2), relu)];
  const encoder = Object.assign((x: Operand) => first(x), { first });
  const decoder = Object.assign((x: Operand) => second(x), { second });
  const net = new Net();
  learn(() => third(net.call(decoder(encoder(x)))));
  await warningsOf(async () => {
    for (const model of [encoder, decoder, net, third]) expect(await messageOf(model)).toBe("written");
  });
});

test("models whose parameters were found elsewhere are written without a warning", async () => {
  const [a, b] = [new Net(), new Net()];
  learn(() => b.call(a.call(x)));
  params(b);
  const warnings = await warningsOf(async () => {
    for (const net of [a, b]) expect(await messageOf(net)).toBe("written");
  });
  expect(warnings).toEqual([]);
});

test("a layer's arguments are not its own, nor is what was taken from it later", async () => {
  const rnn = LSTM({ in: 2, hidden: 2 });
  const [input, h] = [param(tensor([[[1, 2]]])), param(tensor([[[0, 0]]]))];
  learn(() => rnn(input, { h }));
  expect(await messageOf(rnn)).toBe("written");

  const head: { aux: unknown } & ((x: Operand) => Tensor) = layer(
    "Head",
    (x: Operand) => add((head.aux as ((x: Operand) => Tensor) | null)?.(x) ?? x, x),
    { aux: Linear(2, 2) as unknown, kept: Linear(2, 2) },
  );
  learn(() => head(x));
  head.aux = null;
  expect(await messageOf(head)).toBe("written");
});

test("states that are fields or arguments, or were saved with another model, are not hidden", async () => {
  const norm = BatchNorm(2);
  const model = Chain(Linear(2, 2), norm);
  learn(() => model(x));
  expect(await messageOf(model)).toBe("written");
  const h = state(tensor([[0, 0]]));
  const cell = layer("Cell", (x: Operand, h: { value: Tensor }) => (h.value = add(x, h.value)), { norm });
  learn(() => norm(cell(x, h)));
  expect(await messageOf(cell)).toBe("written");
  const outer = Chain(Linear(2, 2), (x: Tensor) => norm(x));
  learn(() => outer(x));
  expect(await messageOf(outer)).toBe("written");
});

test("what a function among the arguments uses is not the layer's own", async () => {
  const [body, critic] = [Linear(2, 2), Linear(2, 1)];
  class Critic {
    readonly #inner = critic;
    call(x: Operand): Tensor {
      return this.#inner(x);
    }
  }
  const gen = layer("Gen", (x: Operand, loss: (x: Tensor) => Tensor) => loss(body(x)), { body });
  const judged = layer("Judged", (x: Operand, by: { critic: Critic }) => by.critic.call(body(x)), { body });
  for (let step = 0; step < 3; step++) {
    learn(() => gen(x, (y) => critic(y)));
    learn(() => judged(x, { critic: new Critic() }));
  }
  for (const model of [gen, judged, { gen, critic }]) expect(await messageOf(model)).toBe("written");
});

test("a backbone in a closure that was loaded by itself is not hidden", async () => {
  const backbone = fromBytes(await toBytes(Linear(2, 2)), Linear(2, 2));
  const model = Chain((x) => backbone(x), Linear(2, 1));
  learn(() => model(x));
  expect(await messageOf(model)).toBe("written");
});

test("calls that use a varying number of parameters are noticed", async () => {
  const [first, second, inner] = [Linear(2, 2), Linear(2, 2), Linear(2, 2)];
  let way = 0;
  const model = layer("Ways", (x: Operand) => (way === 0 ? first(x) : way === 1 ? second(first(x)) : inner(first(x))), {
    first,
    second,
  });
  for (way of [0, 1, 0, 1]) learn(() => model(x));
  expect(await messageOf(model)).toBe("written");
});
