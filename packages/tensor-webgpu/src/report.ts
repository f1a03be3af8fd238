// The report of a profile.

/** All dispatches that did the same work. */
export interface ProfiledDispatch {
  /** The operations that ran side by side. */
  readonly label: string;
  readonly count: number;
  /** Microseconds on the device in total; 0 where it has no timestamps. */
  readonly us: number;
}

export interface ProfileReport {
  /** Milliseconds that the host spent preparing arguments and encoding. */
  readonly encode: number;
  readonly flushes: number;
  /** The longest first. */
  readonly dispatches: readonly ProfiledDispatch[];
}
