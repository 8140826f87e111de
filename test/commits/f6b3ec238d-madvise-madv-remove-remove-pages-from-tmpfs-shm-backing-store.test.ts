/** madvise(MADV_REMOVE) gives the pages of a file range back, where the file system can punch holes: tmpfs and SysV shm. */
import { type Machine, MmError, type OpenFile, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import type { ShmemInode } from '@fourfold/tmpfs';
import { tmpfs } from '@fourfold/tmpfs';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { AT, frameOf, map, pageAt, pages, run, swapOut, swapReferences, touch, warmFile } from './support/memory.js';

/** A machine with a tmpfs of 64 pages, and a file of 8 pages in it, all written. */
function withFile({ machine: make }: Bench, swap?: string): { machine: Machine; file: OpenFile; inode: ShmemInode } {
  const machine = make({ mounts: { '/tmp': tmpfs({ nr_blocks: 64 }) }, ...(swap === undefined ? {} : { swap }) });
  const file = machine.open('/tmp/f', { create: true });
  const inode = file.inode as ShmemInode;
  for (let page = 0; page < 8; page++) {
    run(inode.write(page * machine.pageSize, new Uint8Array(machine.pageSize).fill(page + 1)));
  }
  return { machine, file, inode };
}

function refusal(process: Process, addr: bigint, length: bigint, advice = process.machine.arch.madvRemove): string {
  try {
    process.madvise(addr, length, advice);
    return 'ok';
  } catch (error) {
    if (error instanceof MmError) return error.code;
    throw error;
  }
}

export default commit({
  commits: ['f6b3ec238d'],
  outcomes: {
    'a hole of 4 of 8 pages, one of them copied privately by another process': {
      run: (bench) => {
        const { machine, file, inode } = withFile(bench);
        const [a, b] = [machine.spawn(), machine.spawn()];
        map(a, 8, { file, flags: 'shared|fixed' });
        map(b, 8, { file, flags: 'private|fixed' });
        for (let page = 0; page < 8; page++) a.load8(pageAt(machine, page));
        b.store8(pageAt(machine, 3), 99);
        const k = machine.kernel;
        const before = { free: inode.sb.freeBlocks, blocks: inode.blocks, committed: k.committed, rss: a.mm.rss };
        const error = refusal(a, pageAt(machine, 2), pages(machine, 4));
        const perPage = machine.pageSize / 512;
        const result = {
          error,
          cached: [...inode.mapping.pages.keys()].sort((x, y) => x - y),
          mapped: [0, 1, 2, 3, 4, 5, 6, 7].filter((page) => frameOf(a, page) >= 0),
          copyGone: frameOf(b, 3) < 0,
          size: inode.size / machine.pageSize,
          nextIndex: inode.nextIndex,
          alloced: inode.alloced,
          swapped: inode.swapped,
          freeBlocks: inode.sb.freeBlocks - before.free,
          blocks: (inode.blocks - before.blocks) / perPage,
          committed: k.committed - before.committed,
          rss: a.mm.rss - before.rss,
          anonRss: b.mm.anonRss,
        };
        machine.check();
        const again = [3, 0, 7].map((page) => a.load8(pageAt(machine, page)));
        machine.check();
        return { ...result, again };
      },
      expected: {
        error: 'ok',
        cached: [0, 1, 6, 7],
        mapped: [0, 1, 6, 7],
        copyGone: true,
        size: 8,
        nextIndex: 8,
        alloced: 4,
        swapped: 0,
        freeBlocks: 4,
        blocks: -4,
        committed: -4,
        rss: -4,
        anonRss: 0,
        again: [0, 1, 8],
      },
      without: {
        error: 'EINVAL',
        cached: [0, 1, 2, 3, 4, 5, 6, 7],
        mapped: [0, 1, 2, 3, 4, 5, 6, 7],
        copyGone: false,
        size: 8,
        nextIndex: 8,
        alloced: 8,
        swapped: 0,
        freeBlocks: 0,
        blocks: 0,
        committed: 0,
        rss: 0,
        anonRss: 1,
        again: [4, 1, 8],
      },
    },
    'a hole over a page that is in swap only: slots that come free, swapped and alloced afterwards, the page read again':
      {
        run: (bench) => {
          const { machine, file, inode } = withFile(bench, '16MiB');
          const process = machine.spawn();
          map(process, 8, { file, flags: 'shared|fixed' });
          for (let page = 0; page < 8; page++) process.load8(pageAt(machine, page));
          swapOut(process, 1, 5);
          const before = { swapped: inode.swapped, free: machine.kernel.swap.free };
          const error = refusal(process, pageAt(machine, 2), pages(machine, 4));
          const after = { swapped: inode.swapped, alloced: inode.alloced, references: swapReferences(machine) };
          machine.check();
          const freed = machine.kernel.swap.free - before.free;
          return { error, before: before.swapped, freed, ...after, byte: process.load8(pageAt(machine, 5)) };
        },
        expected: { error: 'ok', before: 1, freed: 1, swapped: 0, alloced: 4, references: 0, byte: 0 },
      },
    'the number of MADV_REMOVE': {
      run: ({ arch }) => arch.madvRemove,
      expected: (arch: ArchDescriptor) => (arch.name.startsWith('sparc64') ? 6 : 5),
    },
    'semaphores of the inode and of the address space while the pages leave': {
      run: (bench) => {
        const { machine, file } = withFile(bench);
        const process = machine.spawn();
        map(process, 8, { file, flags: 'shared|fixed' });
        process.load8(pageAt(machine, 2));
        const spy = machine.spy();
        process.madvise(pageAt(machine, 2), pages(machine, 4), machine.arch.madvRemove);
        const held: string[] = [];
        for (const event of spy.of('lock', 'unlock', 'clearPte')) {
          if (event.name === 'clearPte') break;
          const what = `${event.kind} ${event.mode}`;
          if (event.name === 'lock') held.push(what);
          else held.splice(held.indexOf(what), 1);
        }
        return held.filter((what) => !what.endsWith(' spin'));
      },
      expected: ['i_sem write', 'i_alloc_sem write'],
    },
    'refusals: private anonymous, locked, private file, read-only, a file system without it, unaligned, a hole, length 0':
      {
        run: (bench) => {
          const { machine, file, inode } = withFile(bench);
          const process = machine.spawn();
          const one = pages(machine, 1);
          map(process, 1);
          const results = [refusal(process, AT, one)];
          map(process, 1, { file, flags: 'shared|fixed|locked' }, 2);
          results.push(refusal(process, pageAt(machine, 2), one));
          map(process, 1, { file, flags: 'private|fixed' }, 4);
          results.push(refusal(process, pageAt(machine, 4), one));
          map(process, 1, { file, flags: 'shared|fixed', prot: 'r' }, 6);
          results.push(refusal(process, pageAt(machine, 6), one));
          map(process, 1, { file: warmFile(machine, 1), flags: 'shared|fixed' }, 8);
          process.store8(pageAt(machine, 8), 7);
          results.push(refusal(process, pageAt(machine, 8), one), String(process.load8(pageAt(machine, 8))));
          results.push(refusal(process, pageAt(machine, 6) + 1n, one));
          map(process, 1, { file, flags: 'shared|fixed' }, 10);
          results.push(refusal(process, pageAt(machine, 10), 3n * one));
          results.push(refusal(process, pageAt(machine, 10), 0n));
          machine.check();
          // Only the page of the last area went.
          return { results, alloced: inode.allocatedPages };
        },
        expected: {
          results: ['EINVAL', 'EINVAL', 'EACCES', 'EACCES', 'ENOSYS', '7', 'EINVAL', 'ENOMEM', 'ok'],
          alloced: 7,
        },
      },
    'a range that begins where an area does, over two areas side by side': {
      run: (bench) => {
        const { machine, file, inode } = withFile(bench);
        const process = machine.spawn();
        map(process, 4, { file, flags: 'shared|fixed' });
        map(process, 4, { file, flags: 'shared|fixed', offset: pages(machine, 4) }, 4);
        process.mprotect(pageAt(machine, 4), pages(machine, 1), 'r');
        process.mprotect(pageAt(machine, 4), pages(machine, 1), 'rw');
        const error = refusal(process, AT, pages(machine, 8));
        machine.check();
        return [error, inode.allocatedPages];
      },
      expected: ['ok', 0],
    },
    'a shared anonymous area, and a SysV segment attached by shmat': {
      run: ({ machine: make }) => {
        const machine = make({ mounts: { '/tmp': tmpfs() } });
        const process = machine.spawn();
        map(process, 4, { flags: 'shared|anonymous|fixed' });
        touch(process, 4);
        const anonymous = refusal(process, pageAt(machine, 1), pages(machine, 2));
        const id = process.shmget(0, pages(machine, 4), 0o600);
        const at = process.shmat(id);
        for (let page = 0n; page < 4n; page++) process.store8(at + page * BigInt(machine.pageSize), 5);
        const segment = refusal(process, at + pages(machine, 1), pages(machine, 2));
        const bytes = [0n, 1n, 2n, 3n].map((page) => process.load8(at + page * BigInt(machine.pageSize)));
        machine.check();
        return [anonymous, process.load8(pageAt(machine, 1)), process.load8(pageAt(machine, 3)), segment, bytes];
      },
      expected: ['ok', 0, 4, 'ok', [5, 0, 0, 5]],
    },
  },
});
