// The tasks of the speed test as the page names them. What they do is in `tasks.ts`, which only the worker loads.

export const taskTitles = {
  product: { title: "Matrix product, 1024³", unit: "GFLOP/s" },
  mlp: { title: "Training step of an MLP, 784-64-10, batch 100", unit: "steps/s" },
  lenet: { title: "Training step of LeNet, batch 100", unit: "steps/s" },
} as const;

export type TaskName = keyof typeof taskTitles;
export const taskNames = Object.keys(taskTitles) as TaskName[];
