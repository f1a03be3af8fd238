// The highlighted code of a cell that nobody has edited.
import type { BackendName } from "./backends.ts";

/** The text of the code. */
export const codeOf = (element: HTMLElement): string =>
  (element.querySelector("pre code")?.textContent ?? "").trimEnd();

/** Names the backend in the line that imports `open`. */
export function showBackend(element: HTMLElement, name: BackendName): void {
  const lines = [...element.querySelectorAll("pre code .line")];
  const line = lines.find(({ textContent }) => textContent?.startsWith('import { open } from "@weft/tensor-'));
  if (line === undefined) return;
  const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  while (texts.nextNode())
    texts.currentNode.nodeValue = texts.currentNode.nodeValue!.replace(
      /@weft\/tensor-(?:cpu|webgpu)/,
      `@weft/tensor-${name}`,
    );
}
