// `profile` on this backend: times by timestamps, where it was opened for that.
import { exp, matmul, profile, scope } from "@weft/tensor";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { describeOnDevice, onDevice } from "./device.ts";

describeOnDevice("profile", () => {
  onDevice(
    "has the launches by operation, timed by the device, and leaves the backend's own report alone",
    async () => {
      const backend = await open({ profile: true });
      const x = backend.tensor(new Float32Array(6400).fill(0.5), { shape: [80, 80] });
      const run = () => scope(() => matmul(exp(x), x));
      await run().data();
      const { dispatches } = await backend.profile();
      const { operations, launches, result, trace } = await profile(async () => {
        for (let i = 0; i < 3; i++) await run().data();
        return 7;
      });
      expect(result).toBe(7);
      expect(operations.map(({ name, calls }) => [name.split(" ")[0], calls]).toSorted()).toEqual([["exp", 3], ["matmul", 3]]); // prettier-ignore
      for (const { us } of operations) expect(us).toBeGreaterThan(0);
      expect(operations.find(({ name }) => name === "exp")!.bytes).toBe(3 * 2 * 6400 * 4);
      expect(launches.map(({ start }) => start)).toEqual(launches.map(({ start }) => start).toSorted((a, b) => a - b));
      expect((JSON.parse(trace()) as { traceEvents: unknown[] }).traceEvents.length).toBe(7);
      expect(dispatches.length).toBe(2);
      expect((await backend.profile()).dispatches).toEqual([]);
      const outer = await profile(async () => {
        await run().data();
        return profile(() => run().data());
      });
      expect([outer.launches.length, outer.result.launches.length]).toEqual([4, 2]);
      expect(outer.launches.slice(2).map(({ us }) => us)).toEqual(outer.result.launches.map(({ us }) => us));
    },
  );

  onDevice("counts launches without times on other devices, and says so", async () => {
    const { tensor } = await open({});
    const x = tensor([1, 2]);
    const report = await profile(() => exp(x).data());
    expect(report.operations).toMatchObject([{ name: "exp", calls: 1, us: 0, bytes: 16 }]);
    expect(`${report}`).toContain("@weft/tensor-webgpu measured no times: open it with { profile: true }");
  });
});
