/**
 * Kernels that map pte tables to look at them (CONFIG_HIGHPTE): in which order each call maps, locks, unlocks and unmaps, and
 * what becomes of code that gets it wrong.
 */
import {
  followPage,
  getLockedPte,
  KernelBug,
  Machine,
  type Process,
  pteLock,
  pteUnmapUnlock,
  runToEnd,
  SteppedOp,
  smapsText,
  tryToFreePages,
  type Vma,
} from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import {
  AT,
  fault,
  frameOf,
  look,
  map,
  pageAt,
  pages,
  pteWord,
  swapOut,
  touch,
  vpnAt,
  warmFile,
} from '../commits/support/memory.js';
import { tableSteps } from '../commits/support/tables.js';
import { MACHINES } from '../support/machines.js';

const ONE_LOOK = 'map, lock, unlock, unmap';
/** The look without the lock that decides what a fault does, then what a fault does that needs a frame first. */
const PEEK = 'map, unmap';

/** The same look `n` times. */
function times(n: number, steps: string): string {
  return Array.from({ length: n }, () => steps).join(', ');
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const make = (): { machine: Machine; process: Process } => {
    const machine = new Machine({
      arch,
      cpus: 2,
      swap: 64 * arch.geometry.pageSize,
      config: { nrCpus: 4, highpte: true },
      mounts: { '/tmp': tmpfs() },
    });
    return { machine, process: machine.spawn() };
  };
  const tableOf = (process: Process, n: number): number => {
    const at = pteWord(process, n);
    return at - (at % process.machine.kernel.memory.pageWords);
  };
  const areaOf = (process: Process): Vma => process.mm.vmas.first as Vma;

  test('fork maps the table of the child, nests that of the parent in it, and undoes both the other way round', () => {
    const { machine, process } = make();
    map(process, 3);
    touch(process, 3);
    const spy = machine.spy();
    const child = process.fork();
    expect(tableSteps(spy, 'addRss')).toBe('map, lock, map nested, lock, addRss, unlock, unmap nested, unlock, unmap');
    const [childTable, parentTable] = [tableOf(child, 0), tableOf(process, 0)];
    expect(spy.of('mapPte', 'unmapPte').map(({ name, table }) => [name, table])).toEqual([
      ['mapPte', childTable],
      ['mapPte', parentTable],
      ['unmapPte', parentTable],
      ['unmapPte', childTable],
    ]);
    expect(spy.names('mapPte')).toEqual(['mapPte KM_PTE0', 'mapPte KM_PTE1']);
    machine.check();
  });

  test('a fork that lets others run maps both tables anew afterwards', () => {
    const { machine, process } = make();
    map(process, 12);
    touch(process, 12);
    machine.inject.needResched = (where) => where === 'copy_pte_range';
    const spy = machine.spy();
    process.fork();
    // Four entries are copied before others are asked: three rounds.
    expect(tableSteps(spy)).toBe(times(3, 'map, lock, map nested, lock, unlock, unmap nested, unlock, unmap'));
    machine.check();
  });

  test('a load of untouched memory keeps the table of its look mapped, a store has it unmapped while it takes a frame', () => {
    const { machine, process } = make();
    map(process, 3);
    touch(process, 1);
    const spy = machine.spy();
    runToEnd(fault(process, 1, false));
    expect(tableSteps(spy, 'allocPage')).toBe('map, lock, unlock, unmap');
    spy.clear();
    runToEnd(fault(process, 2, true));
    expect(tableSteps(spy, 'allocPage')).toBe(`${PEEK}, allocPage, ${ONE_LOOK}`);
    machine.check();
  });

  test('the first fault of a region maps its table when it is linked', () => {
    const { machine, process } = make();
    map(process, 1);
    const spy = machine.spy();
    runToEnd(fault(process, 0, false));
    const steps = tableSteps(spy, 'linkTable');
    expect(steps.slice(steps.lastIndexOf('linkTable'))).toBe(`linkTable, ${ONE_LOOK}`);
  });

  test('copy on write looks under the lock, copies with nothing mapped, and looks again', () => {
    const { machine, process } = make();
    map(process, 2);
    touch(process, 2);
    const child = process.fork();
    const spy = machine.spy();
    runToEnd(fault(child, 0, true));
    expect(tableSteps(spy, 'allocPage', 'copyPage')).toBe(`${ONE_LOOK}, allocPage, copyPage, ${ONE_LOOK}`);
    spy.clear();
    // Nobody else has the parent's page any more: one look will do.
    runToEnd(fault(process, 0, true));
    expect(tableSteps(spy, 'allocPage', 'copyPage')).toBe(ONE_LOOK);
    machine.check();
  });

  test('a page of a file is found with nothing mapped', () => {
    const { machine, process } = make();
    map(process, 2, { file: warmFile(machine, 2) });
    look(process, 1);
    const spy = machine.spy();
    runToEnd(fault(process, 1, true));
    // The page of the file, and the private copy of it.
    expect(tableSteps(spy, 'allocPage')).toBe(`${PEEK}, allocPage, allocPage, ${ONE_LOOK}`);
    machine.check();
  });

  test('a swapped page is read with nothing mapped', () => {
    const { machine, process } = make();
    map(process, 1);
    touch(process, 1);
    swapOut(process, 1);
    const spy = machine.spy();
    runToEnd(fault(process, 0, false));
    // Where an entry is wider than a word it is compared under the lock before anything is done for it.
    const wide = arch.pteFormat.bytes * 8 > arch.wordBits;
    expect(tableSteps(spy)).toBe(`${wide ? ONE_LOOK : PEEK}, ${ONE_LOOK}`);
    machine.check();
  });

  test('mremap nests the new table in the old one, even where they are the same and have one lock', () => {
    const { machine, process } = make();
    map(process, 2);
    touch(process, 2);
    const spy = machine.spy();
    // MREMAP_MAYMOVE | MREMAP_FIXED
    process.mremap(AT, pages(machine, 2), pages(machine, 2), 3, pageAt(machine, 8));
    // The last is the old area's end.
    expect(tableSteps(spy)).toBe(`map, lock, map nested, unmap nested, unlock, unmap, ${ONE_LOOK}`);
    machine.check();
  });

  test('calls that go through a range map each of its tables once', () => {
    const { machine, process } = make();
    const span = machine.kernel.tables.ptesPerTable;
    map(process, 2, {}, span - 1);
    touch(process, 2, span - 1);
    const start = pageAt(machine, span - 1);
    const spy = machine.spy();
    process.mprotect(start, pages(machine, 2), 'r');
    expect(tableSteps(spy)).toBe(times(2, ONE_LOOK));
    spy.clear();
    smapsText(machine.kernel, process.mm);
    expect(tableSteps(spy)).toBe(times(2, PEEK));
    spy.clear();
    process.munmap(start, pages(machine, 2));
    expect(tableSteps(spy)).toBe(times(2, ONE_LOOK));
    machine.check();
  });

  test('msync and follow_page map the table they lock; follow_page unmaps it when the lock is not to be had', () => {
    const { machine, process } = make();
    map(process, 1, { file: warmFile(machine, 1), flags: 'shared|fixed' });
    touch(process, 1);
    const spy = machine.spy();
    runToEnd(process.ops.msync(AT, pages(machine, 1), 4));
    expect(tableSteps(spy)).toBe(ONE_LOOK);
    spy.clear();
    followPage(machine.kernel, areaOf(process), vpnAt(machine, 0), 0);
    expect(tableSteps(spy)).toBe(ONE_LOOK);
    const lock = pteLock(machine.kernel, process.mm, pteWord(process, 0));
    lock.tryLock();
    spy.clear();
    followPage(machine.kernel, areaOf(process), vpnAt(machine, 0), 0);
    expect(tableSteps(spy)).toBe(PEEK);
    lock.unlock();
    machine.check();
  });

  test('reclaim and swapoff find entries through maps, and leave none', () => {
    const { machine, process } = make();
    map(process, 4);
    touch(process, 4);
    const spy = machine.spy();
    swapOut(process, 4);
    // To collect them; then to ask each whether it was used, and to take it out.
    expect(spy.count('mapPte')).toBeGreaterThanOrEqual(1 + 4);
    expect(spy.count('mapPte')).toBe(spy.count('unmapPte'));
    spy.clear();
    machine.swapOff(0);
    expect(spy.count('mapPte')).toBeGreaterThanOrEqual(4);
    expect(spy.count('mapPte')).toBe(spy.count('unmapPte'));
    machine.check();
  });

  test('a page that reclaim may not take, because its area is locked in memory, is looked at and unmapped again', () => {
    const { machine, process } = make();
    map(process, 2);
    touch(process, 2);
    runToEnd(process.ops.mlock(AT, pages(machine, 1)));
    machine.drainBatches();
    const spy = machine.spy();
    // Pages are young at first, then active, then go.
    for (let round = 0; round < 8 && frameOf(process, 1) >= 0; round++) runToEnd(tryToFreePages(machine.kernel));
    expect([frameOf(process, 0) >= 0, frameOf(process, 1)]).toEqual([true, -1]);
    expect(spy.count('mapPte')).toBe(spy.count('unmapPte'));
    machine.check();
  });

  test('a fault that spins for the lock keeps its table mapped on its CPU, and others map theirs on their own', () => {
    const { machine, process } = make();
    const { kernel } = machine;
    const thread = process.thread();
    thread.runOn(1);
    map(process, 4);
    touch(process, 1);
    const at = runToEnd(getLockedPte(kernel, process.mm, vpnAt(machine, 0)));
    const parked = kernel.pteMaps?.park();
    const op = new SteppedOp('load', fault(process, 1, false));
    op.step();
    expect([op.done, op.waiting?.what, kernel.pteMaps?.depth]).toEqual([false, 'pte lock', 0]);
    kernel.pteMaps?.unpark(parked as NonNullable<typeof parked>);
    pteUnmapUnlock(kernel, at, pteLock(kernel, process.mm, at));
    thread.store8(pageAt(machine, 2), 1);
    op.finish();
    expect(kernel.pteMaps?.depth).toBe(0);
    machine.check();
  });

  test('a table mapped twice, unmapped out of order, or mapped by one who may sleep is a bug, named by the call', () => {
    const broken = (what: (machine: Machine, process: Process, at: number) => void): string => {
      const { machine, process } = make();
      map(process, 2);
      touch(process, 1);
      const at = runToEnd(getLockedPte(machine.kernel, process.mm, vpnAt(machine, 0)));
      pteLock(machine.kernel, process.mm, at).unlock();
      try {
        what(machine, process, at);
      } catch (error) {
        if (error instanceof KernelBug) return error.message.replace(/ \(entry.*/, '');
        throw error;
      }
      return 'nothing';
    };
    const maps = (machine: Machine) => machine.kernel.pteMaps as NonNullable<Machine['kernel']['pteMaps']>;
    expect({
      mappedTwice: broken((_machine, process) => process.fork()),
      inAFault: broken((machine, process) => process.load8(pageAt(machine, 1))),
      outerFirst: broken((machine, _process, at) => {
        maps(machine).map(1, at);
        maps(machine).unmap(0, at);
      }),
      unmappedTwice: broken((machine, _process, at) => {
        maps(machine).unmap(0, at);
        maps(machine).unmap(0, at);
      }),
      another: broken((machine, _process, at) => maps(machine).unmap(0, at + machine.kernel.memory.pageWords)),
      nested: broken((machine, _process, at) => {
        maps(machine).unmap(0, at);
        maps(machine).map(1, at);
      }),
      frame: broken((machine) => machine.kernel.pages.alloc(0)),
      call: broken((machine, process) => process.mprotect(AT, pages(machine, 1), 'r')),
      atRest: broken((machine) => machine.check()),
    }).toEqual({
      mappedTwice: 'fork: a frame allocated with 1 pte tables mapped',
      inAFault: 'load: KM_PTE0 mapped while it holds a table',
      outerFirst: 'outside of calls: KM_PTE0 unmapped before KM_PTE1',
      unmappedTwice: 'outside of calls: KM_PTE0 unmapped while free',
      another: 'outside of calls: KM_PTE0 unmapped while it holds another table',
      nested: 'outside of calls: KM_PTE1 mapped with nothing to nest in',
      frame: 'outside of calls: a frame allocated with 1 pte tables mapped',
      call: 'mprotect: KM_PTE0 mapped while it holds a table',
      atRest: `1 broken invariants on ${arch.name}\nF23: 1 pte tables are mapped at rest`,
    });
  });

  test('an entry stored through no map is a bug', () => {
    const { machine, process } = make();
    map(process, 1);
    touch(process, 1);
    const { kernel } = machine;
    const maps = kernel.pteMaps as NonNullable<typeof kernel.pteMaps>;
    const at = pteWord(process, 0);
    expect(() => maps.stored(at)).toThrow(/an entry stored through no map/);
    maps.map(0, at);
    maps.stored(at);
    maps.unmap(0, at);
    machine.check();
  });

  test('built without it, nothing is mapped', () => {
    const machine = new Machine({ arch, config: { highpte: false } });
    const process = machine.spawn();
    map(process, 1);
    const spy = machine.spy();
    touch(process, 1);
    process.fork();
    expect([machine.kernel.pteMaps, spy.count('mapPte'), spy.count('unmapPte')]).toEqual([null, 0, 0]);
  });
});
