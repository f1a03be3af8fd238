// What the first page says of results: rows of the tables in `docs`, read when the page is built.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createMarkdownRenderer } from "vitepress";
import { part, tableMarked, type MarkedTable, type Table } from "../../src/markdown/tables.ts";

const root = join(import.meta.dirname, "../../../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

interface Results {
  readonly version: string;
  /** Cells are HTML. */
  readonly tables: Readonly<Record<"reached" | "gpu" | "cpu", MarkedTable>>;
}

declare const data: Results;
export { data };

export default {
  watch: ["../../../../docs/{results,benchmarks}.md"],
  async load(): Promise<Results> {
    const md = await createMarkdownRenderer(root);
    const html = ({ columns, rows }: Table, { note }: MarkedTable): MarkedTable => ({
      columns: columns.map((cell) => md.renderInline(cell)),
      rows: rows.map((row) => row.map((cell) => md.renderInline(cell))),
      note: md.renderInline(note),
    });
    const [results, benchmarks] = [read("docs/results.md"), read("docs/benchmarks.md")];
    const programs = ["`mlp --data mnist`", "`lenet --data mnist --epochs 10`", "`vgg`", "`gru`", "`gpt`", "`treenn`"];
    const reached = tableMarked(results, "reached");
    const gpu = tableMarked(benchmarks, "gpu");
    const cpu = tableMarked(benchmarks, "cpu");
    const names = ({ rows }: Table): string[] => rows.map(([first]) => first!);
    const tasks = ["matrix product 512³, ms", "LeNet, SGD, ms", "LeNet, Adam, ms"];
    const steps = names(gpu).filter((name) => !name.startsWith("add"));
    const characters = names(cpu).filter((name) => name.startsWith("characters"));
    const { version } = JSON.parse(read("packages/tensor/package.json")) as { version: string };
    return {
      version,
      tables: {
        reached: html(part(reached, programs), reached),
        gpu: html(part(gpu, steps, ["row", "Weft", "eager", "×", "graph", "×"]), gpu),
        cpu: html(part(cpu, [...tasks, ...characters], ["row", "Weft", "PyTorch", "×"]), cpu),
      },
    };
  },
};
