// The published tables, with what was measured here: one line of the command, and how a program is timed.
import { join } from "node:path";
import { open } from "@weft/tensor-cpu";
import { expect, test, vi } from "vitest";
import { counting } from "../src/training/counted-data.ts";
import { measurements, timed } from "../src/program-speed.ts";
import { here, tables } from "../src/published-tables.ts";
import type { Learner } from "../src/training/program.ts";
import { programs } from "../src/programs.ts";
import { temporaryFolder, weft } from "./session.ts";

const learner = (parts: Partial<Learner>): Learner => ({
  from: "numbers",
  async *epoch() {
    yield { loss: 1 };
  },
  evaluate: async () => ({ loss: 1 }),
  ...parts,
});

test("every measured line has a program, every program's measurement a line, and each its place for a figure", () => {
  const lines = tables.flatMap(({ columns, lines }) => lines.map((line) => ({ columns, line })));
  for (const { columns, line } of lines) {
    expect(line.cells).toHaveLength(columns.length);
    expect(line.cells.filter((cell) => cell === here)).toHaveLength(line.row === undefined ? 0 : 1);
  }
  const measured = new Set(lines.flatMap(({ line: { row } }) => row ?? []));
  expect([...measured].toSorted()).toEqual(Object.keys(measurements).toSorted());
  for (const { program } of Object.values(measurements)) expect(Object.keys(programs)).toContain(program);
});

test("steps go on through epochs, to the number of all steps after as many for warming up", async () => {
  let epochs = 0;
  const counted = counting([3, 4], (n) => n);
  const learning = learner({
    async *epoch() {
      epochs++;
      for (const loss of counted) yield loss;
    },
    counted: { of: "words", soFar: () => counted.soFar },
  });
  const done = await timed(learning, 60, { steps: 6 });
  expect(done).toMatchObject({ steps: 6, counted: 21, parts: {} });
  expect(epochs).toBe(6);
});

test("the last loss is read", async () => {
  const read: number[] = [];
  let made = 0;
  const learning = learner({
    async *epoch() {
      const at = ++made;
      yield { item: async () => read.push(at) };
    },
  });
  await timed(learning, 60, { steps: 3 });
  expect(read).toEqual([3, 6]);
});

test("of steps with parts each has its median, and all of them are measured", async () => {
  let k = 0;
  const learning = learner({
    async *epoch() {
      for (const name of ["a", "b"]) yield { [name]: k++ };
    },
  });
  const { parts, steps } = await timed(learning, 0, { least: 6 });
  expect(steps).toBe(6);
  expect(parts).toEqual({ a: 8, b: 9 });
});

test("a row without its data says why, and the table is printed", async () => {
  vi.stubEnv("WEFT_DATA", join(temporaryFolder(), "none"));
  const { code, out, err } = await weft("tables", "--rows", "vgg", "--seconds", "1");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^\| PyTorch +\| +78 \| +169 \|$/m);
  expect(out).toMatch(/^\| Weft, here +\| +\| +\[1\] \|$/m);
  expect(out).toMatch(
    /^Weft's figures: .*\n\n\[1\] WEFT_DATA is .* Set it to a folder .*data_batch_1\.bin.*\n {4}data_batch_1\.bin \(/m,
  );

  const json = await weft("tables", "--rows", "vgg", "--seconds", "1", "--json");
  const {
    machine,
    threads,
    tables: found,
  } = JSON.parse(json.out) as {
    machine: string;
    threads: number;
    tables: { name: string; lines: { published: unknown[]; weft?: unknown }[] }[];
  };
  expect(machine).toMatch(/^@weft\/tensor-cpu, WebAssembly, \d+ threads?, /);
  expect(threads).toBe((await open({})).info().threads);
  expect(found.map(({ name }) => name)).toEqual(["vgg"]);
  expect(found[0]!.lines[0]).toEqual({ published: ["MXNet", 77, 145] });
  expect(found[0]!.lines.at(-1)).toEqual({
    published: ["Weft, here", ""],
    weft: { missing: expect.stringContaining("data_batch_1.bin") as string },
  });
});

test("a note says first what to do, and then, line by line, what is missing", async () => {
  vi.stubEnv("WEFT_DATA", temporaryFolder());
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("fetch failed")));
  const { out } = await weft("tables", "--rows", "mlp", "--seconds", "1");
  vi.unstubAllGlobals();
  const notes = out.slice(out.indexOf("\n[1] ") + 1).split("\n");
  expect(notes[0]).toBe(
    "[1] mnist: could not download train-images-idx3-ubyte.gz. Try again later, or put copies of 4 files into a folder and set WEFT_DATA to that folder.",
  );
  expect(notes.slice(1).every((line) => line.startsWith("    "))).toBe(true);
  expect(notes.join("\n")).toContain("t10k-labels-idx1-ubyte.gz (4542 bytes");
});

test("--threads says on how many threads they are measured", async () => {
  vi.stubEnv("WEFT_DATA", join(temporaryFolder(), "none"));
  for (const n of [1, 3]) {
    const words = ["tables", "--rows", "vgg", "--seconds", "1", "--threads", String(n)];
    expect((await weft(...words)).out).toContain(
      `Weft's figures: @weft/tensor-cpu, WebAssembly, ${n} thread${n === 1 ? "" : "s"}, `,
    );
    expect(JSON.parse((await weft(...words, "--json")).out)).toMatchObject({ threads: n });
  }
  expect((await weft("help", "tables")).out.replaceAll(/\s+/g, " ")).toContain(
    "on how many threads of the CPU, 1 to 64",
  );
  expect(await weft("tables", "--rows", "vgg", "--backend", "webgpu", "--threads", "2")).toMatchObject({
    code: 1,
    err: "weft: --threads 2: only the backend cpu has threads, webgpu has none. Leave it out.",
  });
});

test("rows that lack the same data share a note, in all tables", async () => {
  vi.stubEnv("WEFT_DATA", join(temporaryFolder(), "none"));
  const { out } = await weft("tables", "--rows", "mlp|lenet|tagger|vgg", "--seconds", "1");
  expect(out.match(/^\[\d\] /gm)).toEqual(["[1] ", "[2] ", "[3] "]);
  expect(out).toMatch(/^\| MLP .* \[1\] \|$/m);
  expect(out).toMatch(/^\| LeNet .* \[1\] \|$/m);
  expect(out).toMatch(/^\| bilstm-tagger-withchar .* \[2\] \|$/m);
  expect(out).toMatch(/^\| Weft, here .* \[3\] \|$/m);
});

test.each([
  ["nothing", /It matches none of linreg, /],
  ["(", /Invalid regular expression/],
])("--rows %s is an error in one line", async (rows, message) => {
  const { code, out, err } = await weft("tables", "--rows", rows);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(message);
  expect(err.split("\n")).toHaveLength(1);
});
