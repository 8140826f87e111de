/** Context numbers, region ids, and who holds what after a wrap. */
import { ContextAllocator, createIa64, type Ia64Mmu, maxContext, regionId, WRAP_START } from '@fourfold/arch-ia64';
import { Machine, MmError } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

export default quirks({
  port: 'ia64',
  about: 'Context numbers',
  quirks: {
    'flush_tlb_mm purges nothing: the mm takes another context number and what was cached under the old one stays': {
      source: 'asm-ia64/tlbflush.h: flush_tlb_mm, local_finish_flush_tlb_mm',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const page = process.mmap({ length: machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(page, 1);
        const context = process.mm.context;
        const purged = machine.counters.get('purgedEntries');
        machine.kernel.mmu.flushMm(process.mm);
        expect(process.mm.context).not.toBe(context);
        expect(machine.counters.get('purgedEntries')).toBe(purged);
        const { tlb } = machine.kernel.cpu;
        const slots = Array.from({ length: tlb.slots }, (_, slot) => tlb.contextOf(slot));
        expect(slots).toContain(context);
      },
    },
    'a number is given when a CPU first runs an mm; a region has the id 8c + r': {
      source: 'asm-ia64/mmu_context.h: get_mmu_context, ia64_rid',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        expect(process.mm.context).toBe(0);
        process.brk(0);
        expect([process.mm.context, regionId(1, 3)]).toEqual([1, 11]);
      },
    },
    'numbers 1 to 299 are given once: after a wrap the search begins at 300': {
      source: 'arch/ia64/mm/tlb.c: wrap_mmu_context',
      holds: () => {
        const contexts = new ContextAllocator(maxContext(12), false);
        for (let i = 1; i < maxContext(12); i++) contexts.abandon(contexts.allocate());
        expect([contexts.allocate(), contexts.wraps, WRAP_START]).toEqual([300, 1, 300]);
      },
    },
    'a wrap flushes this CPU at once and the others before they load their next context': {
      source: 'arch/ia64/mm/tlb.c: wrap_mmu_context; asm-ia64/mmu_context.h: delayed_tlb_flush',
      holds: (arch) => {
        const small = createIa64({ pageShift: arch.geometry.pageShift as 12, ridBits: 12 });
        const machine = new Machine({ arch: small, cpus: 2 });
        const stays = machine.spawn({ cpu: 1 });
        const at = stays.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        stays.store8(at, 1);
        const runs = machine.spawn();
        runs.brk(0);
        const flushes = (): number => machine.counters.get('flushAll');
        while (flushes() === 0) machine.kernel.mmu.flushMm(runs.mm);
        const held = (): number =>
          Array.from({ length: machine.kernel.cpus[1]?.tlb.slots ?? 0 }, (_, slot) => slot).filter(
            (slot) => (machine.kernel.cpus[1]?.tlb.contextOf(slot) ?? -1) >= 0,
          ).length;
        expect(held()).toBeGreaterThan(0);
        const other = machine.spawn({ cpu: 1 });
        other.brk(0);
        expect([flushes(), held()]).toEqual([2, 0]);
        expect(stays.load8(at)).toBe(1);
      },
    },
    'when every number from 300 up is live the last one is given again and again (kept); lower ones are taken (mended)':
      {
        source: 'arch/ia64/mm/tlb.c: wrap_mmu_context',
        holds: () => {
          const full = (exhausts: boolean): ContextAllocator => {
            const contexts = new ContextAllocator(511, exhausts);
            for (let i = 0; i < 510; i++) contexts.allocate();
            contexts.abandon(17);
            return contexts;
          };
          const kept = full(true);
          expect([kept.allocate(), kept.allocate()]).toEqual([511, 511]);
          const mended = full(false);
          expect(mended.allocate()).toBe(17);
          expect(() => mended.allocate()).toThrow(MmError);
        },
      },
    'a number that flush_tlb_range drops on one CPU is lost (kept): no bit says that it may be used again; it is recycled (mended)':
      {
        source: 'asm-ia64/tlbflush.h, arch/ia64/mm/tlb.c: flush_tlb_range (mm->context = 0)',
        holds: (arch) => {
          const recycled = (defects: 'kept' | 'mended'): boolean => {
            const small = createIa64({ pageShift: arch.geometry.pageShift as 12, ridBits: 12 });
            const machine = new Machine({ arch: small, defects });
            const process = machine.spawn();
            const { mmu, cpus } = machine.kernel;
            const { contexts } = mmu as Ia64Mmu;
            process.brk(0);
            while (contexts.next < 305) mmu.flushMm(process.mm);
            const { context } = process.mm;
            const other = machine.spawn();
            other.brk(0);
            mmu.flushPage(process.mm, 1);
            expect([process.mm.context, cpus.length]).toEqual([0, 1]);
            while (contexts.wraps === 0) mmu.flushMm(other.mm);
            return !contexts.isUsed(context);
          };
          expect([recycled('kept'), recycled('mended')]).toEqual([false, true]);
        },
      },
    'max_ctx itself is never given: 2^(rid bits - 3) - 1, of the fewest rid bits of any CPU': {
      source: 'arch/ia64/mm/tlb.c: mmu_context_init, ia64_tlb_init',
      holds: () => {
        expect([maxContext(18), maxContext(24)]).toEqual([32767, 2097151]);
        const contexts = new ContextAllocator(511, false);
        const given = Array.from({ length: 510 }, () => contexts.allocate());
        expect([given.at(0), given.at(-1), contexts.wraps]).toEqual([1, 510, 0]);
      },
    },
    'flush_tlb_mm of an mm without a number marks number 0, which no search ever meets': {
      source: 'asm-ia64/tlbflush.h, arch/ia64/mm/tlb.c: flush_tlb_mm (set_bit of mm->context)',
      holds: () => {
        const contexts = new ContextAllocator(511, false);
        contexts.abandon(0);
        for (let i = 1; i < 511; i++) contexts.abandon(contexts.allocate());
        expect([contexts.allocate(), contexts.isUsed(0)]).toEqual([300, true]);
      },
    },
    'a new number empties cpu_vm_mask: the CPUs come back into it as they load the number': {
      source: 'asm-ia64/mmu_context.h: get_mmu_context (cpus_clear), activate_context',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 2 });
        const process = machine.spawn();
        process.brk(0);
        const thread = process.thread();
        thread.runOn(1);
        thread.brk(0);
        expect(process.mm.cpuVmMask).toBe(3);
        machine.spawn({ cpu: 1 }).brk(0);
        expect(process.mm.cpuVmMask).toBe(3); // switching away leaves the bit
        process.brk(0);
        machine.kernel.mmu.flushMm(process.mm);
        expect(process.mm.cpuVmMask).toBe(1);
      },
    },
    'a kernel thread keeps the region registers of the mm before it, and the interrupts for its contexts': {
      source: 'asm-ia64/mmu_context.h: enter_lazy_tlb (empty); arch/ia64/mm/tlb.c: local_finish_flush_tlb_mm',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 2 });
        const process = machine.spawn();
        process.brk(0);
        const thread = process.thread();
        thread.runOn(1);
        thread.brk(0);
        const idle = machine.kernel.cpus[1] as (typeof machine.kernel.cpus)[number];
        const { context } = idle;
        machine.idle(1);
        expect([idle.mm, idle.context]).toEqual([process.mm, context]);
        process.fork();
        expect(machine.counters.get('ipiContext')).toBe(1);
        expect(idle.context).toBe(process.mm.context);
      },
    },
    'exit purges nothing: the number is given up and comes back after a wrap': {
      source: 'asm-ia64/tlb.h; asm-ia64/tlbflush.h: flush_tlb_mm with mm_users 0',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        const purged = machine.counters.get('purgedEntries');
        process.exit();
        expect(machine.counters.get('purgedEntries')).toBe(purged);
        const next = machine.spawn();
        next.brk(0);
        expect(next.mm.context).toBe(2);
      },
    },
  },
});
