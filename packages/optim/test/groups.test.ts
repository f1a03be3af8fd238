// Groups: parameters with options of their own, each in exactly one.
import { diff, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { Embedding, Linear, params } from "@weft/nn";
import { add, mul, square, sum, take, type Tensor } from "@weft/tensor";
import { expect, test, vi } from "vitest";
import {
  adam,
  adamw,
  chain,
  clipGlobalNorm,
  clipNorm,
  minimize,
  momentum,
  optimizer,
  rmsprop,
  sgd,
  type Optimizer,
} from "../src/index.ts";

const { tensor } = openSync({});
const two = () => [param(tensor([1, -2])), param(tensor([3]))] as const;
const loss =
  ([p, q]: readonly [Param, Param]) =>
  () =>
    add(sum(mul(p, mul(p, 3))), sum(mul(q, q)));
const numbers = (ps: readonly Param[]) => ps.map((p) => p.value.arraySync());

/** The parameters after three steps of one optimizer with groups, and of separate optimizers. */
function compared(together: (p: Param, q: Param) => Optimizer, one: () => Optimizer, other: () => Optimizer) {
  const [a, b] = [two(), two()];
  const all = together(...a);
  const each = [one(), other()] as const;
  for (let k = 0; k < 3; k++) {
    all.update(diff(loss(a)));
    const tape = diff(loss(b));
    b.forEach((p, i) => each[i]!.apply([{ param: p, g: tape.grad(p) }]));
  }
  expect(numbers(a)).toEqual(numbers(b));
  return numbers(a);
}

test("a group has its own options, and inherits the others", () => {
  const lr = (step: number) => 0.1 / (1 + step);
  const decayed = compared(
    (p, q) =>
      adamw({
        lr,
        weightDecay: 0.5,
        groups: [
          { params: p, weightDecay: 0 },
          { params: [q], beta1: 0.5 },
        ],
      }),
    () => adamw({ lr, weightDecay: 0 }),
    () => adamw({ lr, weightDecay: 0.5, beta1: 0.5 }),
  );
  const plain = two();
  const same = adamw({ lr, weightDecay: 0.5 });
  for (let k = 0; k < 3; k++) same.update(diff(loss(plain)));
  expect(numbers(plain)).not.toEqual(decayed);
  compared(
    (p, q) =>
      momentum({
        gamma: 0.9,
        groups: [
          { params: p, lr: 0.2, gclip: 1 },
          { params: q, gamma: undefined as never },
        ],
      }),
    () => momentum({ gamma: 0.9, lr: 0.2, gclip: 1 }),
    () => momentum({ gamma: 0.9 }),
  );
  compared(
    (p, q) =>
      rmsprop({
        groups: [
          { params: p, rho: 0.5 },
          { params: q, lr: (step) => step / 10 },
        ],
      }),
    () => rmsprop({ rho: 0.5 }),
    () => rmsprop({ lr: (step) => step / 10 }),
  );
});

test("a custom rule has groups, and a schedule is called once per step", () => {
  const schedule = vi.fn((step: number) => 1 / (1 + step));
  const rule = {
    name: "plain",
    init: () => ({}),
    update: (g: Tensor, p: Tensor, _: object, { lr }: { lr: number }) => [add(p, mul(g, -lr)), {}] as const,
  };
  compared(
    (p, q) =>
      optimizer(rule, {
        groups: [
          { params: [p], lr: 0.5 },
          { params: [q], lr: schedule },
        ],
      }),
    () => sgd({ lr: 0.5 }),
    () => sgd({ lr: (step) => 1 / (1 + step) }),
  );
  const [p, q] = two();
  schedule.mockClear();
  sgd({ lr: schedule }).update(diff(loss([p, q])));
  expect(schedule.mock.calls).toEqual([[0]]);
});

test("`lazy` is an option of a group", () => {
  const table = Embedding(3, 2);
  const dense = param(tensor([1]));
  const rule = adam({ lr: 0.1, groups: [{ params: table, lazy: true }, { params: dense }] });
  const step = (k: number) => {
    const row = take(table.weight, tensor([k], { dtype: "i32" }));
    return add(sum(mul(row, row)), sum(dense));
  };
  table(tensor([0], { dtype: "i32" }));
  rule.update(diff(() => step(0)));
  const before = (table.weight.value.arraySync() as number[][])[0];
  rule.update(diff(() => step(1)));
  expect((table.weight.value.arraySync() as number[][])[0]).toEqual(before); // dense, its momentum would move it
});

test("a parameter in two groups, or in none, is an error that changes nothing", () => {
  const says = (make: () => unknown, message: string) =>
    expect(make).toThrow(expect.objectContaining({ name: "ArgumentError", message: expect.stringContaining(message) }));
  const [p, q] = two();
  const once = "; wanted each in exactly one group";
  says(
    () => sgd({ groups: [{ params: [p, q] }, { params: q }] }),
    `sgd: a parameter f32[1] is in group 1 and in one before it${once}`,
  );
  says(
    () => sgd({ params: [p, q], groups: [{ params: p }] }),
    `sgd: a parameter f32[1] is in none of the 1 groups${once}`,
  );
  says(
    () => sgd({ params: p, groups: [{ params: p }, { params: q }] }),
    `sgd: a parameter f32[1] is in group 1, but not in params${once}`,
  );
  const before = numbers([p, q]);
  const rule = chain(clipGlobalNorm(1), adam({ groups: [{ params: p }] }));
  says(() => rule.update(diff(loss([p, q]))), `adam: a parameter f32[1] is in none of the 1 groups${once}`);
  expect([numbers([p, q]), rule.steps, rule.stateOf(p)]).toEqual([before, 0, undefined]);
  // Parameters that are not in `params` may be on the tape.
  adam({ params: p, groups: [{ params: p, lr: 1 }] }).update(diff(loss([p, q])));
  expect(numbers([q])).toEqual([[3]]);
});

test("groups are checked like options", () => {
  const model = Linear(2, 1);
  const [weight, bias] = params(model);
  const make = adamw as (options: unknown) => unknown;
  const says = (groups: unknown, message: string) =>
    expect(() => make({ groups })).toThrow(
      expect.objectContaining({ name: "ArgumentError", message: expect.stringContaining(message) }),
    );
  says(
    [{ params: weight, weightDecay: -1 }],
    "adamw: group 0: wanted a non-negative finite number as weightDecay, got number -1",
  );
  says(
    [{ params: weight }, { params: bias, decay: 0 }],
    'adamw: group 1: there is no option "decay"; known options: lr, ',
  );
  says([{ weightDecay: 0 }], "adamw: group 0: params wants a model, a parameter, or a list of them, got undefined");
  says([{ params: [] }], "adamw: group 0: params wants a model");
  says(
    [{ params: weight, groups: [{ params: bias }] }],
    "adamw: group 0: a group cannot have groups, got [{ params }]",
  );
  says([], "adamw: wanted a list of groups { params, … } as groups, got []");
  says({ params: weight }, "adamw: wanted a list of groups { params, … } as groups, got { params }");
  says([3], "adamw: group 0: wanted options { lr, ");
  // @ts-expect-error -- an option that sgd does not know
  expect(() => sgd({ groups: [{ params: weight, beta1: 0 }] })).toThrow('there is no option "beta1"');
  // @ts-expect-error -- a group says whose it is
  expect(() => sgd({ groups: [{ lr: 1 }] })).toThrow("params wants");
});

test("lr is the rate of the next step, and may be assigned in mid-course; groups with their own keep it", () => {
  const [p, q] = [param(tensor([1])), param(tensor([1]))];
  const rule = chain(
    clipNorm(100),
    sgd({ lr: (step) => 1 / (1 + step), groups: [{ params: p }, { params: q, lr: 0.5 }] }),
  );
  const step = () => rule.update(diff(() => sum(p).add(sum(q))));
  expect(rule.lr).toBe(1);
  step();
  expect([rule.lr, p.value.arraySync(), q.value.arraySync()]).toEqual([0.5, [0], [0.5]]);
  rule.lr = 0.25;
  step();
  expect([rule.lr, p.value.arraySync(), q.value.arraySync()]).toEqual([0.25, [-0.25], [0]]);
  rule.lr = (step) => step;
  expect(rule.lr).toBe(2);
  expect(() => (rule.lr = NaN)).toThrow(
    "sgd: wanted a finite non-negative number, or a function of the step as lr, got number NaN",
  );
  expect(rule.lr).toBe(2);
});

test("another optimizer in mid-course just works, and takes over state of the same names", async () => {
  const p = param(tensor([4, 2]));
  const train = (rule: Optimizer) => minimize(() => sum(square(p)), [[], []], rule);
  const [first, second, largest] = [adam({ params: p }), adamw({ params: p }), adam({ params: p, amsgrad: true })];
  (await train(first)).release();
  const before = p.value.arraySync();
  (await train(sgd({ lr: 0.25, params: p }))).release();
  expect(p.value.arraySync()).toEqual((before as number[]).map((x) => x / 4));
  second.load(first.state(p), p);
  expect([second.steps, second.stateOf(p)!["v"]!.value.arraySync()]).toEqual([
    2,
    first.stateOf(p)!["v"]!.value.arraySync(),
  ]);
  expect(() => largest.load(first.state(p), p)).toThrow("adam: value.largest is missing");
});
