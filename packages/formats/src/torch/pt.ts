// Files of `torch.save`: a pickle, and the storages of its tensors. Since version 1.6 of PyTorch they are a zip archive,
// before one pickle after the other, and the bytes of the storages.
import { quoted, readOptions } from "@weft/tensor/internals";
import { viewOf, wantBytes } from "../bytes.ts";
import { refuse } from "../format-error.ts";
import { plainGlobals } from "../pickle/globals.ts";
import { unpickled } from "../pickle/pickle.ts";
import type { StoredTensor } from "../safetensors/safetensors.ts";
import { unpackDefaults, unpacked, unpackKinds, type UnpackOptions } from "../zip/zip.ts";
import { torchReferences } from "./globals.ts";
import { byName, fail } from "./names.ts";
import { elementsOf, type Storage, type View } from "./tensors.ts";

/** What a file of PyTorch holds. */
export interface PtFile {
  /** The tensors by name: the keys of dicts and the positions in lists that lead to them, with dots between. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** All else by name. A list or a dict without tensors is one value, if it is not all that there is. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** The bytes of a storage. */
type Bytes = (storage: Storage) => Uint8Array;

const has = (file: Uint8Array, at: number, bytes: readonly number[]): boolean =>
  bytes.every((byte, k) => file[at + k] === byte);
const isArchive = (file: Uint8Array): boolean => has(file, 0, [0x50, 0x4b, 3, 4]);

/** The magic number that the older form begins with, as a pickle has it: at once, or in a frame. */
const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const isStream = (file: Uint8Array): boolean => file[0] === 0x80 && (has(file, 2, magic) || has(file, 11, magic));

/** Whether a file may be of `torch.save`, by its first bytes. No file of safetensors begins so. */
export const mayBePt = (first: Uint8Array): boolean => isArchive(first) || isStream(first);

/** Views that are not in row-major order are copied: up to a few times the length of the file, and a little more. */
const mostCopied = (length: number): number => 4 * length + 2 ** 24;

/**
 * Reads what `torch.save` wrote: a state dict, or a checkpoint of dicts and lists with tensors, numbers and texts. The
 * tensors are as those of `readSafetensors`; `hostArray` gives their values. A model reads its state dict by `load` and
 * `fromBytes` of `@weft/nn`.
 *
 * Nothing of Python is called. Whatever asks for anything else than tensors and plain values (see `fromPickle`) is a
 * FormatError that names it, as are models that were saved whole, complex and quantized tensors, and files of big-endian
 * machines.
 *
 * Source: PyTorch, `torch/serialization.py`, both forms: zip archives, and the older one.
 *
 * @example
 * const dict = "\x80\x02}X\x05\x00\x00\x00epochK\x03s."; // {"epoch": 3}
 * const file = toZip({ "archive/data.pkl": Uint8Array.from(dict, (c) => c.charCodeAt(0)) });
 * fromPt(file).values.get("epoch"); // 3
 */
export function fromPt(bytes: Uint8Array, options?: UnpackOptions): PtFile {
  const { maxBytes } = readOptions("fromPt", options, unpackKinds, unpackDefaults);
  const file = wantBytes("fromPt", bytes);
  if (!mayBePt(file)) return refuse("pt", file, "it does not begin as torch.save begins a file");
  const { value, contents } = isArchive(file) ? fromArchive(file, maxBytes) : fromStream(file);
  let room = mostCopied(file.length);
  const spend = (size: number): void => {
    room -= size;
    if (room < 0) fail("its tensors repeat elements of their storages more often than is sensible");
  };
  const made = new Map<View, StoredTensor>();
  const tensor = (view: View): StoredTensor => {
    const known = made.get(view) ?? elementsOf(view, contents(view.storage), spend);
    made.set(view, known);
    return known;
  };
  const { tensors, values } = byName(value, file.length);
  return { tensors: new Map(Array.from(tensors, ([name, view]) => [name, tensor(view)])), values };
}

interface Read {
  readonly value: unknown;
  readonly contents: Bytes;
}

function wantLength(storage: Storage, length: number): void {
  if (length !== storage.length)
    fail(`storage ${quoted(storage.key)} has ${length} bytes, the pickle claims ${storage.length}`);
}

/** A zip archive: `NAME/data.pkl`, and a file `NAME/data/KEY` for each storage. */
function fromArchive(file: Uint8Array, maxBytes: number): Read {
  const files = unpacked(file, maxBytes);
  const pickles = [...files.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickles.length !== 1) return fail(`this is a zip archive with ${pickles.length} files data.pkl, wanted one`);
  const folder = pickles[0]!.replace(/data\.pkl$/, "");
  if (files.has(`${folder}constants.pkl`))
    return fail(
      "this is a program of TorchScript (torch.jit.save). Save its state dict: torch.save(m.state_dict(), …)",
    );
  const order = files.get(`${folder}byteorder`);
  if (order !== undefined && new TextDecoder().decode(order.bytes()) !== "little")
    return fail("it was written on a big-endian machine");
  const pickle = files.get(pickles[0]!)!.bytes();
  const { value, end } = unpickled(pickle, torchReferences());
  if (end !== pickle.length) return fail(`${pickle.length - end} bytes follow the pickle`);
  const read = new Map<Storage, Uint8Array>();
  const contents = (storage: Storage): Uint8Array => {
    const known = read.get(storage);
    if (known !== undefined) return known;
    const member = files.get(`${folder}data/${storage.key}`);
    if (member === undefined) return fail(`the archive has no storage ${quoted(storage.key)}`);
    wantLength(storage, member.size);
    const made = member.bytes();
    read.set(storage, made);
    return made;
  };
  return { value, contents };
}

const version = 1001;

/** Pickles in a row: a magic number, a version, the machine, the value, the keys of its storages; then their bytes. */
function fromStream(file: Uint8Array): Read {
  let at = 0;
  const next = (references = { globals: plainGlobals }): unknown => {
    const { value, end } = unpickled(file, references, at);
    at = end;
    return value;
  };
  next(); // the magic number
  if (next() !== version) return fail(`its version is not ${version}`);
  const machine = next();
  if (!(machine instanceof Map) || machine.get("little_endian") !== true)
    return fail("it was written on a big-endian machine");
  const references = torchReferences();
  const value = next(references);
  const keys = next();
  if (!Array.isArray(keys)) return fail("it has no list of storages");
  const read = new Map<Storage, Uint8Array>();
  for (const key of keys as unknown[]) {
    const storage = typeof key === "string" ? references.storages.get(key) : undefined;
    if (storage === undefined || read.has(storage)) return fail("its list of storages has one that no tensor has");
    if (at + 8 > file.length) return fail(`it ends before storage ${quoted(storage.key)}; it may be truncated`);
    const size = Number(viewOf(file).getBigUint64(at, true));
    const end = at + 8 + storage.length;
    if (size !== storage.size)
      return fail(`storage ${quoted(storage.key)} has ${size} elements, the pickle claims ${storage.size}`);
    if (end > file.length) return fail(`it ends inside storage ${quoted(storage.key)}; it may be truncated`);
    read.set(storage, file.subarray(at + 8, end));
    at = end;
  }
  if (at !== file.length) return fail(`${file.length - at} bytes follow its storages`);
  return { value, contents: (storage) => read.get(storage) ?? fail(`the file has no storage ${quoted(storage.key)}`) };
}
