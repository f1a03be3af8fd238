// The messages between the page and its worker.
import type { BackendName } from "../src/backends.ts";
import type { Settings } from "./settings.ts";

/** Requests of the page. */
export interface Requests {
  /** Makes the data and the model: the first request, sent once. */
  begin: { settings: Settings };
  /** Moves the model, with all that it has learned, to a backend. */
  use: { backend: BackendName };
  /** Trains until `stop`, or until this many steps have been made in total. */
  train: { until: number };
  stop: object;
  /** Asks for the model's current prediction for a picture. */
  guess: { picture: Uint8Array };
}

/** Reports of the worker. */
export interface Reports {
  begun: { parameters: number; samples: readonly Sample[] };
  using: { backend: BackendName };
  /** The backend cannot run here. */
  missing: { backend: BackendName; reason: string };
  loss: { step: number; loss: number };
  /** The accuracy on the test pictures after so many steps. */
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

/** Calls the handler of a message. */
export const handle = <Kinds>(handlers: Handlers<Kinds>, message: Message<Kinds>): unknown =>
  handlers[message.kind](message);
