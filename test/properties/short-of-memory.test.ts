/**
 * Every allocation may fail: each case below is run again and again, with the first, second, third ... allocation
 * refused, until none is. It ends with ENOMEM, EAGAIN or the OOM signal (or does without the page), the machine is in order, and
 * after exit nothing is left.
 */
import { Machine, MemoryFault, MmError, onCall, type Process } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;
const FAR = AT + 0x1000_0000n;
const FILE_PAGES = 8;

/** What a case works with. */
class World {
  readonly machine: Machine;
  /** Free pages before there was a process. */
  readonly free: number;
  readonly process: Process;
  readonly inode: ReturnType<Machine['createFile']>;
  readonly file;

  constructor(arch: (typeof MACHINES)[number], cpus: number, defects: 'mended' | 'kept') {
    this.machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 9), cpus, defects, overcommit: 1 });
    this.inode = this.machine.createFile('file', { size: FILE_PAGES * this.machine.pageSize });
    this.file = { inode: this.inode, readable: true, writable: true, refs: 1 };
    this.free = this.machine.freePages;
    this.process = this.machine.spawn();
  }

  page(n: number, base: bigint = AT): bigint {
    return base + BigInt(n * this.machine.pageSize);
  }

  map(at: number, pages: number, flags = 'private|anonymous'): void {
    const { file } = this;
    const length = pages * this.machine.pageSize;
    const backed = flags.includes('anonymous') ? {} : { file };
    this.process.mmap({ addr: this.page(at), length, prot: 'rw', flags: `${flags}|fixed`, ...backed });
  }

  store(...pages: number[]): void {
    for (const page of pages) this.process.store8(this.page(page), page & 255);
  }
}

interface Case {
  /** With all memory there is. */
  prepare?(w: World): void;
  /** With an allocation refused. */
  act(w: World): void;
}

/** Pages in four tables of most machines. */
const SPREAD = [0, 700, 1300, 1999];

const CASES: Readonly<Record<string, Case>> = {
  'stores to anonymous memory': {
    prepare: (w) => w.map(0, 8),
    act: (w) => w.store(0, 1, 2, 3),
  },
  'stores over the zero page': {
    prepare: (w) => w.map(0, 8),
    act: (w) => {
      for (const page of [0, 1, 2]) {
        w.process.load8(w.page(page));
        w.store(page);
      }
    },
  },
  'loads and stores of a private file area': {
    prepare: (w) => w.map(0, FILE_PAGES, 'private'),
    act: (w) => {
      for (const page of [0, 1]) {
        w.process.load8(w.page(page));
        w.store(page, page + 4);
      }
    },
  },
  'a fork and the copies after it': {
    prepare: (w) => {
      w.map(0, 2000);
      w.store(...SPREAD);
      w.map(4000, FILE_PAGES, 'private');
      w.map(5000, FILE_PAGES, 'shared');
      w.store(4000, 5000);
    },
    act: (w) => {
      const child = w.process.fork();
      w.machine.check();
      for (const page of SPREAD) child.store8(w.page(page), 1);
      w.store(...SPREAD, 4000);
    },
  },
  'an mremap that moves tables': {
    prepare: (w) => {
      w.map(0, 2000);
      w.store(...SPREAD);
    },
    act: (w) => {
      const { process, machine } = w;
      const [old, grown] = [2000, 3000].map((pages) => pages * machine.pageSize) as [number, number];
      try {
        process.mremap(AT, old, grown, 3, w.page(5, FAR));
      } catch (error) {
        // It is all where it was.
        for (const page of SPREAD) expect(process.load8(w.page(page))).toBe(page & 255);
        throw error;
      }
      for (const page of SPREAD) expect(process.load8(w.page(5 + page, FAR))).toBe(page & 255);
    },
  },
  'an mremap of the middle of locked memory': {
    prepare: (w) => w.map(0, 20, 'private|anonymous|locked'),
    act: (w) => {
      w.process.mremap(w.page(4), 8 * w.machine.pageSize, 30 * w.machine.pageSize, 3, w.page(5, FAR));
    },
  },
  'locked and populated mappings': {
    act: (w) => {
      w.map(0, 6, 'private|anonymous|locked');
      w.map(20, FILE_PAGES, 'private|locked');
      w.map(40, FILE_PAGES, 'shared|populate');
    },
  },
  'an mprotect that splits, and the store after it': {
    prepare: (w) => {
      w.map(0, 20);
      w.store(8);
    },
    act: (w) => {
      const length = 8 * w.machine.pageSize;
      w.process.mprotect(w.page(4), length, 'r');
      w.process.mprotect(w.page(4), length, 'rw');
      w.store(8, 9);
    },
  },
};

/** Runs one case with the n-th allocation refused (0: none); false when there was no n-th. */
function runCase(w: World, which: Case, n: number): boolean {
  const { machine } = w;
  const answer = onCall(n);
  let refused = false;
  which.prepare?.(w);
  machine.check();
  machine.inject.failPage = () => {
    const fails = answer();
    refused ||= fails;
    return fails;
  };
  try {
    which.act(w);
  } catch (error) {
    if (!(error instanceof MmError || error instanceof MemoryFault)) throw error;
    expect(['ENOMEM', 'EAGAIN', 'OOM']).toContain(error.code);
  }
  machine.inject.clear();
  machine.check();
  return refused;
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  for (const [name, which] of Object.entries(CASES)) {
    test.each([
      [1, 'mended'],
      [2, 'mended'],
      [1, 'kept'],
    ] as const)(`${name}, short of memory at any allocation (CPUs: %i, defects: %s)`, (cpus, defects) => {
      for (let n = 0; ; n++) {
        const w = new World(arch, cpus, defects);
        const refused = runCase(w, which, n);
        for (const process of w.machine.processes) process.exit();
        w.inode.destroy();
        w.machine.check();
        expect([w.machine.freePages, w.machine.kernel.committed, w.file.refs]).toEqual([w.free, 0, 1]);
        if (n > 0 && !refused) break;
      }
    });
  }
});
