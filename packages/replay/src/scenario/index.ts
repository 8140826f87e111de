/** Scenario files: running them and what can be wrong with them. */
export type { FlushReport } from './flushes.js';
export { runScenario, type ScenarioOptions, type ScenarioResult } from './run.js';
export { ScenarioError, type ScenarioErrorAt, type ScenarioErrorKind } from './scenario-error.js';
export type { ScenarioArch } from './world.js';
