// Maps: an invocation per element, or per four adjacent elements, which are loaded and stored together.
import { dtypeInfo } from "@weft/tensor/internals";
import { layout } from "@weft/kernel";
import type { Text } from "./text.ts";

/** Four adjacent elements along the last loop: one load and one store for all of them. */
function beside(text: Text): string {
  const { rank, operands, stores } = text.kernel;
  const last = rank - 1;
  const before = Array.from({ length: last }, (_, l) => ` * n${l}`).join("");
  const whole = operands.flatMap((o, k) =>
    text.isFour(k) ? [{ ...o, k, words: dtypeInfo[o.dtype].bytes as 1 | 4 }] : [],
  );
  const written = new Set(stores.map((s) => s.operand));
  const at = (k: number): number => text.place.get(k)!;
  return [
    `let t = group * ${text.at.threads}u + lane;`,
    ...text.sizes(),
    `let fours = n${last} / 4u;`,
    `if (t >= fours${before}) { return; }`,
    ...(last === 0 ? ["let along = t;"] : ["let along = t % fours;", "let rest = t / fours;"]),
    ...text.indices("rest", 0, last),
    `let first = i32(along * 4u)${last === 0 ? ` + ${text.at.word(layout.begin)}` : ""};`,
    `let i${last} = first;`,
    ...text.constants(),
    ...whole.flatMap(({ k, words, use }) => [
      text.address(k, rank),
      use === "read"
        ? `let q${k} = ${text.at.loadWords(at(k), words, `a${k}`)};`
        : `var y${k} = ${words === 4 ? "vec4u()" : "0u"};`,
    ]),
    ...[0, 1, 2, 3].flatMap((e) => ["{", `let i${last} = first + ${e}i;`, ...text.element(e), "}"]),
    ...whole.flatMap(({ k, words }) => (written.has(k) ? [text.at.storeWords(at(k), words, `y${k}`, `a${k}`)] : [])),
  ].join("\n");
}

/** Four elements per invocation in memory that is not aligned: neighboring invocations take neighbors. */
function apart(text: Text): string {
  const { rank } = text.kernel;
  const { threads } = text.at;
  return [
    ...text.sizes(),
    `let all = ${Array.from({ length: rank }, (_, l) => `n${l}`).join(" * ")};`,
    ...text.constants(),
    `for (var e = 0u; e < 4u; e++) { let t = (group * 4u + e) * ${threads}u + lane;`,
    "if (t >= all) { return; }",
    ...text.indices("t", 0, rank),
    ...text.element(),
    "}",
  ].join("\n");
}

export function mapOf(text: Text): string {
  const { rank } = text.kernel;
  const { four } = text.form;
  if (four !== undefined) return four === "beside" ? beside(text) : apart(text);
  const all = Array.from({ length: Math.max(rank, 1) }, (_, l) => `n${l}`).join(" * ");
  return [
    ...text.resultAt(text.at.threads, "lane"),
    ...text.sizes(),
    `if (!(inBlock && t < ${all})) { return; }`,
    ...text.indices("t", 0, rank),
    ...text.constants(),
    ...text.element(),
  ].join("\n");
}
