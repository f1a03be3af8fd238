// What the page and its worker say to each other.
import type { BackendName } from "../src/backends.ts";
import type { Settings } from "./settings.ts";

/** What the page asks for. */
export interface Requests {
  /** Makes the data and the model: the first request, and made once. */
  begin: { settings: Settings };
  /** Brings the model, with all that it has learnt, to a backend. */
  use: { backend: BackendName };
  /** Trains until `stop`, or until this many steps have been made in all. */
  train: { until: number };
  stop: object;
  /** What does the model, as it is now, take this picture for? */
  guess: { picture: Uint8Array };
}

/** What the worker tells. */
export interface Reports {
  begun: { parameters: number; samples: readonly Sample[] };
  using: { backend: BackendName };
  /** The backend cannot run here. */
  missing: { backend: BackendName; reason: string };
  loss: { step: number; loss: number };
  /** The share of the test pictures that the model gets right after so many steps. */
  accuracy: { step: number; accuracy: number };
  stopped: { step: number };
  guessed: { probabilities: readonly number[] };
  trouble: { reason: string };
}

/** A picture of 28 x 28 bytes, and the digit that it shows. */
export interface Sample {
  readonly label: number;
  readonly picture: Uint8Array;
}

type Message<Kinds> = { [K in keyof Kinds]: { readonly kind: K } & Kinds[K] }[keyof Kinds];
export type Request = Message<Requests>;
export type Report = Message<Reports>;

/** One function for each kind of message. */
export type Handlers<Kinds> = { readonly [K in keyof Kinds]: (message: Kinds[K]) => unknown };

/** Gives a message to its handler. */
export const handle = <Kinds>(handlers: Handlers<Kinds>, message: Message<Kinds>): unknown =>
  handlers[message.kind](message);
