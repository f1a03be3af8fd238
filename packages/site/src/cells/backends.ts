// Which backend a page's cells run on. The code says it in the line that imports `open`, as any program does, so the
// switch of the page changes that line where the reader sees it.

export const backends = ["cpu", "webgpu"] as const;
export type BackendName = (typeof backends)[number];

/** What the switch offers: one of them, or both side by side. */
export type Choice = BackendName | "both";

export const titles: Record<BackendName, string> = { cpu: "CPU", webgpu: "WebGPU" };

const line = /^(import \{ open \} from ")@weft\/tensor-(?:cpu|webgpu)(")/gm;

/** The code with `open` imported from that backend's package. */
export const onBackend = (source: string, name: BackendName): string =>
  source.replace(line, `$1@weft/tensor-${name}$2`);

/** The backend that the code imports `open` from, if it does. */
export function backendIn(source: string): BackendName | undefined {
  const name = /^import \{ open \} from "@weft\/tensor-(cpu|webgpu)"/m.exec(source)?.[1];
  return backends.find((one) => one === name);
}

export const chosen = (choice: Choice): readonly BackendName[] => (choice === "both" ? backends : [choice]);

/** Why there is no WebGPU in this page, or undefined if there is. */
export async function missingWebGpu(): Promise<string | undefined> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<unknown> } };
  if (gpu === undefined) return "this browser has no WebGPU here";
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter === null ? "no device was found for WebGPU" : undefined;
}
