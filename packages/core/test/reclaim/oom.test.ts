/** Whom the OOM killer takes: by size, by oom_adj, by family; and that memory is given back by it. */
import { expect, test } from 'vitest';
import { Machine, MemoryFault } from '../../src/index.js';
import type { Process } from '../../src/process/process.js';
import { testArch } from '../support/test-arch.js';

const AT = 0x10_0000n;
const PAGE = 4096;

function newMachine(): Machine {
  return new Machine({ arch: testArch(), memory: 256 * PAGE, overcommit: 1 });
}

/** Maps `pages` pages and stores into the first `touched` of them. */
function take(process: Process, pages: number, touched: number = pages): void {
  process.mmap({ addr: AT, length: pages * PAGE, prot: 'rw', flags: 'private|anonymous|fixed' });
  for (let i = 0; i < touched; i++) process.store8(AT + BigInt(i * PAGE), i & 255);
}

/** A new process that stores into so many pages; what its stores end with. */
function ask(machine: Machine, pages: number, oomAdj: number = 0): { process: Process; result: string } {
  const process = machine.spawn();
  process.oomAdj = oomAdj;
  try {
    take(process, pages);
    return { process, result: 'ok' };
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return { process, result: error.code };
  }
}

/** Processes that are 300, 200 and 100 pages large, 60 of which each has touched, and the machine they fill. */
function crowd(adjust: readonly number[] = [0, 0, 0]): { machine: Machine; crowd: Process[] } {
  const machine = newMachine();
  const crowd = [300, 200, 100].map((pages, i) => {
    const process = machine.spawn();
    take(process, pages, 60);
    process.oomAdj = adjust[i] as number;
    return process;
  });
  return { machine, crowd };
}

const alive = (processes: readonly Process[]): boolean[] => processes.map((process) => process.alive);

test.each([
  ['the one with the largest areas goes, touched or not', [0, 0, 0], [false, true, true]],
  ['one with oom_adj -17 is spared', [-17, 0, 0], [true, false, true]],
  ['a positive oom_adj doubles the size each time', [0, 0, 2], [true, true, false]],
  ['a negative one halves it', [-1, 0, 0], [true, false, true]],
  ['what is still the largest goes all the same', [-1, -1, 0], [false, true, true]],
] as const)('%s', (_name, adjust, expected) => {
  const { machine, crowd: processes } = crowd(adjust);
  expect(ask(machine, 70).result).toBe('ok');
  expect(alive(processes)).toEqual(expected);
  expect(machine.counters.get('oomKills')).toBe(1);
  machine.check();
});

test('a second one goes when the first was not enough', () => {
  const { machine, crowd: processes } = crowd();
  expect(ask(machine, 150).result).toBe('ok');
  expect(alive(processes)).toEqual([false, false, true]);
  machine.check();
});

test('who asks is not killed under its own call: it has the OOM signal, and nobody else pays', () => {
  const { machine, crowd: processes } = crowd();
  expect(ask(machine, 400).result).toBe('OOM');
  expect(alive(processes)).toEqual([true, true, true]);
  expect(machine.counters.get('oomKills')).toBe(0);
  machine.check();
});

test('a parent counts with its children, and a child with an address space of its own goes first', () => {
  const machine = newMachine();
  const single = machine.spawn();
  take(single, 150, 60);
  const parent = machine.spawn();
  take(parent, 90, 60);
  const child = parent.fork();
  for (let i = 0; i < 60; i++) child.store8(AT + BigInt(i * PAGE), 1);
  expect(ask(machine, 70).result).toBe('ok');
  expect(alive([single, parent, child])).toEqual([true, true, false]);
  machine.check();
});

test('all threads of an address space go together', () => {
  const { machine, crowd: processes } = crowd();
  const thread = (processes[0] as Process).thread();
  expect(ask(machine, 70).result).toBe('ok');
  expect(alive([...processes, thread])).toEqual([false, true, true, false]);
  expect(machine.counters.get('oomKills')).toBe(1);
  machine.check();
});

test('when everybody is spared the allocation fails', () => {
  const { machine, crowd: processes } = crowd([-17, -17, -17]);
  expect(ask(machine, 99, -17).result).toBe('OOM');
  expect(alive(processes)).toEqual([true, true, true]);
  machine.check();
});
