/** Processes and threads of one machine: who is counted, who has ended. */
import { expect, test } from 'vitest';
import { MemoryFault } from '../../src/errors.js';
import { onCall } from '../../src/events/injection.js';
import { Machine } from '../../src/machine/machine.js';
import { testArch } from '../support/test-arch.js';

const AT = 0x10_0000;

test('an operation of a process that has ended is refused, and a second exit does nothing', () => {
  const machine = new Machine({ arch: testArch() });
  const process = machine.spawn();
  process.mmap({ addr: AT, length: 4096, prot: 'rw', flags: 'private|anonymous|fixed' });
  process.exit();
  process.exit();
  expect(() => process.store8(AT, 1)).toThrow(/MM_EXITED/);
  expect(() => process.fork()).toThrow(/MM_EXITED/);
  expect(() => process.thread()).toThrow(/MM_EXITED/);
  machine.check();
});

test('a CPU there is not is refused and leaves nothing behind', () => {
  const machine = new Machine({ arch: testArch(), cpus: 2 });
  const free = machine.freePages;
  expect(() => machine.spawn({ cpu: 2 })).toThrow(/MM_CPUS: expected a CPU below 2, got 2/);
  expect(machine.freePages).toBe(free);
  const process = machine.spawn();
  expect(() => process.runOn(7)).toThrow(/MM_CPUS/);
  process.runOn(1);
  process.exit();
  machine.check();
});

test('pages that mlock makes present are faults of the thread that called it', () => {
  const machine = new Machine({ arch: testArch() });
  const process = machine.spawn();
  const thread = process.thread();
  process.mmap({ addr: AT, length: 4 * 4096, prot: 'rw', flags: 'private|anonymous|fixed' });
  thread.ops.mlock(BigInt(AT), 4n * 4096n).next();
  expect([process.minFlt, thread.minFlt]).toEqual([0, 4]);
});

test('the address space lives as long as its last thread', () => {
  const machine = new Machine({ arch: testArch(), cpus: 2 });
  const free = machine.freePages;
  const process = machine.spawn();
  const thread = process.thread();
  thread.runOn(1);
  process.mmap({ addr: AT, length: 4 * 4096, prot: 'rw', flags: 'private|anonymous|fixed' });
  process.store8(AT, 7);
  process.exit();
  expect(thread.load8(AT)).toBe(7);
  machine.check();
  thread.exit();
  machine.check();
  // The first CPU has the address space loaded still, until it loads another.
  const next = machine.spawn();
  next.brk(0);
  next.exit();
  // The other CPU's batch for the LRU lists may hold the page still.
  machine.drainBatches();
  expect(machine.freePages).toBe(free);
});

test('short of memory a process is killed, which is not a segmentation fault', () => {
  const machine = new Machine({ arch: testArch() });
  const process = machine.spawn();
  process.mmap({ addr: AT, length: 4096, prot: 'rw', flags: 'private|anonymous|fixed' });
  machine.inject.failPage = onCall(1);
  try {
    process.store8(AT, 1);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(MemoryFault);
    expect(error).toMatchObject({ code: 'OOM', signal: 'SIGKILL' });
  }
});

test('what is no number, no bytes, no file is refused by name before anything happens', () => {
  const machine = new Machine({ arch: testArch() });
  const process = machine.spawn();
  process.mmap({ addr: AT, length: 4096, prot: 'rw', flags: 'private|anonymous|fixed' });
  const wrong = <T>(value: unknown): T => value as T;
  const misuses: [string, () => unknown][] = [
    ['addr, got 1.5', () => process.munmap(1.5, 4096)],
    ['length, got NaN', () => process.mprotect(AT, Number.NaN, 'r')],
    ['addr, got undefined', () => process.brk(wrong<number>(undefined))],
    ['value, got x', () => process.store64(AT, wrong<number>('x'))],
    ['length, got -1', () => process.read(AT, -1)],
    ['length, got 1000000000000', () => process.peek(AT, 1e12)],
    ['bytes, got string', () => process.write(AT, wrong<Uint8Array>('abc'))],
    ['bytes, got string', () => process.poke(AT, wrong<Uint8Array>('abc'))],
    ['count, got 1.5', () => process.pin(AT, 1.5, false)],
    ['key, got 1.5', () => process.shmget(1.5, 4096)],
    ['id, got ', () => process.shmctl(wrong<number>(2n ** 64n), 0)],
    ['as prot, got undefined', () => process.mmap({ length: 4096, prot: wrong<string>(undefined), flags: 'private' })],
    ['as flags, got null', () => process.mmap({ length: 4096, prot: 'r', flags: wrong<string>(null) })],
    ['file, got number', () => process.mmap({ length: 4096, prot: 'r', flags: 'private', file: wrong(3) })],
    ['file, got object', () => process.mmap({ length: 4096, prot: 'r', flags: 'private', file: wrong({}) })],
  ];
  for (const [message, misuse] of misuses) {
    expect(misuse).toThrow(message);
    expect(misuse).toThrow(/^MM_(ARGUMENT|PROT|FLAGS): expected/);
    machine.check();
  }
  process.store8(AT, 1);
  process.exit();
});
