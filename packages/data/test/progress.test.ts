// Progress: what passes through, what is written, and when a pending loss is read.
import { Console } from "node:console";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { ArgumentError, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { minibatch, progress, type ProgressState } from "@weft/data";
import { progress as pageProgress } from "../src/index.ts";
import { bar } from "../src/display.ts";

const { tensor } = await open({});
const sink = (isTTY?: boolean) => {
  const written: string[] = [];
  return { written, stream: { isTTY, columns: 100, write: (text: string) => (written.push(text), true) } };
};
async function* later<T>(items: Iterable<T>, wait = 0): AsyncGenerator<T> {
  for (const item of items) {
    if (wait > 0) await new Promise((go) => setTimeout(go, wait));
    yield item;
  }
}
/** Times and speeds differ from run to run. */
const steady = (line: string) => line.replace(/\[.*?\]/, "[…]");

describe("without a terminal", () => {
  test("writes plain lines: the first item, the last, and none in between if all is quick", () => {
    const { written, stream } = sink();
    expect([...progress([0.5, 0.25, 0.125], { stream })]).toEqual([0.5, 0.25, 0.125]);
    expect(written.map(steady)).toEqual(["33% 1/3 […] loss 0.5000\n", "100% 3/3 […] loss 0.1250\n"]);
    expect(written[0]).toBe("33% 1/3 [0:00] loss 0.5000\n"); // how fast it is, nobody knows yet
    expect(written[1]).toMatch(/^100% 3\/3 \[0:00<0:00, [\d.]+\/s\] loss 0\.1250\n$/);
  });

  test("writes a line every few seconds", async () => {
    const { written, stream } = sink();
    for await (const _ of progress(later([1, 2, 3], 20), { stream, total: 3, seconds: 0.01, label: "error" }));
    expect(written.map(steady)).toEqual([
      "33% 1/3 […] error 1.000\n",
      "66% 2/3 […] error 2.000\n",
      "100% 3/3 […] error 3.000\n",
    ]);
  });

  test("gives the speed of work that is done, not of an item that the loop has just got", async () => {
    const { written, stream } = sink();
    const work = () => new Promise((go) => setTimeout(go, 50));
    for await (const _ of progress([1, 2, 3, 4], { stream, seconds: 0 })) await work();
    expect(written[0]).toBe("25% 1/4 [0:00] loss 1.000\n");
    const speeds = written.slice(1).map((line) => Number(/([\d.]+)\/s/.exec(line)![1]));
    expect(speeds).toHaveLength(3);
    for (const speed of speeds) {
      expect(speed).toBeGreaterThan(1);
      expect(speed).toBeLessThanOrEqual(21); // 20 a second at most, but for the grain of timers
    }
  });

  test("gives the speed of a source that works, too", async () => {
    const { written, stream } = sink();
    for await (const _ of progress(later([1, 2, 3, 4], 50), { stream, seconds: 0, total: 4 }));
    expect(written[1]).toMatch(/^50% 2\/4 /);
    expect(Number(/([\d.]+)\/s/.exec(written[1]!)![1])).toBeGreaterThan(1);
    expect(Number(/([\d.]+)\/s/.exec(written[1]!)![1])).toBeLessThanOrEqual(21);
  });

  test("works without a total", async () => {
    const { written, stream } = sink();
    for await (const _ of progress(later("ab"), { stream }));
    expect(written.map(steady)).toEqual(["1 […]\n", "2 […]\n"]);
  });

  test("says nothing about a loop without items", () => {
    const { written, stream } = sink();
    expect([...progress([], { stream })]).toEqual([]);
    expect(written).toEqual(["0/0 [0:00]\n"]);
  });

  test("ends its output when the loop is left or an error is thrown", () => {
    const { written, stream } = sink();
    for (const x of progress([1, 2, 3], { stream, message: (_, n) => `item ${n}` })) if (x === 2) break;
    expect(written.map(steady)).toEqual(["33% 1/3 […] item 1\n", "66% 2/3 […] item 2\n"]);
    const failing = function* () {
      yield 1;
      throw new Error("out of data");
    };
    expect(() => [...progress(failing(), { stream })]).toThrow("out of data");
    expect(written.length).toBe(4);
  });
});

describe("on a terminal", () => {
  test("draws a bar, and changes nothing that Ctrl-C would leave changed", () => {
    const { written, stream } = sink(true);
    const listeners = process.listenerCount("SIGINT");
    expect([...progress([4, 2, 1], { stream, name: "digits" })]).toEqual([4, 2, 1]);
    const all = written.join("");
    expect(all).not.toContain("\u001b[?"); // neither the cursor nor line wrapping
    expect(process.listenerCount("SIGINT")).toBe(listeners);
    expect(all).toContain(`digits ▕${"█".repeat(20)}▏ 100% 3/3 [`);
    expect(all).toContain("loss 1.000");
    expect(all.endsWith("\n")).toBe(true);
  });

  test("ends its line when the loop fails, and is cut to the width", () => {
    const { written, stream } = sink(true);
    expect(() => {
      for (const _ of progress([1, 2], { stream, name: "x".repeat(200) })) throw new Error("no");
    }).toThrow("no");
    expect(written.at(-1)).toBe("\n");
    expect(Math.max(...written.map((part) => part.length))).toBe(100);
  });
});

/** The lines that a terminal shows after everything that was written, with clearing and overwriting. */
function screen(written: readonly string[]): string[] {
  const rows = [""];
  let column = 0;
  const clean = written.join("").replaceAll("\u001b", "ESC");
  for (const [token] of clean.matchAll(/ESC(?:\[[\d;]*[A-Za-z]|.)|[\s\S]/g)) {
    const row = rows.length - 1;
    if (token === "\n") column = rows.push("") && 0;
    else if (token === "\r" || /^ESC\[1?G$/.test(token)) column = 0;
    else if (/^ESC\[0?K$/.test(token)) rows[row] = rows[row]!.slice(0, column);
    else if (token.length === 1) {
      rows[row] = rows[row]!.slice(0, column).padEnd(column) + token + rows[row]!.slice(column + 1);
      column++;
    }
  }
  return rows.map((row) => steady(row).replace(/▕.*▏/, "▕▏"));
}

describe("output of other writers while a bar is shown", () => {
  test("goes above the bar, in whole lines and in parts, and so does progress.log", () => {
    const { written, stream } = sink(true);
    for (const x of progress([1, 2, 3], { stream })) {
      if (x === 1) stream.write("first\n");
      if (x === 2) {
        stream.write("half");
        stream.write(" and half\nthird\n");
      }
      if (x === 3) progress.log("step %d:", x, { lr: 0.1 });
    }
    expect(screen(written)).toEqual([
      "first",
      "half and half",
      "third",
      "step 3: { lr: 0.1 }",
      "▕▏ 100% 3/3 […] loss 3.000",
      "",
    ]);
    const before = written.length;
    stream.write("after\n");
    expect(written.slice(before)).toEqual(["after\n"]);
  });

  test("is finished before the bar's last line, and stays unchanged without a bar", () => {
    const { written, stream } = sink(true);
    for (const _ of progress([1], { stream })) stream.write("no end");
    expect(screen(written)).toEqual(["no end", "▕▏ 100% 1/1 […] loss 1.000", ""]);
    const plain = sink();
    for (const x of progress([1, 2], { stream: plain.stream })) progress.log("item", x);
    expect(plain.written.map(steady)).toEqual(["50% 1/2 […] loss 1.000\n", "item 1\n", "item 2\n", "100% 2/2 […] loss 2.000\n"]); // prettier-ignore
  });

  test("of standard output and of errors on one terminal, through console.log, also with nested bars", () => {
    const written: string[] = [];
    const write = (text: string) => (written.push(text), true);
    const keep = [process.stdout, process.stderr].map(
      (s) => [s, s.write, Object.getOwnPropertyDescriptor(s, "isTTY")] as const,
    );
    for (const [s] of keep) {
      s.write = write as typeof s.write;
      Object.defineProperty(s, "isTTY", { value: true, configurable: true });
    }
    const log = new Console(process.stdout, process.stderr);
    try {
      for (const epoch of progress([1, 2], { name: "outer" })) {
        for (const x of progress([3, 4], { name: "inner" })) {
          log.log(`epoch ${epoch} item ${x}`);
          log.error(`error ${x}`);
        }
        log.log(`epoch ${epoch} done`);
      }
      expect(keep.every(([s]) => s.write === (write as unknown))).toBe(true);
    } finally {
      for (const [s, before, tty] of keep) {
        s.write = before;
        if (tty === undefined) delete (s as { isTTY?: boolean }).isTTY;
        else Object.defineProperty(s, "isTTY", tty);
      }
    }
    const texts = [1, 2].flatMap((e) => [...[3, 4].flatMap((x) => [`epoch ${e} item ${x}`, `error ${x}`]), "inner ▕▏ 100% 2/2 […] loss 4.000", `epoch ${e} done`]); // prettier-ignore
    expect(screen(written).filter((line) => line !== "")).toEqual([...texts, "outer ▕▏ 100% 2/2 […] loss 2.000"]);
  });

  test("a stream that another writer has wrapped meanwhile is left alone", () => {
    const { written, stream } = sink(true);
    const others: string[] = [];
    for (const _ of progress([1], { stream })) {
      const under = stream.write;
      stream.write = (text: string) => (others.push(text), under(text));
    }
    const before = written.length;
    stream.write("after\n");
    expect([others, written.slice(before)]).toEqual([["after\n"], ["after\n"]]);
  });
});

test("bars are drawn to an eighth", () => {
  expect([0, 0.5, 1 / 160, 0.99, 1, 2].map(bar)).toEqual([
    " ".repeat(20),
    "█".repeat(10) + " ".repeat(10),
    "▏" + " ".repeat(19),
    "█".repeat(19) + "▊",
    "█".repeat(20),
    "█".repeat(20),
  ]);
});

describe("tensors", () => {
  const display = () => {
    const messages: string[] = [];
    return {
      messages,
      display: {
        update: (s: ProgressState) => void messages.push(s.message),
        close: (s: ProgressState) => void messages.push(s.message),
      },
    };
  };

  test("are read without the loop waiting, at most every 100 ms, and the last one always", async () => {
    const now = vi.spyOn(performance, "now");
    let step = 0;
    now.mockImplementation(() => 5 * step);
    const read: number[] = [];
    const waiting: (() => void)[] = [];
    const item = (i: number) => (read.push(i), new Promise<number>((go) => waiting.push(() => go(i))));
    const losses = Array.from({ length: 50 }, (_, i) => Object.assign(tensor(i), { item: () => item(i) }));
    const { messages, display: shown } = display();
    for await (const loss of progress(later(losses), { total: 50, display: shown })) {
      expect(loss.size).toBe(1);
      if (step >= 25) for (const go of waiting.splice(0)) go(); // the first read takes 125 ms
      step++;
    }
    expect(read).toEqual([0, 26, 46, 49]);
    expect([messages[0], messages[25], messages[26]]).toEqual(["", "", "loss 0.000"]);
    expect(messages.at(-1)).toBe("loss 49.00");
    now.mockRestore();
  });

  test("of a real backend show their number", async () => {
    const { messages, display: shown } = display();
    for await (const _ of progress(later([tensor(0.75)]), { total: 1, display: shown }));
    expect(messages.at(-1)).toBe("loss 0.7500");
  });

  test("that cannot be read throw at the next item, or at the end", async () => {
    const broken = () =>
      Object.assign(tensor(1), { item: () => Promise.reject(new Error("index 12 in crossEntropy")) });
    const { display: shown } = display();
    let n = 0;
    await expect(async () => {
      for await (const _ of progress(later([broken(), tensor(1), tensor(1)], 5), { display: shown })) n++;
    }).rejects.toThrow("index 12 in crossEntropy");
    expect(n).toBe(1);
    await expect(async () => {
      for await (const _ of progress(later([broken()]), { display: shown }));
    }).rejects.toThrow("index 12 in crossEntropy");
  });

  test("show in a loop without await: at once, in between, and the last one", () => {
    const now = vi.spyOn(performance, "now");
    let time = 0;
    now.mockImplementation(() => time);
    const { messages, display: shown } = display();
    const losses = [4, 3, 2, 1].map((x) => tensor([x]));
    for (const _ of progress(new Set(losses), { display: shown, value: (x) => x })) time += 60;
    expect(messages).toEqual(["loss 4.000", "loss 4.000", "loss 2.000", "loss 1.000", "loss 1.000"]);
    messages.length = 0;
    time = 1000;
    const generator = function* () {
      for (const x of losses) yield x;
    };
    for (const _ of progress(generator(), { display: shown }));
    expect(messages).toEqual(["loss 4.000", "loss 4.000", "loss 4.000", "loss 4.000", "loss 1.000"]);
    messages.length = 0;
    const mine = [8, 7].map((x) => tensor([x]));
    for (const x of progress(mine, { display: shown })) x.release(); // a released tensor is not read
    expect(messages).toEqual(["loss 8.000", "loss 7.000", "loss 7.000"]);
    now.mockRestore();
  });

  test("come out of an item by `value`", async () => {
    const { messages, display: shown } = display();
    for await (const _ of progress(later([{ loss: 3 }]), { value: (x) => x.loss, display: shown }));
    expect(messages).toEqual(["loss 3.000", "loss 3.000"]);
  });
});

test("types: what can be looped over without await stays so", () => {
  expectTypeOf(progress([1])).toExtend<Iterable<number>>();
  expectTypeOf(progress(later([1]))).toExtend<AsyncIterable<number>>();
  expectTypeOf(progress(later([1]))).not.toExtend<Iterable<number>>();
  expectTypeOf(progress(minibatch([1, 2], 1))).not.toExtend<Iterable<Tensor>>();
});

test('"stop" ends the loop after the item', async () => {
  const { stream } = sink();
  const seen: number[] = [];
  for await (const x of progress(later([1, 2, 3]), { stream, message: (i) => (i === 2 ? "stop" : "") })) seen.push(x);
  expect(seen).toEqual([1, 2]);
});

test("knows how many minibatches there are, and passes the number on", () => {
  const { written, stream } = sink();
  const walk = progress(minibatch([1, 2, 3, 4], 2), { stream });
  expect(walk.length).toBe(2);
  for (const _ of walk);
  expect(written.map(steady)).toEqual(["50% 1/2 […]\n", "100% 2/2 […]\n"]);
});

test("in a page it writes to the console", () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  for (const _ of pageProgress([1, 2]));
  expect(log.mock.calls.map(([line]) => steady(String(line)))).toEqual([
    "50% 1/2 […] loss 1.000",
    "100% 2/2 […] loss 2.000",
  ]);
  log.mockRestore();
});

test("refuses what cannot be iterated over", () => {
  expect(() => progress([1], { totla: 3 } as never)).toThrow(
    'progress: there is no option "totla"; known options: total,',
  );
  expect(() => progress([1], { total: NaN })).toThrow(
    "progress: wanted a non-negative number as total, got number NaN",
  );
  expect(() => progress([1], "loss" as never)).toThrow("progress: wanted options { total, name,");
  expect(() => progress([1], { value: 3 as never })).toThrow("progress: wanted a function as value, got number 3");
  for (const stream of [5, {}, null, { write: 1 }])
    expect(() => progress([1], { stream: stream as never })).toThrow(
      "progress: wanted a stream with a function write, such as process.stderr, as stream, got",
    );
  const [update, close] = [() => undefined, () => undefined];
  for (const display of [5, {}, null, { update }, { close }, { update, close, log: 5 }])
    expect(() => progress([1], { display: display as never })).toThrow(
      "progress: wanted a display with the functions update and close as display, got",
    );
  expect(() => progress(5 as never)).toThrow(
    new ArgumentError("progress: wanted something to iterate over, got number 5"),
  );
});
