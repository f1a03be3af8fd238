// The planner: small programs in, launches out.
import {
  abs,
  add,
  applyFused,
  broadcastTo,
  cast,
  concat,
  cos,
  div,
  elementwiseOp,
  exp,
  flip,
  matmul,
  mul,
  neg,
  pad,
  relu,
  reshape,
  sin,
  slice,
  sqrt,
  sum,
  transpose,
  type FusedOp,
  type Tensor,
} from "@weft/tensor";
import { showPlan, type CallTraits, type Plan } from "@weft/kernel";
import { describe, expect, test } from "vitest";
import { touched } from "../src/plan/plan.ts";
import { outline, planOf, type Program, type PlannedOptions } from "./planned.ts";

const launches = (program: Program, options?: PlannedOptions): string[][] => outline(planOf(program, options));
/** What is launched and where it reads and writes, without the code of kernels. */
const placesOf = (program: Program, options?: PlannedOptions): string[] =>
  showPlan(planOf(program, options))
    .split("\n")
    .filter((line) => !/^ *(kernel|v\d+:|x\d+ =|level)/.test(line))
    .map((line) => line.trim());
const reads = ({ slots, levels }: Plan): number => {
  let n = 0;
  for (const launch of levels.flat())
    touched(launch, (slot, write) => (n += write || slots[slot]!.kind !== "leaf" ? 0 : 1));
  return n;
};

describe("what is evaluated inside its reader", () => {
  test("a tree of maps is one launch, which reads each value once", () => {
    const plan = planOf((leaf) => {
      const [x, y] = [leaf(4, 3), leaf(4, 3)];
      return add(mul(x, y), mul(sqrt(x), 2));
    });
    expect(outline(plan)).toEqual([["add"]]);
    expect(reads(plan)).toBe(2);
  });

  test("so is what a reduction reads", () => {
    expect(launches((leaf) => sum(mul(leaf(4, 3), 2), { axis: 1 }))).toEqual([["sum"]]);
  });

  test("what two read is computed once", () => {
    const text = showPlan(
      planOf((leaf) => {
        const y = sqrt(leaf(8));
        return [neg(y), abs(y)];
      }),
    );
    expect(text.match(/sqrt\(/g)).toHaveLength(1);
  });

  test("what is kept is written, and read where it is computed", () => {
    expect(
      launches((leaf) => {
        const y = sqrt(leaf(8));
        return [y, neg(y)];
      }),
    ).toEqual([["sqrt+neg"]]);
  });

  test("what is seen from another place is read from memory", () => {
    expect(launches((leaf) => neg(flip(sqrt(leaf(8)))))).toEqual([["sqrt"], ["neg"]]);
    expect(launches((leaf) => add(leaf(4, 8), sqrt(leaf(8))))).toEqual([["sqrt"], ["add"]]);
  });

  test("what is rounded when it is stored is read as it was stored", () => {
    expect(launches((leaf) => neg(cast(cast(leaf(8), "u8"), "f32")))).toEqual([["cast"], ["neg"]]);
  });

  test("a long chain is cut", () => {
    const long = launches((leaf) => {
      let y = leaf(8);
      for (let i = 0; i < 200; i++) y = sin(y);
      return y;
    });
    expect(long.length).toBeGreaterThan(2);
    expect(long.length).toBeLessThan(10);
  });

  test("a formula counts as its operations, and yet is merged with its neighbors", () => {
    const formula = (name: string, operations: number): FusedOp<undefined> =>
      elementwiseOp(
        name,
        (k, x) => Array.from({ length: operations }).reduce<typeof x>((y) => k.mul(y!, k.constant(2)), x)!,
        () => [],
      );
    const chain = (op: FusedOp<undefined>, n: number) => (leaf: (...shape: number[]) => Tensor) => {
      let y = leaf(8);
      for (let i = 0; i < n; i++) y = applyFused(op, [y], undefined)[0]!;
      return y;
    };
    const names = (list: string[][]): number[] => list.map(([text]) => text!.split("+").length);
    // One operation counts as one: as a chain of primitives.
    const primitives = launches((leaf) => {
      let y = leaf(8);
      for (let i = 0; i < 100; i++) y = sin(y);
      return y;
    });
    expect(names(launches(chain(formula("one", 1), 100)))).toEqual(names(primitives));
    expect(launches(chain(formula("four", 4), 100)).length).toBe(8); // at most 64 operations in each
    expect(launches(chain(formula("many", 45), 24)).length).toBe(4);
    const many = formula("many", 45);
    const use = (x: Tensor): Tensor => mul(applyFused(many, [mul(x, 0.5)], undefined)[0]!, 2);
    expect(launches((leaf) => use(leaf(8)))).toEqual([["mul"]]);
    expect(launches((leaf) => sum(mul(use(leaf(8)), use(leaf(8)))))).toEqual([["sum"]]);
  });

  test("an expression of the index needs no launch and no memory, unless it is kept", () => {
    const plan = planOf((leaf) => {
      const { backend } = leaf(1);
      return add(leaf(8), broadcastTo(backend.run("full", [2], { shape: [], dtype: "f32" }, [], "f32"), [8]));
    });
    expect(outline(plan)).toEqual([["add"]]);
    expect(plan.slots.map((s) => s.kind)).toEqual(["leaf", "output"]);
    expect(
      launches((leaf) => leaf(1).backend.run("iota", [], { shape: [8], axis: 0, dtype: "i32" }, [8], "i32")),
    ).toEqual([["cast"]]);
  });
});

describe("side by side", () => {
  test("maps that read one value, over one index space", () => {
    expect(
      launches((leaf) => {
        const x = leaf(8);
        return [sin(x), cos(x)];
      }),
    ).toEqual([["sin+cos"]]);
  });

  test("not over another index space", () => {
    expect(
      launches((leaf) => {
        const x = leaf(8);
        return [sin(x), cos(reshape(x, [2, 4]))];
      }),
    ).toEqual([["sin", "cos"]]);
  });

  test("not where one waits for what the other comes before", () => {
    expect(
      launches((leaf) => {
        const y = exp(leaf(4, 3));
        return div(y, sum(y, { axis: 1, keepDims: true }));
      }),
    ).toEqual([["exp"], ["sum"], ["div"]]);
  });

  test("no more than sixteen that read one operand: pieces of any number take few different kernels", () => {
    const cut = (n: number) =>
      launches((leaf) => {
        const x = matmul(leaf(n, 3), leaf(3, 8));
        return Array.from({ length: n }, (_, i) => sin(slice(x, { starts: [i], ends: [i + 1] })));
      })[1]!.map((names) => names.split("+").length);
    expect(cut(7)).toEqual([7]);
    expect(cut(41)).toEqual([16, 16, 9]);
  });

  test("no more than a launch may read", () => {
    const many = launches((leaf) => {
      const x = leaf(8);
      return Array.from({ length: 40 }, () => add(x, leaf(8)));
    });
    expect(many).toHaveLength(1);
    expect(many[0]!.length).toBe(4);
  });
});

describe("epilogues", () => {
  const layer: Program = (leaf) => relu(add(matmul(leaf(4, 3), leaf(3, 8)), leaf(8)));
  const traits = { matmul: { epilogue: true } };

  test("maps on the result of a call run with it, and write where it wrote", () => {
    expect(launches(layer, { traits })).toEqual([["matmul, then relu"]]);
    expect(placesOf(layer, { traits })[0]).toBe("call matmul: output4 [4, 8] from leaf0 [4, 3] and leaf1 [3, 8]");
  });

  test("only where the call can", () => {
    expect(launches(layer)).toEqual([["matmul"], ["relu"]]);
  });

  test("a result that is kept has memory of its own", () => {
    const plan = planOf(
      (leaf) => {
        const y = matmul(leaf(4, 3), leaf(3, 8));
        return [y, relu(y)];
      },
      { traits },
    );
    expect(outline(plan)).toEqual([["matmul, then relu"]]);
    expect(plan.kept).toHaveLength(2);
  });

  test("none that sees the result from another place", () => {
    expect(launches((leaf) => add(matmul(leaf(4, 4), leaf(4, 4)), transpose(matmul(leaf(4, 4), leaf(4, 4)))), { traits }))
      .toEqual([["matmul", "matmul"], ["add"]]); // prettier-ignore
  });

  test("reductions have them, too, where the backend says so", () => {
    const program: Program = (leaf) => sqrt(sum(leaf(4, 3), { axis: 1 }));
    expect(launches(program)).toEqual([["sum"], ["sqrt"]]);
    expect(launches(program, { reductionEpilogues: true })).toEqual([["sum, then sqrt"]]);
  });
});

describe("several results of a call", () => {
  const pairOp: FusedOp = {
    name: "pair",
    infer: ([x]) => [x as Tensor, { shape: (x as Tensor).shape, dtype: "i32" }],
    fallback: ([x]) => [x as Tensor, cast(x!, "i32")],
  };
  const pair = (x: Tensor): readonly Tensor[] => applyFused(pairOp, [x], {});
  const traits = { pair: { epilogue: true } };

  test("each has memory of its own, and none an epilogue; what reads them stands side by side", () => {
    const program: Program = (leaf) => {
      const [a, b] = pair(leaf(8));
      return [neg(a!), cast(b!, "f32")];
    };
    expect(placesOf(program, { traits })).toEqual([
      "call pair: arena1 [8] and arena2 [8] from leaf0 [8]",
      "neg+cast over 8: x0 = arena1, x1 = output3, x2 = arena2, x3 = output4",
    ]);
  });

  test("one that nobody needs is written, too", () => {
    expect(placesOf((leaf) => pair(leaf(8))[1]!, { traits })).toEqual([
      "call pair: arena1 [8] and output2 [8] from leaf0 [8]",
    ]);
  });
});

describe("joins and pads", () => {
  test("maps write into their part; what lies in memory is copied in", () => {
    expect(
      placesOf((leaf) => {
        const x = leaf(2, 3);
        return concat([sin(x), cos(x), x]);
      }),
    ).toEqual(["sin+cos+cast over 6: x0 = leaf0, x1 = output1, x2 = output1+24, x3 = output1+48"]);
  });

  test("other readers see a part where it lies, if it lies there in order", () => {
    const program =
      (axis: number): Program =>
      (leaf) => {
        const y = sin(leaf(2, 3));
        return [concat([y, leaf(2, 3)], { axis }), sum(y)];
      };
    expect(placesOf(program(0))).toContain("sum over 6: x0 = output2, x1 = output3");
    expect(planOf(program(0)).slots.filter((s) => s.kind === "arena")).toEqual([]);
    expect(planOf(program(1)).slots.filter((s) => s.kind === "arena")).toHaveLength(1);
  });

  test("a value that is in two joins, or twice in one, is copied for the second", () => {
    const twice = launches((leaf) => {
      const y = sin(leaf(2, 3));
      return concat([y, y]);
    });
    expect(twice.flat().join()).toMatch(/sin.*cast/);
  });

  test("a pad is filled before its operand is written", () => {
    expect(launches((leaf) => pad(leaf(2, 3), { pads: [[1, 1], [0, 0]] }))).toEqual([["fill"], ["cast"]]); // prettier-ignore
  });
});

describe("views", () => {
  test("movement costs nothing", () => {
    expect(launches((leaf) => neg(flip(transpose(slice(leaf(4, 6), { starts: [1, 2] })))))).toEqual([["neg"]]);
  });

  test("what strides cannot say is copied", () => {
    expect(launches((leaf) => reshape(transpose(neg(leaf(4, 6))), [24]))).toEqual([["neg"], ["cast"]]);
  });

  test("a call gets a layout that it takes, or a copy", () => {
    const program: Program = (leaf) =>
      matmul(
        leaf(4, 2),
        slice(leaf(4, 5), { starts: [0, 1] })
          .reshape([4, 4])
          .slice({ ends: [2] }),
      );
    const traits: Record<string, CallTraits> = { matmul: { accepts: () => true } };
    expect(launches(program)).toEqual([["cast"], ["matmul"]]);
    expect(launches(program, { traits })).toEqual([["matmul"]]);
  });
});

describe("updates in place", () => {
  test("a result takes the place of what the launch is the last to read, element by element", () => {
    const donations = (program: Program): number => planOf(program).donations.length;
    expect(donations((leaf) => neg(leaf(8)))).toBe(1);
    expect(donations((leaf) => neg(flip(leaf(8))))).toBe(0);
    expect(donations((leaf) => neg(leaf(1)).broadcastTo([8]).add(leaf(8)))).toBe(1);
    expect(
      donations((leaf) => {
        const x = leaf(4, 4);
        return matmul(neg(x), x);
      }),
    ).toBe(0);
  });
});

describe("chains", () => {
  const byRows: CallTraits = { epilogue: true, rowwise: ({ outs: [out] }) => ({ rows: out.shape[0]!, local: [0] }) };
  const mlp: Program = (leaf) => matmul(relu(matmul(leaf(4, 3), leaf(3, 8))), leaf(8, 2));

  test("launches of which each needs its own row of the one before are one", () => {
    expect(launches(mlp, { traits: { matmul: byRows }, chains: true })).toEqual([
      ["4 rows of matmul, then relu | matmul"],
    ]);
    expect(launches(mlp, { traits: { matmul: byRows } })).toEqual([["matmul, then relu"], ["matmul"]]);
  });

  test("what needs other rows comes after", () => {
    const program: Program = (leaf) => sum(matmul(leaf(4, 3), leaf(3, 8)), { axis: 0 });
    expect(launches(program, { traits: { matmul: byRows }, chains: true })).toEqual([["matmul"], ["sum"]]);
  });
});

test("without merging each operation is a launch of its own", () => {
  const program: Program = (leaf) => {
    const y = relu(add(matmul(leaf(4, 3), leaf(3, 8)), leaf(8)));
    return [sin(y), cos(y)];
  };
  expect(launches(program, { fuse: false, traits: { matmul: { epilogue: true } } })).toEqual([
    ["matmul"],
    ["add"],
    ["relu"],
    ["sin", "cos"],
  ]);
});

test("in any plan a launch reads only what it writes itself, or lower levels have written", () => {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const steps: ((x: Tensor, y: Tensor) => Tensor)[] = [
    (x, y) => add(x, y),
    (x, y) => mul(sin(x), y),
    (x) => neg(transpose(x)),
    (x, y) => add(x, sum(y, { axis: 0 })),
    (x, y) => div(x, sum(y, { axis: 1, keepDims: true })),
    (x, y) => matmul(x, y),
    (x, y) => slice(concat([x, y]), { starts: [3], ends: [7] }),
    (x) => slice(pad(x, { pads: [[1, 0], [0, 1]] }), { ends: [4, 4] }), // prettier-ignore
    (x, y) => add(flip(x), broadcastTo(slice(y, { ends: [1] }), [4, 4])),
  ];
  for (let i = 0; i < 300; i++) {
    const plan = planOf(
      (leaf) => {
        const values = [leaf(4, 4), leaf(4, 4)];
        const pick = (): Tensor => values[random(values.length)]!;
        for (let k = random(14) + 2; k > 0; k--) values.push(steps[random(steps.length)]!(pick(), pick()));
        return values.filter((_, k) => k > 1 && (k === values.length - 1 || random(3) === 0));
      },
      { traits: { matmul: { epilogue: true } }, reductionEpilogues: i % 2 === 0 },
    );
    const written = new Set(plan.leaves);
    for (const level of plan.levels) {
      for (const launch of level) {
        const own = new Set<number>();
        touched(launch, (slot, write) => write && own.add(slot));
        touched(launch, (slot, write) => {
          if (!write && !own.has(slot) && !written.has(slot)) expect.fail(`${showPlan(plan)}\nreads ${slot} too early`);
        });
      }
      for (const launch of level) touched(launch, (slot, write) => write && written.add(slot));
    }
  }
});
