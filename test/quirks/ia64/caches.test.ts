/** The instruction cache, made coherent lazily. */
import type { Ia64Mmu } from '@fourfold/arch-ia64';
import { Machine } from '@fourfold/core';
import { PG_ARCH_1 } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

export default quirks({
  port: 'ia64',
  about: 'The instruction cache',
  quirks: {
    'a page is flushed when an entry that may execute is stored for it, once, and PG_arch_1 remembers it': {
      source: 'arch/ia64/mm/init.c: lazy_mmu_prot_update',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const mmu = machine.kernel.mmu as Ia64Mmu;
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        expect(mmu.icache.flushes).toBe(0);
        process.mprotect(at, arch.pageSize, 'rx');
        expect(mmu.icache.flushes).toBe(1);
        const page = machine.kernel.memory.pfnToPage(Number(process.explain(at).pte?.pfn));
        expect((machine.kernel.map.flags[page] as number) & PG_ARCH_1).toBe(PG_ARCH_1);
        process.mprotect(at, arch.pageSize, 'r');
        process.mprotect(at, arch.pageSize, 'rx');
        process.fetch(at);
        expect(mmu.icache.flushes).toBe(1);
      },
    },
    'flush_dcache_page takes the mark away: a page that was written is flushed again': {
      source: 'asm-ia64/cacheflush.h: flush_dcache_page',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const mmu = machine.kernel.mmu as Ia64Mmu;
        const at = process.mmap({ length: arch.pageSize, prot: 'rx', flags: 'private|anonymous' });
        process.fetch(at);
        process.poke(at, Uint8Array.of(1));
        const flushes = mmu.icache.flushes;
        const page = machine.kernel.memory.pfnToPage(Number(process.explain(at).pte?.pfn));
        mmu.flushDcachePage(page);
        process.mprotect(at, arch.pageSize, 'x');
        expect(mmu.icache.flushes).toBe(flushes + 1);
      },
    },
    'what a debugger writes is flushed at once, whatever the page says of itself': {
      source: 'asm-ia64/cacheflush.h: copy_to_user_page, flush_icache_user_range',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const mmu = machine.kernel.mmu as Ia64Mmu;
        const at = process.mmap({ length: arch.pageSize, prot: 'rwx', flags: 'private|anonymous' });
        process.store8(at, 1);
        const flushes = mmu.icache.flushes;
        process.poke(at, Uint8Array.of(2));
        process.peek(at, 1);
        expect(mmu.icache.flushes).toBe(flushes + 1);
      },
    },
    'a page that is cleared or copied anew is not coherent, whatever its frame was before': {
      source: 'asm-ia64/page.h: clear_user_page, copy_user_page; mm/page_alloc.c: prep_new_page',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const mmu = machine.kernel.mmu as Ia64Mmu;
        const frames = new Set<bigint | undefined>();
        for (let i = 1; i <= 8; i++) {
          const at = process.mmap({ length: arch.pageSize, prot: 'rwx', flags: 'private|anonymous' });
          process.store8(at, 1);
          frames.add(process.explain(at).pte?.pfn);
          expect(mmu.icache.flushes).toBe(i);
          process.munmap(at, arch.pageSize);
        }
        expect(frames.size).toBeLessThan(8);
      },
    },
  },
});
