// Invocations of a subgroup exchange values without memory and without barriers. Here a workgroup is one row of
// invocations, of which each subgroup holds consecutive ones, on every device that reports the size of its subgroups.

/** Statements that fold `name` over each `width` neighbors (a power of two, at most a subgroup), for all of them. */
export function butterfly(name: string, fold: (a: string, b: string) => string, width: number): string {
  const steps: string[] = [];
  for (let h = width / 2; h >= 1; h /= 2) steps.push(`${name} = ${fold(name, `subgroupShuffleXor(${name}, ${h}u)`)};`);
  return steps.join(" ");
}
