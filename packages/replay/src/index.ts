/** `@fourfold/replay`: what drives a machine from a file. No Node API here; `@fourfold/replay/node` has files and threads. */

export { type CostLine, costsOf, cyclesOf } from './engine/costs.js';
export type { HugeReport } from './engine/huge-runs.js';
export { Replayer, type ReplayOptions, type ReplayProblem } from './engine/replayer.js';
export {
  type FaultReport,
  type MachineReport,
  REPORT_VERSION,
  reportOf,
  type TlbReport,
} from './engine/report.js';
export { ReplayStop } from './engine/stop.js';
export { type CostModel, costDocument, readCostModel, withCost } from './model/cost-model.js';
export { isFor, ModelError } from './model/model-file.js';
export { readTlbModel, type TlbModel, tlbDocument, withTlb } from './model/tlb-model.js';
export {
  type FlushReport,
  runScenario,
  type ScenarioArch,
  ScenarioError,
  type ScenarioErrorAt,
  type ScenarioErrorKind,
  type ScenarioOptions,
  type ScenarioResult,
} from './scenario/index.js';
export { AccessBatch } from './trace/access-batch.js';
export { type LackeyOptions, LackeyParser, type TraceSink } from './trace/lackey.js';
export type { SyscallRecord } from './trace/syscall-record.js';
export { decodeSyscall } from './trace/syscalls.js';
export { TraceError, type TraceErrorCode } from './trace/trace-error.js';
export type { TraceOp } from './trace/trace-op.js';
export type { TraceWarning } from './trace/warnings.js';
