// What axe finds wrong with the accessibility of a page.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright";

/** The serious faults of an open page in some themes. */
export async function seriousFaults(page: Page, themes: readonly string[]): Promise<string[]> {
  const html = await page.locator("html").elementHandle();
  const found: string[] = [];
  for (const theme of themes) {
    await html!.evaluate((root, dark) => root.classList.toggle("dark", dark), theme === "dark");
    await page.waitForTimeout(600); // colors fade
    const { violations } = await new AxeBuilder({ page })
      .setLegacyMode(true)
      .disableRules(["label-content-name-mismatch"]) // VitePress's search button: its keys are no part of its name
      .analyze();
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    found.push(...serious.map(({ id, nodes }) => `${theme}: ${id}: ${nodes.map(({ html }) => html).join("\n")}`));
  }
  return found;
}
