/** The batch, tlbie and tlbiel, and cpu_vm_mask. */
import { Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
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
  },
});
