// Sizes of a worker pool. In a file of its own: types that programs see must not lead to those of WebAssembly, which their
// libraries may lack.

/** The most threads of a backend, the main one among them. */
export const MOST_THREADS = 64;

/** How much there may be, and where counting begins: others for tests. */
export interface PoolOptions {
  /** Pieces that may be offered at a time: a power of two. */
  readonly pieces?: number;
  /** Modules that workers know, and bytes of their code. */
  readonly modules?: number;
  readonly code?: number;
  /** Words of commands: at first, and at most. */
  readonly commands?: number;
  readonly mostCommands?: number;
  /** Pieces that were offered before. */
  readonly offered?: number;
  /** Milliseconds without progress after which a piece counts as lost, beside what it is expected to take. */
  readonly silence?: number;
}
