// Progress of what takes long.
import { expect, test, vi } from "vitest";
import { patient } from "../src/progress.ts";

/** What is passed on of five items, and what is written meanwhile. */
async function shown(seconds: number, most = 5) {
  const written: string[] = [];
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
  const items: number[] = [];
  try {
    for await (const item of patient([1, 2, 3, 4, 5], "evaluation", seconds)) if (items.push(item) === most) break;
  } finally {
    spy.mockRestore();
  }
  return { items, written: written.join("") };
}

test("what is quick shows nothing", async () => {
  expect(await shown(60)).toEqual({ items: [1, 2, 3, 4, 5], written: "" });
});

test("what takes longer shows what is left", async () => {
  const { items, written } = await shown(0);
  expect(items).toEqual([1, 2, 3, 4, 5]);
  expect(written).toMatch(/evaluation .*100% 4\/4/);
  expect(written.split("\n")[0]).toBe("evaluation 25% 1/4 [0:00]"); // without a speed: nothing is done yet
});

test.each([0, 60])("a loop that ends early ends its source (%d)", async (seconds) => {
  let ended = false;
  function* source() {
    try {
      yield* [1, 2, 3];
    } finally {
      ended = true;
    }
  }
  const spy = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  for await (const item of patient(source(), "evaluation", seconds)) if (item === 2) break;
  spy.mockRestore();
  expect(ended).toBe(true);
});
