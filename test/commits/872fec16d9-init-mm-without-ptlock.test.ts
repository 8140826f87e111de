/** Kernel mappings are made without init_mm.page_table_lock; the allocators of tables take it inside, to link. */
import { ioremap, type Machine, type Op, runToEnd, SteppedOp, vmalloc } from '@fourfold/core';
import { kernelEntryAt } from '@fourfold/core/arch';
import { commit } from './support/commit.js';

const PAGES = 3;

/** Tables below the root that a first vmalloc needs: some came with a root, or with the gate. */
function levelsToMake(machine: Machine): number {
  const { arch, tables, initMm } = machine.kernel;
  const start = arch.kernelSpace?.start ?? 0;
  let table = initMm?.rootWord ?? 0;
  let made = 0;
  for (let level = 0; table !== 0 && level < arch.geometry.depth - 1; level++) {
    table = tables.tableAt(level, kernelEntryAt(arch, level, table, start));
    if (table !== 0) made++;
  }
  if (initMm === null && arch.upper[0]?.preallocated) made++;
  return arch.geometry.depth - 1 - made;
}

function locked(machine: Machine): boolean {
  return machine.kernel.initMm?.pageTableLock.held ?? false;
}

export default commit({
  commits: ['872fec16d9'],
  outcomes: {
    'page_table_lock of init_mm in a first vmalloc of 3 pages: times taken beyond once a new table, entries set under it':
      {
        run: ({ machine: make }) => {
          const machine = make();
          const toMake = levelsToMake(machine);
          const spy = machine.spy();
          runToEnd(vmalloc(machine.kernel, PAGES * machine.pageSize));
          machine.check();
          let held = false;
          let taken = 0;
          let under = 0;
          for (const event of spy.of('lock', 'unlock', 'setPte')) {
            if (event.name === 'setPte') under += held ? 1 : 0;
            else if (event.kind === 'page_table_lock') held = event.name === 'lock';
            if (event.name === 'lock' && event.kind === 'page_table_lock') taken++;
          }
          return [taken - toMake, under];
        },
        expected: [0, 0],
        without: [1, PAGES],
      },
    'two threads that map their first page at once: both succeed, one chain of tables stays': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const toMake = levelsToMake(machine);
        machine.inject.pause = (point) => point === 'before table link';
        const spy = machine.spy();
        const [a, b] = ['a', 'b'].map((name) => new SteppedOp(name, vmalloc(k, machine.pageSize) as Op<bigint>));
        if (a === undefined || b === undefined) throw new Error('no operations');
        while (!a.done || !b.done) {
          if (!a.done) a.step();
          if (!b.done) b.step();
        }
        machine.inject.clear();
        machine.check();
        return {
          both: (a.result ?? 0n) !== 0n && (b.result ?? 0n) !== 0n && a.result !== b.result,
          linked: spy.count('linkTable') - toMake,
          freed: spy.count('freeTable') - toMake,
          locked: locked(machine),
        };
      },
      expected: { both: true, linked: 0, freed: 0, locked: false },
    },
    'no table to be had: vmalloc, and ioremap where it needs tables, answer null and hold nothing': {
      run: ({ machine: make }) => {
        const attempt = (allowed: number): { asked: number; memory: bigint; device: bigint; held: boolean } => {
          const machine = make();
          const k = machine.kernel;
          let asked = 0;
          machine.inject.failPage = () => ++asked > allowed;
          const memory = runToEnd(vmalloc(k, machine.pageSize));
          machine.check();
          const needed = asked;
          const device = (k.arch.kernelSpace?.ioBase ?? 0n) >= 0n ? 0n : runToEnd(ioremap(k, 0x1000_0000, 1));
          machine.inject.clear();
          machine.check();
          return { asked: needed, memory, device, held: locked(machine) || k.vmlist.all.length > 0 };
        };
        const { asked, memory } = attempt(Infinity);
        if (memory === 0n) return 'vmalloc failed with all memory there';
        const failures = Array.from({ length: asked }, (_, allowed) => attempt(allowed));
        return failures.filter((f) => f.memory !== 0n || f.device !== 0n || f.held).length;
      },
      expected: 0,
    },
  },
});
