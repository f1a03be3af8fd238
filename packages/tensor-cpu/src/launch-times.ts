// How long launches take, while someone measures (`profile`).
import { nameOf, touched, type Link, type Plan } from "@weft/kernel";
import type { TimedLaunch } from "@weft/tensor";

/** The operations of a launch: its own, and those of its epilogue. */
export function operationsOf(launch: Link): string {
  const [own, after] =
    launch.kind === "kernel" ? [launch.name, launch.after] : [nameOf(launch.op), launch.after?.launch];
  return after === undefined ? own : `${own}+${after.name}`;
}

/** A launch that began at `start` and has just ended. */
export function timed(launch: Link, { slots }: Plan, start: number): TimedLaunch {
  const us = (performance.now() - start) * 1000;
  const seen = new Set<number>();
  touched(launch, (slot) => void seen.add(slot));
  const bytes = [...seen].reduce((n, slot) => n + slots[slot]!.bytes, 0);
  return { name: operationsOf(launch), device: "@weft/tensor-cpu", start, us, bytes };
}
