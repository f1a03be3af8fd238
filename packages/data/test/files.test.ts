// Files of data sets, with a server on this machine: mirrors, checksums, the cache folder, WEFT_DATA, full disks.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DataError } from "@weft/data";
import { obtain } from "../src/files/download.ts";
import type { KnownFile, LoadOptions } from "../src/files/files.ts";
import { cacheFolder, folders, save } from "../src/files/folder.node.ts";
import { gunzip } from "../src/files/gunzip.ts";
import { housingFrom } from "../src/sets/housing.ts";
import { mnistFrom } from "../src/sets/mnist.ts";
import { serving } from "./sets/serving.ts";

const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 251);
const file: KnownFile = {
  name: "numbers.gz",
  bytes: content.length,
  sha256: createHash("sha256").update(content).digest("hex"),
};
const wrong = content.map((v, i) => (i === 4000 ? v ^ 1 : v));
const wrongSum = createHash("sha256").update(wrong).digest("hex");

/** The server's answer for each path. */
const answers: Record<string, (response: ServerResponse) => void> = {
  "/good/numbers.gz": (r) => r.end(content),
  "/wrong/numbers.gz": (r) => r.end(wrong),
  "/long/numbers.gz": (r) => r.end(Buffer.concat([content, content])),
  "/short/numbers.gz": (r) => r.end(content.subarray(0, 100)),
  "/cut/numbers.gz": (r) => {
    r.writeHead(200, { "content-length": content.length });
    r.write(content.subarray(0, 100), () => r.destroy());
  },
  "/silent/numbers.gz": () => {},
  "/stuck/numbers.gz": (r) => void r.write(content.subarray(0, 4999)),
  "/stuck-error/numbers.gz": (r) => void r.writeHead(404).write("not "),
  "/drip/numbers.gz": (r) => {
    dripping = () => void r.write(content.subarray(0, 1));
    dripping();
  },
  "/slow/numbers.gz": (r) => void r.write(content.subarray(0, 100)),
};
let dripping = (): void => {};
let asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(request.url!);
  const answer = answers[request.url!];
  if (answer === undefined) response.writeHead(404).end();
  else answer(response);
});
await new Promise<void>((go) => server.listen(0, "127.0.0.1", go));
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const root = await fs.mkdtemp(join(tmpdir(), "weft-data-"));
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await fs.rm(root, { recursive: true });
});

let cache = "";
let turn = 0;
beforeEach(() => {
  asked = [];
  cache = join(root, `cache-${turn++}`);
});
const published = { set: "numbers", mirrors: [`${base}/missing/`, `${base}/good/`], terms: "CC0" };
const about = `numbers.gz (5000 bytes, SHA-256 ${file.sha256}) is published at ${base}/missing/numbers.gz. Terms: CC0.`;
const load = (options: LoadOptions = {}, env: NodeJS.ProcessEnv = {}, system: typeof fs = fs) =>
  obtain(folders(system, env), file, published, { cache, progress: false, ...options });
const errorOf = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.unreachable("this should have failed"),
    (error: Error) => error,
  );
const mirror = (...names: string[]) => ({ mirrors: names.map((name) => `${base}/${name}/`) });

describe("downloads", () => {
  test("come from the second mirror if the first has nothing, and are cached", async () => {
    expect(await load()).toEqual(content);
    expect(asked).toEqual(["/missing/numbers.gz", "/good/numbers.gz"]);
    expect(await fs.readdir(join(cache, "numbers"))).toEqual(["numbers.gz"]);
    expect(await load({ mirrors: [] })).toEqual(content);
    expect(asked.length).toBe(2);
  });

  test.each(["cut", "short", "long", "wrong", "missing"])(
    "go on to the next mirror after one that is %s",
    async (name) => {
      expect(await load(mirror(name, "good"))).toEqual(content);
      expect(asked).toEqual([`/${name}/numbers.gz`, "/good/numbers.gz"]);
    },
  );

  test.each([
    ["answers with an error, and its body breaks", { status: 503 }, 0],
    ["answers with an error, and its body cannot be canceled", { status: 503 }, 10],
    ["gives too much, and cannot be canceled", {}, 6000],
  ])("go on where a server %s", async (_, init, length) => {
    const loose: unknown[] = [];
    const note = (reason: unknown): void => void loose.push(reason);
    process.on("unhandledRejection", note);
    try {
      const bodies = vi.fn(fetch).mockImplementationOnce(async () => {
        const body = new ReadableStream<Uint8Array>({
          start: (to) => (length === 0 ? to.error(new Error("broken")) : to.enqueue(new Uint8Array(length))),
          cancel: () => Promise.reject(new Error("no")),
        });
        return new Response(body, init);
      });
      vi.stubGlobal("fetch", bodies);
      expect(await load(mirror("first", "good"))).toEqual(content);
      await new Promise((resolve) => setTimeout(resolve));
      expect(loose).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
      vi.unstubAllGlobals();
    }
  });

  test("that fail at every mirror say what happened at each, and what to do", async () => {
    const error = await errorOf(load(mirror("missing", "short", "long", "wrong")));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      `numbers: could not download numbers.gz. Try again later, or put a copy into a folder and set WEFT_DATA to that folder.
  ${base}/missing/numbers.gz: the server answered 404 Not Found.
  ${base}/short/numbers.gz: expected 5000 bytes, found 100.
  ${base}/long/numbers.gz: expected 5000 bytes, found more.
  ${base}/wrong/numbers.gz: expected SHA-256 ${file.sha256}, found ${wrongSum}.
${about}
A program may name another address with { mirrors }.`,
    );
    expect(await fs.readdir(root)).not.toContain(cache);
  });

  test("that break off or find no server report the cause", async () => {
    const closed = createServer();
    await new Promise<void>((go) => closed.listen(0, "127.0.0.1", go));
    const { port } = closed.address() as AddressInfo;
    await new Promise((go) => closed.close(go));
    const error = await errorOf(load({ mirrors: [`${base}/cut/`, `http://127.0.0.1:${port}/`] }));
    expect(error.message.split("\n").slice(1, 3)).toEqual([
      `  ${base}/cut/numbers.gz: terminated (other side closed).`,
      `  http://127.0.0.1:${port}/numbers.gz: fetch failed (connect ECONNREFUSED 127.0.0.1:${port}).`,
    ]);
  });

  test("end when aborted, without trying another mirror or leaving anything behind", async () => {
    const stop = new AbortController();
    const loading = load({ ...mirror("slow", "good"), signal: stop.signal });
    const failure = errorOf(loading);
    await vi.waitFor(() => expect(asked).not.toEqual([]), 10_000);
    stop.abort();
    expect((await failure).name).toBe("AbortError");
    expect(asked).toEqual(["/slow/numbers.gz"]);
    await expect(fs.readdir(cache)).rejects.toThrow("ENOENT");
    const reason = new Error("the user went home");
    expect(await errorOf(load({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  test("end when a signal of another kind is aborted, which has no more than that", async () => {
    const stop = { aborted: false };
    const loading = load({ ...mirror("slow", "good"), signal: stop as AbortSignal });
    const failure = errorOf(loading);
    await vi.waitFor(() => expect(asked).not.toEqual([]), 10_000);
    stop.aborted = true;
    expect((await failure).name).toBe("AbortError");
    expect(asked).toEqual(["/slow/numbers.gz"]);
    const reason = new Error("the user went home");
    const over = { aborted: true, reason } as unknown as AbortSignal;
    expect(await errorOf(load({ ...mirror("good"), signal: over }))).toBe(reason);
    expect(await load({ ...mirror("good"), signal: { aborted: false } as AbortSignal })).toEqual(content);
  });

  describe("that stall", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
    afterEach(() => void vi.useRealTimers());

    /** Lets a second pass, and sent data arrive. */
    const second = async (): Promise<void> => {
      vi.advanceTimersByTime(1000);
      for (let i = 0; i < 3; i++) await new Promise((go) => setTimeout(go, 1));
    };
    /** Seconds until the next mirror is asked, or until there is no other; no time passes while that one answers. */
    const secondsUntil = async (mirrors: number, loading: Promise<unknown>, each = () => {}): Promise<number> => {
      let settled = false;
      const done = loading.then(
        () => (settled = true),
        () => (settled = true),
      );
      let seconds = 0;
      for (; !settled && asked.length < mirrors && seconds < 200; seconds++) {
        each();
        await second();
      }
      await done;
      return seconds;
    };

    test.each(["silent", "stuck"])("at a mirror that is %s continue at the next", async (name) => {
      const loading = load(mirror(name, "good"));
      await vi.waitFor(() => expect(asked).not.toEqual([]), 10_000);
      expect(await secondsUntil(2, loading)).toBeLessThan(60);
      expect(await loading).toEqual(content);
      expect(asked).toEqual([`/${name}/numbers.gz`, "/good/numbers.gz"]);
    });

    test("at a mirror that sends very little continue at the next", async () => {
      const loading = load(mirror("drip", "good"));
      await vi.waitFor(() => expect(asked).not.toEqual([]), 10_000);
      expect(await secondsUntil(2, loading, () => dripping())).toBeLessThan(90);
      expect(await loading).toEqual(content);
    });

    test("at all mirrors say so", async () => {
      const loading = errorOf(load(mirror("silent", "drip", "stuck-error")));
      await vi.waitFor(() => expect(asked).not.toEqual([]), 10_000);
      await secondsUntil(Infinity, loading, () => dripping());
      expect((await loading).message.split("\n").slice(1, 4)).toEqual([
        `  ${base}/silent/numbers.gz: the server sent nothing for 30 seconds.`,
        `  ${base}/drip/numbers.gz: the server sends less than 1000 bytes per second.`,
        `  ${base}/stuck-error/numbers.gz: the server answered 404 Not Found.`,
      ]);
    });

    test("leave no timer behind", async () => {
      await load(mirror("missing", "short", "good"));
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  test("are not kept with cache: false", async () => {
    expect(await load({ cache: false }, { XDG_CACHE_HOME: cache })).toEqual(content);
    await expect(fs.readdir(cache)).rejects.toThrow("ENOENT");
  });

  test("replace a file in the cache that is damaged", async () => {
    await load();
    await fs.writeFile(join(cache, "numbers", "numbers.gz"), wrong);
    asked = [];
    expect(await load(mirror("good"))).toEqual(content);
    expect(asked).toEqual(["/good/numbers.gz"]);
    expect(new Uint8Array(await fs.readFile(join(cache, "numbers", "numbers.gz")))).toEqual(content);
  });

  test("show progress, in plain lines without a terminal", async () => {
    const written: string[] = [];
    const write = process.stderr.write;
    const isTTY = process.stderr.isTTY;
    process.stderr.isTTY = false;
    process.stderr.write = ((text: string) => (written.push(text), true)) as typeof write;
    try {
      await load({ ...mirror("good"), progress: true });
    } finally {
      process.stderr.write = write;
      process.stderr.isTTY = isTTY;
    }
    expect(written.at(-1)).toMatch(/^numbers\.gz 100% 5\.0\/5\.0 kB \[0:00<0:00, [\d.]+ MB\/s\]\n$/);
  });
});

describe("WEFT_DATA", () => {
  const put = async (...place: string[]) => {
    const folder = join(cache, "own");
    await fs.mkdir(join(folder, ...place), { recursive: true });
    return { folder, path: join(folder, ...place, "numbers.gz") };
  };

  test.each([
    ["in the folder", []],
    ["in the set's own folder", ["numbers"]],
  ])("a file %s is used as it is", async (_, place) => {
    const { folder, path } = await put(...place);
    await fs.writeFile(path, content);
    expect(await load({}, { WEFT_DATA: folder })).toEqual(content);
    expect(asked).toEqual([]);
  });

  test("a folder without the file leads to a download into the cache", async () => {
    const { folder } = await put();
    expect(await load(mirror("good"), { WEFT_DATA: folder })).toEqual(content);
    expect(await fs.readdir(folder)).toEqual([]);
    expect(await fs.readdir(join(cache, "numbers"))).toEqual(["numbers.gz"]);
  });

  test("an empty name counts as none", async () => {
    expect(await load(mirror("good"), { WEFT_DATA: "" })).toEqual(content);
  });

  test("a folder that does not exist is an error", async () => {
    const error = await errorOf(load({}, { WEFT_DATA: "/nowhere/at/all" }));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      `WEFT_DATA is /nowhere/at/all, which does not exist. Set it to a folder with numbers.gz in it, or unset it to download.\n${about}`,
    );
    expect(asked).toEqual([]);
  });

  test("a folder that cannot be looked at is an error, which does not say that it is missing", async () => {
    const denied = Object.assign(new Error("EACCES: permission denied, stat '/closed'"), { code: "EACCES" });
    const closed = { ...fs, stat: () => Promise.reject(denied) };
    const error = await errorOf(load({}, { WEFT_DATA: "/closed" }, closed));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      "Could not read the folder /closed, WEFT_DATA: EACCES: permission denied, stat '/closed'.",
    );
  });

  test("a file in place of a folder is an error", async () => {
    const { path } = await put();
    await fs.writeFile(path, content);
    expect((await errorOf(load({}, { WEFT_DATA: path }))).message).toBe(
      `WEFT_DATA is ${path}, which is not a folder. Set it to a folder with numbers.gz in it, or unset it to download.\n${about}`,
    );
  });

  test("a file with a wrong checksum or size is an error, and is left alone", async () => {
    const { folder, path } = await put();
    await fs.writeFile(path, wrong);
    expect((await errorOf(load({}, { WEFT_DATA: folder }))).message).toBe(
      `${path}: expected SHA-256 ${file.sha256}, found ${wrongSum}. Replace it with the original, or move it away to download it.\n${about}`,
    );
    await fs.writeFile(path, content.subarray(0, 4999));
    expect((await errorOf(load({}, { WEFT_DATA: folder }))).message).toBe(
      `${path}: expected 5000 bytes, found 4999. Replace it with the original, or move it away to download it.\n${about}`,
    );
    expect((await fs.readFile(path)).length).toBe(4999);
    expect(asked).toEqual([]);
  });
});

describe("something that is not a file", () => {
  const linked = async (target: string, ...place: string[]) => {
    const path = join(cache, ...place, "numbers.gz");
    await fs.mkdir(join(cache, ...place), { recursive: true });
    await fs.symlink(target, path);
    return path;
  };
  const pipe = async () => {
    const path = join(root, `pipe-${turn}`);
    execFileSync("mkfifo", [path]);
    return path;
  };

  test.each([
    ["a pipe", pipe],
    ["a device or a socket", async () => "/dev/zero"],
    ["a folder", async () => root],
  ])("is not read from WEFT_DATA: %s", async (kind, make) => {
    const path = await linked(await make(), "own");
    const error = await errorOf(load({}, { WEFT_DATA: join(cache, "own") }));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(`Could not read ${path}: it is ${kind}, wanted a file.`);
  });

  test("is not a folder to look into either", async () => {
    for (const path of ["/dev/zero", await pipe()])
      expect((await errorOf(load({}, { WEFT_DATA: path }))).message).toBe(
        `WEFT_DATA is ${path}, which is not a folder. Set it to a folder with numbers.gz in it, or unset it to download.\n${about}`,
      );
  });

  test("is not read from the cache", async () => {
    const path = await linked("/dev/zero", "numbers");
    expect((await errorOf(load(mirror("good")))).message).toBe(
      `Could not read ${path}: it is a device or a socket, wanted a file.`,
    );
  });

  test("a file of another size is not read at all", async () => {
    const path = join(cache, "own", "numbers.gz");
    await fs.mkdir(join(cache, "own"), { recursive: true });
    await fs.writeFile(path, "");
    await fs.truncate(path, 2 ** 40); // sparse: no machine has memory for it
    expect((await errorOf(load({}, { WEFT_DATA: join(cache, "own") }))).message).toBe(
      `${path}: expected 5000 bytes, found ${2 ** 40}. Replace it with the original, or move it away to download it.\n${about}`,
    );
  });
});

test("options are checked", async () => {
  const source = serving(() => new Uint8Array());
  for (const [options, words] of [
    [{ chache: "x" }, 'mnist: there is no option "chache"; known options: cache, signal, mirrors, progress'],
    [{ cache: true }, "mnist: wanted the name of a folder, or false as cache, got boolean true"],
    [
      { mirrors: "https://example.org/" },
      'mnist: wanted a list of addresses that end in a slash as mirrors, got "https://example.org/"',
    ],
    [
      { signal: { aborted: "yes" } },
      "mnist: wanted a signal, such as new AbortController().signal, as signal, got { aborted }",
    ],
    ["./data", 'mnist: wanted options { cache, signal, mirrors, progress }, got "./data"'],
  ])
    expect((await errorOf(mnistFrom(source)(options as never))).message).toBe(words);
  expect((await errorOf(housingFrom(source)({ standardise: true } as never))).message).toBe(
    'housing: there is no option "standardise"; known options: cache, signal, mirrors, progress, standardize',
  );
});

describe("saving", () => {
  const failing = (code: string, message: string, step: "writeFile" | "sync"): typeof fs => ({
    ...fs,
    open: (async (...args: Parameters<typeof fs.open>) => {
      const handle = await fs.open(...args);
      handle[step] = () => Promise.reject(Object.assign(new Error(`${code}: ${message}`), { code }));
      return handle;
    }) as typeof fs.open,
  });

  test.each([["writeFile" as const], ["sync" as const]])(
    "a full disk (at %s) is an error that leaves nothing behind",
    async (step) => {
      const full = failing("ENOSPC", "no space left on device, write", step);
      const error = await errorOf(load(mirror("good"), {}, full));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toBe(
        `Could not save ${join(cache, "numbers", "numbers.gz")} (5000 bytes): ENOSPC: no space left on device, write. ` +
          `The disk is full: make room, name another folder with { cache: "…" }, or keep nothing with { cache: false }.`,
      );
      expect(await fs.readdir(join(cache, "numbers"))).toEqual([]);
    },
  );

  test("a folder that cannot be created is an error", async () => {
    await fs.writeFile(cache, "a file stands in the way");
    const error = await errorOf(load(mirror("good")));
    expect(error.message).toContain("Could not save");
    expect(error.message).toContain("Fix that, name another folder");
  });

  test("a folder where none can be made is an error, and does not hang", async () => {
    for (const folder of ["/proc/nope", "/proc/nope/deep", "/dev/null/deep"]) {
      const error = await errorOf(load({ ...mirror("good"), cache: folder }));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toContain(`Could not save ${join(folder, "numbers", "numbers.gz")} (5000 bytes): E`);
    }
  });

  test("folders are made by several at once", async () => {
    const path = join(cache, "a", "b", "file");
    await Promise.all([1, 2, 3].map(() => save(fs, path, content)));
    expect(await fs.readdir(join(cache, "a", "b"))).toEqual(["file"]);
  });

  test("never shows half a file under the right name", async () => {
    const path = join(cache, "file");
    await fs.mkdir(cache);
    await fs.writeFile(path, "old");
    const full = failing("ENOSPC", "no space left on device, write", "sync");
    await errorOf(save(full, path, content));
    expect(await fs.readFile(path, "utf8")).toBe("old");
    await Promise.all([save(fs, path, content), save(fs, path, content)]);
    expect(new Uint8Array(await fs.readFile(path))).toEqual(content);
    expect(await fs.readdir(cache)).toEqual(["file"]);
  });
});

test("the cache folder is where each system wants it", () => {
  expect(cacheFolder({ XDG_CACHE_HOME: "/x" }, "linux")).toBe("/x/weft");
  expect(cacheFolder({}, "linux")).toMatch(/\/\.cache\/weft$/);
  expect(cacheFolder({}, "darwin")).toMatch(/\/Library\/Caches\/weft$/);
  expect(cacheFolder({ LOCALAPPDATA: "/local" }, "win32")).toBe("/local/weft/Cache");
});

describe("gunzip", () => {
  const packed = (data: Uint8Array) => new Uint8Array(gzipSync(data));

  test("unpacks up to its limit", async () => {
    expect(await gunzip(packed(content), 5000, "x.gz")).toEqual(content);
    expect(await gunzip(packed(content), 9000, "x.gz")).toEqual(content);
  });

  test("refuses what would grow beyond it", async () => {
    const bomb = packed(new Uint8Array(10_000_000));
    expect((await errorOf(gunzip(bomb, 5000, "x.gz"))).message).toBe(
      "x.gz unpacks to more than 5000 bytes: it is not the published file.",
    );
  });

  test("says if a file is truncated or not a gzip file", async () => {
    for (const bad of [packed(content).subarray(0, 300), content]) {
      const error = await errorOf(gunzip(bad.slice(), 5000, "x.gz"));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toMatch(/^x\.gz cannot be unpacked: .+\. It is truncated or damaged: download it again\.$/);
    }
  });
});
