/** Context numbers, region ids, and who holds what after a wrap. */
import { ContextAllocator, createIa64, maxContext, regionId, WRAP_START } from '@fourfold/arch-ia64';
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
