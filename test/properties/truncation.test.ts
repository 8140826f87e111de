/**
 * A file is truncated while processes fault on it, fork, exit, write it back, move, populate, rearrange and pin mappings
 * of it, and a debugger writes into one, in any order: afterwards nobody maps a page beyond its end, private copies included, and every count is right.
 */
import {
  DiskFile,
  interleave,
  type Kernel,
  Machine,
  type Op,
  type Process,
  SteppedOp,
  VM_NONLINEAR,
  vmtruncate,
} from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;
const PAGES = 20;
/** Where the shared mapping begins, in pages from the private one. */
const SHARED = 32;
const MAP_SHARED_FIXED_POPULATE = 0x8011;
/** What goes on beside the truncation: some of these. */
const BESIDES = [
  'fork',
  'store',
  'store shared',
  'exit',
  'msync',
  'mremap',
  'populate',
  'rearrange',
  'pin',
  'poke',
] as const;

/** A file whose pages take their time, before they are found and after. */
class SlowFile extends DiskFile {
  override *findPage(...args: Parameters<DiskFile['findPage']>): ReturnType<DiskFile['findPage']> {
    const pause = { what: 'the disk', ready: () => true };
    yield pause;
    yield* super.findPage(...args);
    yield pause;
  }
}

/** Pins pages and lets them go again when it is their turn. */
function* pinned(machine: Machine, process: Process, addr: bigint, count: number): Op<void> {
  const pages: number[] = [];
  yield* process.ops.getUserPages(addr, count, true, false, pages);
  yield { what: 'the device', ready: () => true };
  machine.unpin(pages);
}

/** Present entries that map file page `first` or a later one, in any process. */
function mappedBeyond(k: Kernel, first: number): number {
  const { tables, memory } = k;
  let found = 0;
  for (const mm of k.mms) {
    for (const vma of mm.vmas) {
      for (let vpn = vma.start; vpn < vma.end; vpn++) {
        const at = vma.file === null ? 0 : tables.lookupPage(mm, vpn);
        if (at === 0) continue;
        const lo = memory.words[at + tables.loAt] as number;
        const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
        if (!k.arch.pteFormat.isPresent(hi, lo)) continue;
        // In a rearranged area only the page knows where it belongs.
        const page = memory.pfnToPage(k.arch.pteFormat.frame(hi, lo));
        const index = (vma.flags & VM_NONLINEAR) !== 0 ? (k.map.index[page] as number) : vma.indexOf(vpn);
        if (index >= first || k.map.mapping[page] === 0) found++;
      }
    }
  }
  return found;
}

function setUp(arch: (typeof MACHINES)[number], cpus: number, nrCpus: number) {
  const memory = 2 ** (arch.geometry.pageShift + 11);
  const machine = new Machine({ arch, memory, cpus, overcommit: 1, config: { nrCpus, preempt: true } });
  const { pageSize } = machine;
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  const inode = new SlowFile(machine.kernel, 'slow', { size: PAGES * pageSize });
  const file = { inode, readable: true, writable: true, refs: 1 };
  const parent = machine.spawn();
  const thread = parent.thread();
  thread.runOn(cpus - 1);
  parent.mmap({ addr: AT, length: PAGES * pageSize, prot: 'rw', flags: 'private|fixed', file });
  parent.mmap({ addr: page(SHARED), length: PAGES * pageSize, prot: 'rw', flags: 'shared|fixed', file });
  for (let n = 0; n < PAGES; n += 2) {
    parent.store8(page(n), 1);
    parent.store8(page(SHARED + n), 1);
  }
  const child = parent.fork();
  child.runOn(cpus - 1);
  for (let n = 0; n < PAGES; n += 3) {
    child.store8(page(n), 1);
    thread.load8(page(n));
  }
  return { machine, page, pageSize, inode, file, parent, thread, child };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each([
    [1, 1],
    [2, 4],
  ])('a truncation against all that maps the file, in any order (%i CPUs, built for %i)', (cpus, nrCpus) => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.nat(9)),
        fc.nat(PAGES / 2),
        fc.subarray([...BESIDES], { minLength: 1 }),
        (choices, left, besides) => {
          const { machine, page, pageSize, inode, file, parent, thread, child } = setUp(arch, cpus, nrCpus);
          const k = machine.kernel;
          const bytes = (pages: number): bigint => BigInt(pages * pageSize);
          const populate = {
            addr: page(2 * SHARED),
            length: bytes(PAGES),
            prot: 3,
            flags: MAP_SHARED_FIXED_POPULATE,
            file,
            offset: 0n,
          };
          const ops: Record<(typeof BESIDES)[number] | 'truncate', Op<unknown>> = {
            fork: parent.ops.fork(),
            store: thread.ops.store(page(3), new Uint8Array(10 * pageSize)),
            'store shared': thread.ops.store(page(SHARED + 3), new Uint8Array(10 * pageSize)),
            exit: child.ops.exit(),
            truncate: vmtruncate(k, inode, left * pageSize),
            msync: parent.ops.msync(AT, bytes(3 * SHARED), 4),
            mremap: parent.ops.mremap(page(SHARED + 8), bytes(4), bytes(6), 1, 0n),
            populate: parent.ops.mmap(populate),
            rearrange: thread.ops.remapFilePages(page(SHARED), bytes(6), 0, 9n, 0),
            pin: pinned(machine, thread, page(SHARED + 2), 12),
            poke: parent.ops.accessVm(page(5), new Uint8Array(4 * pageSize), true),
          };
          k.inject.needResched = () => true;
          interleave(
            (['truncate', ...besides] as const).map((name) => new SteppedOp(name, ops[name])),
            () => choices.next().value as number,
          );
          k.inject.needResched = null;
          machine.check();
          expect(mappedBeyond(k, left)).toBe(0);
          for (const process of machine.processes) process.exit();
          expect(file.refs).toBe(1);
          inode.destroy();
          machine.check();
        },
      ),
      { numRuns: 40 },
    );
  });
});
