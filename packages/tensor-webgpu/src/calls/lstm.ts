// The steps of an LSTM and their gradient: a stage a time step. All stages but the ends run one program; they differ in addresses.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { backwardStep, behind, forwardStep } from "../forms/lstm.ts";
import type { Stage } from "../forms/stage.ts";
import type { Call } from "./call.ts";

const inTurn = (steps: number, stage: (t: number) => Stage): Stage[] =>
  Array.from({ length: steps }, (_, t) => stage(t));

/** Into gates, cells and hiddens, one behind the other. */
export const lstmSequence: Call = {
  prepare: ({ inputs, out }: CallLaunch, machine) => {
    const [given, h, c, whh] = inputs as [CallOperand, CallOperand, CallOperand, CallOperand];
    const [steps, batch] = given.shape as [number, number];
    const [, units] = whh.shape as [number, number];
    const state = batch * units;
    const stages = inTurn(steps, (t) => {
      const states =
        t === 0
          ? { h, c }
          : { h: behind(out, (5 * steps + t - 1) * state), c: behind(out, (4 * steps + t - 1) * state) };
      return forwardStep({ given, ...states, whh, out }, t, { steps, batch, units }, machine);
    });
    return { stages, workspace: 0 };
  },
};

/** Into the gradients of what each step was given, behind them that of the first cells; the last step comes first. */
export const lstmSequenceGrad: Call = {
  prepare: ({ inputs, out }: CallLaunch, machine) => {
    const [gates, cells, c, whh, gy, gc] = inputs as [
      CallOperand,
      CallOperand,
      CallOperand,
      CallOperand,
      CallOperand,
      CallOperand,
    ];
    const [steps, batch, units] = cells.shape as [number, number, number];
    const state = batch * units;
    const stages = inTurn(steps, (turn) => {
      const t = steps - 1 - turn;
      const operands = {
        gates,
        cells: behind(cells, t * state),
        before: t === 0 ? c : behind(cells, (t - 1) * state),
        whh,
        gy: behind(gy, t * state),
        dc: turn === 0 ? gc : behind(out, 4 * steps * state),
        out,
      };
      return backwardStep(operands, t, { steps, batch, units }, machine);
    });
    return { stages, workspace: 0 };
  },
};
