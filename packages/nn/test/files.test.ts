// What `save` promises about files: links, permissions, long names, partial files of killed programs; and what `load`
// rejects, or reads in pieces.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Chain, constant, Embedding, Linear, load, readMetadata, save, toBytes } from "../src/index.node.ts";
import { replaceFile } from "../src/files.ts";
import { readSafetensors } from "../src/index.ts";

const { tensor } = openSync();
const model = (value: number) => Linear(1, 1, { init: constant(value), bias: false });
const valueIn = async (path: string): Promise<number> => {
  const loaded = await load(path, model(0));
  return (await loaded(tensor([[1]])).data())[0]!;
};
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.unreachable("this should have failed"),
    (error: Error) => `${error.name}: ${error.message}`,
  );

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "weft-files-"));
  path = join(folder, "model.safetensors");
  const made = folder;
  onTestFinished(() => fs.rm(made, { recursive: true }));
});

test.each([0o600, 0o640, 0o664, 0o444])("permissions %o are kept", async (mode) => {
  await save(path, model(1));
  await fs.chmod(path, mode);
  const save2 = save(path, model(2));
  if (mode === 0o444 && process.getuid?.() !== 0) return expect(save2).rejects.toThrow("EACCES");
  await save2;
  expect((await fs.stat(path)).mode & 0o7777).toBe(mode);
  expect(await valueIn(path)).toBe(2);
});

test("a new file has the permissions of any other", async () => {
  await save(path, model(1));
  await fs.writeFile(join(folder, "other"), "");
  expect((await fs.stat(path)).mode).toBe((await fs.stat(join(folder, "other"))).mode);
});

test("the last of several saves to one path wins", async () => {
  const given = model(1);
  for (let k = 0; k < 5; k++) {
    const saves = Array.from({ length: 6 }, (_, i) => save(i % 2 === 0 ? path : relative(".", path), given, { i }));
    await Promise.all(saves);
    expect(await readMetadata(path)).toMatchObject({ i: 5 });
  }
  // A save that fails does not stop the others.
  const bad = save(path, given, { when: new Date() as never });
  const good = save(path, given, { i: 7 });
  await expect(bad).rejects.toThrow();
  await good;
  expect(await readMetadata(path)).toMatchObject({ i: 7 });
});

test("links are followed: one, several, relative, into a linked folder, and to a missing file", async () => {
  await fs.mkdir(join(folder, "deep", "store"), { recursive: true });
  const store = join(folder, "deep", "store", "v1.safetensors");
  await save(store, model(1));
  await fs.symlink("deep/store", join(folder, "linked"));
  await fs.symlink("v1.safetensors", join(folder, "deep", "store", "latest"));
  await fs.symlink(join(folder, "linked", "latest"), path);
  await save(path, model(2));
  expect(await valueIn(store)).toBe(2);
  for (const link of [path, join(folder, "deep", "store", "latest")])
    expect((await fs.lstat(link)).isSymbolicLink()).toBe(true);

  // Seen from the linked folder, ".." is `deep`.
  await fs.symlink("../new.safetensors", join(folder, "deep", "store", "dangling"));
  await save(join(folder, "linked", "dangling"), model(3));
  expect(await valueIn(join(folder, "deep", "new.safetensors"))).toBe(3);
  expect((await fs.readdir(folder)).toSorted()).toEqual(["deep", "linked", "model.safetensors"]);

  await fs.symlink("b", join(folder, "a"));
  await fs.symlink("a", join(folder, "b"));
  expect(await messageOf(save(join(folder, "a"), model(3)))).toMatch(/^FileError: save: .* ELOOP/);
});

test.each([
  ["x".repeat(255)],
  ["é".repeat(127)],
  ["模".repeat(85)],
  ["😀".repeat(63)],
  [".hidden"],
  ["a b\n\u001b[31m"],
])("a name as long as a disk takes: %s", async (name) => {
  await save(join(folder, name), model(1));
  await save(join(folder, name), model(2));
  expect(await fs.readdir(folder)).toEqual([name]);
  expect(await valueIn(join(folder, name))).toBe(2);
});

test("old partial files of killed programs are removed, but no other files", async () => {
  const part = (name: string, id: string) => join(folder, `.${name}.${id}.part`);
  const ids = ["5f0c9a1e-1111-4222-8333-444455556666", "00000000-0000-4000-8000-000000000000"];
  const old = ids.map((id) => part("model.safetensors", id));
  const others = [
    part("model.safetensors", "1-0"),
    part("other.safetensors", ids[0]!),
    join(folder, "model.safetensors.part"),
    part("model.safetensors.bak", ids[0]!),
  ];
  const long = new Date(Date.now() - 2 * 3_600_000);
  for (const file of [...old, ...others]) {
    await fs.writeFile(file, "half a model");
    await fs.utimes(file, long, long);
  }
  const fresh = part("model.safetensors", "5f0c9a1e-1111-4222-8333-000000000000");
  await fs.writeFile(fresh, "somebody is writing this");
  await save(path, model(1));
  expect((await fs.readdir(folder)).map((name) => join(folder, name)).toSorted()).toEqual(
    [path, fresh, ...others].toSorted(),
  );
});

test("a leftover partial file does not get in the way, whatever its number", async () => {
  for (let n = 0; n < 20; n++) await fs.writeFile(join(folder, `.model.safetensors.${process.pid}-${n}.part`), "");
  await save(path, model(4));
  expect(await valueIn(path)).toBe(4);
});

test("file and folder are flushed to disk, in this order", async () => {
  const done: string[] = [];
  const watched = {
    ...fs,
    open: async (...args: Parameters<typeof fs.open>) => {
      const file = await fs.open(...args);
      const name = String(args[0]).endsWith(".part") ? "file" : "folder";
      const sync = file.sync.bind(file);
      file.sync = () => (done.push(`sync ${name}`), sync());
      return file;
    },
    rename: (from: string, to: string) => (done.push("rename"), fs.rename(from, to)),
  };
  await replaceFile(path, new Uint8Array(3), watched);
  expect(done).toEqual(["sync file", "rename", "sync folder"]);
});

test("a path that is not a file is neither replaced nor read", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const dead = join(folder, "socket-or-folder");
  await fs.mkdir(dead);
  for (const [place, kind] of [
    [pipe, "it is a pipe, wanted a file"],
    [dead, "it is a folder, wanted a file"],
    ["/dev/zero", "it is a device or a socket, wanted a file"],
    ["/dev/null", "it is a device or a socket, wanted a file"],
  ] as const) {
    expect(await messageOf(load(place, model(1)))).toBe(`FileError: load: ${place} cannot be read: ${kind}`);
    expect(await messageOf(save(place, model(1)))).toBe(
      `FileError: save: could not write ${place}; the old file, if any, is unchanged: ${kind}`,
    );
  }
  const link = join(folder, "link");
  await fs.symlink(pipe, link);
  expect(await messageOf(load(link, model(1)))).toContain("it is a pipe");
  for (const wrong of [undefined, 3, "", new URL("file:///tmp/x")]) {
    expect(await messageOf(save(wrong as string, model(1)))).toMatch(/^ArgumentError: save: wanted the path of a file/);
    expect(await messageOf(load(wrong as string, model(1)))).toMatch(/^ArgumentError: load: wanted the path of a file/);
  }
});

test("a folder that takes the place of the file while it is written is named, too", async () => {
  const late = {
    ...fs,
    rename: async (from: string, to: string) => {
      await fs.mkdir(to);
      return fs.rename(from, to);
    },
  };
  expect(await messageOf(replaceFile(path, new Uint8Array(3), late))).toContain("it is a folder, wanted a file");
  expect(await fs.readdir(folder)).toEqual(["model.safetensors"]);
});

test("errors name the operation that was called, once", async () => {
  await save(path, [Linear(1, 1), model(1)]);
  const lost = join(folder, "nothing.safetensors");
  expect(await messageOf(load(path, model(1)))).toMatch(
    new RegExp(`^StateError: load: ${path}: the names are not those of the model: missing weight`),
  );
  expect(await messageOf(load(path, { 0: Linear(2, 1), 1: model(1) }))).toMatch(
    new RegExp(`^StateError: load: ${path}: the shapes are not those of the model: 0\\.weight`),
  );
  expect(await messageOf(readMetadata(lost))).toMatch(/^FileError: readMetadata: .* cannot be read: ENOENT/);
  expect(await messageOf(readMetadata(""))).toMatch(/^ArgumentError: readMetadata: wanted the path/);
  expect(await messageOf(load(path, model(1), { stric: false } as never))).toBe(
    'ArgumentError: load: there is no option "stric"; known options: strict',
  );
  await fs.writeFile(path, "no model at all");
  expect(await messageOf(readMetadata(path))).toMatch(new RegExp(`^FormatError: readMetadata: ${path}: safetensors: `));
});

test("an error of a model or its backend during a load is rethrown unchanged", async () => {
  await save(path, model(1));
  for (const mine of [new TypeError("not the file's fault"), new RangeError("nor is this")]) {
    const target = new Proxy(model(1), {
      ownKeys: () => {
        throw mine;
      },
    });
    await expect(load(path, target)).rejects.toBe(mine);
  }
});

test("metadata goes into the file and comes back with its types", async () => {
  const notes = { epoch: 3, accuracy: 0.98, done: true, note: "3" };
  await save(path, model(1), notes);
  expect(await readMetadata(path)).toEqual({ format: "pt", ...notes });
  const before = await fs.readFile(path);
  expect(await messageOf(save(path, model(2), { epoch: null } as never))).toMatch(/^ArgumentError: metadata: "epoch"/);
  expect((await fs.readFile(path)).equals(before)).toBe(true);
  expect(await valueIn(path)).toBe(1);
});

test("a file beyond 2 GiB is read where it matters", async () => {
  const size = 2 ** 31 + 64;
  const entry = (shape: number[], dtype: string, begin: number, end: number) => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const header = JSON.stringify({ big: entry([size], "U8", 0, size), weight: entry([1, 1], "F32", size, size + 4) });
  const head = Buffer.alloc(8 + header.length);
  head.writeBigUInt64LE(BigInt(header.length));
  head.write(header, 8);
  const file = await fs.open(path, "w");
  await file.write(head);
  await file.write(new Uint8Array(Float32Array.of(7).buffer), 0, 4, head.length + size); // all before is a hole
  await file.close();
  const loaded = await load(path, model(0), { strict: false });
  expect(await loaded(tensor([[1]])).array()).toEqual([[7]]);
  await fs.truncate(path, head.length + size);
  expect(await messageOf(load(path, model(0), { strict: false }))).toBe(
    `FormatError: load: ${path}: safetensors: "weight" ends at byte ${size + 4}, the file has ${size} bytes of values`,
  );
});

test("a file that shrinks while it is read changes nothing", async () => {
  const two = () => [model(1), Embedding(1000, 1000)] as const;
  await save(path, two());
  const target = two();
  const before = await toBytes(target);
  const loading = messageOf(load(path, target));
  await fs.truncate(path, 1000);
  expect(await loading).toMatch(/^(FileError|FormatError): load: /);
  expect(Buffer.from(await toBytes(target)).equals(before)).toBe(true);
});

test("tied weights are written once, with their other names, and loaded into models that are tied or not", async () => {
  const tied = () => {
    const encoder = Linear(2, 2);
    const decoder = Linear(2, 2);
    decoder.weight = encoder.weight;
    return { encoder, decoder };
  };
  const source = tied();
  await save(path, source, { epoch: 1 });
  const { tensors, metadata } = readSafetensors(await fs.readFile(path));
  expect([...tensors.keys()].toSorted()).toEqual(["decoder.bias", "encoder.bias", "encoder.weight"]);
  expect(metadata).toEqual({ format: "pt", "decoder.weight": "encoder.weight", epoch: 1, "weft.version": "3" });

  const again = await load(path, tied());
  expect(again.decoder.weight).toBe(again.encoder.weight);
  const bytes = Buffer.from(await toBytes(source));
  expect(bytes.equals(await toBytes(again))).toBe(true);

  const apart = await load(path, { encoder: Linear(2, 2), decoder: Linear(2, 2) });
  apart.encoder(tensor([[1, 2]]));
  apart.decoder(tensor([[1, 2]]));
  expect(await apart.decoder.weight.value.array()).toEqual(await apart.encoder.weight.value.array());
  // A file that has the other name, and one with both.
  await save(path, { decoder: source.encoder, encoder: { bias: source.decoder.bias } });
  await load(path, tied());
  await save(path, apart);
  expect(bytes.equals(await toBytes(await load(path, tied()), { epoch: 1 }))).toBe(false); // the biases differ
  await save(path, { encoder: Linear(2, 2), decoder: Linear(2, 2) });
  expect(await messageOf(load(path, tied()))).toMatch(
    /^StateError: .*"encoder.weight" and "decoder.weight" are one parameter in the model, the file has different values/,
  );
});

test("a layer that is in a chain twice is written once, under the names that PyTorch writes", async () => {
  const build = () => {
    const again = Linear(2, 2);
    return Chain(again, Linear(2, 2), again);
  };
  const chain = build();
  await save(path, chain);
  expect(await readMetadata(path)).toEqual({ format: "pt", "2.weight": "0.weight", "2.bias": "0.bias" });
  expect(await toBytes(await load(path, build()))).toEqual(await toBytes(chain));
  await load(path, Chain(Linear(2, 2), Linear(2, 2), Linear(2, 2)));
});

test("a model that contains itself, and one with too many paths to walk, are written", async () => {
  const round: Record<string, unknown> = { p: param(tensor([1])) };
  round["self"] = round;
  expect([...readSafetensors(await toBytes(round)).tensors.keys()]).toEqual(["p"]);
  let diamond: unknown = param(tensor([1]));
  for (let depth = 0; depth < 30; depth++) diamond = { a: diamond, b: diamond };
  expect(readSafetensors(await toBytes(diamond)).tensors.size).toBe(1);
});

test("a model that cannot be written fails its own save, also when queued after another one", async () => {
  const big = Linear(300, 300);
  const rejected = vi.fn();
  process.on("unhandledRejection", rejected);
  const first = save(path, big);
  const second = save(path, {});
  await new Promise((resolve) => setImmediate(resolve));
  await expect(second).rejects.toThrow(/no parameters/);
  await first;
  process.off("unhandledRejection", rejected);
  expect(rejected).not.toHaveBeenCalled();
  await load(path, Linear(300, 300));
});
