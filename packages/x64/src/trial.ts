// Whether compiled code does what it should: a vector times a matrix, whole vectors and a rest, compared with its sums.
import {
  floats,
  I32,
  i32,
  lanes,
  type Local,
  type Machine,
  type Module,
  nativeArguments,
  type NativeCode,
  partial,
  type Refusal,
  VECTOR,
} from "@weft/kernel/machine";

type Int = Local<typeof I32>;

/** product(a, b, step, c, columns, k): c[columns] = a[k] * B[k, columns], with `step` bytes from row to row of B. */
function write(module: Module, machine: Machine): void {
  const f = module.func("product", [I32, I32, I32, I32, I32, I32]);
  const [a, b, step, c, columns, k] = f.params as [Int, Int, Int, Int, Int, Int];
  const sum = f.local(VECTOR);
  const [n, p, q] = [f.local(I32), f.local(I32), f.local(I32)];
  const pass = (load: () => typeof sum | ReturnType<typeof lanes.load>, store: () => void): void => {
    f.set(sum, floats.const(0));
    f.set(n, k);
    f.set(p, a);
    f.set(q, b);
    f.times(n, () => {
      f.set(sum, floats.madd(lanes.loadSplat(p), load(), sum));
      f.advance(p, 4);
      f.advance(q, step);
    });
    store();
    f.advance(b, 4 * machine.lanes);
    f.advance(c, 4 * machine.lanes);
    f.advance(columns, -machine.lanes);
  };
  f.while(i32.geS(columns, machine.lanes), () =>
    pass(
      () => lanes.load(q),
      () => f.do(lanes.store(c, sum)),
    ),
  );
  pass(
    () => partial.load(q, columns),
    () => f.do(partial.store(c, sum, columns)),
  );
}

/** Why it must not be used; undefined if it may. */
export function trial(code: NativeCode): Refusal | undefined {
  const { machine } = code;
  const [k, columns] = [7, 2 * machine.lanes + 3];
  const [b, c] = [k, k + k * columns];
  const numbers = Float32Array.from({ length: c + columns + 1 }, (_, i) => ((i * 7) % 11) - 5);
  const wanted = Float32Array.from(numbers);
  for (let j = 0; j < columns; j++) {
    wanted[c + j] = 0;
    for (let i = 0; i < k; i++) wanted[c + j]! += numbers[i]! * numbers[b + i * columns + j]!;
  }
  const words = new Int32Array(64);
  words.set([0, 0, 4 * b, 4 * columns, 4 * c, columns, k], nativeArguments.entry);
  try {
    const module = code.compile("trial", write);
    if ("reason" in module) return { reason: `${machine.name}: ${module.reason}` };
    new BigUint64Array(words.buffer, 4 * nativeArguments.base, 1)[0] = BigInt(code.addressOf(numbers));
    code.call(code.addressOf(words), module.address);
  } catch (error) {
    return { reason: `${machine.name}: ${(error as Error).message}` };
  }
  return numbers.every((value, i) => value === wanted[i])
    ? undefined
    : { reason: `${machine.name}: code that was run did not give what it should` };
}
