// The table of calls: every primitive (and fused operation) that has a hand-shaped kernel.
import type { Call } from "./call.ts";
import { matmul } from "./matmul.ts";

export const calls = { matmul } as unknown as Readonly<Record<CallName, Call & { readonly epilogue?: boolean }>>;
export type CallName = string;
