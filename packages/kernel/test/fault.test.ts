// Faults that only a device can tell, in loops that read nothing.
import { expect, test } from "vitest";
import { Fault } from "../src/graph/fault.ts";

const call = { op: "take", dtype: "f32", shape: [1], site: undefined } as const;

test("asking after every step looks at what is new, not at the whole chain", () => {
  let looks = 0;
  const open = (): Fault => {
    const fault = new Fault(call, undefined);
    let wrong: boolean | undefined;
    const counted = { get: () => (looks++, wrong), set: (value: boolean) => void (wrong = value) };
    return Object.defineProperty(fault, "wrong", counted);
  };
  const parts = [open()];
  let tip = parts[0]!;
  const tips = [tip];
  for (let i = 0; i < 2000; i++) {
    parts.push(open());
    tip = Fault.both(tip, parts.at(-1))!;
    tips.push(tip);
    // Each parameter of a model has it.
    for (let k = 0; k < 5; k++) expect(tip.now()).toBe(tip);
  }
  expect(looks).toBeLessThan(2000 * 10);
  // What is told is seen by all that was asked before.
  Fault.tell(parts.slice(0, 1000), () => false);
  expect(tips[999]!.now()).toBe(undefined);
  expect(tips[1000]!.now()?.wrong).toBe(undefined);
  expect(tip.now()).toBe(tip);
  Fault.tell(parts.slice(1000), (i) => i === 500);
  expect(tips[1499]!.now()).toBe(undefined);
  expect(tips[1500]!.now()?.wrong).toBe(true);
  expect(tip.now()?.error().message).toMatch(/^take: /);
});
