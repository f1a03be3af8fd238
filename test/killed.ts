// Programs that are killed while they run.
import { spawn } from "node:child_process";

/** Runs a program, and kills it some milliseconds after it has printed so many lines. */
export async function runKilled(
  program: string,
  args: readonly string[],
  kill?: { readonly after: number; readonly wait: number },
): Promise<{ readonly code: number | null; readonly signal: string | null; readonly lines: readonly string[] }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    if (kill !== undefined && out.split("\n").length > kill.after) setTimeout(() => child.kill("SIGKILL"), kill.wait);
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, lines: out.trimEnd().split("\n") }));
  });
}
