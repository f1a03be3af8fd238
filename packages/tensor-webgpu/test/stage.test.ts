// The builder of stages, and the description of a device: no device is needed.
import type { CallOperand } from "@weft/kernel";
import { expect, test } from "vitest";
import { profileOf } from "../src/device-profile.ts";
import { hardware, software } from "../src/forms/device-traits.ts";
import { named, shifted, stageOf, WORKSPACE } from "../src/forms/stage.ts";
import { program } from "../src/translate/program.ts";

const operand = (slot: number, dtype: CallOperand["dtype"]): CallOperand => ({
  slot,
  bytes: 32 * slot,
  shape: [8],
  strides: [1],
  dtype,
});

const stage = stageOf(software, {
  name: "twice",
  operands: [operand(3, "f32"), "i32", operand(5, "bool")],
  writes: [2, 1],
  numbers: { size: 8, shift_: -1 },
  count: 100,
  checked: 7,
  text: (w) => `let x = ${w.load(0, "i")} < 0f; ${w.put(1, "i", "i32(i)")} ${w.store("i", "x")} ${w.outOfRange}`,
});

test("a stage says where its operands lie, and in which words its arguments are", () => {
  expect(stage.groups).toBe(2);
  // Three addresses, the number of the flag, and the numbers by name.
  expect(stage.words).toEqual([0, 0, 0, 0, 100, 8, -1]);
  expect(stage.body.words).toBe(7);
  expect(stage.places).toEqual([
    { word: 0, slot: 3, bytes: 96 },
    { word: 1, slot: WORKSPACE, bytes: 0 },
    { word: 2, slot: 5, bytes: 160 },
  ]);
  expect(stage.flags).toEqual([{ word: 3, node: 7 }]);
  expect(stage.body.operands.map(({ dtype, write }) => [dtype, write])).toEqual([
    ["f32", false],
    ["i32", true],
    ["bool", true],
  ]);
  expect(shifted(10, stage.flags)).toEqual([{ word: 13, node: 7 }]);
  expect(named("double", stage).name).toBe("double twice");
});

test("its text loads and stores by the dtypes of its operands, and raises the flag of its node", () => {
  const text = program([{ body: stage.body, bindings: [0, 1, 2] }], software.threads);
  expect(text).toContain(
    "let count = u32(arguments[1].x);\nlet size = u32(arguments[1].y);\nlet shift_ = arguments[1].z;",
  );
  expect(text).toContain("let x = bitcast<f32>(slab0[(bitcast<u32>(arguments[0].x) + ((i) << 2u)) >> 2u]) < 0f;");
  expect(text).toContain("atomicOr(&slab2[(bitcast<u32>(arguments[0].z) + ((i) << 0u)) >> 2u], u32(x)");
  expect(text).toContain("atomicStore(&outOfRange[arguments[0].w], 1u);");
});

test("only a wide stage has another text for unaligned operands", () => {
  expect(stage.unaligned).toBe(stage.body);
  const wide = stageOf(hardware, {
    name: "copy",
    operands: [operand(0, "f32"), "f32"],
    numbers: {},
    count: 8,
    wide: true,
    text: (w) => `let x = ${w.load4(0, "4u * i")}; ${w.store4("4u * i", "x")}`,
  });
  const [whole, single] = [wide.body, wide.unaligned].map((body) =>
    program([{ body, bindings: [0, 1] }], hardware.threads, true),
  );
  expect(whole).toContain("bitcast<vec4f>(slab0[");
  expect(single).not.toContain("bitcast<vec4f>");
  expect(wide.body.key).not.toBe(wide.unaligned.key);
});

test("a device is described by its limits and its kind", () => {
  const limits = {
    maxComputeInvocationsPerWorkgroup: 128,
    maxComputeWorkgroupSizeX: 1024,
    maxComputeWorkgroupStorageSize: 16_384,
    maxStorageBuffersPerShaderStage: 8,
    maxUniformBufferBindingSize: 65_536,
    maxComputeWorkgroupsPerDimension: 65_535,
  };
  const of = (description: string, vendor: string) =>
    profileOf(
      { limits, features: new Set(["subgroups"]) } as unknown as GPUDevice,
      { vendor, architecture: "", description, subgroupMinSize: 32, subgroupMaxSize: 32 } as unknown as GPUAdapterInfo,
    );
  expect(of("a card", "apple")).toEqual({
    threads: 128,
    shared: 16_384,
    subgroups: 32,
    vectors: false,
    targetWorkgroups: hardware.targetWorkgroups,
    slabs: 7,
    arguments: 65_536,
    settled: 3,
    groups: 65_535,
  });
  expect(of("SwiftShader", "google")).toMatchObject({
    threads: 64,
    vectors: true,
    targetWorkgroups: software.targetWorkgroups,
  });
});
