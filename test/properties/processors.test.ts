/**
 * Random programs of processes and threads that run on three CPUs and move between them: whatever another CPU still has
 * in its TLB, the machine is in order after every operation, and nothing is left at the end.
 */
import { createPpc64 } from '@fourfold/arch-ppc64';
import { createSparc64 } from '@fourfold/arch-sparc64';
import { Machine, MemoryFault, MmError, type Process } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;
const FILE_PAGES = 16;
const CPUS = 3;
const MOST = 6;

/** Which process, what, where, how long, and a choice. */
const STEP = fc.tuple(fc.nat(MOST - 1), fc.nat(13), fc.nat(23), fc.integer({ min: 1, max: 10 }), fc.nat(11));
type Step = readonly [who: number, what: number, page: number, pages: number, choice: number];

function pick<T>(list: readonly T[], choice: number): T {
  return list[choice % list.length] as T;
}

function doStep(machine: Machine, file: ReturnType<typeof openFile>, [who, what, at, pages, choice]: Step): void {
  const process = pick(machine.processes, who) as Process;
  const { pageSize } = machine;
  const addr = AT + BigInt(at * pageSize);
  const length = pages * pageSize;
  const prot = pick(['rw', 'r', '-', 'rwx'], choice);
  const full = machine.processes.length >= MOST;
  switch (what) {
    case 0: {
      const flags = pick(['', '|growsdown', '|locked'], choice);
      process.mmap({ addr, length, prot, flags: `private|anonymous|fixed${flags}` });
      break;
    }
    case 1: {
      const flags = pick(['shared', 'private', 'shared|populate'], choice);
      process.mmap({ addr, length, prot: 'rw', flags: `${flags}|fixed`, file });
      break;
    }
    case 2:
      process.munmap(addr, length);
      break;
    case 3:
      process.mprotect(addr, length, prot);
      break;
    case 4:
      process.mremap(addr, length, (choice + 1) * pageSize, pick([1, 3], choice), AT + BigInt((40 + at) * pageSize));
      break;
    case 5:
      process.madvise(addr, length, pick([4, 10, 11, 1, 0], choice));
      break;
    case 6:
      if (!full) process.fork().runOn(choice % CPUS);
      break;
    case 7:
      if (!full) process.thread().runOn(choice % CPUS);
      break;
    case 8:
      if (machine.processes.length > 1) process.exit();
      break;
    case 9:
      process.runOn(choice % CPUS);
      break;
    case 10:
      process.load8(addr);
      break;
    default:
      process.store8(addr, choice);
  }
}

function openFile(machine: Machine) {
  const inode = machine.createFile('file', { size: FILE_PAGES * machine.pageSize });
  return { inode, readable: true, writable: true, refs: 1 };
}

/** With pages of 64 KiB in the hash table too. */
const LARGE_HASHED = createPpc64({ pageShift: 16, hashedPageShift: 16 });
/** With page tables kept by the CPUs. */
const LISTED = createSparc64({ quicklists: true });
/** With tasks of 32 bits, whose pmd table a register knows. */
const NARROW = createSparc64({ task: 32 });
const ALL = [
  ...MACHINES.map((arch) => [arch.name, arch] as const),
  [LARGE_HASHED.title, LARGE_HASHED] as const,
  [`${LISTED.name} with quicklists`, LISTED] as const,
  [`${NARROW.name} with 32-bit tasks`, NARROW] as const,
];

describe.each(ALL)('%s', (_name, arch) => {
  test.each([
    [3, 'mended'],
    [4, 'mended'],
    [4, 'kept'],
  ] as const)(
    'random programs on three CPUs leave no stale translation (built for %i CPUs, defects %s)',
    (nrCpus, defects) => {
      fc.assert(
        fc.property(fc.array(STEP, { minLength: 60, maxLength: 120 }), (steps) => {
          const memory = 2 ** (arch.geometry.pageShift + 11);
          // A port that frees pages before it flushes them would be found out.
          const flushes = defects === 'mended' || !arch.gather.freesBeforeFlush;
          const checks = { flushes };
          const machine = new Machine({ arch, memory, cpus: CPUS, defects, overcommit: 1, config: { nrCpus }, checks });
          const file = openFile(machine);
          machine.spawn();
          for (const step of steps) {
            try {
              doStep(machine, file, step);
            } catch (error) {
              if (!(error instanceof MmError || error instanceof MemoryFault)) throw error;
            }
            machine.check();
          }
          for (const process of machine.processes) process.exit();
          machine.check();
          expect([file.refs, file.inode.mapping.linear.size]).toEqual([1, 0]);
        }),
        { numRuns: 4 },
      );
    },
  );
});
