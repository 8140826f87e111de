/** Unmapping breaks off by the work it did, a present page for a page size, an empty entry for 1, not by addresses. */
import { type DiskFile, type Op, SteppedOp } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { AT, map, pages, touch, warmFile } from './support/memory.js';

const TERABYTE = 1n << 40n;

/** Calls of unmap_page_range when `n` pages that nobody touched are unmapped, in a preemptible kernel. */
function callsForUntouched({ machine: make }: Bench, n: number): number {
  const machine = make({ config: { preempt: true }, overcommit: 1 });
  const process = machine.spawn();
  map(process, n);
  const spy = machine.spy();
  process.munmap(AT, pages(machine, n));
  machine.check();
  return spy.count('startVma');
}

export default commit({
  commits: ['51c6f666fc'],
  outcomes: {
    'calls of unmap_page_range when 4096 untouched pages are unmapped': {
      run: (bench) => callsForUntouched(bench, 4096),
      expected: 1,
      without: 512,
    },
    'root entries looked at when 4 GiB of untouched memory are unmapped; 1 TiB takes 256 times as many without it': {
      machines: ['x86_64', 'ppc64-4k'],
      run: ({ machine: make }) => {
        const machine = make({ config: { preempt: true }, overcommit: 1 });
        const process = machine.spawn();
        const length = 1n << 32n;
        const addr = process.mmap({ addr: 2n * TERABYTE, length, prot: 'rw', flags: 'private|anonymous|fixed' });
        const before = machine.counters.get('rootVisits');
        process.munmap(addr, length);
        machine.check();
        return machine.counters.get('rootVisits') - before;
      },
      // One by the zap and one by free_pgtables; by addresses one every 8 pages.
      expected: 2,
      without: 2 ** 20 / 8 + 1,
    },
    'present pages cleared before each end of a gather when 20 are unmapped': {
      run: ({ machine: make }) => {
        const machine = make({ config: { preempt: true } });
        const process = machine.spawn();
        map(process, 20);
        touch(process, 20);
        const spy = machine.spy();
        process.munmap(AT, pages(machine, 20));
        machine.check();
        let cleared = 0;
        const ends: number[] = [];
        for (const event of spy.of('clearPte', 'gatherFinish')) {
          if (event.name === 'clearPte') cleared++;
          else ends.push(cleared);
        }
        return ends;
      },
      expected: [8, 16, 20],
    },
    'somebody wants to run: a break after each block, and everything is unmapped': {
      run: ({ machine: make }) => {
        const machine = make({ config: { preempt: true } });
        const process = machine.spawn();
        map(process, 20);
        touch(process, 20);
        machine.inject.needResched = (where) => where === 'unmap_vmas';
        const unmap = new SteppedOp('munmap', process.ops.munmap(AT, pages(machine, 20)) as Op<number>);
        let breaks = 0;
        while (unmap.stepTo('resched')) breaks++;
        machine.inject.clear();
        machine.check();
        return [breaks, unmap.result, process.mm.rss];
      },
      expected: [2, 0, 0],
    },
    'i_mmap_lock wanted by others while a file is cut off: pages gone, where to go on, lock held; and at the end': {
      run: ({ machine: make }) => {
        const machine = make({ config: { preempt: true } });
        const process = machine.spawn();
        const file = warmFile(machine, 20);
        map(process, 20, { file, flags: 'shared|fixed' });
        touch(process, 20);
        const vma = process.mm.vmas.first;
        machine.inject.needLockbreak = (lock) => lock.what === 'i_mmap_lock';
        const cut = new SteppedOp('truncate', (file.inode as DiskFile).setSize(0) as Op<number>);
        cut.stepTo('resched');
        const atBreak = {
          gone: 20 - process.mm.rss,
          restart: ((vma?.truncateCount ?? 0) - (vma?.start ?? 0) * machine.pageSize) / machine.pageSize,
          held: file.inode.mapping.lock.held,
        };
        cut.finish();
        machine.inject.clear();
        machine.check();
        return [atBreak, process.mm.rss];
      },
      expected: [{ gone: 8, restart: 8, held: false }, 0],
    },
    'root entries looked at, beyond those that span it, by 1000 times 1 TB mapped and unmapped; calls a time': {
      machines: ['ppc64-4k', 'x86_64', 'ppc64-64k', 'ia64-16k', 'ia64-64k', 'sparc64-8k', 'sparc64-64k'],
      run: ({ arch, machine: make }) => {
        const machine = make({ overcommit: 1, config: { preempt: true } });
        const process = machine.spawn();
        const { counters } = machine;
        // Inside the first region or half that has room for it, on a border of the root's entries.
        const spanBytes = BigInt(arch.geometry.entryPages(0)) * BigInt(machine.pageSize);
        const hint = arch.geometry.regionBits > 0 ? 0x2000_0000_0000_0000n : 2n * TERABYTE;
        const spanning = Number((TERABYTE + spanBytes - 1n) / spanBytes);
        let most = 0;
        let calls = 0;
        for (let i = 0; i < 1000; i++) {
          process.mmap({ addr: hint, length: TERABYTE, prot: 'rw', flags: 'private|anonymous|noreserve|fixed' });
          const spy = i === 0 ? machine.spy() : null;
          const before = counters.get('rootVisits');
          process.munmap(hint, TERABYTE);
          if (spy !== null) calls = spy.stop().count('startVma');
          most = Math.max(most, counters.get('rootVisits') - before);
        }
        machine.check();
        // free_pgtables looks at the same entries once more.
        return { within: most <= 2 * spanning + 4, calls };
      },
      expected: { within: true, calls: 1 },
    },
  },
});
