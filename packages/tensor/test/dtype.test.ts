// Type promotion: one table for pairs of tensors, and the rules for numbers.
import { expect, test } from "vitest";
import { add, concat, div, equal, exp, less, matmul, mean, neg, sum, where, type DType } from "../src/index.ts";
import { promote } from "../src/internals.ts";
import { Recorder } from "./recorder.ts";

const all: DType[] = ["bool", "u8", "i32", "f16", "bf16", "f32", "f64"];

test("the promotion table", () => {
  const table = all.map((a) => all.map((b) => promote(a, b)));
  expect(table).toEqual([
    ["bool", "f32", "i32", "f32", "f32", "f32", "f64"],
    ["f32", "f32", "i32", "f32", "f32", "f32", "f64"],
    ["i32", "i32", "i32", "f32", "f32", "f32", "f64"],
    ["f32", "f32", "f32", "f32", "f32", "f32", "f64"],
    ["f32", "f32", "f32", "f32", "f32", "f32", "f64"],
    ["f32", "f32", "f32", "f32", "f32", "f32", "f64"],
    ["f64", "f64", "f64", "f64", "f64", "f64", "f64"],
  ]);
});

const backend = new Recorder();
const of = (dtype: DType) => backend.of([2], dtype);

test.each<[string, (x: DType) => DType, Record<DType, DType>]>([
  [
    "x + x",
    (d) => add(of(d), of(d)).dtype,
    { bool: "i32", u8: "f32", i32: "i32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "x + 1",
    (d) => add(of(d), 1).dtype,
    { bool: "i32", u8: "f32", i32: "i32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "x / 2",
    (d) => div(of(d), 2).dtype,
    { bool: "f32", u8: "f32", i32: "f32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "-x",
    (d) => neg(of(d)).dtype,
    { bool: "i32", u8: "f32", i32: "i32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "exp x",
    (d) => exp(of(d)).dtype,
    { bool: "f32", u8: "f32", i32: "f32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "sum x",
    (d) => sum(of(d)).dtype,
    { bool: "i32", u8: "f32", i32: "i32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "mean x",
    (d) => mean(of(d)).dtype,
    { bool: "f32", u8: "f32", i32: "f32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "x @ x",
    (d) => matmul(of(d), of(d)).dtype,
    { bool: "i32", u8: "f32", i32: "i32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "x < 1",
    (d) => less(of(d), 1).dtype,
    { bool: "bool", u8: "bool", i32: "bool", f16: "bool", bf16: "bool", f32: "bool", f64: "bool" },
  ],
  [
    "choice of x and x",
    (d) => where(of("bool"), of(d), of(d)).dtype,
    { bool: "bool", u8: "f32", i32: "i32", f16: "f32", bf16: "f32", f32: "f32", f64: "f64" },
  ],
  [
    "x moved",
    (d) => concat([of(d), of(d)]).dtype,
    { bool: "bool", u8: "u8", i32: "i32", f16: "f16", bf16: "bf16", f32: "f32", f64: "f64" },
  ],
])("%s", (_, dtype, wanted) => {
  expect(Object.fromEntries(all.map((d) => [d, dtype(d)]))).toEqual(wanted);
});

test("operands of two dtypes are promoted before computation", () => {
  backend.calls.length = 0;
  equal(of("i32"), of("f64"));
  expect(backend.calls).toMatchObject([
    { op: "cast", attrs: { dtype: "f64" } },
    { op: "equal", dtype: "bool" },
  ]);
  expect(add(of("bool"), 0.5).dtype).toBe("f32");
});
