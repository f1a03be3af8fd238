// What a profile says.

/** All dispatches that did the same. */
export interface ProfiledDispatch {
  /** The operations, side by side. */
  readonly label: string;
  readonly count: number;
  /** Microseconds on the device, all together; 0 where it has no timestamps. */
  readonly us: number;
}

export interface ProfileReport {
  /** Milliseconds that the host spent in preparing arguments and encoding. */
  readonly encode: number;
  readonly flushes: number;
  /** The longest first. */
  readonly dispatches: readonly ProfiledDispatch[];
}
