/** What an operation is: how its arguments are read, and what it does when its turn comes. */
import type { Process } from '@fourfold/core';
import type { Arguments } from './arguments.js';
import type { World } from './world.js';

/** An operation of a process. The arguments are read first, whole, and every word of them is checked. */
export interface ProcessOperation {
  readonly actor: 'process';
  /** Whether the result line ends with the faults the operation took. */
  readonly counted: boolean;
  /** @throws ScenarioError for arguments the format does not know, or a subsystem that is not there */
  parse(args: Arguments): (world: World, process: Process) => string;
}

/** An operation on files or on all processes: the process of the line does not matter, gone or not. */
export interface WorldOperation {
  readonly actor: 'world';
  readonly counted: false;
  parse(args: Arguments): (world: World) => string;
}

export type Operation = ProcessOperation | WorldOperation;

/** Operations by name. */
export type Operations = Readonly<Record<string, Operation>>;

/** An operation whose result line has counts. */
export function counted(parse: ProcessOperation['parse']): ProcessOperation {
  return { actor: 'process', counted: true, parse };
}

/** An operation of a process whose result line has none. */
export function uncounted(parse: ProcessOperation['parse']): ProcessOperation {
  return { actor: 'process', counted: false, parse };
}

/** An operation on the world. */
export function worldly(parse: WorldOperation['parse']): WorldOperation {
  return { actor: 'world', counted: false, parse };
}
