// Backends that are destroyed after the file of tests that opened them.
export const opened: { destroy(): void }[] = [];
