// A replay buffer: the latest transitions of an agent, of which it learns from random ones.
import { state as box } from "@weft/autograd";
import { cast, indexCopy, split, take, type Backend, type Creation } from "@weft/tensor";
import type { Transition } from "./episodes.ts";
import type { Transitions } from "../models/dqn.ts";

/** Keeps the last `capacity` transitions, a row each, and draws batches of them. It is saved with all of them. */
export function ReplayBuffer(capacity: number, states: number, { zeros, tensor, randint }: Backend & Creation) {
  const self = {
    rows: box(zeros([capacity, 2 * states + 3])),
    /** How many transitions there were. */
    count: 0,
    add({ state, action, reward, nextState, done }: Transition): void {
      const row = tensor([[...state, action, reward, ...nextState, Number(done)]]);
      self.rows.value = indexCopy(self.rows, tensor([self.count++ % capacity], { dtype: "i32" }), row);
    },
    sample(batchSize: number): Transitions {
      const rows = take(self.rows, randint([batchSize], { high: Math.min(self.count, capacity) }));
      const [state, action, rewards, nextStates, dones] = split(rows, [states, 1, 1, states, 1], { axis: 1 });
      return { states: state, actions: cast(action, "i32"), rewards, nextStates, dones };
    },
  };
  return self;
}
