// What Weft's packages need of each other: not for users, and it may change with any version.
export { firstOf } from "./coming.ts";
export { Pace } from "./pace.ts";
export { awaitable } from "./run.ts";
export { checked, wrapping } from "./wrapping.ts";
