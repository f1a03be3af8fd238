// What is read from the answers of processors.
import { readFileSync } from "node:fs";
import { describeProcessor, readProcessor, type Ask } from "@weft/x64";
import { expect, test } from "vitest";
import { memory, unavailable } from "./opened.ts";

type Answer = readonly [number, number, number, number];

/** A processor by its answers. */
const asked =
  (answers: Readonly<Record<string, Answer>>): Ask =>
  (leaf, part = 0) =>
    answers[`${leaf.toString(16)}.${part}`] ?? answers[leaf.toString(16)] ?? [0, 0, 0, 0];

const text = (from: string): Answer => {
  const words = new Uint32Array(Uint8Array.from(from.padEnd(16, "\0"), (c) => c.charCodeAt(0)).buffer);
  return [words[0]!, words[1]!, words[2]!, words[3]!];
};
const ALL = (1 << 3) | (1 << 5) | (1 << 8) | (1 << 16) | (1 << 17) | (1 << 30) | (1 << 31);
const everything: Readonly<Record<string, Answer>> = {
  "0": [13, 0, 0, 0],
  "1": [0, 0, (1 << 12) | (1 << 23) | (1 << 27) | (1 << 28) | (1 << 29), 0],
  "7.0": [0, ALL, 0, 0],
  "4.0": [1 | (1 << 5), (11 << 22) | 63, 63, 0], // 12 ways of 64 lines in 64 sets
  "4.1": [2 | (1 << 5), (7 << 22) | 63, 63, 0], // of instructions
  "4.2": [3 | (2 << 5), (15 << 22) | 63, 2047, 0],
  "80000000": [0x8000_0008 | 0, 0, 0, 0],
  "80000001": [0, 0, 1 << 5, 0],
  "80000002": text("  A processor of"),
  "80000003": text(" our own  \0 rest"),
};

test("everything that a processor has", () => {
  const found = describeProcessor(asked(everything), () => 0xe7);
  expect([...found.features].toSorted()).toEqual(
    "avx avx2 avx512bw avx512dq avx512f avx512vl bmi1 bmi2 f16c fma lzcnt popcnt".split(" "),
  );
  expect(found).toMatchObject({
    avx2: true,
    fma: true,
    avx512: true,
    brand: "A processor of our own",
    caches: { l1: 48 * 1024, l2: 2 * 2 ** 20, l3: 0 },
  });
});

test("what the system does not save is missing", () => {
  const without = (saves: number) => {
    const { avx2, fma, avx512 } = describeProcessor(asked(everything), () => saves);
    return { avx2, fma, avx512 };
  };
  expect(without(0xe7)).toEqual({ avx2: true, fma: true, avx512: true });
  expect(without(0x07)).toEqual({ avx2: true, fma: true, avx512: false });
  expect(without(0x67)).toEqual({ avx2: true, fma: true, avx512: false });
  expect(without(0x03)).toEqual({ avx2: false, fma: false, avx512: false });
  // Without OSXSAVE there is no XGETBV, and asking would end the process.
  const old = { ...everything, "1": [0, 0, (1 << 12) | (1 << 28), 0] as const };
  expect(describeProcessor(asked(old), () => expect.unreachable()).avx2).toBe(false);
});

test("one part of AVX-512 alone does not count", () => {
  const ebx = ALL & ~(1 << 17);
  const found = describeProcessor(asked({ ...everything, "7.0": [0, ebx, 0, 0] }), () => 0xe7);
  expect([found.avx512, found.features.has("avx512f"), found.features.has("avx512dq")]).toEqual([false, true, false]);
});

test("an answer to a number that the processor does not know is not believed", () => {
  const found = describeProcessor(asked({ ...everything, "0": [2, 0, 0, 0] }), () => 0xe7);
  expect([found.avx2, found.caches.l1]).toEqual([false, 0]);
});

test("caches of a virtual machine that answers to older numbers only", () => {
  const found = describeProcessor(
    asked({
      "0": [2, 0, 0, 0],
      "80000000": [0x8000_0008 | 0, 0, 0, 0],
      "80000005": [0, 0, 48 << 24, 0],
      "80000006": [0, 0, 1024 << 16, 64 << 18],
    }),
    () => 0,
  );
  expect(found.caches).toEqual({ l1: 48 * 1024, l2: 2 ** 20, l3: 32 * 2 ** 20 });
});

test("this processor, as Linux describes it", ({ skip }) => {
  skip(unavailable !== undefined, unavailable);
  const found = readProcessor(memory());
  if ("reason" in found) throw new Error(found.reason);
  expect(found.caches.l1).toBeGreaterThan(0);
  skip(process.platform !== "linux", "there is no /proc/cpuinfo");
  const info = readFileSync("/proc/cpuinfo", "utf8");
  const flags = new Set(/^flags\s*:(.*)$/m.exec(info)![1]!.trim().split(/\s+/));
  // It writes lzcnt in another way, and some virtual machines leave it out.
  const names = "avx avx2 fma f16c bmi1 bmi2 popcnt avx512f avx512dq avx512bw avx512vl".split(" ");
  expect([...found.features].filter((name) => name !== "lzcnt").toSorted()).toEqual(
    names.filter((name) => flags.has(name)).toSorted(),
  );
});
