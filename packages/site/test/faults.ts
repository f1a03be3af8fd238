// What is wrong with a page: what it complains of, and what axe finds of its accessibility.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright";

/** Pages of each kind. */
const kinds = ["", "playground.html", "tutorials/quick-start.html", "guides/from-pytorch.html", "reference/"];

/** The serious faults of an open page in some themes; of pages that are like others, but for the contrast of their colors. */
export async function seriousFaults(page: Page, path: string, themes: readonly string[]): Promise<string[]> {
  const html = await page.locator("html").elementHandle();
  const found: string[] = [];
  const whole = kinds.includes(path);
  for (const theme of themes) {
    await html!.evaluate((root, dark) => root.classList.toggle("dark", dark), theme === "dark");
    if (whole) await page.waitForTimeout(600); // colors fade
    const axe = new AxeBuilder({ page }).setLegacyMode(true).disableRules([
      "label-content-name-mismatch", // VitePress's search button: its keys are no part of its name
      // Menus and colors are everywhere the same, and are most of what there is to look at.
      ...(whole ? [] : ["color-contrast"]),
    ]);
    const { violations } = await (whole ? axe : axe.include("main").exclude("pre span")).analyze();
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    found.push(...serious.map(({ id, nodes }) => `${theme}: ${id}: ${nodes.map(({ html }) => html).join("\n")}`));
  }
  return found;
}

/** What a page complains of from now on. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  return complaints;
}
