/** The batch, tlbie and tlbiel, and cpu_vm_mask. */
import type { Ppc64Mmu } from '@fourfold/arch-ppc64';
import { clearFlushYoung, Machine, type Process, type Vma } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
  readonly at: bigint;
}

function written(arch: ArchDescriptor, pages: number, cpus = 1): Setting {
  const machine = new Machine({ arch, cpus, memory: 4096 * arch.pageSize, contents: false, overcommit: 1 });
  const process = machine.spawn();
  const at = process.mmap({ length: pages * arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
  for (let i = 0; i < pages; i++) process.store8(at + BigInt(i * arch.pageSize), 1);
  return { machine, process, at };
}

function count({ machine }: Setting, run: () => void): { queued: number; sent: number } {
  const { counters } = machine;
  const before = [counters.get('pendingQueued'), counters.get('flushPending')] as const;
  run();
  return { queued: counters.get('pendingQueued') - before[0], sent: counters.get('flushPending') - before[1] };
}

/** CPUs whose TLB has a page of the process. */
function holders({ machine, process }: Setting, at: bigint): number[] {
  const page = Number(at / 4096n);
  return machine.kernel.cpus
    .filter(({ tlb }) =>
      Array.from({ length: tlb.slots }, (_, slot) => slot).some(
        (slot) => tlb.contextOf(slot) === process.mm.context && tlb.pageOf(slot) === page,
      ),
    )
    .map(({ id }) => id);
}

export default quirks({
  port: 'ppc64',
  about: 'Flushes',
  quirks: {
    'flush_tlb_page with nothing pending sends no tlbie: the translation stays': {
      source: 'asm-powerpc/tlbflush.h: flush_tlb_page',
      holds: (arch) => {
        const world = written(arch, 1);
        world.machine.kernel.mmu.flushPage(world.process.mm, Number(world.at / BigInt(arch.pageSize)));
        expect(holders(world, world.at)).toEqual([0]);
      },
    },
    'a batch has 192 entries of one mm and is sent when it is full': {
      source: 'asm-powerpc/tlbflush.h: PPC64_TLB_BATCH_NR',
      holds: (arch) => {
        const world = written(arch, 400);
        expect(count(world, () => world.process.madvise(world.at, 400 * arch.pageSize, 4))).toEqual({
          queued: 400,
          sent: 3,
        });
      },
    },
    'set_pte_at over a present entry flushes at once, what else is pending too': {
      source: 'asm-ppc64/pgtable.h: set_pte_at',
      holds: (arch) => {
        const world = written(arch, 1);
        const child = world.process.fork();
        expect(count(world, () => world.process.store8(world.at, 2))).toEqual({ queued: 1, sent: 1 });
        child.exit();
      },
    },
    'an address space that ends flushes its hashed pages one by one, so that its context can be given again at once': {
      source: 'arch/powerpc/mm/tlb_64.c; mmu_context_64.c: destroy_context',
      holds: (arch) => {
        const world = written(arch, 3);
        const { context } = world.process.mm;
        expect(count(world, () => world.process.exit())).toEqual({ queued: 3, sent: 1 });
        expect(world.machine.spawn().mm.context).toBe(context);
      },
    },
    'tlbie reaches every CPU without an interrupt, once two have run the mm; a CPU never leaves cpu_vm_mask': {
      source: 'arch/powerpc/mm/hash_native_64.c: tlbie; asm-ppc64/mmu_context.h: switch_mm',
      holds: (arch) => {
        const world = written(arch, 2, 3);
        const { process, at, machine } = world;
        process.runOn(1);
        process.load8(at);
        process.runOn(2);
        process.load8(at);
        expect([process.mm.cpuVmMask, holders(world, at)]).toEqual([7, [0, 1, 2]]);
        process.madvise(at, arch.pageSize, 4);
        expect([holders(world, at), machine.counters.get('ipis'), process.mm.cpuVmMask]).toEqual([[], 0, 7]);
      },
    },
    'a context switch sends what is pending and takes the user segments, the first-level TLBs with them': {
      source: 'arch/powerpc/kernel/process.c: __switch_to; arch/powerpc/mm/slb.c: switch_slb',
      holds: (arch) => {
        const world = written(arch, 1);
        const misses = world.machine.counters.get('nestedFills');
        const other = world.machine.spawn();
        other.brk(0);
        world.machine.kernel.cpu.tlb.dropAll(false);
        world.process.load8(world.at);
        expect(world.machine.counters.get('nestedFills')).toBeGreaterThan(misses);
      },
    },
    'with pages of 64 KiB a kernel thread makes the CPU forget its segments, with pages of 4 KiB it does not': {
      source: 'asm-ppc64/mmu_context.h: enter_lazy_tlb, switch_mm',
      holds: (arch) => {
        const world = written(arch, 1, 2);
        const { machine, process, at } = world;
        // The segments of code, stack and the mmap base are loaded by the switch itself.
        const far = process.mmap({
          addr: 0x5_0000_0000n,
          length: arch.pageSize,
          prot: 'rw',
          flags: 'private|anonymous|fixed',
        });
        process.store8(far, 1);
        process.store8(at, 1);
        machine.idle(0);
        process.brk(0);
        machine.kernel.cpu.tlb.dropAll(false);
        const misses = machine.counters.get('nestedFills');
        process.load8(far);
        expect(machine.counters.get('nestedFills') - misses).toBe(arch.pageSize === 65536 ? 1 : 0);
      },
    },
    'a flush is tlbiel while one CPU alone has run the mm, tlbie from then on; of a huge page always tlbie': {
      source: 'arch/powerpc/mm/hash_native_64.c: native_flush_hash_range, tlbie; hash_utils_64.c: mmu_psize_defs',
      holds: (arch) => {
        const world = written(arch, 4, 2);
        const { flush } = world.machine.kernel.mmu as Ppc64Mmu;
        const sent = (page: number): [number, number] => {
          const before = [flush.tlbiels, flush.tlbies] as const;
          world.process.madvise(world.at + BigInt(page * arch.pageSize), arch.pageSize, 4);
          return [flush.tlbiels - before[0], flush.tlbies - before[1]];
        };
        expect(sent(0)).toEqual([1, 0]);
        world.process.runOn(1);
        world.process.brk(0);
        expect(sent(1)).toEqual([0, 1]);
        const huge = new HugeWorld(arch, 1);
        const process = huge.machine.spawn();
        huge.map(process, huge.open('f').file, 0, 1);
        process.store8(huge.at(0), 1);
        process.munmap(huge.at(0), huge.size);
        const large = (huge.machine.kernel.mmu as Ppc64Mmu).flush;
        expect([large.tlbiels, large.tlbies]).toEqual([0, 1]);
      },
    },
    'a tlbie is sent whether the HPTE was still there or not': {
      source: 'arch/powerpc/mm/hash_native_64.c: native_hpte_updatepp, native_hpte_invalidate',
      holds: (arch) => {
        const world = written(arch, 1);
        const { machine, process, at } = world;
        const { table } = machine.kernel.mmu as Ppc64Mmu;
        const evictAll = (): void => {
          for (let group = 0; group < table.groups; group++) for (let i = 0; i < 8; i++) table.evict(group, i);
        };
        const purges = (act: () => void): number => {
          const before = machine.counters.get('purges');
          act();
          return machine.counters.get('purges') - before;
        };
        evictAll();
        machine.kernel.cpu.tlb.dropAll(false);
        // The old slot is looked at (updatepp), then the entry is made anew.
        expect(purges(() => process.load8(at))).toBe(1);
        evictAll();
        expect(purges(() => process.madvise(at, arch.pageSize, 4))).toBe(1);
      },
    },
    'fork queues only what it protects: an entry without RW is left alone': {
      source: 'asm-ppc64/pgtable.h: ptep_set_wrprotect',
      holds: (arch) => {
        const world = written(arch, 3);
        expect(count(world, () => world.process.fork().exit()).queued).toBe(3);
        // All three are read-only and hashed now.
        expect(count(world, () => world.process.fork().exit()).queued).toBe(0);
      },
    },
    'clearing accessed flushes a hashed entry at once, and again when it is old already: HASHPTE stays in it': {
      source: 'asm-ppc64/pgtable.h: __ptep_test_and_clear_young',
      holds: (arch) => {
        const world = written(arch, 2);
        const { kernel } = world.machine;
        const find = (n: number) => {
          const vpn = Number(world.at / BigInt(arch.pageSize)) + n;
          const at = kernel.tables.lookupPage(world.process.mm, vpn);
          const { words } = kernel.memory;
          return {
            blockedOn: null,
            vpn,
            at,
            hi: words[at + kernel.tables.hiAt] as number,
            lo: words[at + kernel.tables.loAt] as number,
          };
        };
        const vma = world.process.mm.vmas.find(find(0).vpn) as Vma;
        const young: boolean[] = [];
        const clear = (): void => {
          const found = find(0);
          kernel.pteMaps?.map(0, found.at);
          young.push(clearFlushYoung(kernel, vma, found));
          kernel.pteMaps?.unmap(0, found.at);
        };
        expect([count(world, clear), count(world, clear)]).toEqual([
          { queued: 1, sent: 1 },
          { queued: 1, sent: 1 },
        ]);
        expect(young).toEqual([true, false]);
        expect(find(0).lo & 0x500).toBe(0x400);
      },
    },
    'the mask of CPUs starts empty in a forked mm': {
      source: 'asm-powerpc/mmu_context.h: switch_mm; kernel/fork.c: mm_init',
      holds: (arch) => {
        const { process } = written(arch, 1);
        const child = process.fork();
        expect([process.mm.cpuVmMask, child.mm.cpuVmMask]).toEqual([1, 0]);
        child.brk(0);
        expect(child.mm.cpuVmMask).toBe(1);
      },
    },
    'a batch has entries of one page size: one of another is sent on its own': {
      source: 'arch/powerpc/mm/tlb_64.c: hpte_update (batch->large, psize)',
      holds: (arch) => {
        const huge = new HugeWorld(arch, 1);
        const { machine } = huge;
        const process = machine.spawn();
        huge.map(process, huge.open('f').file, 0, 1);
        process.store8(huge.at(0), 1);
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        expect(at > huge.at(0)).toBe(true);
        const sent = machine.counters.get('flushPending');
        // The huge page's goes with flush_tlb_range; two more would be one if they stood in one batch.
        const below = process.mmap({
          addr: 0x1000_0000n,
          length: arch.pageSize,
          prot: 'rw',
          flags: 'private|anonymous',
        });
        process.store8(below, 1);
        process.exit();
        expect(machine.counters.get('flushPending') - sent).toBe(3);
      },
    },
    'a gather collects 506 pages before it flushes; with one CPU they are freed at once': {
      source: 'asm-generic/tlb.h: FREE_PTE_NR, tlb_fast_mode',
      holds: (arch) => {
        const flushes = (cpus: number): number => {
          const world = written(arch, 600, cpus);
          const spy = world.machine.spy();
          world.process.madvise(world.at, 600 * arch.pageSize, 4);
          return spy.of('gatherFlush').length;
        };
        expect([flushes(1), flushes(2)]).toEqual([1, 2]);
      },
    },
  },
});
