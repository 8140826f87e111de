/** What a listener sees: the events of an operation, in order, each knowing the operation that caused it. */
import { Machine, OPERATION_NAMES } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('a copy-on-write break: the frame, the entry, the flush of the old translation, the fault', () => {
    const machine = new Machine({ arch });
    const parent = machine.spawn();
    parent.mmap({ addr: AT, length: machine.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    parent.store8(AT, 1);
    const child = parent.fork();
    child.load8(AT);
    machine.events.listen();
    child.store8(AT, 2);
    const events = machine.events.read();
    const [operation] = events;
    expect([operation?.name, operation?.a, OPERATION_NAMES[operation?.b ?? -1]]).toEqual([
      'operation',
      child.pid,
      'store',
    ]);
    expect(events.every((e) => e.cause === operation?.sequence)).toBe(true);
    const names = events.map((e) => e.name).filter((name) => name !== 'lock' && name !== 'unlock' && name !== 'addRss');
    const copy = names.slice(names.indexOf('allocPage'));
    // Where set_pte_at over a page flushes at once (ppc64), the old entry goes first, and its flush comes in between.
    const stored = arch.pendingFlush.flushOnOverwrite ? ['setPte', 'flushPending', 'setPte'] : ['setPte'];
    const whole = [
      'allocPage',
      'copyPage',
      'flushCachePage',
      ...stored,
      'flushPage',
      'updateMmuCache',
      'lazyMmuProtUpdate',
      'fault',
    ];
    expect(copy.filter((name) => whole.includes(name))).toEqual(whole);
    expect(names.lastIndexOf('fault')).toBe(names.length - 1);
    expect(events.filter((e) => e.name === 'fault')[0]?.b).toBe(2);
  });

  test('nobody listening: nothing is recorded, and the counters still count', () => {
    const machine = new Machine({ arch });
    const process = machine.spawn();
    process.mmap({ addr: AT, length: machine.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    process.store8(AT, 1);
    expect(machine.events.read()).toEqual([]);
    expect([machine.counters.get('storeFaults'), machine.counters.minorFaults]).toEqual([1, 1]);
  });
});
