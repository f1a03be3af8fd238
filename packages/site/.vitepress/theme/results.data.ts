// What the first page says of results: rows of the tables in `docs`, read when the page is built.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createMarkdownRenderer } from "vitepress";
import { part, tableBelow, type Table } from "../../src/markdown/tables.ts";

const root = join(import.meta.dirname, "../../../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

interface Results {
  readonly version: string;
  /** Cells are HTML. */
  readonly tables: Readonly<Record<"reached" | "gpu" | "cpu", Table>>;
}

declare const data: Results;
export { data };

export default {
  watch: ["../../../../docs/{results,benchmarks}.md"],
  async load(): Promise<Results> {
    const md = await createMarkdownRenderer(root);
    const html = ({ columns, rows }: Table): Table => ({
      columns: columns.map((cell) => md.renderInline(cell)),
      rows: rows.map((row) => row.map((cell) => md.renderInline(cell))),
    });
    const [results, benchmarks] = [read("docs/results.md"), read("docs/benchmarks.md")];
    const programs = ["`mlp --data mnist`", "`lenet --data mnist --epochs 10`", "`vgg`", "`gru`", "`gpt`", "`treenn`"];
    const onGpu = tableBelow(benchmarks, "### The same on 2026-11-29");
    const onCpu = tableBelow(benchmarks, "## One thread beside PyTorch");
    const tasks = ["matrix product 512³", "perceptron, Adam", "LeNet, SGD", "LeNet, Adam"];
    const characters = onCpu.rows.map(([first]) => first!).filter((first) => first.startsWith("characters"));
    const { version } = JSON.parse(read("packages/tensor/package.json")) as { version: string };
    return {
      version,
      tables: {
        reached: html(part(tableBelow(results, "# Results"), programs)),
        gpu: html({ columns: onGpu.columns.slice(0, 6), rows: onGpu.rows.map((row) => row.slice(0, 6)) }),
        cpu: html(part(onCpu, [...tasks, ...characters], 5)),
      },
    };
  },
};
