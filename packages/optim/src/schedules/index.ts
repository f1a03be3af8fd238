// Schedules: functions from the number of a step to its rate.
export {
  cosineDecay,
  linearDecay,
  oneCycle,
  stepDecay,
  type DecayOptions,
  type OneCycleOptions,
  type Schedule,
  type StepDecayOptions,
} from "./decays.ts";
export { joinSchedules, warmup } from "./joined.ts";
export { reduceOnPlateau, type PlateauOptions, type PlateauSchedule, type PlateauState } from "./plateau.ts";
