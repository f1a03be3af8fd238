// Invocations of a subgroup know each other's values without memory and without barriers. A workgroup has one row of invocations
// here, of which each subgroup has as many neighbors as it is large, on every device that says how large its subgroups are.

/** Statements that fold `name` over each `width` neighbors (a power of two, at most a subgroup), for all of them. */
export function butterfly(name: string, fold: (a: string, b: string) => string, width: number): string {
  const steps: string[] = [];
  for (let h = width / 2; h >= 1; h /= 2) steps.push(`${name} = ${fold(name, `subgroupShuffleXor(${name}, ${h}u)`)};`);
  return steps.join(" ");
}
