// Failures of a device become the error of the call that waits: validation, too little memory, the loss of the device.
// A backend continues after the first two; after the third, a model continues on another device.
import { diff, param, scope, state, type Param, type State } from "@weft/autograd";
import { Chain, crossEntropy, fromBytes, Linear, place, toBytes } from "@weft/nn";
import { optimizer, sgd } from "@weft/optim";
import * as T from "@weft/tensor";
import { MemoryError, relu, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { DeviceErrors } from "../src/device-errors.ts";
import { Slabs } from "../src/slabs.ts";
import { bareDevice, describeOnDevice, longOnDevice, onDevice, ownDevice } from "./device.ts";
import { openSmall } from "./small.ts";

const memory = { first: 1 << 20, most: 1 << 20, limit: 1 << 22 };

describeOnDevice("validation errors", () => {
  // One invocation per workgroup, and no second axis: 70,001 elements, not a multiple of four, take more workgroups
  // than the adapter runs along one axis.
  const tooMany = { threads: 1, groups: 100_000 };

  onDevice("in debug mode the awaiting read fails, and the error names the operation", async () => {
    const backend = await openSmall(tooMany, memory, { debug: true });
    const fine = T.add(backend.tensor([1, 2]), 1);
    const wrong = T.exp(backend.tensor(new Float32Array(70_001)));
    await expect(wrong.data()).rejects.toThrow(/^tensor-webgpu: in .*exp.* \(70001\): .*70001/s);
    expect([...(await fine.data())]).toEqual([2, 3]); // reported once
    expect([...(await T.exp(backend.tensor([0, 0])).data())]).toEqual([1, 1]);
  });

  onDevice("otherwise too, without the name", async () => {
    const backend = await openSmall(tooMany, memory);
    const wrong = T.exp(backend.tensor(new Float32Array(70_001)));
    await expect(wrong.data()).rejects.toThrow(/70001.*WEFT_DEBUG=1 the error names the operation/s);
    expect([...(await T.exp(backend.tensor([0, 0])).data())]).toEqual([1, 1]);
  });

  onDevice("an upload that reports one takes no memory", async () => {
    const backend = await openSmall(tooMany, memory);
    const x = backend.tensor(new Float32Array(70_001));
    const wrong = scope(() => T.keep(T.exp(x)));
    backend.executor.commands.submit();
    const { live, bytes } = backend.stats();
    await expect
      .poll(() => {
        try {
          backend.tensor([1]).release();
          return "";
        } catch (error) {
          return (error as Error).message;
        }
      })
      .toMatch("70001");
    expect(backend.stats()).toMatchObject({ live, bytes });
    wrong.release();
  });

  onDevice("a pipeline that the adapter refuses is named", async () => {
    const backend = await openSmall({ threads: 1 << 14 }, memory, { debug: true });
    await expect(T.tanh(backend.tensor([1])).data()).rejects.toThrow(/^tensor-webgpu: in .*tanh/);
  });

  onDevice("every read of what such a pipeline should have computed fails", async () => {
    const backend = await openSmall({ threads: 1 << 14 }, memory);
    for (let i = 0; i < 2; i++) await expect(T.tanh(backend.tensor([1])).data()).rejects.toThrow(/^tensor-webgpu: /);
  });

  onDevice("WEFT_DEBUG switches debug mode on", async () => {
    for (const [value, submits] of [
      ["1", 2], // every dispatch is sent by itself
      ["0", 0],
      ["", 0],
    ] as const) {
      process.env["WEFT_DEBUG"] = value;
      try {
        const backend = await open({});
        const x = backend.tensor([1, 2]);
        scope(() => [T.keep(T.exp(x)), T.keep(T.sum(x))].length);
        expect(backend.stats()).toMatchObject({ dispatches: 2, submits });
      } finally {
        delete process.env["WEFT_DEBUG"];
      }
    }
  });
});

describeOnDevice("boxes made from values that others share", () => {
  const made: Record<string, (b: Creation & Backend, y: Tensor) => State | Param> = {
    "a state": (_, y) => state(T.add(y, 1)),
    "a parameter": (_, y) => param(T.add(y, 1)),
    "a parameter that was assigned since": (_, y) => {
      const p = param(T.mul(y, 2));
      p.value = T.add(y, 1);
      return p;
    },
    "one of two": (_, y) => {
      scope(() => T.keep(param(T.mul(y, 3)).value)).release();
      return state(T.add(y, 1));
    },
  };
  onDevice.each(Object.keys(made).flatMap((name) => [true, false].map((fuse) => [name, fuse] as const)))(
    "%s (merged: %s): all are there",
    async (name, fuse) => {
      const backend = await open({ fuse });
      for (const within of [true, false]) {
        const make = () => {
          const y = T.exp(backend.tensor([0, 0]));
          const box = made[name]!(backend, y);
          const z = T.add(y, 2);
          y.release();
          return { box, z };
        };
        let held: ReturnType<typeof make> | undefined;
        if (within)
          scope(() => {
            held = make();
            T.keep(held.z);
          });
        else held = make();
        expect(await held!.z.array()).toEqual([3, 3]);
        expect(await held!.box.value.array()).toEqual([2, 2]);
      }
    },
  );

  onDevice("an optimizer's state made from a part of its parameter's", async () => {
    const backend = await open();
    const w = param(backend.tensor([0, 0]));
    const rule = optimizer({
      name: "shared",
      init: (p) => {
        const e = T.exp(p);
        return { a: T.add(e, 1), b: T.add(e, 2) };
      },
      update: (g, p, moments, { lr }) => [T.sub(p, T.mul(g, lr)), moments],
    });
    scope(() => rule.update(diff(() => T.sum(T.add(w, T.square(w))))));
    const { a, b } = rule.stateOf(w)!;
    expect(await Promise.all([w, a!, b!].map((x) => x.value.array()))).toEqual([
      [-0.1, -0.1].map((x) => Math.fround(x)),
      [2, 2],
      [3, 3],
    ]);
  });

  onDevice("a step that was rolled back during the read of another value is reported by the next scope", async () => {
    const backend = await open({ memoryLimit: 8 << 20 });
    const w = param(backend.tensor([1, 2]));
    await w.value.data();
    const rule = sgd({ lr: 0.1 });
    rule.update(diff(() => T.sum(T.mul(T.sum(w), T.cumsum(backend.ones([1 << 22]), { axis: 0 })))));
    expect(await T.add(backend.tensor([1]), 1).array()).toEqual([2]);
    expect(() => scope(() => undefined)).toThrow(MemoryError);
    expect([rule.steps, await w.value.array()]).toEqual([0, [1, 2]]);
  });
});

describeOnDevice("a read beside calls whose indices only the device knows", () => {
  onDevice("reports faults of work recorded before it, and none of what comes while it waits", async () => {
    const backend = await open();
    const [table, small] = [backend.ones([100, 16]), backend.tensor([1, 2, 3])];
    const rows = (first: number) => T.take(table, T.cast(T.mul(backend.full([4], first), 1), "i32"));
    for (const [first, wrong] of [
      [5, false],
      [200, true],
    ] as const) {
      const before = T.mul(small, 2).data();
      const late = rows(first);
      const [values, taken] = await Promise.allSettled([before, late.data()]);
      expect(values).toMatchObject({ status: "fulfilled", value: Float32Array.of(2, 4, 6) });
      expect(taken.status).toBe(wrong ? "rejected" : "fulfilled");
    }
    // Also if many of them come while several reads wait.
    const reads = Array.from({ length: 20 }, (_, i) => {
      if (i % 3 === 0) rows(i === 9 ? 200 : i).backend.flush();
      return T.add(small, i).array();
    });
    expect(await Promise.all(reads)).toEqual(Array.from({ length: 20 }, (_, i) => [1 + i, 2 + i, 3 + i]));
  });
});

describeOnDevice("uploads", () => {
  onDevice("from shared memory are copied", async () => {
    const backend = await open();
    const shared = new Float32Array(new SharedArrayBuffer(12));
    shared.set([1, 2, 3]);
    expect(await backend.tensor(shared).array()).toEqual([1, 2, 3]);
    expect(await backend.tensor(new Uint8Array(new SharedArrayBuffer(5))).array()).toEqual([0, 0, 0, 0, 0]);
  });
});

describeOnDevice("too little memory", () => {
  longOnDevice("is no error if no value in memory is referenced any more", async () => {
    const backend = await open({ memoryLimit: 8 << 20 });
    const request = async (): Promise<void> => {
      const all: Tensor[] = [];
      for (let i = 0; i < 18; i++) {
        all.push(backend.rand([100_000]));
        await all.at(-1)!.data();
      }
    };
    await request();
    // The caller's own frames keep some of it for a moment.
    await new Promise((resolve) => setTimeout(resolve));
    for (let i = 0; i < 3; i++) expect((await backend.ones([100_000]).data()).length).toBe(100_000);
  });

  longOnDevice.each([true, false])(
    "first values of boxes that were computed before a wait for memory are there after it (merged: %s)",
    async (fuse) => {
      const N = 1024;
      const backend = await open({ memoryLimit: 17 << 20, fuse });
      const along = (x: Tensor): Tensor => T.cumsum(x, { axis: 0 });
      const hold = async (): Promise<void> => {
        const held: Tensor[] = [];
        for (let i = 0; i < 4; i++) {
          held.push(scope(() => T.keep(backend.full([1 << 20], i))));
          await held.at(-1)!.data();
        }
      };
      await hold();
      await new Promise((resolve) => setTimeout(resolve)); // its frames keep some of it for a moment
      const first = along(backend.ones([N]));
      const p = param(first);
      first.release();
      const v = p.value;
      const one = along(T.flip(v));
      const two = along(T.add(along(one), T.mul(v, 1e3)));
      const big = along(along(along(backend.ones([1 << 20]))));
      p.value = along(T.add(v, 1));
      v.release();
      expect((await big.data()).slice(0, 3)).toEqual(Float32Array.of(1, 4, 10));
      expect((await one.data()).slice(0, 3)).toEqual(Float32Array.of(1024, 2047, 3069));
      expect((await two.data()).slice(0, 2)).toEqual(Float32Array.of(2024, 7095));
      expect((await p.value.data()).slice(0, 4)).toEqual(Float32Array.of(2, 5, 9, 14));
    },
  );

  /** The software driver can bind a gibibyte but never has one. */
  const GIB = 2 ** 30;
  async function openLarge() {
    const device = await ownDevice({ maxBufferSize: GIB, maxStorageBufferBindingSize: GIB });
    return openSmall({}, { first: 1 << 20, most: GIB, limit: 4 * GIB }, { device });
  }

  onDevice("on the device: the call that waits gets a MemoryError, and the backend continues", async () => {
    const backend = await openLarge();
    const x = backend.tensor([1, 2, 3]);
    const huge = backend.zeros([GIB / 4]);
    const sum = T.sum(huge);
    await expect(sum.item()).rejects.toThrow(/^tensor-webgpu: the device has no memory for 1073741824 bytes more/);
    await expect(huge.data()).rejects.toThrow(MemoryError);
    expect(() => scope(() => T.sum(huge).backend.flush())).toThrow(MemoryError);
    huge.release();
    expect(await T.mul(x, 2).array()).toEqual([2, 4, 6]);
    expect([backend.slabs.reserved, backend.slabs.count]).toEqual([1 << 20, 1]);
  });

  onDevice("two reads that wait for the same values both fail", async () => {
    const backend = await openLarge();
    const huge = backend.zeros([GIB / 4]);
    backend.flush();
    const some = T.slice(huge, { starts: [0], ends: [8] });
    const reads = await Promise.allSettled([some.data(), some.data()]);
    for (const read of reads) expect((read as PromiseRejectedResult).reason).toBeInstanceOf(MemoryError);
  });

  onDevice("for a staging buffer: earlier work is computed regardless", async () => {
    const device = await ownDevice();
    const backend = await openSmall({}, memory, { device });
    const x = backend.tensor([1, 2, 3]);
    const before = scope(() => {
      const y = T.add(x, 1);
      y.backend.flush();
      return y;
    });
    // There is no memory for the staging buffer of the next read.
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => createBuffer({ ...descriptor, size: 2 ** 50 });
    await expect(x.data()).rejects.toThrow(/^tensor-webgpu: /);
    device.createBuffer = createBuffer;
    expect(await before.array()).toEqual([2, 3, 4]);
  });

  onDevice("a slab that was too large is followed by a smaller one", async () => {
    const device = await ownDevice({ maxBufferSize: GIB, maxStorageBufferBindingSize: GIB });
    const errors = new DeviceErrors(device, false);
    const slabs = new Slabs(device, errors, { first: GIB / 2, most: GIB, limit: 8 * GIB });
    slabs.allocate(GIB / 2);
    slabs.allocate(GIB / 2);
    slabs.allocate(1024); // a new slab would be as large as both
    await errors.settled();
    expect(() => errors.check()).toThrow(MemoryError);
    const { slab } = slabs.allocate(1024);
    await errors.settled();
    errors.check();
    expect(slab.bytes).toBe(GIB / 2);
    expect([slabs.reserved, slabs.count]).toEqual([1.5 * GIB, 3]);
    slabs.destroy();
    device.destroy();
  });
});

const GONE = /^tensor-webgpu: the device was lost \(.*\); open\(\) returns a new one/;

describeOnDevice("the loss of the device", () => {
  onDevice("every read that waits fails with the reason, later calls throw; open() returns a new one", async () => {
    const first = await open();
    expect(await open()).toBe(first);
    const x = first.tensor([1, 2]);
    const reads = [T.mul(x, 2).data(), T.add(x, 2).data(), x.data()];
    first.destroy();
    for (const read of reads) await expect(read).rejects.toThrow(GONE);
    await first.lost;
    await expect(x.data()).rejects.toThrow("the device was lost (destroyed)");
    const late = T.exp(x);
    for (let i = 0; i < 2; i++) await expect(late.data()).rejects.toThrow(GONE);
    expect(() => first.tensor([1])).toThrow(GONE);
    expect(() => scope(() => first.ones([2]).backend.flush())).toThrow(GONE);
    const second = await open();
    expect(second).not.toBe(first);
    expect(await T.mul(second.tensor([1, 2]), 2).array()).toEqual([2, 4]);
  });

  onDevice("open() returns a new one at once, whoever made the device", async () => {
    const first = await open();
    first.destroy();
    const second = await open();
    expect(await second.ones([2]).array()).toEqual([1, 1]);
    first.destroy(); // a second time: nothing happens
    expect(await open()).toBe(second);
  });

  onDevice("pending work of a destroyed backend makes no other backend fail", async () => {
    const [first, cpu] = [await open({}), await openCpu({})];
    const waits = first.ones([2]);
    first.destroy();
    expect(scope(() => T.add(cpu.ones([2]), 1)).dataSync()).toEqual(Float32Array.of(2, 2));
    await expect(waits.data()).rejects.toThrow(GONE);
  });

  onDevice("a profile that waits fails with the reason", async () => {
    const backend = await open({ profile: true });
    backend.ones([2]).backend.flush();
    const waits = backend.profile();
    backend.destroy();
    await expect(waits).rejects.toThrow(GONE);
  });

  onDevice("by device.destroy()", async () => {
    const device = await ownDevice();
    const backend = await open({ device });
    const x = backend.tensor([1, 2]);
    const reads = [T.mul(x, 2).data(), x.data()];
    device.destroy();
    for (const read of reads) await expect(read).rejects.toThrow(GONE);
    await expect(x.data()).rejects.toThrow(GONE);
    expect(() => backend.tensor([1])).toThrow(GONE);
  });

  onDevice("a device that the user brought is used, and outlives the backend", async () => {
    const device = await bareDevice();
    const backend = await open({ device });
    const x = T.add(backend.tensor([1]), 1);
    expect(await x.array()).toEqual([2]);
    const waiting = x.data();
    backend.destroy();
    await expect(waiting).rejects.toThrow(GONE);
    expect(() => backend.tensor([1])).toThrow(GONE);
    const again = await open({ device });
    expect(await T.add(again.tensor([1]), 1).array()).toEqual([2]);
  });
});

describeOnDevice("a model after a loss", () => {
  const build = (): ((x: Tensor) => Tensor) => Chain(Linear(6, 8), relu, Linear(8, 3)) as (x: Tensor) => Tensor;

  /** Steps of training; the losses. */
  async function train(model: (x: Tensor) => Tensor, backend: Backend & Creation, steps: number): Promise<number[]> {
    const x = backend.tensor(
      Float32Array.from({ length: 30 }, (_, i) => Math.sin(i)),
      { shape: [5, 6] },
    );
    const labels = backend.tensor([0, 1, 2, 0, 1], { dtype: "i32" });
    const rule = sgd({ lr: 0.2 });
    const found: number[] = [];
    for (let i = 0; i < steps; i++) {
      const loss = scope(() => {
        const tape = diff(() => crossEntropy(model(x), labels));
        rule.update(tape);
        return T.keep(tape.value);
      });
      found.push(await loss.item());
      loss.release();
    }
    return found;
  }

  onDevice("continues from its last saved copy", async () => {
    const [first, cpu] = [await open({}), await openCpu({})];
    const model = await place(build(), first);
    await train(model, first, 3);
    const saved = await toBytes(model);
    const wanted = await train(fromBytes(saved, await place(build(), cpu)), cpu, 4);
    first.destroy();

    const second = await open({});
    // Values on the lost device cannot be moved; the error says what to do.
    await expect(place(model, second)).rejects.toThrow(GONE);
    const fresh = await place(fromBytes(saved, build()), second);
    const got = await train(fresh, second, 4);
    got.forEach((loss, i) => expect(loss).toBeCloseTo(wanted[i]!, 5));
  });

  onDevice("a box can be assigned a value of the new device", async () => {
    const first = await open({});
    const p = param(first.tensor([1, 2]));
    first.destroy();
    const second = await open({});
    p.value = second.tensor([3, 4]);
    expect(await T.mul(p, 2).array()).toEqual([6, 8]);
  });
});
