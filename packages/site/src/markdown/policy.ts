// What a built page may do, as a Content-Security-Policy in its head: scripts come from the site, text never becomes one.
// The worker of the cells is bound by the headers of its own file instead; there the reader's code becomes a module.
import { createHash } from "node:crypto";

const hash = (script: string): string => `'sha256-${createHash("sha256").update(script).digest("base64")}'`;

/** The page with its policy; the few scripts that are written into it are named by their hashes. */
export function policy(html: string): string {
  const scripts = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(([, text]) => text!);
  const rules = [
    "default-src 'self'",
    `script-src 'self' 'wasm-unsafe-eval' ${scripts
      .filter((text) => text !== "")
      .map(hash)
      .join(" ")}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html.replace(
    /<meta charset="utf-8">/,
    (meta) => `${meta}\n    <meta http-equiv="Content-Security-Policy" content="${rules}">`,
  );
}
