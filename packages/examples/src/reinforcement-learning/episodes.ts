// Episodes of CartPole: playing one, and what can be learned from its transitions.
import { categorical, scope, type Creation, type Tensor } from "@weft/tensor";
import { done, maxSteps, reset, step, type State } from "./cart-pole.ts";

/** From states `[N, 4]` to the logit or the value of each action, `[N, 2]`: the larger, the better. */
export type Agent = (states: Tensor) => Tensor;

/** One step of an episode. */
export interface Transition {
  readonly state: State;
  readonly action: number;
  readonly reward: number;
  readonly nextState: State;
  /** Whether the pole fell. An episode that ends because it is long enough is not done. */
  readonly done: boolean;
}

/** Plays one episode. All chance is in the backend's stream of random numbers. */
export async function* episode(
  { rand }: Creation,
  policy: (state: State) => Promise<number>,
): AsyncGenerator<Transition> {
  let state = reset(await scope(() => rand([4]).data()));
  for (let t = 0; t < maxSteps && !done(state); t++) {
    const action = await policy(state);
    const nextState = step(state, action);
    yield { state, action, reward: 1, nextState, done: done(nextState) };
    state = nextState;
  }
}

/** An action for a state, drawn with the probabilities that the agent gives. */
export const sampled =
  (agent: Agent, { tensor }: Creation) =>
  (state: State): Promise<number> =>
    scope(() => categorical(agent(tensor([state]))).item());

/** The discounted returns G(t) = r(t) + γ G(t + 1) of rewards in a row, with `bootstrap` for what follows the last. */
export function discountedReturns(rewards: readonly number[], discount: number, bootstrap = 0): number[] {
  const returns = [...rewards];
  for (let t = rewards.length - 1, next = bootstrap; t >= 0; t--) next = returns[t]! += discount * next;
  return returns;
}

/**
 * Transitions as tensors of `length` rows, one shape for all, with `values` of them, such as returns. `mask` is 1 for a
 * transition and 0 for a row that fills up.
 */
export function batchOf(
  transitions: readonly Transition[],
  values: readonly number[],
  length: number,
  { tensor }: Creation,
) {
  const rows = <T>(of: (transition: Transition, t: number) => T, padding: T): T[] =>
    Array.from({ length }, (_, t) => (t < transitions.length ? of(transitions[t]!, t) : padding));
  const actions = rows(({ action }) => action, 0);
  return {
    states: tensor(rows<State>(({ state }) => state, [0, 0, 0, 0])),
    actions: tensor(actions, { dtype: "i32" }),
    values: tensor(rows((_, t) => values[t]!, 0)),
    mask: tensor(rows(() => 1, 0)),
  };
}
