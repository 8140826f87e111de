/** Reads a line of a scenario: the operation and every word of its arguments, checked before anything runs. */
import { Arguments } from './arguments.js';
import { type Place, type ScenarioLine, splitLine, syntax } from './line.js';
import type { Operation, Operations } from './operation.js';
import { accessOps } from './ops/access.js';
import { adviceOps } from './ops/advice.js';
import { fileOps } from './ops/files.js';
import { mappingOps } from './ops/mapping.js';
import { processOps } from './ops/process.js';
import { shmOps } from './ops/shm.js';
import { viewOps } from './ops/views.js';

/** Every operation of the format by name. */
export const OPERATIONS: Operations = {
  ...mappingOps,
  ...adviceOps,
  ...accessOps,
  ...processOps,
  ...fileOps,
  ...shmOps,
  ...viewOps,
};

/** A line with what it will do. */
export interface ParsedLine {
  readonly line: ScenarioLine;
  readonly operation: Operation;
  /** What `operation.parse` answered. */
  readonly act: ReturnType<Operation['parse']>;
}

/**
 * Reads one line; null for a blank one and one with a comment only.
 * @throws ScenarioError for an unknown operation, flag or advice word, a malformed number or a missing subsystem
 */
export function parseLine(source: string, at: Place): ParsedLine | null {
  const line = splitLine(source, at);
  if (line === null) return null;
  if (!Object.hasOwn(OPERATIONS, line.op)) {
    throw syntax(line, `an operation (${Object.keys(OPERATIONS).join(' ')})`, `'${line.op}'`);
  }
  const operation = OPERATIONS[line.op] as Operation;
  return { line, operation, act: operation.parse(new Arguments(line)) };
}
