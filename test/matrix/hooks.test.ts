/** The hooks of caches that are indexed by virtual addresses: each operation announces what it is about to change. */
import { Machine, type Process, type Spy } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { AT, map, pageAt, pages, run, touch, vpnAt, warmFile } from '../commits/support/memory.js';
import { MACHINES } from '../support/machines.js';

/** Hooks of an operation on 4 touched pages, ranges as pages of the area. */
function hooksOf(process: Process, act: () => void): string[] {
  const { machine } = process;
  const first = vpnAt(machine, 0);
  const spy: Spy = machine.spy();
  act();
  const events = spy.of('flushCacheRange', 'flushCacheMm', 'flushRange', 'flushMm');
  return events.map((event) =>
    'start' in event ? `${event.name} ${event.start - first} ${event.end - first}` : event.name,
  );
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const withPages = (shared: boolean): { machine: Machine; process: Process } => {
    const machine = new Machine({ arch });
    const process = machine.spawn();
    if (shared) map(process, 4, { file: warmFile(machine, 4), flags: 'shared|fixed' });
    else map(process, 4);
    touch(process, 4);
    return { machine, process };
  };

  test('mprotect: the caches of the range before, its translations after', () => {
    const { machine, process } = withPages(false);
    expect(hooksOf(process, () => process.mprotect(pageAt(machine, 1), pages(machine, 2), 'r'))).toEqual([
      'flushCacheRange 1 3',
      'flushRange 1 3',
    ]);
  });

  test('msync and mremap: the caches of the range', () => {
    const { machine, process } = withPages(true);
    expect(hooksOf(process, () => run(process.ops.msync(AT, pages(machine, 4), 4)))[0]).toBe('flushCacheRange 0 4');
    const move = (): void => {
      process.mremap(AT, pages(machine, 4), pages(machine, 4), 3, pageAt(machine, 64));
    };
    expect(hooksOf(process, move)[0]).toBe('flushCacheRange 0 4');
    machine.check();
  });

  test('fork and exit: the caches of the whole address space', () => {
    const { machine, process } = withPages(false);
    const fork = hooksOf(process, () => {
      process.fork();
    });
    expect([fork[0], fork.at(-1)]).toEqual(['flushCacheMm', 'flushMm']);
    expect(hooksOf(process, () => process.exit())[0]).toBe('flushCacheMm');
    machine.check();
  });
});
