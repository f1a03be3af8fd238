// What is returned instead of a result where a system does not let machine code run: nothing is thrown for that.

export interface Refusal {
  /** Why, in words for people. */
  readonly reason: string;
}
