// Is a page well-formed? Every element that is opened is closed, in order; attributes are quoted; nothing is left over.

const voidElements = new Set(["!doctype", "meta", "br", "img"]); // elements without an end tag
const tag = /<(\/?)([!a-zA-Z][\w:-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>/y;

/** The names of all elements, in order; throws at the first error. */
export function elements(html: string): string[] {
  const open: string[] = [];
  const found: string[] = [];
  let at = 0;
  while (at < html.length) {
    const inside = open.at(-1);
    if (inside === "style" && !html.startsWith("</style>", at)) {
      at = html.indexOf("</style>", at);
      if (at < 0) throw new Error("<style> is not closed");
      continue;
    }
    if (html[at] !== "<") {
      const end = html.indexOf("<", at);
      const text = html.slice(at, end < 0 ? undefined : end);
      if (/>|&(?!(amp|lt|gt|quot|#\d+);)/.test(text)) throw new Error(`not escaped: ${text.slice(0, 60)}`);
      at += text.length;
      continue;
    }
    tag.lastIndex = at;
    const match = tag.exec(html);
    if (match === null) throw new Error(`not a tag: ${html.slice(at, at + 60)}`);
    const [whole, ends, name, , closes] = match;
    if (ends === "/") {
      if (open.pop() !== name) throw new Error(`</${name}> closes <${inside}>`);
    } else {
      found.push(name!);
      if (closes === "" && !voidElements.has(name!.toLowerCase())) open.push(name!);
    }
    at += whole.length;
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(", ")}`);
  return found;
}
