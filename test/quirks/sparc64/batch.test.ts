/** The TLB batch, which stores of entries fill. */
import { Machine, type Process, setPteAt } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const DONTNEED = 4;

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
  readonly at: bigint;
}

function written(arch: ArchDescriptor, pages: number, prot = 'rw', cpus = 1): Setting {
  const memory = 2048 * arch.pageSize;
  const machine = new Machine({ arch, memory, cpus, contents: false, overcommit: 1 });
  const process = machine.spawn();
  const at = process.mmap({ length: pages * arch.pageSize, prot, flags: 'private|anonymous' });
  for (let i = 0; i < pages; i++) process.store8(at + BigInt(i * arch.pageSize), 1);
  return { machine, process, at };
}

function count({ machine }: Setting, run: () => void): { queued: number; sent: number } {
  const { counters } = machine;
  const before = [counters.get('pendingQueued'), counters.get('flushPending')] as const;
  run();
  return { queued: counters.get('pendingQueued') - before[0], sent: counters.get('flushPending') - before[1] };
}

/** Takes the entries of `n` pages away, as madvise does: no tables go with them. */
function drop({ process, at, machine }: Setting, n: number): void {
  process.madvise(at, n * machine.pageSize, DONTNEED);
}

export default quirks({
  port: 'sparc64',
  about: 'The batch that set_pte_at fills',
  quirks: {
    'a store over a valid entry queues its page; the flush calls send what is queued, whatever they are asked for': {
      source: 'arch/sparc64/mm/tlb.c: tlb_batch_add; asm-sparc64/tlbflush.h',
      holds: (arch) => {
        const world = written(arch, 3);
        expect(count(world, () => drop(world, 3))).toEqual({ queued: 3, sent: 1 });
      },
    },
    'an old entry is not valid, so that nothing is queued when it goes': {
      source: 'asm-sparc64/pgtable.h: set_pte_at, pte_mkold',
      holds: (arch) => {
        const world = written(arch, 2);
        const { kernel } = world.machine;
        const at = kernel.tables.lookupPage(world.process.mm, Number(world.at / BigInt(arch.pageSize)));
        const { mkold } = arch.pteFormat;
        const [lo, hi] = [at + kernel.tables.loAt, at + kernel.tables.hiAt];
        kernel.memory.words[lo] = (kernel.memory.words[lo] as number) & mkold.keepLo;
        kernel.memory.words[hi] = (kernel.memory.words[hi] as number) & mkold.keepHi;
        expect(count(world, () => drop(world, 2))).toEqual({ queued: 1, sent: 1 });
      },
    },
    'a page that was PROT_NONE queues nothing either': {
      source: 'asm-sparc64/pgtable.h: PAGE_NONE, set_pte_at',
      holds: (arch) => {
        const world = written(arch, 2);
        world.process.mprotect(world.at, 2 * arch.pageSize, '-');
        expect(count(world, () => drop(world, 2))).toEqual({ queued: 0, sent: 0 });
      },
    },
    'a batch has 192 entries and is sent when it is full': {
      source: 'asm-sparc64/tlb.h: TLB_BATCH_NR',
      holds: (arch) => {
        const world = written(arch, 400);
        expect(count(world, () => drop(world, 191))).toEqual({ queued: 191, sent: 1 });
        const again = written(arch, 400);
        // 192, 192, and 16 at the end.
        expect(count(again, () => drop(again, 400))).toEqual({ queued: 400, sent: 3 });
      },
    },
    'a dying address space queues nothing and flushes nothing: its translations stay in the TLB': {
      source: 'asm-sparc64/tlb.h: tlb_finish_mmu; arch/sparc64/mm/tlb.c: tlb_batch_add',
      holds: (arch) => {
        const world = written(arch, 3);
        const { context, tlb } = world.machine.kernel.cpu;
        const held = (): number =>
          Array.from({ length: tlb.slots }, (_, slot) => tlb.contextOf(slot)).filter((of) => of === context).length;
        const before = held();
        expect(count(world, () => world.process.exit())).toEqual({ queued: 0, sent: 0 });
        expect(held()).toBe(before);
      },
    },
    'the instruction TLB is demapped only for an old entry with EXEC': {
      source: 'arch/sparc64/mm/tlb.c: tlb_batch_add (bit 0 of the address); ultra.S',
      holds: (arch) => {
        const world = written(arch, 1, 'rwx');
        world.process.fetch(world.at);
        const { tlb } = world.machine.kernel.cpu;
        const page = Number(world.at / BigInt(arch.pageSize));
        const held = (): number =>
          Array.from({ length: tlb.slots }, (_, slot) => slot).filter(
            (slot) => tlb.contextOf(slot) > 0 && tlb.pageOf(slot) === page,
          ).length;
        expect(held()).toBe(2);
        drop(world, 1);
        expect(held()).toBe(0);
      },
    },
    'munmap queues a demap for each VPTE page of the tables that go, rounded out to whole tables': {
      source: 'arch/sparc64/mm/tlb.c: flush_tlb_pgtables',
      holds: (arch) => {
        const world = written(arch, 2);
        // Two pages, then one VPTE page: the batch was sent by the gather before.
        const length = 2 * arch.pageSize;
        expect(count(world, () => world.process.munmap(world.at, length)).queued).toBe(3);
      },
    },
    'a batch is demapped from its last entry to its first': {
      source: 'arch/sparc64/mm/ultra.S: __flush_tlb_pending',
      holds: (arch) => {
        const machine = new Machine({ arch, checks: { flushes: false } });
        const process = machine.spawn();
        const at = process.mmap({ length: 4 * arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        for (let i = 0; i < 3; i++) process.store8(at + BigInt(i * arch.pageSize), 1);
        const demapped: number[] = [];
        const ignore = (): void => {};
        machine.kernel.cpu.tlb.watch = {
          dropping: (start) => demapped.push(start),
          droppingContext: ignore,
          droppingAll: ignore,
          dropped: ignore,
        };
        process.mprotect(at, 3 * arch.pageSize, 'r');
        const first = Number(at / BigInt(arch.pageSize));
        expect(demapped).toEqual([first + 2, first + 1, first]);
      },
    },
    'a context switch sends what is queued': {
      source: 'asm-sparc64/system.h: switch_to',
      holds: (arch) => {
        const world = written(arch, 1, 'rw', 2);
        const { kernel } = world.machine;
        const other = world.machine.spawn();
        world.process.load8(world.at);
        kernel.cpu.batch.mm = world.process.mm;
        kernel.cpu.batch.vpn[0] = 1;
        kernel.cpu.batch.nr = 1;
        expect(count(world, () => other.brk(0)).sent).toBe(1);
        expect(kernel.cpu.batch.nr).toBe(0);
      },
    },
    'a gather collects 506 pages on several CPUs; one CPU frees at once': {
      source: 'asm-sparc64/tlb.h: FREE_PTE_NR, tlb_fast_mode',
      holds: (arch) => {
        const flushes = (cpus: number): number => {
          const world = written(arch, 600, 'rw', cpus);
          const spy = world.machine.spy();
          drop(world, 600);
          return spy.of('gatherFlush').length;
        };
        expect([flushes(1), flushes(2)]).toEqual([1, 2]);
      },
    },
    'a batch is of one mm: entries of another send it': {
      source: 'arch/sparc64/mm/tlb.c: tlb_batch_add',
      holds: (arch) => {
        const world = written(arch, 1);
        const { kernel } = world.machine;
        const other = world.machine.spawn();
        const at = other.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        other.store8(at, 1);
        kernel.cpu.batch.mm = world.process.mm;
        kernel.cpu.batch.vpn[0] = Number(world.at / BigInt(arch.pageSize));
        kernel.cpu.batch.nr = 1;
        const vpn = Number(at / BigInt(arch.pageSize));
        const entry = kernel.tables.lookupPage(other.mm, vpn);
        kernel.pteMaps?.map(0, entry);
        expect(count(world, () => setPteAt(kernel, other.mm, vpn, entry, 0, 0)).sent).toBe(1);
        kernel.pteMaps?.unmap(0, entry);
        expect([kernel.cpu.batch.mm, kernel.cpu.batch.nr]).toEqual([other.mm, 1]);
        kernel.mmu.flushPending(kernel.cpu);
      },
    },
    'entries of an mm whose context number is gone are dropped: nobody can hit them': {
      source: 'arch/sparc64/mm/tlb.c: flush_tlb_pending (CTX_VALID)',
      holds: (arch) => {
        const world = written(arch, 1);
        const { kernel } = world.machine;
        const { batch } = kernel.cpu;
        const purges = world.machine.counters.get('purges');
        const { context } = world.process.mm;
        world.process.mm.context = 0;
        batch.mm = world.process.mm;
        batch.vpn[0] = Number(world.at / BigInt(arch.pageSize));
        batch.nr = 1;
        kernel.mmu.flushPending(kernel.cpu);
        expect([batch.nr, world.machine.counters.get('purges') - purges]).toEqual([0, 0]);
        world.process.mm.context = context;
      },
    },
  },
});
