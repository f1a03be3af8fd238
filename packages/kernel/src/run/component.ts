// The independent parts of a flush: no value of one is computed from a value of another, and no step assigned to boxes
// of both. One part can fail without the others.
import type { Step } from "@weft/tensor/internals";
import type { Version } from "./journal.ts";
import { nodeOf, type Node } from "../graph/node.ts";
import { bondsOf, historyOf } from "./unit.ts";

export interface Component {
  /** In order of recording. */
  readonly nodes: Node[];
  readonly versions: Version[];
}

export function componentsOf(needed: readonly Node[], versions: readonly Version[]): Component[] {
  const places = new Map(needed.map((node, i) => [node, i]));
  const parents = needed.map((_, i) => i);
  const rootOf = (i: number): number => {
    let at = i;
    while (parents[at] !== at) at = parents[at] = parents[parents[at]!]!;
    return at;
  };
  /** Joins two sets; the earlier place represents both. */
  const join = (i: number | undefined, k: number | undefined): void => {
    if (i === undefined || k === undefined) return;
    const [a, b] = [rootOf(i), rootOf(k)];
    parents[Math.max(a, b)] = Math.min(a, b);
  };
  needed.forEach((node, i) => {
    for (const x of node.inputs) if (typeof x !== "number") join(places.get(x), i);
  });
  const placeOf = ({ next }: Version): number | undefined => places.get(nodeOf(next));
  const firsts = new Map<Step | number, number>();
  for (const version of versions) {
    const place = placeOf(version);
    if (place === undefined) continue;
    join(places.get(version.base), place);
    for (const past of historyOf(version))
      for (const bond of bondsOf(past)) {
        if (firsts.has(bond)) join(firsts.get(bond), place);
        else firsts.set(bond, place);
      }
  }
  const components = new Map<number, Component>();
  const of = (place: number): Component => {
    const key = rootOf(place);
    let component = components.get(key);
    if (component === undefined) components.set(key, (component = { nodes: [], versions: [] }));
    return component;
  };
  needed.forEach((node, i) => of(i).nodes.push(node));
  for (const version of versions) {
    const place = placeOf(version);
    if (place !== undefined) of(place).versions.push(version);
  }
  return [...components.values()];
}
