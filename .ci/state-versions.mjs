// After Changesets has raised versions: writes each package's own version into the constant that its messages quote.
import { globSync, readFileSync, writeFileSync } from "node:fs";

for (const manifest of globSync("packages/*/package.json")) {
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  for (const file of globSync(manifest.replace("package.json", "src/**/*.ts"))) {
    const text = readFileSync(file, "utf8");
    const stated = text.replace(/\bVERSION = ".*?"/, `VERSION = "${version}"`);
    if (stated !== text) writeFileSync(file, stated);
  }
}
