/** The pool, quotas and the spot check of mmap, with the reference's defects mended and kept; races with truncation. */
import {
  handleMmFault,
  interleave,
  MmError,
  type Op,
  type Process,
  runToEnd,
  SteppedOp,
  VM_FAULT_MASK,
  type Vma,
} from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HUGE_MACHINES, HugeWorld, hugeName, SMALL_HUGE_MACHINES } from '../support/huge.js';

const SIGBUS = 1;
const MINOR = 2;

function errnoOf(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (error instanceof MmError) return error.code;
    throw error;
  }
}

function faultAt(world: HugeWorld, process: Process, hugePage: number): Op<number> {
  const { kernel: k } = world.machine;
  const vpn = Number(world.at(hugePage) >> BigInt(k.memory.pageShift));
  return handleMmFault(k, process.mm.vmas.containing(vpn) as Vma, vpn, true);
}

describe.each(HUGE_MACHINES.map((arch) => [hugeName(arch), arch] as const))('%s', (_name, arch) => {
  test('the pool grows as far as memory has whole blocks, and shrinks by pages that are free', () => {
    const world = new HugeWorld(arch, 3);
    const { machine } = world;
    const pool = machine.kernel.hugetlb!;
    const process = machine.spawn();
    const { inode, file } = world.open('h1');
    const at = world.map(process, file, 0, 1);
    process.store8(at, 1);
    expect(pool.resize(0)).toBe(1); // the one in use stays
    machine.check();
    expect(pool.resize(2)).toBe(2);
    expect(pool.resize(1000)).toBeLessThan(1000);
    machine.check();
    const most = pool.nrPages;
    expect([most >= 2, pool.freePages]).toEqual([true, most - 1]);
    pool.resize(1);
    world.truncate(inode, 0n);
    expect([pool.nrPages, pool.freePages]).toEqual([1, 1]);
    expect(pool.resize(0)).toBe(0);
    process.exit();
    machine.check();
  });

  test('huge pages have frames in a row, aligned to their size, and no page of them is another mapping', () => {
    const world = new HugeWorld(arch, 3);
    const { kernel: k } = world.machine;
    for (const head of k.hugetlb!.freeList) {
      const pfn = k.memory.pageToPfn(head);
      expect(pfn % world.huge.pages).toBe(0);
      expect(k.memory.pfnToPage(pfn + world.huge.pages - 1)).toBe(head + world.huge.pages - 1);
    }
  });

  test.each(['mended', 'kept'] as const)(
    'a quota is given back by truncation; back-outs credit it once too often: %s',
    (defects) => {
      const world = new HugeWorld(arch, 3, { maxPages: 1, defects });
      const { machine, size } = world;
      const { inode, file } = world.open('h1');
      const process = machine.spawn();
      const at = world.map(process, file, 0, 2);
      process.store8(at, 1);
      expect(world.fs.freeBlocks).toBe(0);
      expect(() => process.store8(at + size, 1)).toThrow(/BUS_ADRERR/); // the quota is used up, the pool is not
      expect(world.free).toBe(2);
      runToEnd(faultAt(world, process, 0)); // spurious (D6)
      expect(world.fs.freeBlocks).toBe(defects === 'kept' ? 1 : 0);
      machine.check();
      world.truncate(inode, 0n);
      expect(world.fs.freeBlocks).toBe(defects === 'kept' ? 2 : 1);
      machine.check();
    },
  );

  test.each(['mended', 'kept'] as const)('the spot check counts cached pages: %s', (defects) => {
    const world = new HugeWorld(arch, 3, { defects });
    const { machine, size } = world;
    const { file } = world.open('h1');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 3);
    for (let i = 0n; i < 3n; i++) process.store8(at + i * size, 1);
    // One page of three cached ones: originally 1 - 3, which wraps around (D18).
    expect(errnoOf(() => world.map(process, file, 4, 1))).toBe(defects === 'kept' ? 'ENOMEM' : 'ok');
    // The last page: originally not found among the cached, and the pool is empty.
    expect(errnoOf(() => world.map(process, file, 5, 1, { index: 2 }))).toBe(
      defects === 'kept' && world.huge.pages > 2 ? 'ENOMEM' : 'ok',
    );
    expect(errnoOf(() => world.map(process, file, 6, 3))).toBe('ok'); // as many as there are
    machine.check();
  });

  test('huge segments of SysV shared memory: rights, room, pages, and their end', () => {
    const bytes = 2 ** (arch.huge?.shift ?? 0);
    const world = new HugeWorld(arch, 2, { mounts: { '/tmp': tmpfs() } });
    const { machine } = world;
    const process = machine.spawn();
    const shmget = (size: number): number => runToEnd(process.ops.shmget(0, BigInt(size), 0o4000 | 0o1600));
    if (bytes > 32 * 1024 * 1024) {
      expect(shmget(bytes)).toBe(-22); // above SHMMAX
      return;
    }
    process.mm.capIpcLock = false;
    process.mm.rlimits.memlock = 0;
    expect(shmget(bytes)).toBe(-1);
    process.mm.rlimits.memlock = bytes / 2;
    expect(shmget(bytes)).toBe(-12);
    process.mm.capIpcLock = true;
    if (3 * bytes <= 32 * 1024 * 1024) expect(shmget(3 * bytes)).toBe(-12);
    const id = shmget(bytes);
    expect(id).toBeGreaterThanOrEqual(0);
    const page = runToEnd(process.ops.shmat(id, world.base, 0));
    expect(page).toBeGreaterThanOrEqual(0);
    process.store8(world.base + BigInt(bytes) - 1n, 3);
    expect([world.free, process.mm.rss]).toEqual([1, world.huge.pages]);
    const child = process.fork();
    expect(child.load8(world.base + BigInt(bytes) - 1n)).toBe(3);
    machine.check();
    const detach = (of: typeof process): number => runToEnd(of.ops.shmdt(world.base));
    expect([detach(child), child.mm.rss, detach(child)]).toEqual([0, 0, -22]);
    child.exit();
    process.exit();
    const other = machine.spawn();
    runToEnd(other.ops.shmctl(id, 0));
    expect([world.free, machine.kernel.hugetlb?.lockedShm]).toEqual([2, 0]);
    machine.check();
  });
});

describe.each(SMALL_HUGE_MACHINES.map((arch) => [hugeName(arch), arch] as const))('%s', (_name, arch) => {
  test('faults, a truncation and a mapping that makes the file longer again, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 30, maxLength: 30 }), (choices) => {
        const world = new HugeWorld(arch, 3, { cpus: 2, maxPages: 3, config: { nrCpus: 4 } });
        const { machine, size } = world;
        const { kernel: k } = machine;
        const { inode, file } = world.open('h1');
        const process = machine.spawn();
        const thread = process.thread();
        thread.runOn(1);
        const other = machine.spawn();
        world.map(process, file, 0, 2);
        world.map(other, file, 0, 2);
        process.store8(world.at(0), 1);
        const results: number[] = [];
        function* fault(who: Process): Op<void> {
          results.push((yield* faultAt(world, who, 1)) & VM_FAULT_MASK);
        }
        // Somebody holds the locks that faults and truncation need, so that all of them wait in turn.
        function* hold({ mm }: Process): Op<void> {
          mm.pageTableLock.tryLock();
          yield { what: 'others', ready: () => true };
          mm.pageTableLock.unlock();
        }
        let next = 0;
        interleave(
          [
            new SteppedOp('hold', hold(process)),
            new SteppedOp('hold the other', hold(other)),
            new SteppedOp('fault', fault(process)),
            new SteppedOp('fault of a thread', fault(thread)),
            new SteppedOp('fault elsewhere', fault(other)),
            new SteppedOp('truncate', inode.setSize(Number(size))),
            new SteppedOp(
              'map',
              process.ops.mmap({
                addr: world.at(4),
                length: 2n * size,
                prot: 3,
                flags: 0x11,
                file,
                offset: 0n,
              }),
            ),
          ],
          (runnable) => (choices[next++ % choices.length] as number) % runnable,
        );
        machine.check();
        expect(results.every((result) => result === SIGBUS || result === MINOR)).toBe(true);
        expect(world.fs.freeBlocks).toBe(3 - inode.mapping.pages.size);
        for (const one of [process, other]) one.exit();
        thread.exit();
        world.truncate(inode, 0n);
        expect([world.free, world.fs.freeBlocks, k.hugetlb?.nrPages]).toEqual([3, 3, 3]);
        machine.check();
      }),
      { numRuns: 40 },
    );
  });
});
