// A bounded cache: where what it holds weighs more than the limit, the half that was not used for longest goes.
interface Entry<V> {
  readonly value: V;
  readonly weight: number;
  used: number;
}

export class BoundedCache<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #limit: number;
  readonly #drop: ((value: V) => void) | undefined;
  #weight = 0;
  #clock = 0;

  /** Tells `drop` what goes. */
  constructor(limit: number, drop?: (value: V) => void) {
    this.#limit = limit;
    this.#drop = drop;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** The value, which is thereby used. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.used = ++this.#clock;
    return entry?.value;
  }

  /** Adds a value under a key that has none. */
  add(key: K, value: V, weight = 1): V {
    this.#weight += weight;
    if (this.#weight > this.#limit) this.#halve();
    this.#entries.set(key, { value, weight, used: ++this.#clock });
    return value;
  }

  clear(): void {
    for (const entry of this.#entries) this.#remove(entry);
  }

  #halve(): void {
    const oldest = [...this.#entries].toSorted(([, a], [, b]) => a.used - b.used).slice(0, this.#entries.size >> 1);
    for (const entry of oldest) this.#remove(entry);
  }

  #remove([key, { value, weight }]: readonly [K, Entry<V>]): void {
    this.#entries.delete(key);
    this.#weight -= weight;
    this.#drop?.(value);
  }
}
