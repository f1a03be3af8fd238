// The event files that TensorBoard reads: records in the framing of TFRecord, each a protocol buffer `Event` (event.proto
// and summary.proto of TensorFlow, plugin_data.proto of TensorBoard's hparams).
import { crc32c, masked } from "./crc32c.ts";
import type { Histogram } from "./histogram.ts";
import type { Scalars, Setting } from "./log.ts";
import { double, doubles, float, integer, joined, message, text } from "./protobuf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A record: its length, the length's checksum, its bytes, their checksum. Numbers are little-endian. */
export function record(data: Uint8Array): Bytes {
  const head = new DataView(new ArrayBuffer(12));
  head.setBigUint64(0, BigInt(data.length), true);
  head.setUint32(8, masked(crc32c(new Uint8Array(head.buffer, 0, 8))), true);
  const foot = new DataView(new ArrayBuffer(4));
  foot.setUint32(0, masked(crc32c(data)), true);
  return joined([new Uint8Array(head.buffer), data, new Uint8Array(foot.buffer)]);
}

/** An event: a time in seconds, a step, and what happened. */
const event = (time: number, step: number, what: Bytes): Bytes =>
  record(joined([double(1, time), integer(2, step), what]));

/** A summary of one value: its name, its content, and which part of TensorBoard shows it. */
const summary = (name: string, ...content: readonly Bytes[]): Bytes =>
  message(5, message(1, text(1, name), ...content));
const shownBy = (plugin: string, ...content: readonly Bytes[]): Bytes =>
  message(9, message(1, text(1, plugin), ...content));

/** What a file begins with. */
export const beginning = (time: number): Bytes => event(time, 0, text(3, "brain.Event:2"));

export const scalarEvents = (time: number, step: number, values: Scalars): Bytes =>
  joined(Object.entries(values).map(([name, x]) => event(time, step, summary(name, float(2, x)))));

/** A text is a tensor of strings, type 7, with one element. */
export const textEvent = (time: number, step: number, name: string, content: string): Bytes =>
  event(
    time,
    step,
    summary(name, shownBy("text"), message(8, integer(1, 7), message(2, message(2, integer(1, 1))), text(8, content))),
  );

export const histogramEvent = (time: number, step: number, name: string, found: Histogram): Bytes => {
  const { least, most, count, sum, squares, edges, counts } = found;
  const numbers = [least, most, count, sum, squares].map((x, k) => double(k + 1, x));
  return event(time, step, summary(name, message(5, ...numbers, doubles(6, edges), doubles(7, counts))));
};

/** A `google.protobuf.Value`. */
const value = (field: number, x: Setting): Bytes =>
  message(field, typeof x === "number" ? double(2, x) : typeof x === "boolean" ? integer(4, Number(x)) : text(3, x));

/** The settings of a run, for the tab HPARAMS: version 0, and what a session starts with. */
export const settingsEvent = (time: number, settings: Readonly<Record<string, Setting>>): Bytes => {
  const entries = Object.entries(settings).map(([name, x]) => message(1, text(1, name), value(2, x)));
  const start = message(3, ...entries, double(5, time));
  return event(time, 0, summary("_hparams_/session_start_info", shownBy("hparams", message(2, integer(1, 0), start))));
};
