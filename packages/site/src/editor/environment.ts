// The type checker over files in memory: those of TypeScript's own library, the declarations of the packages, the cells.
import { createSystem, createVirtualTypeScriptEnvironment, type VirtualTypeScriptEnvironment } from "@typescript/vfs";
import type TypeScript from "typescript";
import type { Files } from "./above.ts";

/** The libraries of a worker: what cells can call. */
const lib = ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.webworker.d.ts"];

export function environment(ts: typeof TypeScript, files: Files): VirtualTypeScriptEnvironment {
  const system = createSystem(new Map(Object.entries(files)));
  return createVirtualTypeScriptEnvironment(system, [], ts, {
    lib,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force, // a cell without imports is a module, too
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  });
}
