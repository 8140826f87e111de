/** Two CPUs at one pte: its lock bit, and the tables that hash_page walks without any lock. */
import { HASH_BUSY, type Ppc64Mmu, type StopPoint } from '@fourfold/arch-ppc64';
import { type AccessResult, Machine, type Process, SteppedOp } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

const [DIRTY, RW, HASHPTE, BUSY] = [0x80n, 0x200n, 0x400n, 0x800n];
const DONTNEED = 4;
const IN_HASH_PAGE = 'pause: in hash_page';

/** A process on CPU 0 and a thread of it on CPU 1, with a clean page of a file that may be written. */
class Pair {
  readonly machine: Machine;
  readonly process: Process;
  readonly thread: Process;
  readonly at: bigint;
  readonly mmu: Ppc64Mmu;

  constructor(arch: ArchDescriptor) {
    this.machine = new Machine({ arch, cpus: 2 });
    this.mmu = this.machine.kernel.mmu as Ppc64Mmu;
    this.process = this.machine.spawn();
    const inode = this.machine.createFile('f', { size: arch.pageSize, warm: true });
    const file = { inode, readable: true, writable: true, refs: 1 };
    this.at = this.process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'shared', file });
    this.process.load8(this.at);
    this.thread = this.process.thread();
    this.thread.runOn(1);
    this.thread.brk(0);
  }

  get pte(): bigint {
    return this.process.explain(this.at).pte?.value ?? 0n;
  }

  /** An access on CPU 0 that has stopped in hash_page. */
  stopped(point: StopPoint, access: 'load' | 'store' = 'store'): SteppedOp<unknown> {
    let asked = 0;
    this.mmu.stops.stops = (at, cpu) => at === point && cpu.id === 0 && asked++ === 0;
    const op = new SteppedOp(access, this.process.ops[access](this.at, Uint8Array.of(7)));
    expect(op.stepTo(IN_HASH_PAGE)).toBe(true);
    return op;
  }

  /** Every HPTE is thrown out, as by others for lack of room, and CPU 0 has translated much else since. */
  forgetHash(): void {
    const { table } = this.mmu;
    for (let group = 0; group < table.groups; group++) for (let slot = 0; slot < 8; slot++) table.evict(group, slot);
    this.machine.kernel.cpus[0]?.tlb.dropAll(false);
  }

  /** Ends the access and looks at everything. */
  end(access: SteppedOp<unknown>): void {
    access.finish();
    this.machine.check();
  }
}

/** A process on CPU 0 that a thread on CPU 1 may run too, and pages written far enough apart to have tables of their own. */
function withTables(
  arch: ArchDescriptor,
  threads: boolean,
  cpus = 2,
): { machine: Machine; process: Process; at: bigint } {
  const machine = new Machine({ arch, cpus });
  const process = machine.spawn();
  const at = 0x5_0000_0000n;
  process.mmap({ addr: at, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
  process.store8(at, 1);
  if (threads) {
    const thread = process.thread();
    thread.runOn(1);
    thread.brk(0);
  }
  return { machine, process, at };
}

/** The signal that a store ends with. */
function signalOf(store: SteppedOp<unknown>): number {
  return (store.finish() as AccessResult).signal;
}

/** What munmap of the one page does with tables, in order. */
function order(arch: ArchDescriptor, threads: boolean): string[] {
  const { machine, process, at } = withTables(arch, threads);
  const spy = machine.spy();
  process.munmap(at, arch.pageSize);
  return [...spy.of('freeTable', 'gatherFlush', 'gatherFinish')]
    .map(({ name }) => name)
    .filter((name, i, all) => name !== all[i - 1]);
}

export default quirks({
  port: 'ppc64',
  about: 'Several CPUs in hash_page',
  quirks: {
    'hash_page locks the pte with BUSY, and sets accessed, HASHPTE and for a store dirty in the same exchange': {
      source: 'arch/powerpc/mm/hash_low_64.S: __hash_page_4K, __hash_page_64K',
      holds: (arch) => {
        const pair = new Pair(arch);
        expect(pair.pte & (BUSY | DIRTY)).toBe(0n);
        const store = pair.stopped('pte locked');
        expect(pair.pte & (BUSY | DIRTY | HASHPTE | RW)).toBe(BUSY | DIRTY | HASHPTE | RW);
        pair.end(store);
        expect(pair.pte & (BUSY | DIRTY)).toBe(DIRTY);
      },
    },
    'who finds BUSY in hash_page does nothing: the instruction is tried again, without a page fault': {
      source: 'arch/powerpc/mm/hash_low_64.S: __hash_page_4K (htab_bail_ok)',
      holds: (arch) => {
        const pair = new Pair(arch);
        const store = pair.stopped('pte locked');
        const faults = pair.thread.minFlt;
        const other = new SteppedOp('other', pair.thread.ops.store(pair.at, Uint8Array.of(8)));
        expect(other.stepTo('the lock bit of a pte')).toBe(true);
        expect([other.runnable, pair.pte & BUSY]).toEqual([false, BUSY]);
        store.finish();
        pair.end(other);
        expect([pair.thread.minFlt, pair.process.load8(pair.at)]).toEqual([faults, 8]);
      },
    },
    'a load finds the HPTE that is there, while another CPU patches it under BUSY': {
      source: 'PowerPC Architecture Book III: the hash table is searched by hardware',
      holds: (arch) => {
        const pair = new Pair(arch);
        const store = pair.stopped('pte locked');
        expect(pair.thread.load8(pair.at)).toBe(0);
        pair.end(store);
      },
    },
    'pte_update spins on BUSY: who takes an entry away waits until its HPTE is there to be flushed': {
      source: 'asm-ppc64/pgtable.h: pte_update; hash_low_64.S',
      holds: (arch) => {
        for (const change of ['madvise', 'munmap', 'mprotect', 'fork'] as const) {
          const pair = new Pair(arch);
          const { thread, at, machine } = pair;
          // A private page, which fork protects; its HPTE was thrown out.
          pair.process.mmap({ addr: at, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
          pair.process.store8(at, 3);
          pair.forgetHash();
          const store = pair.stopped('pte locked');
          if (change === 'madvise') thread.madvise(at, arch.pageSize, DONTNEED);
          else if (change === 'munmap') thread.munmap(at, arch.pageSize);
          else if (change === 'mprotect') thread.mprotect(at, arch.pageSize, 'r');
          else thread.fork();
          expect(pair.pte & BUSY, change).toBe(0n);
          machine.check();
          if (change === 'madvise' || change === 'fork') pair.end(store);
          else expect(signalOf(store), change).toBeLessThan(0);
        }
      },
    },
    'ptep_set_access_flags waits for BUSY too, and then ors its bits in': {
      source: 'asm-ppc64/pgtable.h: __ptep_set_access_flags',
      holds: (arch) => {
        const pair = new Pair(arch);
        const { process, thread, at } = pair;
        process.mmap({ addr: at, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
        process.store8(at, 3);
        process.fork().exit();
        pair.forgetHash();
        const load = pair.stopped('pte locked', 'load');
        const faults = thread.minFlt;
        // The fault of a page that nobody shares any more: the entry gets RW and dirty where it is.
        thread.store8(at, 5);
        expect([thread.minFlt - faults, pair.pte & (BUSY | DIRTY | HASHPTE | RW)]).toEqual([1, DIRTY | HASHPTE | RW]);
        pair.end(load);
      },
    },
    'hash_huge_page answers BUSY with a page fault, where a small page is tried again': {
      source: 'arch/powerpc/mm/hugetlbpage.c: hash_huge_page',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        const { kernel } = world.machine;
        const mmu = kernel.mmu as Ppc64Mmu;
        world.map(process, file, 0, 1);
        process.load8(world.at(0));
        const huge = kernel.tables.lookupHuge(process.mm, Number(world.at(0) / BigInt(arch.pageSize)));
        const small = new Pair(arch);
        const at = small.machine.kernel.tables.lookupPage(small.process.mm, Number(small.at / BigInt(arch.pageSize)));
        const lock = ({ kernel: { memory, tables } }: Machine, entry: number): void => {
          memory.words[entry + tables.loAt] = (memory.words[entry + tables.loAt] as number) | Number(BUSY);
        };
        lock(world.machine, huge);
        lock(small.machine, at);
        expect([mmu.hashPage.resolveHuge(huge, 0, 0, 0, 1), small.mmu.hashPage.resolve(at, 0, 0, 0, 1)]).toEqual([
          0,
          HASH_BUSY,
        ]);
      },
    },
    'page tables of an mm that one CPU alone has run, or that has one user, are freed at once, before the flush': {
      source: 'arch/powerpc/mm/tlb_64.c: pgtable_free_tlb',
      holds: (arch) => {
        expect(order(arch, false)).toEqual(['freeTable', 'gatherFlush', 'gatherFinish']);
        // One user, although two CPUs have run it.
        const { machine, process, at } = withTables(arch, false);
        process.runOn(1);
        process.brk(0);
        const spy = machine.spy();
        process.munmap(at, arch.pageSize);
        expect([...spy.of('freeTable', 'gatherFlush')][0]?.name).toBe('freeTable');
      },
    },
    'of one that several CPUs may be walking they are written into a page, and freed a grace period after the flush': {
      source: 'arch/powerpc/mm/tlb_64.c: pgtable_free_tlb, pte_free_submit, pte_free_rcu_callback',
      holds: (arch) => {
        expect(order(arch, true)).toEqual(['gatherFlush', 'gatherFinish', 'freeTable']);
        // The page of the batch is taken and given back.
        const { machine, process, at } = withTables(arch, true);
        const free = machine.kernel.pages.freePages;
        const spy = machine.spy();
        process.munmap(at, arch.pageSize);
        expect(machine.kernel.pages.freePages).toBeGreaterThan(free);
        expect(spy.of('allocPage').length).toBe(1);
        machine.check();
      },
    },
    'without a page for them every CPU is interrupted once for each table, which is freed then': {
      source: 'arch/powerpc/mm/tlb_64.c: pgtable_free_now',
      holds: (arch) => {
        const { machine, process, at } = withTables(arch, true, 3);
        machine.kernel.inject.failPage = () => true;
        const spy = machine.spy();
        process.munmap(at, arch.pageSize);
        machine.kernel.inject.clear();
        expect(machine.counters.get('ipiCall')).toBe(2 * spy.of('freeTable').length);
        machine.check();
      },
    },
    'a batch holds 509 tables with pages of 4 KiB, 8,189 with pages of 64 KiB': {
      source: 'arch/powerpc/mm/tlb_64.c: PTE_FREELIST_SIZE',
      holds: (arch) => {
        const small = arch.pageSize === 4096;
        expect(new Machine({ arch }).kernel.gather.unlocked?.capacity).toBe(small ? 509 : 8189);
        if (!small) return;
        // A pte table, of 2 MiB, for each page.
        const pages = 509;
        const { machine, process, at } = withTables(arch, true);
        const span = 2 ** 21;
        process.mmap({ addr: at, length: pages * span, prot: 'r', flags: 'private|anonymous|fixed' });
        for (let i = 0; i < pages; i++) process.load8(at + BigInt(i * span));
        const spy = machine.spy();
        process.munmap(at, pages * span);
        const tables = spy.of('freeTable').length;
        expect(tables).toBeGreaterThan(509);
        expect(spy.of('allocPage').length).toBe(2);
      },
    },
    'hash_page walks the tables without a lock: one that was unmapped meanwhile is still a table when it looks at the pte':
      {
        source: 'arch/powerpc/mm/hash_utils_64.c: hash_page; tlb_64.c: pgtable_free_tlb',
        holds: (arch) => {
          const pair = new Pair(arch);
          const { machine, thread, at } = pair;
          const spy = machine.spy();
          const store = pair.stopped('pte found');
          thread.munmap(at, arch.pageSize);
          expect(spy.of('freeTable').length).toBe(0);
          expect(signalOf(store)).toBeLessThan(0);
          expect(spy.of('freeTable').length).toBeGreaterThan(0);
          machine.check();
        },
      },
  },
});
