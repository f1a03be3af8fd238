// What the type checker of the editor says of cells, in Node.
import type { VirtualTypeScriptEnvironment } from "@typescript/vfs";
import ts from "typescript";
import { filesAbove, type Files } from "../src/editor/above.ts";
import { environment } from "../src/editor/environment.ts";

/** A checker over the declarations that a built site carries. */
export function cellChecker(declarations: Files): (...cells: readonly string[]) => string[] {
  const env: VirtualTypeScriptEnvironment = environment(ts, declarations);
  return (...cells) => {
    const path = "/page/cell.ts";
    const files = { ...filesAbove(ts, cells.slice(0, -1)), [path]: cells.at(-1)! };
    for (const [name, text] of Object.entries(files)) env.createFile(name, text);
    const { languageService } = env;
    const found = [...languageService.getSyntacticDiagnostics(path), ...languageService.getSemanticDiagnostics(path)];
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  };
}
